"""Emacs with eglot: a client without inline completion, and in its older versions without `codeAction/resolve`.

The large model's replies are written here; all else is real.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from conftest import Edit, large
from emacs import PATIENCE_S, Emacs, quoted
from history import recorded
from leftovers import servers
from sample import BETTER, CODE, MODEL_BETTER, STATIC_BETTER
from scripted import Script

SURE = "[completion]\nmin_confidence = 0.0\n"
STATIC = '[small]\nbackend = "none"\n'
TYPED = "\n\ndef stop(command):\n    os.sys"


async def test_ghost_text_is_offered_at_point_and_taken(edit: Edit) -> None:
    async with edit(CODE, SURE) as emacs:
        await emacs.eval("(goto-char (point-max))")
        await emacs.eval(f"(hl-type {quoted(TYPED)})")
        ghost = await emacs.until(
            "(let ((items (plist-get (hl-request :textDocument/inlineCompletion :context '(:triggerKind 2)) :items)))"
            " (and (> (length items) 0) (plist-get (aref items 0) :insertText)))"
        )
        assert await emacs.eval("(hl-listed)") == ["sys" + ghost.splitlines()[0]]
        await emacs.eval("(completion-at-point)")
        assert await emacs.eval("(hl-text)") == CODE + TYPED + ghost
        await emacs.eval("(progn (eglot-shutdown (eglot-current-server)) t)")
        # That it was taken is known, though eglot runs no command of an item.
        assert accepted() == [("full", len(ghost))]


def accepted() -> list[tuple[str, int]]:
    """What the metrics say of accepted suggestions."""
    return recorded("SELECT kind, characters FROM inline_accepted")


async def test_actions_are_listed_and_an_edit_is_applied(edit: Edit) -> None:
    async with edit(CODE, STATIC) as emacs:
        await emacs.eval("(hl-goto 6)")
        titles = await emacs.eval("(hl-actions)")
        assert any(title.startswith("Explain this code") for title in titles)
        assert any(title.startswith("Review security") for title in titles)
        await emacs.eval('(hl-choose "Optimize")')
        await emacs.until('(not (string-search "list(" (hl-text)))')
        assert await emacs.eval("(hl-text)") == STATIC_BETTER


async def test_an_edit_comes_by_command(edit: Edit) -> None:
    """Without `codeAction/resolve`: the server sends `workspace/applyEdit`."""
    async with edit(CODE, STATIC) as emacs:
        await emacs.eval("(hl-goto 6)")
        await emacs.eval('(hybrid-lsp-run "optimize")')
        await emacs.until('(not (string-search "list(" (hl-text)))')
        assert await emacs.eval("(hl-text)") == STATIC_BETTER


async def test_a_review_becomes_diagnostics_once(edit: Edit) -> None:
    async with edit(CODE, STATIC) as emacs:
        await emacs.eval("(hl-goto 11)")
        for _ in range(2):
            await emacs.eval("""(hl-choose "Review security")""")
            found = await emacs.until("(hl-findings)")
            assert [line for line, text in found if "B605" in text] == [11]
        await emacs.eval("""(progn (goto-char (point-min)) (hl-type "# a line\\n"))""")
        await emacs.until("""(let ((found (hl-findings))) (and (= (length found) 1) (= 12 (aref (car found) 0))))""")


async def test_an_explanation_reaches_the_user(edit: Edit) -> None:
    async with edit(CODE, STATIC) as emacs:
        await emacs.eval("(hl-goto 6)")
        await emacs.eval('(hl-choose "Explain")')
        await told(emacs, "Calls: `list`, `sorted`")


async def told(emacs: Emacs, text: str) -> None:
    """Wait for a text in a file that was opened, or (before Emacs 29, which cannot do that) in a message."""
    async with asyncio.timeout(PATIENCE_S):
        while text not in await emacs.eval("(progn (accept-process-output nil 0.05) (hl-shown))") + emacs.said:
            pass


async def test_a_model_answers_while_one_types_on(edit: Edit, script: Script) -> None:
    script.replies, script.silence = [f"```python\n{BETTER}```"], asyncio.Event()
    async with edit(CODE, large(script)) as emacs:
        await emacs.eval("(hl-goto 6)")
        await emacs.eval('(hybrid-lsp-run "optimize")')
        await emacs.eval("""(progn (goto-char (point-max)) (hl-type "\\n# typed meanwhile\\n"))""")
        script.silence.set()
        await emacs.until('(not (string-search "list(" (hl-text)))')
        assert await emacs.eval("(hl-text)") == MODEL_BETTER + "\n# typed meanwhile\n"
    assert len(script.requests) == 1


async def test_an_instruction_and_a_question(edit: Edit, script: Script) -> None:
    script.replies = [f"```python\n{BETTER}```", "Because of the limit."]
    async with edit(CODE, large(script)) as emacs:
        await emacs.eval("(hl-goto 6)")
        await emacs.eval('(hybrid-lsp-run "edit" "do it in one line")')
        await emacs.until('(not (string-search "list(" (hl-text)))')
        assert await emacs.eval("(hl-text)") == MODEL_BETTER
        assert "do it in one line" in str(script.requests[0])
        await emacs.eval("""(progn (hl-goto 6) (hybrid-lsp-run "ask" "why is it cut?"))""")
        await told(emacs, "Because of the limit.")


@pytest.mark.parametrize("way", ["(eglot-shutdown (eglot-current-server))", "(kill-buffer)"])
async def test_no_server_is_left_behind(edit: Edit, way: str) -> None:
    async with edit(CODE, STATIC) as emacs:
        (server,) = servers(emacs.pid)
        await emacs.eval(f"(progn {way} t)")
        await emacs.until("(not (process-list))")
        assert not server.is_running() or server.status() == "zombie"


async def test_it_ends_with_an_emacs_that_dies(edit: Edit) -> None:
    async with edit(CODE, STATIC) as emacs:
        (server,) = servers(emacs.pid)
        emacs.kill()
    server.wait(30)


async def test_the_page_of_statistics_is_opened_or_told(edit: Edit) -> None:
    """eglot opens documents since its version 1.14; before, the user is told where the page is."""
    async with edit(CODE, STATIC) as emacs:
        opener = "(lambda (url &rest _) (setq hl-opened url))"
        await emacs.eval(f"(progn (setq hl-opened nil browse-url-browser-function {opener}) t)")
        await emacs.eval("(progn (hybrid-lsp-statistics) t)")
        told = """(or hl-opened (with-current-buffer (messages-buffer)
                    (save-excursion (goto-char (point-min)) (re-search-forward "statistics.html" nil t))))"""
        await emacs.until(told)
        page = Path(os.environ["HYBRID_LSP_STATE_DIR"]) / "pages" / "statistics.html"
        assert "hybrid-lsp: statistics" in page.read_text(encoding="utf-8")
