"""Make the selected code plainer to read, with the same behaviour."""

from __future__ import annotations

import attrs

from hybrid_lsp.actions.optimize import Optimize

_TASK = """\
Make this code simpler to read: fewer branches and less nesting, no dead or repeated code, the language's plain ways, \
clear names for what is local. The behaviour stays the same for every input: results, errors, side effects and their \
order. Where it is as simple as it can be, reply with the code as it is."""


@attrs.frozen
class Simplify(Optimize):
    """With no model: the safe fixes of ruff's rules, as for `optimize`."""

    name: str = "simplify"
    title: str = "Simplify this code"
    task: str = _TASK
