"""The page of statistics from Neovim: opened as it opens addresses, or told where it is."""

from __future__ import annotations

from conftest import START, Edit

from hybrid_lsp.paths import state_dir

OPENED = (
    "vim.ui.open = function(address) Opened = address return { wait = function() return { code = wanted } end } end"
)
MESSAGES = "vim.api.nvim_exec2('messages', { output = true }).output:gsub('%s', ''):find(wanted, 1, true)"


async def test_the_page_is_opened_in_the_browser(edit: Edit) -> None:
    async with edit("x = 1\n") as neovim:
        await neovim.until(START)
        await neovim.lua(f"local wanted = ... {OPENED}", 0)
        await neovim.command("HybridLsp statistics 7d")
        file = state_dir() / "pages" / "statistics.html"
        assert await neovim.until("Opened") == file.as_uri()
        assert "hybrid-lsp: statistics" in file.read_text(encoding="utf-8")
        assert "statistics" in await neovim.lua("return vim.fn.getcompletion('HybridLsp stat', 'cmdline')")


async def test_where_nothing_can_open_it_it_is_told_where_it_is(edit: Edit) -> None:
    async with edit("x = 1\n") as neovim:
        await neovim.until(START)
        await neovim.lua(f"local wanted = ... {OPENED}", 1)
        await neovim.command("HybridLsp statistics")
        await neovim.until(MESSAGES, "statistics.html:openthatinabrowser")
