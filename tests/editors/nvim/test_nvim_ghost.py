"""Ghost text as a user sees it: by Neovim's own inline completion, and by ours over the same request.

The server and its model are real here; what they cannot be made to do at will is in `test_nvim_ghost_answers.py`.
"""

from __future__ import annotations

from typing import Any

import pytest
from conftest import REPEATING, REST, TYPED, Edit
from history import recorded
from neovim import Neovim, eventually
from screen import Screen

LINE = f"    {TYPED}"
"""Neovim indents by itself."""

DRIVERS = pytest.mark.parametrize("native", [True, False], ids=["native", "own"])


def options(native: bool) -> dict[str, Any]:
    return {"ghost_text": {"native": native}, "keymaps": True}


async def typed(neovim: Neovim, text: str = TYPED) -> None:
    await neovim.keys("Go")
    await neovim.type(text)


async def ghost(neovim: Neovim, wanted: str = REST) -> None:
    await neovim.until_screen(lambda screen: screen.ghost == wanted)


def accepts() -> list[tuple[str, int]]:
    """The accepts that the server has counted: how, and how many characters."""
    rows = recorded("SELECT kind, characters FROM inline_accepted ORDER BY rowid")
    return [(str(kind), int(characters)) for kind, characters in rows]


@DRIVERS
async def test_tab_accepts_what_is_shown_and_the_server_is_told(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        assert await neovim.lua("return require('hybrid_lsp').suggestion()") == REST
        await neovim.keys("<Tab>")
        await neovim.until_screen(lambda screen: screen.before_cursor == LINE + REST)
        assert (await neovim.text()).endswith(f"{LINE}{REST}")
        # What comes next may be offered by now, but not the same again.
        assert REST not in neovim.screen.ghost
    await eventually(accepts)
    assert accepts() == [("full", len(REST))]


@DRIVERS
async def test_words_are_accepted_one_by_one_and_the_rest_stays(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        shown_since: list[str] = []
        neovim.on_draw = lambda screen: shown_since.append(screen.ghost)
        taken = ""
        for word in ("total", "(", "alpha", ",", " beta"):
            await neovim.keys("<M-Right>")
            taken += word
            await neovim.until_screen(lambda screen, text=LINE + taken: screen.before_cursor == text)
        await ghost(neovim, REST.removeprefix(taken))
        # It is there all the while, with no gap until the server's next answer.
        assert all(text and REST.endswith(text) for text in shown_since)
        await neovim.keys("<Tab>")
        await neovim.until_screen(lambda screen: screen.before_cursor == LINE + REST)
    await eventually(lambda: sum(characters for _, characters in accepts()) == len(REST))
    assert accepts()[0] == ("word", len("total"))
    assert {how for how, _ in accepts()} == {"word", "full"}


@DRIVERS
async def test_a_key_does_what_it_did_where_nothing_is_shown(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native) | {"settings": {"completion": {"enabled": False}}}) as neovim:
        await typed(neovim, "x")
        await neovim.keys("<Tab>y<C-e>")
        await neovim.until("vim.api.nvim_get_current_line() == '    x   y'")


@DRIVERS
async def test_a_dismissed_suggestion_is_gone(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        await neovim.keys("<C-e>")
        await ghost(neovim, "")
        assert not await neovim.lua("return require('hybrid_lsp').accept()")
        assert (await neovim.text()).endswith(LINE)


@DRIVERS
async def test_a_suggestion_can_be_asked_for(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        await neovim.keys("<C-e>")
        await ghost(neovim, "")
        await neovim.keys("<M-Bslash>")
        await ghost(neovim)


@DRIVERS
async def test_what_is_typed_as_suggested_leaves_the_rest_and_another_key_ends_it(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        drawn: list[tuple[str, str]] = []
        neovim.on_draw = lambda screen: drawn.append((screen.before_cursor, screen.ghost))
        await neovim.type("tot")
        await ghost(neovim, "al(alpha, beta, gamma_value, delta_value)")
        for before, text in drawn:
            assert before + text == LINE + REST
        drawn.clear()
        await neovim.type("_")
        await neovim.until_screen(lambda screen: screen.before_cursor == LINE + "tot_")
        assert [text for before, text in drawn if before.endswith("tot_") and text == "al(alpha"] == []
        assert all(not REST.endswith(text) or not text for before, text in drawn if before.endswith("tot_"))


@DRIVERS
async def test_leaving_insert_mode_takes_the_suggestion_along(edit: Edit, native: bool) -> None:
    async with edit(REPEATING, options(native)) as neovim:
        await typed(neovim)
        await ghost(neovim)
        await neovim.keys("<Esc>")
        await neovim.until_screen(lambda screen: not ghostly(screen))
        assert await neovim.lua("return require('hybrid_lsp').suggestion()") is None


def ghostly(screen: Screen) -> bool:
    return any(highlight in screen.ghostly for row in screen.cells for _, highlight in row)


SPY = """
local client = vim.lsp.get_clients({ name = 'hybrid_lsp' })[1]
Answers = {}
local request = client.rpc.request
client.rpc.request = function(method, params, callback, ...)
  if method ~= 'textDocument/inlineCompletion' then
    return request(method, params, callback, ...)
  end
  local place = params.position
  local line = vim.api.nvim_buf_get_lines(0, place.line, place.line + 1, false)[1]
  return request(method, params, function(err, result, ...)
    for _, item in ipairs(result and result.items or {}) do
      table.insert(Answers, { line:sub(1, item.range.start.character), item.insertText })
    end
    return callback(err, result, ...)
  end, ...)
end
"""
"""Keeps what the server suggested, and behind which text."""


@DRIVERS
async def test_fast_typing_never_shows_what_was_not_suggested_for_this_text(edit: Edit, native: bool) -> None:
    """At every redraw: the text before the cursor and the ghost text are those of one suggestion, typed into."""
    drawn: set[tuple[str, str]] = set()
    async with edit(REPEATING, options(native)) as neovim:
        await neovim.lua(SPY)
        neovim.on_draw = lambda screen: drawn.add((screen.before_cursor, screen.ghost))
        await typed(neovim)
        await ghost(neovim)
        # As suggested, then otherwise, then deleted, then away and back, each while answers are on their way.
        for keys in (
            "tota",
            "x",
            "<BS>",
            "l(a",
            "<BS><BS><BS><BS>",
            "<Left><Right>",
            "<CR>return comp",
            "ute_z",
            "<C-w>",
        ):
            if keys.startswith("<"):
                await neovim.keys(keys)
                await neovim.request("nvim_get_mode")
            else:
                await neovim.type(keys)
        await neovim.keys("<Esc>S")
        await neovim.type(TYPED)
        # Which one is the model's to choose: the line above begins the same.
        await neovim.until_screen(lambda screen: screen.before_cursor.endswith(TYPED) and screen.ghost != "")
        suggested = [tuple(each) for each in await neovim.lua("return Answers")]
    shown = [each for each in drawn if each[1]]
    assert len(shown) > 5
    for before, text in shown:
        assert any(
            (before + text).startswith(head + suggestion.partition("\n")[0]) and before.startswith(head)
            for head, suggestion in suggested
        ), (before, text, suggested)
