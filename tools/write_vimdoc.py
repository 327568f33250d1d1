"""Writes the settings into Neovim's help, `editors/nvim/doc/hybrid-lsp.txt` (`make docs`)."""

import re
import textwrap
from pathlib import Path

from hybrid_lsp import config

HELP = Path(__file__).parent.parent / "editors" / "nvim" / "doc" / "hybrid-lsp.txt"
WIDTH = 78
_SECTION = re.compile(r"(\*hybrid-lsp-settings\*\n\n).*?(\n={78}\n)", re.DOTALL)

_INTRODUCTION = """\
They go into the option `settings`, each dot being a table in a table: >lua

    settings = { completion = { debounce_ms = 50 } }
<
or into |vim.lsp.config()| as `settings['hybrid-lsp']`. The server's own file
of settings and a project's `.hybrid-lsp.toml` count too: docs/settings.md.
"""


def with_settings(text: str) -> str:
    """The help with its section of settings made anew."""
    return _SECTION.sub(lambda match: match[1] + _section() + match[2], text)


def _section() -> str:
    """Each setting as it is written in Lua: its name, its default, and what it does."""
    return "\n".join([_INTRODUCTION, *(f"{_head(item)}\n{_described(item.doc)}" for item in config.settings())])


def _head(item: config.Setting) -> str:
    name = f"{item.name}"
    return f"{name:<{WIDTH - 30}}(default: {_lua(item.default)})"


def _described(doc: str) -> str:
    # A bar would make a link of what stands between two of them.
    text = doc.replace("|", "/")
    return textwrap.fill(text, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False)


def _lua(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return "{}" if not value else "{ " + ", ".join(_lua(each) for each in value) + " }"
    return f"'{value}'" if isinstance(value, str) else str(value)


def main() -> None:
    HELP.write_text(with_settings(HELP.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
