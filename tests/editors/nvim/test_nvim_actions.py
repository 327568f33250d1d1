"""Actions in Neovim: asked for by a command, shown in windows, applied when the user says so.

The large model's replies are written here; the server, its checks and the static analysis are real.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, Edit, large
from neovim import Neovim, eventually
from sample import BETTER, CODE, MODEL_BETTER, STATIC_BETTER
from scripted import Script

STATIC = {"settings": NO_MODELS}


async def act(neovim: Neovim, command: str, line: int = 6) -> None:
    """Run `:HybridLsp` with the cursor in a line, as typed."""
    await neovim.keys(f"<Esc>{line}G:HybridLsp {command.replace('<', '<lt>')}<CR>")


def fenced(code: str) -> str:
    return f"```python\n{code}```"


async def window_text(neovim: Neovim, filetype: str) -> str:
    """Wait for a window of such a kind; its text."""
    return "\n".join(
        await neovim.until(
            "vim.iter(vim.api.nvim_list_wins()):map(vim.api.nvim_win_get_buf)"
            ":filter(function(buf) return wanted == vim.bo[buf].filetype or wanted == vim.bo[buf].syntax end)"
            ":map(function(buf) return vim.api.nvim_buf_get_lines(buf, 0, -1, false) end):next()",
            filetype,
        )
    )


async def code(neovim: Neovim) -> str:
    """The text of the file that is edited, whatever window the cursor is in."""
    return "\n".join(
        [*await neovim.lua("return vim.api.nvim_buf_get_lines(vim.fn.bufnr('shop.py'), 0, -1, false)"), ""]
    )


async def only_the_code(neovim: Neovim) -> None:
    await neovim.until("#vim.api.nvim_list_wins() == 1 and vim.bo.filetype == 'python'")


# -- explanations ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["split", "float"])
async def test_an_explanation_opens_and_q_closes_it(edit: Edit, kind: str) -> None:
    async with edit(CODE, STATIC | {"window": kind}) as neovim:
        await act(neovim, "explain")
        assert "`slow`" in await window_text(neovim, "markdown")
        await neovim.until_screen(lambda screen: "Static analysis." in screen.text)
        floating = await neovim.lua("return vim.api.nvim_win_get_config(0).relative ~= ''")
        assert floating == (kind == "float")
        await neovim.keys("q")
        await only_the_code(neovim)


async def test_an_explanation_grows_in_its_window(edit: Edit, script: Script) -> None:
    script.replies, script.hold = ["It sorts the items and cuts them."], asyncio.Event()
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "explain")
        await neovim.until_screen(lambda screen: "being written" in screen.text and "It sort" in screen.text)
        assert "cuts them" not in neovim.screen.text
        script.hold.set()
        await neovim.until_screen(lambda screen: "cuts them." in screen.text and "being written" not in screen.text)
        assert "Large model openai:scripted." in neovim.screen.text
        assert len(await neovim.lua("return vim.api.nvim_list_wins()")) == 2


async def test_closing_the_window_cancels(edit: Edit, script: Script) -> None:
    script.replies, script.hold = ["It sorts the items and cuts them."], asyncio.Event()
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "explain")
        await neovim.until_screen(lambda screen: "It sort" in screen.text)
        await neovim.keys("q")
        async with asyncio.timeout(30):
            await script.hung_up.wait()
        await only_the_code(neovim)
        await neovim.until_screen(lambda screen: "Cancelled." in screen.text)


async def test_an_action_is_cancelled_by_command(edit: Edit, script: Script) -> None:
    script.replies, script.silence = ["Never said."], asyncio.Event()
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "optimize")
        await eventually(lambda: script.requests)
        await act(neovim, "cancel")
        async with asyncio.timeout(30):
            await script.hung_up.wait()
        await neovim.until_screen(lambda screen: "Cancelled." in screen.text)
        await act(neovim, "cancel")
        await neovim.until_screen(lambda screen: "no action is running" in screen.text)
        assert await code(neovim) == CODE


async def test_a_question_is_answered(edit: Edit, script: Script) -> None:
    script.replies = ["Because of the limit.", "Another."]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "ask why is it cut?")
        await neovim.until_screen(lambda screen: "Because of the limit." in screen.text)
        assert "why is it cut?" in json.dumps(script.requests[0]["messages"])
        await neovim.keys("q")
        await only_the_code(neovim)
        # Without a text the user is asked for one.
        await act(neovim, "ask")
        await neovim.until_screen(lambda screen: "Question:" in screen.text)
        await neovim.keys("and why?<CR>")
        await neovim.until_screen(lambda screen: "Another." in screen.text)
        assert "and why?" in json.dumps(script.requests[1]["messages"])


async def test_a_selection_is_what_an_action_works_on(edit: Edit, script: Script) -> None:
    script.replies = ["A statement."]
    async with edit(CODE, large(script)) as neovim:
        await neovim.keys("11GV:HybridLsp explain<CR>")
        await neovim.until_screen(lambda screen: "A statement." in screen.text)
        prompt = json.dumps(script.requests[0]["messages"])
        assert "os.system" in prompt


# -- edits -----------------------------------------------------------------------------------------------------------


async def test_an_edit_is_shown_as_a_diff_and_applied_by_enter(edit: Edit) -> None:
    async with edit(CODE, STATIC) as neovim:
        await act(neovim, "optimize")
        shown = await window_text(neovim, "diff")
        assert "-    out = list(sorted(items))\n+    out = sorted(items)" in shown
        assert "Static analysis." in shown
        assert await code(neovim) == CODE
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == STATIC_BETTER
        await neovim.keys("u")
        await neovim.until("vim.fn.getline(6):find('list', 1, true)")


async def test_an_edit_that_is_not_wanted_changes_nothing(edit: Edit, script: Script) -> None:
    script.replies = [fenced(BETTER)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "optimize")
        assert "+    return sorted(items)[:limit]" in await window_text(neovim, "diff")
        await neovim.keys("q")
        await only_the_code(neovim)
        assert await code(neovim) == CODE


async def test_an_edit_of_a_text_that_has_changed_since_is_refused(edit: Edit, script: Script) -> None:
    script.replies = [fenced(BETTER)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "optimize")
        await window_text(neovim, "diff")
        await neovim.lua("vim.api.nvim_buf_set_lines(vim.fn.bufnr('shop.py'), 0, 0, false, { '# new' })")
        await neovim.keys("<CR>")
        await neovim.until_screen(lambda screen: "has changed since" in screen.text)
        assert await code(neovim) == "# new\n" + CODE


async def test_a_silent_model_need_not_be_waited_for(edit: Edit, script: Script) -> None:
    script.replies, script.silence = [fenced(BETTER)], asyncio.Event()
    async with edit(CODE, large(script)) as neovim:
        await neovim.lua(
            "vim.ui.select = function(items, options, done) for _, each in ipairs(items) do "
            "if options.format_item(each):find('static answer now', 1, true) then return done(each) end end end"
        )
        await act(neovim, "optimize")
        # No question comes up, and no key is asked for: the user may go on typing.
        await neovim.until_screen(lambda screen: "list of actions offers a static edit now" in screen.text)
        await neovim.keys("Gonew = 1<Esc>")
        await act(neovim, "actions")
        assert "+    out = sorted(items)" in await window_text(neovim, "diff")
        await eventually(script.hung_up.is_set)
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == STATIC_BETTER + "new = 1\n"


async def test_an_instruction_becomes_an_edit(edit: Edit, script: Script) -> None:
    script.replies = [fenced(BETTER)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "edit do it in one line")
        await window_text(neovim, "diff")
        assert "do it in one line" in json.dumps(script.requests[0]["messages"])
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == MODEL_BETTER


async def test_a_problem_is_fixed(edit: Edit, script: Script) -> None:
    """Whoever reported it; here it is not a server."""
    script.replies = [fenced(BETTER)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "fix")
        await neovim.until_screen(lambda screen: "no problem in this line" in screen.text)
        await neovim.lua(
            "vim.diagnostic.set(vim.api.nvim_create_namespace('lint'), 0, {{ lnum = 5, col = 10, end_col = 28, "
            "message = 'list() is not needed', severity = 2, source = 'lint', code = 'L1' }})"
        )
        await act(neovim, "fix")
        await window_text(neovim, "diff")
        assert "list() is not needed" in json.dumps(script.requests[0]["messages"])
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == MODEL_BETTER


async def test_code_is_simplified(edit: Edit, script: Script) -> None:
    script.replies = [fenced(BETTER)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "simplify")
        await window_text(neovim, "diff")
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == MODEL_BETTER


async def test_code_is_documented(edit: Edit, script: Script) -> None:
    documented = 'def run(command):\n    """Lists a folder, then sorts the command."""\n'
    script.replies = [fenced(documented + '    os.system("ls " + command)\n    return slow([command])\n')]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "document", line=11)
        assert '+    """Lists a folder' in await window_text(neovim, "diff")
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == CODE.replace("def run(command):\n", documented)


