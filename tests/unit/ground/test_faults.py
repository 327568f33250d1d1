"""The table of faults in the documentation is that of the tests."""

from __future__ import annotations

import runpy
from pathlib import Path

TOOL = runpy.run_path(str(Path(__file__).parents[3] / "tools" / "write_faults.py"))


def test_the_table_of_faults_is_current() -> None:
    text = TOOL["PAGE"].read_text(encoding="utf-8")
    assert text == TOOL["page"](text), "run: python tools/write_faults.py"
    assert len(list(TOOL["faults"]())) >= 25
