"""Writes the settings in the VS Code extension's package.json from `config.py` (`make vsix` does it first).

The first section there, with the settings of the extension itself, is written by hand and stays as it is.
"""

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from hybrid_lsp import config
from hybrid_lsp.config import Setting, Trust

PACKAGE = Path(__file__).parent.parent / "editors" / "vscode" / "package.json"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", Any: "object"}
SCOPES = {
    # VS Code takes a `machine` setting from the user alone; nothing in a workspace can set it.
    Trust.NEVER: "machine",
    # The server has one set of settings a window, so that a folder of several cannot have its own (`resource`).
    Trust.LOWER: "window",
    Trust.EXTEND: "window",
}


def schema(kind: Any) -> dict[str, Any]:
    """The JSON schema of a setting's type."""
    if get_origin(kind) is Literal:
        return {"type": "string", "enum": list(get_args(kind))}
    if get_origin(kind) is list:
        return {"type": "array", "items": schema(get_args(kind)[0])}
    if get_origin(kind) is dict:
        return {"type": "object"}
    return {"type": TYPES[kind]}


def property_of(setting: Setting, order: int) -> dict[str, Any]:
    """One setting as VS Code wants it."""
    return {
        "order": order,
        **schema(setting.type),
        "default": setting.default,
        "scope": SCOPES[setting.trust],
        "markdownDescription": setting.doc,
    }


def sections() -> list[dict[str, Any]]:
    """All settings, a section for each table of the configuration, titled by it."""
    made = []
    for field in attrs.fields(config.Config):
        own = [each for each in config.settings() if each.name.partition(".")[0] == field.name]
        properties = {f"hybrid-lsp.{each.name}": property_of(each, order) for order, each in enumerate(own, 1)}
        made.append({"title": field.name.capitalize(), "properties": properties})
    return made


def with_settings(package: dict[str, Any]) -> dict[str, Any]:
    """The package with its generated sections replaced."""
    by_hand = package["contributes"]["configuration"][0]
    contributes = package["contributes"] | {"configuration": [by_hand, *sections()]}
    return package | {"contributes": contributes}


def main() -> None:
    package = json.loads(PACKAGE.read_text(encoding="utf-8"))
    text = json.dumps(with_settings(package), indent=2, ensure_ascii=False)
    PACKAGE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