async def test_tests_come_as_a_new_file(edit: Edit, script: Script, bare: Any) -> None:
    tests = "from shop import slow\n\n\ndef test_slow():\n    assert slow([2, 1]) == [1, 2]\n"
    script.replies = [fenced(tests)]
    async with edit(CODE, large(script)) as neovim:
        await act(neovim, "tests")
        shown = await window_text(neovim, "diff")
        assert "--- /dev/null" in shown
        assert "+    assert slow([2, 1]) == [1, 2]" in shown
        await neovim.keys("<CR>")
        path = Path(await neovim.until("vim.api.nvim_buf_get_name(0):match('.*test.*')"))
        assert path.parent == bare.folder
        assert "def test_slow():\n    assert slow([2, 1]) == [1, 2]" in await neovim.text()


# -- findings --------------------------------------------------------------------------------------------------------


async def test_a_review_becomes_diagnostics_once(edit: Edit) -> None:
    async with edit(CODE, STATIC) as neovim:
        await act(neovim, "review", line=11)
        found = await neovim.until("#vim.diagnostic.get(0) > 0 and vim.diagnostic.get(0)")
        places = [(each["lnum"], each["code"]) for each in found]
        assert (10, "B605") in places
        # Asked for once more, and after a change: nothing comes twice.
        await act(neovim, "review", line=11)
        await neovim.keys("ggO# a line<Esc>")
        moved = sorted([row + 1, code] for row, code in places)
        await neovim.until(
            "vim.deep_equal(wanted, vim.iter(vim.diagnostic.get(0))"
            ":map(function(each) return { each.lnum, each.code } end):totable())",
            moved,
        )


