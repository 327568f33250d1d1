"""The pictures in the documentation: screens of the real thing. HYBRID_LSP_PICTURES names the folder for new ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT, Edit, large
from neovim import Neovim
from scripted import Script

CODE = (ROOT / "examples" / "inventory.py").read_text(encoding="utf-8")
LINE = "set laststatus=2 signcolumn=no statusline=\\ %t\\ %m%=%{v:lua.require'hybrid_lsp'.status()}\\ "
EXPLANATION = """\
`expensive` returns the items whose price is above `limit`.

1. It starts with an **empty list**.
2. It goes over all items in the order in which they were added, and keeps those above the limit.

In one line:

```python
return [item for item in self.items.values() if item.price > limit]
```

Exactly `limit` is left out.
"""
BETTER = """```python
    def expensive(self, limit: float) -> list[Item]:
        return [item for item in self.items.values() if item.price > limit]
```"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(os.environ.get("HYBRID_LSP_PICTURES", tmp_path))


def draw(neovim: Neovim, path: Path) -> None:
    neovim.screen.save(path, "Neovim")
    assert "<svg" in path.read_text(encoding="utf-8")


def options(script: Script) -> dict[str, Any]:
    """The embedded model for ghost text, the scripted one for actions."""
    return {"keymaps": True, "settings": {"large": large(script)["settings"]["large"]}}


async def test_pictures(edit: Edit, script: Script, folder: Path) -> None:
    script.replies = [EXPLANATION, BETTER]
    async with edit(CODE, options(script), name="inventory.py") as neovim:
        await neovim.command(LINE)
        await neovim.command("highlight HybridLspGhost guifg=#8b95a5 gui=italic")

        await neovim.command("call search('def expensive')")
        await neovim.command("normal! zt")
        await neovim.command("call search('def report')")
        await neovim.keys("O")
        await neovim.type("def cheap(self, limit: float) -> list[Item]:\n")
        await neovim.type("found = []\n")
        await neovim.type("for item in self.items.values():\n")
        await neovim.type("if item.pri")
        await neovim.until_screen(lambda screen: screen.ghost)
        draw(neovim, folder / "nvim-ghost-text.svg")

        await neovim.keys("<Esc>:undo 0<CR>:call search('def expensive')<CR>zz:HybridLsp explain<CR>")
        await neovim.until_screen(lambda screen: "left out" in screen.text and "being written" not in screen.text)
        draw(neovim, folder / "nvim-explain.svg")

        await neovim.keys("q:HybridLsp simplify<CR>")
        await neovim.until_screen(lambda screen: "+        return [item for item" in screen.text)
        draw(neovim, folder / "nvim-edit.svg")

    async with edit(CODE, {"settings": {"small": {"backend": "none"}}}, name="inventory.py") as neovim:
        await neovim.command(LINE)
        await neovim.lua("vim.diagnostic.config({ virtual_lines = true })")
        await neovim.keys(":%HybridLsp review<CR>")
        await neovim.until("#vim.diagnostic.get(0) > 1")
        await neovim.keys("G:call search('def report', 'b')<CR>zt")
        await neovim.until_screen(lambda screen: "insecure function" in screen.text)
        draw(neovim, folder / "nvim-review.svg")
