"""What `hybrid-lsp settings` prints."""

from __future__ import annotations

from hybrid_lsp import config


def settings_table() -> str:
    """Every setting as a Markdown table, for docs/settings.md; a test keeps the two the same."""
    rows = [f"| `{item.name}` | `{_toml(item.default)}` | {item.doc} |" for item in config.settings()]
    return "\n".join(["| setting | default | what it does |", "|---|---|---|", *rows])


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)