async def test_neovims_own_menu_works_too(edit: Edit) -> None:
    """It offers the same, opens the same window, and asks before it applies an edit."""
    async with edit(CODE, STATIC) as neovim:
        await neovim.lua(
            "vim.ui.select = function(items, options, done) for _, each in ipairs(items) do "
            "if options.format_item(each):find('Explain', 1, true) then return done(each) end end end"
        )
        await neovim.keys("6G")
        await neovim.lua("vim.lsp.buf.code_action()")
        assert "`slow`" in await window_text(neovim, "markdown")


async def test_a_menu_lists_what_is_offered(edit: Edit) -> None:
    async with edit(CODE, STATIC) as neovim:
        await neovim.lua(
            "vim.ui.select = function(items, options, done) Titles = vim.tbl_map(options.format_item, items); "
            "for _, each in ipairs(items) do "
            "if options.format_item(each):find('Optimize', 1, true) then return done(each) end end end"
        )
        await act(neovim, "actions")
        assert "+    out = sorted(items)" in await window_text(neovim, "diff")
        titles = " ".join(await neovim.lua("return Titles"))
        assert "Explain this code" in titles
        assert "Review security" in titles
        await neovim.keys("<CR>")
        await only_the_code(neovim)
        assert await code(neovim) == STATIC_BETTER
