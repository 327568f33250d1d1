"""What is to be done where: the argument of the command that runs an action, and the data of an offered one."""

from __future__ import annotations

from typing import Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

_USAGE = (
    "The argument must be one object: {action: NAME, uri: URI, range: RANGE}, and where the action needs it "
    "{instruction: TEXT} or {diagnostic: DIAGNOSTIC}."
)


@attrs.frozen
class Order:
    """Which action on which range of which document; `diagnostic` is the problem that it is for."""

    action: str
    uri: str
    range: lsp.Range
    instruction: str = attrs.field(default="", repr=False)
    diagnostic: lsp.Diagnostic | None = None

    @property
    def key(self) -> str:
        """The name under which clients that see text grow keep it: a later run on the same range takes its place."""
        start, end = self.range.start, self.range.end
        return f"{self.action}:{self.uri}:{start.line}.{start.character}-{end.line}.{end.character}"

    @classmethod
    def read(cls, data: Any) -> Order:
        """Raises JsonRpcInvalidParams."""
        try:
            instruction = data.get("instruction") or ""
            if not isinstance(instruction, str):
                raise TypeError(instruction)
            diagnostic = _diagnostic(data["diagnostic"]) if data.get("diagnostic") else None
            return cls(str(data["action"]), str(data["uri"]), read_range(data["range"]), instruction, diagnostic)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise JsonRpcInvalidParams(_USAGE) from None

    def write(self) -> dict[str, Any]:
        data: dict[str, Any] = {"action": self.action, "uri": self.uri, "range": written_range(self.range)}
        if self.instruction:
            data["instruction"] = self.instruction
        if (found := self.diagnostic) is not None:
            data["diagnostic"] = {"range": written_range(found.range), "message": found.message} | {
                name: value for name in ("code", "source", "severity") if (value := getattr(found, name)) is not None
            }
        return data


def _diagnostic(data: Any) -> lsp.Diagnostic:
    """As much of a diagnostic as an action needs; a client may have put more into it."""
    message, code, source, severity = (data.get(name) for name in ("message", "code", "source", "severity"))
    if not isinstance(message, str) or not isinstance(code, str | int | None) or not isinstance(source, str | None):
        raise TypeError(data)
    grave = lsp.DiagnosticSeverity(severity) if severity is not None else None
    return lsp.Diagnostic(range=read_range(data["range"]), message=message, code=code, source=source, severity=grave)


def read_range(data: Any) -> lsp.Range:
    """A range from plain values; raises KeyError, TypeError or ValueError for anything else."""
    start, end = (lsp.Position(_count(data[which]["line"]), _count(data[which]["character"])) for which in _ENDS)
    return lsp.Range(start, end)


_ENDS = ("start", "end")


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError(value)
    return value


def written_range(range_: lsp.Range) -> dict[str, Any]:
    """A range as plain values."""
    places = {"start": range_.start, "end": range_.end}
    return {name: {"line": place.line, "character": place.character} for name, place in places.items()}
