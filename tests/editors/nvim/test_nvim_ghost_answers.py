"""Ghost text when answers come late, in the wrong order, in several lines, or from somebody else as well."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import GHOSTLY, PLUGIN, Opening
from neovim import Neovim

HERE = Path(__file__).parent
DRIVERS = pytest.mark.parametrize("native", [True, False], ids=["native", "own"])
SERVER = f"In = In or dofile('{HERE / 'in_process.lua'}');"


@asynccontextmanager
async def typing(bare: Opening, native: bool, encoding: str = "utf-8") -> AsyncIterator[Neovim]:
    """Insert mode in an empty file whose server answers when it is told to."""
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.command(GHOSTLY)
        options = {"enable": False, "keymaps": True, "ghost_text": {"native": native}}
        await neovim.lua(f"require('hybrid_lsp').setup(...); {SERVER} In.start('hybrid_lsp', '{encoding}')", options)
        await neovim.keys("i")
        yield neovim


async def asked(neovim: Neovim) -> int:
    """Wait for the request for the place where the cursor is; returns its number."""
    return int(await neovim.until("In.asked_here()"))


async def answer(neovim: Neovim, number: int, text: str | None, *more: int) -> None:
    await neovim.lua("In.answer(...)", number, text, *more)


async def ghost(neovim: Neovim, wanted: str) -> None:
    await neovim.until_screen(lambda screen: screen.ghost == wanted)


async def sent(neovim: Neovim, method: str) -> list[Any]:
    return [each["params"] for each in await neovim.lua("return In.of(...)", method)]


@DRIVERS
async def test_several_lines_are_shown_and_accepted_line_by_line(bare: Opening, native: bool) -> None:
    async with typing(bare, native) as neovim:
        await neovim.type("if x")
        number = await asked(neovim)
        await answer(neovim, number, ":\n    one()\n    two()")
        await neovim.until_screen(
            lambda screen: screen.ghost == ":" and screen.ghost_below(2) == ["    one()", "    two()"]
        )
        await neovim.keys("<M-l>")
        await neovim.until_screen(lambda screen: screen.before_cursor == "if x:")
        await neovim.until_screen(lambda screen: screen.ghost_below(2) == ["    one()", "    two()"])
        await neovim.keys("<M-l>")
        await neovim.until("vim.api.nvim_get_current_line() == '    one()'")
        await neovim.until_screen(lambda screen: screen.ghost_below(1) == ["    two()"])
        assert neovim.screen.ghost == ""
        await neovim.keys("<M-l>")
        await neovim.until("vim.api.nvim_get_current_line() == '    two()'")
        assert await neovim.text() == "if x:\n    one()\n    two()"
        partial = await sent(neovim, "textDocument/didPartiallyAcceptCompletion")
        assert [each["acceptedLength"] for each in partial] == [1, len(":\n    one()")]
        assert [each["arguments"] for each in await sent(neovim, "workspace/executeCommand")] == [[f"id{number}"]]


@DRIVERS
async def test_all_lines_are_accepted_at_once(bare: Opening, native: bool) -> None:
    async with typing(bare, native) as neovim:
        await neovim.type("if x")
        await answer(neovim, await asked(neovim), ":\n    one()")
        await ghost(neovim, ":")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == '    one()'")
        assert await neovim.text() == "if x:\n    one()"
        assert await neovim.request("nvim_win_get_cursor", 0) == [2, len("    one()")]


@DRIVERS
async def test_an_answer_that_fits_what_was_typed_meanwhile_is_shown_without_it(bare: Opening, native: bool) -> None:
    async with typing(bare, native) as neovim:
        await neovim.type("pri")
        number = await asked(neovim)
        await neovim.type("nt")
        await answer(neovim, number, "nt(x)")
        await ghost(neovim, "(x)")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == 'print(x)'")


@DRIVERS
async def test_an_answer_to_another_text_is_never_drawn(bare: Opening, native: bool) -> None:
    drawn: list[str] = []
    async with typing(bare, native) as neovim:
        neovim.on_draw = lambda screen: drawn.append(screen.ghost)
        await neovim.type("pri")
        number = await asked(neovim)
        await neovim.type("x")
        await answer(neovim, number, "nt(x)")
        await answer(neovim, await asked(neovim), "y")
        await ghost(neovim, "y")
        # One that was overtaken: the newer one stays.
        await answer(neovim, number, "nt(x)")
        await neovim.command("redraw!")
        await ghost(neovim, "y")
        assert set(drawn) == {"", "y"}


@DRIVERS
async def test_an_empty_answer_clears(bare: Opening, native: bool) -> None:
    async with typing(bare, native) as neovim:
        await neovim.type("a")
        first = await asked(neovim)
        await answer(neovim, first, "bc")
        await ghost(neovim, "bc")
        await neovim.type("b")
        await ghost(neovim, "c")
        await answer(neovim, await asked(neovim), None)
        await ghost(neovim, "")
        assert await neovim.lua("return require('hybrid_lsp').suggestion()") is None


@DRIVERS
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_columns_are_counted_as_the_server_does(bare: Opening, native: bool, encoding: str) -> None:
    async with typing(bare, native, encoding) as neovim:
        await neovim.keys('s = "ä😀"; x')
        await neovim.until_screen(lambda screen: screen.before_cursor.rstrip().endswith("x"))
        await answer(neovim, await asked(neovim), "x = 1", 1)
        await ghost(neovim, " = 1")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == 's = \"ä😀\"; x = 1'")


@DRIVERS
async def test_what_the_text_covers_is_replaced(bare: Opening, native: bool) -> None:
    async with typing(bare, native) as neovim:
        await neovim.keys("f()<Left>x")
        await neovim.until("vim.fn.col('.') == 4")
        await answer(neovim, await asked(neovim), ", y)", 0, 1)
        await ghost(neovim, ", y)")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == 'f(x, y)'")


async def test_a_key_falls_back_to_what_it_was_mapped_to(bare: Opening) -> None:
    """Whatever kind of mapping it was."""
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        await neovim.command("inoremap <Tab> [plain]")
        await neovim.command("inoremap <expr> <M-l> '[expr]'")
        await neovim.lua("vim.keymap.set('i', '<C-e>', function() return '[lua]' end, { expr = true })")
        await neovim.lua(
            "vim.keymap.set('i', '<M-Right>', function() vim.api.nvim_put({ '[fn]' }, 'c', false, true) end)"
        )
        await neovim.lua(f"require('hybrid_lsp').setup {{ enable = false, keymaps = true }}; {SERVER} In.start()")
        await neovim.keys("i<Tab><M-l><C-e><M-Right>")
        await neovim.until("vim.api.nvim_get_current_line() == '[plain][expr][lua][fn]'")


async def test_nothing_is_mapped_unless_wanted(bare: Opening) -> None:
    async with bare("--cmd", f"set rtp^={PLUGIN}") as neovim:
        before = await neovim.lua("return vim.inspect(vim.fn.maplist())")
        await neovim.lua(f"require('hybrid_lsp').setup {{ enable = false }}; {SERVER} In.start()")
        assert await neovim.lua("return vim.inspect(vim.fn.maplist())") == before
        assert await neovim.lua("return vim.api.nvim_buf_get_keymap(0, 'i')") == []


async def test_another_servers_suggestions_are_left_to_neovim(bare: Opening) -> None:
    async with typing(bare, native=True) as neovim:
        await neovim.lua("In.start('other')")
        await neovim.until("#vim.lsp.get_clients({ bufnr = 0 }) == 2")
        await neovim.type("a")
        newest = await asked(neovim)
        for number in (newest - 1, newest):
            await answer(neovim, number, "bc")
        await ghost(neovim, "bc")
        await neovim.keys("<Tab>")
        await neovim.until("vim.api.nvim_get_current_line() == 'abc'")


async def test_a_stopped_server_leaves_nothing_behind(bare: Opening) -> None:
    async with typing(bare, native=False) as neovim:
        await neovim.type("a")
        await answer(neovim, await asked(neovim), "bc")
        await ghost(neovim, "bc")
        await neovim.lua("vim.lsp.buf_detach_client(0, vim.lsp.get_clients()[1].id)")
        await ghost(neovim, "")
        await neovim.type("b")
        await neovim.until("vim.api.nvim_get_current_line() == 'ab'")
        assert not await neovim.lua("return require('hybrid_lsp').accept()")
