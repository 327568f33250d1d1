"""The settings in Neovim's help are what the code makes."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent.parent.parent / "tools"))

from write_vimdoc import HELP, with_settings

from hybrid_lsp import config


def test_the_settings_are_generated() -> None:
    text = HELP.read_text(encoding="utf-8")
    assert with_settings(text) == text, "run `python tools/write_vimdoc.py`"
    assert all(f"\n{item.name} " in text for item in config.settings())


def test_a_line_of_help_has_at_most_79_columns() -> None:
    assert [line for line in HELP.read_text(encoding="utf-8").splitlines() if len(line) > 79] == []
