"""A real notebook in Neovim, as plugins show them: as one script, and with a buffer for each cell."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import REPEATING, REST, TYPED, Edit, Opening

CELLS = ("import math\n", REPEATING.rpartition("def third")[0].strip(), "def third(alpha, beta):")
LINE = f"    {TYPED}"
NOTEBOOKS = Path(__file__).with_name("notebooks.lua")


def notebook(*cells: str) -> str:
    written = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"c{at}",
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for at, cell in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return json.dumps({"cells": written, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


def shown_as(way: str) -> dict[str, Any]:
    """What `edit` needs to show a notebook in one of the ways."""
    return {"name": "shop.ipynb", "arguments": ("--cmd", f"lua dofile('{NOTEBOOKS}').{way}()")}


@pytest.mark.parametrize("way", ["as_script", "as_cells"])
@pytest.mark.parametrize("native", [True, False], ids=["native", "own"])
async def test_a_cell_goes_on_like_the_one_above(edit: Edit, bare: Opening, way: str, native: bool) -> None:
    async with edit(notebook(*CELLS), {"ghost_text": {"native": native}, "keymaps": True}, **shown_as(way)) as neovim:
        await neovim.keys("Go")
        await neovim.type(TYPED)
        await neovim.until_screen(lambda screen: screen.ghost == REST)
        await neovim.keys("<Tab>")
        await neovim.until_screen(lambda screen: screen.before_cursor == LINE + REST)
        await neovim.keys("<Esc>:write<CR>")
        await neovim.until("not vim.bo.modified")
    saved = json.loads((bare.folder / "shop.ipynb").read_text(encoding="utf-8"))
    assert ["".join(cell["source"]).strip() for cell in saved["cells"]] == [
        "import math",
        CELLS[1],
        f"{CELLS[2]}\n{LINE}{REST}",
    ]


@pytest.mark.parametrize("way", ["as_script", "as_cells"])
async def test_a_notebook_that_git_ignores_is_left_alone(edit: Edit, bare: Opening, way: str) -> None:
    await asyncio.to_thread(subprocess.run, ["git", "init", "--quiet", bare.folder], check=True)
    (bare.folder / ".gitignore").write_text("*.ipynb\n", encoding="utf-8")
    async with edit(notebook(*CELLS), {"ghost_text": {"native": False}}, **shown_as(way)) as neovim:
        await neovim.keys("Go")
        await neovim.type(TYPED)
        client = "vim.lsp.get_clients({ name = 'hybrid_lsp' })[1]"
        await neovim.until(
            f"(require('hybrid_lsp.client').ask_status({client}) or {{}}).reason == wanted", "ignored-file"
        )
        assert neovim.screen.ghost == ""
