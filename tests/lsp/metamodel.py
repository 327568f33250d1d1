"""LSP's own machine-readable specification as a validator of JSON messages."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Type = dict[str, Any]

_BASE = {
    "string": lambda value: isinstance(value, str),
    "DocumentUri": lambda value: isinstance(value, str),
    "URI": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: _whole(value) and -(2**31) <= value < 2**31,
    "uinteger": lambda value: _whole(value) and 0 <= value < 2**31,
    "decimal": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_PROGRESS = {"begin": "WorkDoneProgressBegin", "report": "WorkDoneProgressReport", "end": "WorkDoneProgressEnd"}


class MetaModel:
    """What LSP says about messages. `ours` are methods that it does not have."""

    def __init__(self, path: Path, ours: set[str]) -> None:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            model = json.load(stream)
        self._methods = {each["method"]: each for each in model["requests"] + model["notifications"]}
        self._named = {
            each["name"]: (kind, each) for kind in ("structures", "enumerations", "typeAliases") for each in model[kind]
        }
        self._ours = ours

    def complaints(self, message: Any, asked: str | None) -> list[str]:
        """What is wrong with a message that a server sent; `asked` is the method that a reply is to."""
        envelope = {"jsonrpc", "id", "method", "params", "result", "error"}
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0" or message.keys() - envelope:
            return [f"no JSON-RPC 2.0 message: {message}"]
        if "method" in message:
            return list(self._call(message))
        if ("result" in message) == ("error" in message):
            return [f"a reply has a result or an error: {message}"]
        if "error" in message:
            return list(self._error(message["error"]))
        if asked is None or asked not in self._methods:
            return [f"a result that nobody asked for: {message}"]
        return list(self.check(message["result"], self._methods[asked]["result"], asked))

    def _call(self, message: dict[str, Any]) -> Iterator[str]:
        method = message["method"]
        if method in self._ours:
            return
        if method not in self._methods:
            yield f"LSP has no method {method}"
            return
        known = self._methods[method]
        if known["messageDirection"] not in ("serverToClient", "both"):
            yield f"{method} is not for a server to send"
        if ("result" in known) != ("id" in message):
            yield f"{method}: a request has an id, a notification has none"
        yield from self.check(message.get("params"), known.get("params", {"kind": "base", "name": "null"}), method)
        if method == "$/progress":
            value = message["params"]["value"]
            yield from self.check(value, {"kind": "reference", "name": _PROGRESS[value["kind"]]}, method)

    def _error(self, error: Any) -> Iterator[str]:
        if not isinstance(error, dict) or not _whole(error.get("code")) or not isinstance(error.get("message"), str):
            yield f"no error: {error}"

    def check(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        """Each thing that is wrong with a value, with the place where it stands."""
        yield from getattr(self, f"_{kind['kind']}")(value, kind, where)

    def _base(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        if not _BASE[kind["name"]](value):
            yield f"{where}: {value!r} is no {kind['name']}"

    def _array(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where}: {value!r} is no array"
            return
        for number, item in enumerate(value):
            yield from self.check(item, kind["element"], f"{where}[{number}]")

    def _map(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no map"
            return
        for key, item in value.items():
            yield from self.check(key, kind["key"], f"{where} key")
            yield from self.check(item, kind["value"], f"{where}.{key}")

    def _or(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        found = [list(self.check(value, each, where)) for each in kind["items"]]
        if all(found):
            yield min(found, key=len)[0] + f" (and none of {len(found)} other kinds)"

    def _tuple(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) != len(kind["items"]):
            yield f"{where}: {value!r} is no tuple of {len(kind['items'])}"
            return
        for item, each in zip(value, kind["items"], strict=True):
            yield from self.check(item, each, where)

    def _stringLiteral(self, value: Any, kind: Type, where: str) -> Iterator[str]:  # noqa: N802 (LSP's name)
        if value != kind["value"]:
            yield f"{where}: {value!r} is not {kind['value']!r}"

    def _literal(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        yield from self._object(value, kind["value"]["properties"], where)

    def _reference(self, value: Any, kind: Type, where: str) -> Iterator[str]:
        group, named = self._named[kind["name"]]
        if group == "structures":
            yield from self._object(value, list(self._properties(named)), f"{where} ({kind['name']})")
        elif group == "typeAliases":
            yield from self.check(value, named["type"], where)
        elif not named.get("supportsCustomValues") and value not in [each["value"] for each in named["values"]]:
            yield f"{where}: {value!r} is no {kind['name']}"
        else:
            yield from self.check(value, named["type"], where)

    def _properties(self, structure: Type) -> Iterator[Type]:
        yield from structure["properties"]
        for each in structure.get("extends", []) + structure.get("mixins", []):
            yield from self._properties(self._named[each["name"]][1])

    def _object(self, value: Any, properties: list[Type], where: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{where}: {value!r} is no object"
            return
        known = {each["name"]: each for each in properties}
        for name in value.keys() - known.keys():
            yield f"{where}: there is no property {name}"
        for name, each in known.items():
            if name in value:
                yield from self.check(value[name], each["type"], f"{where}.{name}")
            elif not each.get("optional"):
                yield f"{where}: {name} is missing"


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
