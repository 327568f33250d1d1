"""What reads the client's messages: pygls' converter, which takes nothing for what it is not.

cattrs makes a text of null ("None"), a line of 1.5 (1), and so a document of what was never typed.
"""

from __future__ import annotations

from typing import Any

import cattrs
from pygls.protocol import default_converter


def converter() -> cattrs.Converter:
    """A converter that raises for a text that is neither text nor number, and for a number that is no whole one."""
    made: cattrs.Converter = default_converter()  # type: ignore[no-untyped-call]  # pygls leaves it unannotated
    made.register_structure_hook(str, _text)
    made.register_structure_hook(int, _whole)
    return made


def _text(value: Any, kind: type[str]) -> str:
    """A number may stand for a name or a version; raises TypeError for anything else. Enumerations come here too."""
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} is no text")
    return kind(value)


def _whole(value: Any, kind: type[int]) -> int:
    """Raises TypeError for what is no whole number. What is true or false comes here too."""
    if kind is not bool and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"{type(value).__name__} is no whole number")
    return kind(value)
