"""A real notebook in the real workbench: its cells get ghost text that knows the others."""

from __future__ import annotations

import json

from conftest import Open

ABOVE = [
    "class Box:\n",
    "    def area(self, width: float, height: float) -> float:\n",
    "        return width * height\n",
]
TYPED = "    def volume(self, width: float, height: float)"


def notebook(*cells: list[str]) -> str:
    written = [
        {"cell_type": "code", "execution_count": None, "id": f"c{at}", "metadata": {}, "outputs": [], "source": cell}
        for at, cell in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def test_a_cell_goes_on_like_the_one_above(open_window: Open) -> None:
    window = open_window(notebook(ABOVE, []), name="boxes.ipynb")
    window.until(lambda: any("return width * height" in line for line in window.lines()), "the cells")
    window.press("Escape", "ArrowDown", "Enter")  # out of the first cell, and into the second
    window.type(TYPED)
    shown = window.until(window.ghost_text, "ghost text in the cell")
    assert shown.startswith(" -> ")
    window.press("Tab")
    window.until(lambda: any(TYPED + shown.splitlines()[0] in line for line in window.lines()), "the text to be taken")
    saved = json.loads(window.save())
    assert "".join(saved["cells"][1]["source"]).startswith(TYPED + shown.splitlines()[0])
