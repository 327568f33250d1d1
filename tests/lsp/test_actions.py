"""Code actions, end to end: the real server, real analysers, and a model server whose replies are written here."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import (
    NO_MODELS,
    URI,
    Client,
    Connect,
    applied,
    capabilities,
    inline_params,
    large,
    open_text,
    run,
    type_text,
    until,
)
from history import recorded
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from sample import BETTER
from sample import CODE as SOURCE
from scripted import Script

SLOW, RUN = 5, 10
"""Lines within the two functions."""
GOOD = f"```python\n{BETTER}```"
CANCELLED = -32800
RUN_ACTION = "hybrid-lsp.runAction"


def at(line: int, character: int = 4) -> lsp.Range:
    return lsp.Range(lsp.Position(line, character), lsp.Position(line, character))


def order(action: str, line: int = SLOW, uri: str = URI) -> dict[str, Any]:
    place = {"line": line, "character": 4}
    return {"action": action, "uri": uri, "range": {"start": place, "end": place}}


async def act(client: Client, action: str, line: int = SLOW, uri: str = URI) -> SimpleNamespace:
    """Run an action as its command does."""
    return SimpleNamespace(**await run(client, RUN_ACTION, order(action, line, uri)))


def start(client: Client, action: str, number: str) -> asyncio.Task[SimpleNamespace]:
    """Start an action, and be able to cancel it."""
    sent = client.send(lsp.WORKSPACE_EXECUTE_COMMAND, lsp.ExecuteCommandParams(RUN_ACTION, [order(action)]), number)

    async def answer() -> SimpleNamespace:
        return SimpleNamespace(**await sent)

    return asyncio.create_task(answer())


async def all_taken_in(client: Client) -> None:
    """What was sent before has been read: the server reads messages in order."""
    await run(client, "hybrid-lsp.status")


async def listed(client: Client, line: int = SLOW, only: list[str] | None = None) -> list[lsp.CodeAction]:
    context = lsp.CodeActionContext([], only=[lsp.CodeActionKind(each) for each in only] if only else None)
    params = lsp.CodeActionParams(lsp.TextDocumentIdentifier(URI), at(line), context)
    found = await client.text_document_code_action_async(params)
    actions = [each for each in found or [] if isinstance(each, lsp.CodeAction)]
    assert len(actions) == len(found or [])
    return actions


async def offered(client: Client, title: str) -> lsp.CodeAction:
    """The action of the list whose title begins so."""
    (found,) = [each for each in await listed(client) if each.title.startswith(title)]
    return found


async def optimize(client: Client) -> lsp.CodeAction:
    """The action with its edit, as a client that resolves it gets it."""
    chosen = await offered(client, "Optimize")
    assert chosen.edit is None
    return await client.code_action_resolve_async(chosen)


def page(client: Client) -> str:
    """The text of the file that the client was asked to show last."""
    return read(shown_path(client))


def read(path: str | Path) -> str:
    return Path(path).read_text(encoding="utf-8")


def shown_path(client: Client) -> Path:
    return Path(urlsplit(client.shown_documents[-1].uri).path)


def press_every_button(client: Client) -> list[lsp.ShowMessageRequestParams]:
    """Have the client take the first choice of every question; returns the questions as they come."""
    questions: list[lsp.ShowMessageRequestParams] = []

    def press(params: lsp.ShowMessageRequestParams) -> lsp.MessageActionItem | None:
        questions.append(params)
        return params.actions[0] if params.actions else None

    client.feature(lsp.WINDOW_SHOW_MESSAGE_REQUEST)(press)
    return questions


def versioned(edit: lsp.WorkspaceEdit) -> lsp.TextDocumentEdit:
    (change,) = edit.document_changes or []
    assert isinstance(change, lsp.TextDocumentEdit)
    return change


# -- the list --------------------------------------------------------------------------------------------------------


async def test_the_list_is_made_without_the_model_and_holds_kinds(connect: Connect, script: Script) -> None:
    async with connect(large(script)) as client:
        provider = client.result.capabilities.code_action_provider
        assert isinstance(provider, lsp.CodeActionOptions)
        open_text(client, SOURCE)
        actions = await listed(client)
        assert [(each.title, each.kind) for each in actions] == [
            ("Explain this code (large)", "refactor.explain"),
            ("Optimize this code (large)", "refactor.rewrite"),
            ("Simplify this code (large)", "refactor.rewrite"),
            ("Document this code (large)", "refactor.rewrite"),
            ("Write tests (large)", "refactor.tests"),
            ("Review security (large)", "refactor.review"),
            ("Review security of the whole file (large)", "source.review"),
        ]
        kinds = set(provider.code_action_kinds or [])
        assert {each.kind for each in actions} | {"quickfix"} <= kinds
        assert {each.kind for each in await listed(client, only=["refactor.rewrite"])} == {"refactor.rewrite"}
        assert len(await listed(client, only=["refactor"])) == 6
        assert [each.kind for each in await listed(client, only=["source"])] == ["source.review"]
        assert await listed(client, only=["quickfix"]) == []
        assert script.requests == []


async def test_only_an_edit_waits_to_be_resolved(connect: Connect) -> None:
    async with connect(NO_MODELS) as client, connect(NO_MODELS, capabilities(full=False)) as plain:
        for each in (client, plain):
            open_text(each, SOURCE)
        waiting = [action.kind for action in await listed(client) if action.command is None]
        assert set(waiting) == {"refactor.rewrite"}
        assert not [action for action in await listed(plain) if action.command is None]


async def test_nothing_is_offered_where_it_is_switched_off_or_not_open(connect: Connect) -> None:
    async with connect(NO_MODELS | {"actions": {"enabled": False}}) as client:
        assert await listed(client) == []
        open_text(client, SOURCE)
        assert await listed(client) == []


# -- explain ---------------------------------------------------------------------------------------------------------


async def test_a_static_explanation_opens_as_a_file(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert (answer.kind, answer.tier) == ("text", "static")
        assert "large.backend" in answer.label
        assert "`slow`: a function" in page(client)
        assert page(client) == answer.markdown
        assert client.told == ""


async def test_the_large_model_explains(connect: Connect, script: Script) -> None:
    script.replies = ["It **sorts** ![](http://evil/x.png) and cuts."]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert (answer.tier, answer.label) == ("large", "Large model openai:scripted.")
        # A picture would be fetched by whoever shows the page.
        assert page(client) == "It **sorts** [](http://evil/x.png) and cuts."
        (request,) = script.requests
        assert "def slow(items, limit=10):" in json.dumps(request["messages"])


async def test_a_client_that_opens_no_files_gets_a_message(connect: Connect) -> None:
    async with connect(NO_MODELS, capabilities(full=False)) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        assert "`slow`: a function" in client.told
        assert "Static analysis." in client.told
        assert client.shown_documents == []


async def test_a_file_that_cannot_be_opened_becomes_a_message(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        client.protocol.fm.features[lsp.WINDOW_SHOW_DOCUMENT] = lambda params: lsp.ShowDocumentResult(success=False)
        open_text(client, SOURCE)
        await act(client, "explain")
        assert "`slow`: a function" in client.told


# -- optimize --------------------------------------------------------------------------------------------------------


async def test_a_static_edit_is_resolved_with_version_and_confirmation(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        action = await optimize(client)
        assert action.edit is not None
        change = versioned(action.edit)
        assert (change.text_document.uri, change.text_document.version) == (URI, 1)
        assert action.edit.change_annotations is not None
        for each in change.edits:
            assert isinstance(each, lsp.AnnotatedTextEdit)
            annotation = action.edit.change_annotations[each.annotation_id]
            assert annotation.needs_confirmation
            assert "Static analysis." in (annotation.description or "")
        assert applied(SOURCE, action.edit) == SOURCE.replace("list(sorted(items))", "sorted(items)")


async def test_a_client_that_does_not_resolve_is_sent_the_edit(connect: Connect) -> None:
    can = capabilities()
    can.text_document = None
    async with connect(NO_MODELS, can) as client:
        open_text(client, SOURCE)
        chosen = await offered(client, "Optimize")
        assert chosen.command is not None
        answer = await run(client, chosen.command.command, *chosen.command.arguments or [])
        assert (answer["kind"], answer["applied"]) == ("edit", True)
        (edit,) = client.edits
        assert versioned(edit).text_document.version == 1
        assert applied(SOURCE, edit) == SOURCE.replace("list(sorted(items))", "sorted(items)")
        client.accepts_edits = False
        assert not (await act(client, "optimize")).applied
        assert "the test says no" in client.told


async def test_a_client_with_plain_edits_gets_changes_and_is_told_by_whom(connect: Connect) -> None:
    can = capabilities(full=False)
    can.workspace = lsp.WorkspaceClientCapabilities(apply_edit=True)
    async with connect(NO_MODELS, can) as client:
        open_text(client, SOURCE)
        assert (await act(client, "optimize")).applied
        (edit,) = client.edits
        assert edit.document_changes is None
        assert applied(SOURCE, edit) == SOURCE.replace("list(sorted(items))", "sorted(items)")
        assert "Static analysis." in client.told


async def test_a_client_that_takes_no_edits_is_told(connect: Connect) -> None:
    async with connect(NO_MODELS, capabilities(full=False)) as client:
        open_text(client, SOURCE)
        assert not (await act(client, "optimize")).applied
        assert "nothing was changed" in client.told


async def test_the_large_models_edit_is_verified_and_minimal(connect: Connect, script: Script) -> None:
    script.replies = [f"Sure!\n{GOOD}\nThere."]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        action = await optimize(client)
        assert action.edit is not None
        after = applied(SOURCE, action.edit)
        assert after == SOURCE.replace(
            "    out = list(sorted(items))\n    return out[:limit]", "    return sorted(items)[:limit]"
        )
        (annotation,) = (action.edit.change_annotations or {}).values()
        assert "Large model openai:scripted." in (annotation.description or "")


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (GOOD.replace("sorted(items)[", "sorted(items["), "syntax error"),
        (GOOD.replace("def slow", "def quick"), "no longer defines `slow`"),
        (GOOD.replace("limit=10", "limit=11"), "changes `slow`"),
        ("You could sort less.", "no fenced code block"),
        ("", "reply is empty"),
        (GOOD.removesuffix("```"), "not closed"),
        ("```python\n" + "".join(f"x{n} = {n}\n" for n in range(80_000)) + "```", "longer than"),
    ],
    ids=["syntax", "renamed", "signature", "prose", "empty", "unclosed", "1-MB"],
)
async def test_a_bad_reply_is_refused_twice_and_told(connect: Connect, script: Script, reply: str, why: str) -> None:
    script.replies, script.chunk = [reply, reply], 4096
    async with connect(large(script)) as client:
        # Static analysis has nothing to do here: any edit would be the model's.
        open_text(client, SOURCE.replace("list(sorted(items))", "sorted(items)"))
        questions = press_every_button(client)
        action = await optimize(client)
        assert action.edit is None
        assert len(script.requests) == 2
        assert why in json.dumps(script.requests[1]["messages"])
        assert client.edits == []
        if not reply:
            assert "refused twice" in client.told
            return
        # The message has a button, which opens the reply.
        await until(lambda: client.shown_documents)
        assert "refused twice" in questions[0].message
        assert page(client)
        assert reply.startswith(page(client))
        assert stat.S_IMODE(shown_path(client).stat().st_mode) == 0o600


async def test_a_plain_client_is_told_where_the_refused_reply_is(connect: Connect, script: Script) -> None:
    script.replies = ["You could sort less."] * 2
    async with connect(large(script), capabilities(full=False)) as client:
        open_text(client, SOURCE.replace("list(sorted(items))", "sorted(items)"))
        answer = await act(client, "optimize")
        assert answer.kind == "nothing"
        path = re.search(r"The refused reply is kept in (\S+\.md)\.", client.told)
        assert path is not None
        assert read(path[1]) == "You could sort less."


async def test_a_client_that_asks_no_questions_is_told_too(connect: Connect, script: Script) -> None:
    script.replies = ["You could sort less."] * 2
    async with connect(large(script)) as client:
        open_text(client, SOURCE.replace("list(sorted(items))", "sorted(items)"))
        await act(client, "optimize")
        # It answered window/showMessageRequest with an error.
        await until(lambda: "refused twice" in client.told)


async def test_the_same_code_again_is_no_edit(connect: Connect, script: Script) -> None:
    code = SOURCE.split("\n\n\n")[1]
    script.replies = [f"```python\n{code}\n```"]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        action = await optimize(client)
        # The model sees nothing to change, and ruff does.
        assert action.edit is not None
        (annotation,) = (action.edit.change_annotations or {}).values()
        assert "sees nothing to change" in (annotation.description or "")


async def test_an_edit_that_changes_nothing_is_asked_for_once_more_and_no_oftener(
    connect: Connect, script: Script
) -> None:
    code = SOURCE.split("\n\n\n")[1]
    script.replies = [f"```python\n{code}\n```"] * 3
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = SimpleNamespace(
            **await run(client, RUN_ACTION, order("edit") | {"instruction": "Sort the other way."})
        )
        assert answer.kind == "nothing"
        assert "gave the code back as it was, twice" in answer.label
        assert len(script.requests) == 2
        asked = script.requests[1]["messages"]
        assert [each["role"] for each in asked] == ["system", "user"]
        assert "The developer asks: Sort the other way." in asked[1]["content"]
        assert "it has to change" in asked[1]["content"]


# -- security --------------------------------------------------------------------------------------------------------

SHELL = "x = '😋é'; import os; os.system('ls ' + x)\n"
ASTRAL = "'😋é'"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
async def test_findings_stand_at_the_right_characters(connect: Connect, encoding: str) -> None:
    codec, width = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    async with connect(NO_MODELS, capabilities(encodings=[encoding])) as client:
        open_text(client, "\n" + SHELL)
        answer = await act(client, "security", 0)
        assert answer.kind == "findings"
        found = await until(lambda: client.diagnostics.get(URI))
        assert answer.count == len(found)
        shell = next(each for each in found if each.code == "B605")
        before = len(SHELL.partition("os.system")[0].encode(codec)) // width
        assert shell.range.start == lsp.Position(1, before)
        assert shell.range.end.line == 1
        assert shell.severity is lsp.DiagnosticSeverity.Error
        assert shell.source == "hybrid-lsp"
        assert "CWE-78" in shell.message
        assert shell.data["cwe"] == 78
        assert shell.code_description is not None
        assert client.published[-1].version == 1
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(URI)))
        await until(lambda: not client.published[-1].diagnostics)


async def test_the_large_model_adds_findings_to_those_of_static_analysis(connect: Connect, script: Script) -> None:
    own = {"quote": "return slow([command])", "message": "No limit.", "severity": "hint", "cwe": 770}
    made_up = {"quote": "not in the code", "message": "?", "severity": "error", "cwe": None}
    script.replies = [json.dumps({"findings": [own, made_up]})]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "security", RUN)
        assert answer.tier == "large"
        assert any("1 of the model's 2 findings" in note for note in answer.notes)
        found = await until(lambda: client.diagnostics.get(URI))
        assert [(each.range.start.line, each.code) for each in found] == [(10, "B605"), (11, "CWE-770")]


async def test_a_review_of_a_selection_leaves_the_other_findings(connect: Connect) -> None:
    text = "import os\n\n\ndef one(x):\n    os.system(x)\n\n\ndef two(x):\n    return eval(x)\n"
    async with connect(NO_MODELS) as client:
        open_text(client, text)
        select = lambda first, last: {  # noqa: E731
            "start": {"line": first, "character": 0},
            "end": {"line": last, "character": 0},
        }
        review = {"action": "security", "uri": URI}
        await run(client, RUN_ACTION, review | {"range": select(3, 5)})
        await until(lambda: [each.range.start.line for each in client.diagnostics.get(URI, [])] == [4])
        # A line above moves what is known, and the second review adds to it.
        type_text(client, lsp.Position(0, 0), "# first\n", 2)
        await run(client, RUN_ACTION, review | {"range": select(8, 10)})
        await until(lambda: [each.range.start.line for each in client.diagnostics[URI]] == [5, 9])
        assert client.published[-1].version == 2
        # The first function is mended: its finding goes, the other stays.
        fixed = lsp.TextDocumentContentChangePartial(lsp.Range(lsp.Position(5, 0), lsp.Position(6, 0)), "    pass\n")
        client.text_document_did_change(
            lsp.DidChangeTextDocumentParams(lsp.VersionedTextDocumentIdentifier(3, URI), [fixed])
        )
        await run(client, RUN_ACTION, review | {"range": select(4, 6)})
        await until(lambda: [each.range.start.line for each in client.diagnostics[URI]] == [9])


async def test_a_saved_file_is_reviewed_where_the_user_wants_it(connect: Connect) -> None:
    async with connect(NO_MODELS | {"actions": {"review_on_save": True}}) as client:
        open_text(client, SOURCE)
        client.text_document_did_save(lsp.DidSaveTextDocumentParams(lsp.TextDocumentIdentifier(URI)))
        await until(lambda: any(each.code == "B605" for each in client.diagnostics.get(URI, [])))
        assert client.told == ""


# -- a model that fails ----------------------------------------------------------------------------------------------


def unreachable(script: Script) -> None:
    script.port = 9


def broken(script: Script) -> None:
    script.status = 500


def dying(script: Script) -> None:
    script.die_after = 1


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(unreachable, "Nobody answers"), (broken, "answered 500"), (dying, "in the middle")],
    ids=["unreachable", "http-500", "mid-reply"],
)
async def test_a_model_that_fails_leaves_a_labelled_static_answer_and_recovers(
    connect: Connect, script: Script, spoil: Callable[[Script], None], why: str
) -> None:
    port = script.port
    settings = large(script)
    spoil(script)
    if script.port != port:
        settings["large"] |= {"base_url": script.url}
    script.replies = ["It sorts things slowly."] * 9
    async with connect(settings) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert answer.tier == "static"
        assert why in answer.label
        assert "`slow`: a function" in page(client)
        if spoil is unreachable:
            return
        script.status, script.die_after = 200, None

        async def recovered() -> bool:
            return (await act(client, "explain")).tier == "large"

        # The model is left alone for a moment; no restart is needed.
        async with asyncio.timeout(30):
            while not await recovered():
                await asyncio.sleep(0.2)
        assert page(client) == "It sorts things slowly."


async def test_a_slow_model_is_waited_for_with_something_to_read(connect: Connect, script: Script) -> None:
    script.replies, script.silence = ["It sorts."], asyncio.Event()
    async with connect(large(script), capabilities(ours={"stream": True, "status": True})) as client:
        open_text(client, SOURCE)
        answer = asyncio.ensure_future(act(client, "explain"))
        interim = await until(lambda: client.explanations[:1])
        assert "`slow`: a function" in interim[0].markdown
        assert "Static analysis meanwhile." in interim[0].markdown
        assert not interim[0].done
        (reports,) = client.progress_reports.values()
        assert any("Static analysis meanwhile." in (getattr(each, "message", None) or "") for each in reports)
        script.silence.set()
        assert (await answer).markdown == "It sorts."
        last = client.explanations[-1]
        assert (last.markdown, last.done, last.token) == ("It sorts.", True, interim[0].token)


async def begin_waiting(client: Client, script: Script, action: str) -> asyncio.Future[SimpleNamespace]:
    """Run an action whose model says nothing, until the list of actions offers not to wait for it."""
    answer = asyncio.ensure_future(act(client, action))
    async with asyncio.timeout(30):
        while not any("static answer now" in each.title for each in await listed(client)):
            await asyncio.sleep(0.05)
    assert not answer.done()
    return answer


async def test_the_static_edit_can_be_had_while_the_model_is_silent(connect: Connect, script: Script) -> None:
    script.replies, script.silence = [GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        questions = press_every_button(client)
        answer = await act(client, "optimize")
        assert (answer.kind, answer.tier, answer.applied) == ("edit", "static", True)
        (question,) = questions
        assert "has not begun after 1 s" in question.message
        assert [each.title for each in question.actions or []] == ["Use it now"]
        assert "sorted(items)\n" in applied(SOURCE, client.edits[-1])
        await until(script.hung_up.is_set)
        assert not any("static answer now" in each.title for each in await listed(client))


async def test_an_edit_that_is_resolved_need_not_be_waited_for_either(connect: Connect, script: Script) -> None:
    script.replies, script.silence = [GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        resolved = asyncio.ensure_future(optimize(client))
        # The client answered the question with an error: the text is told, and the list has the way.
        await until(lambda: "has not begun after 1 s" in client.told)
        way = await offered(client, "Optimize this code: the static answer now")
        assert way.command is not None
        assert await run(client, way.command.command, *way.command.arguments or []) == {"answered": 1}
        edit = (await resolved).edit
        assert edit is not None
        assert "sorted(items)\n" in applied(SOURCE, edit)


async def test_no_question_comes_up_where_it_would_stop_the_user(connect: Connect, script: Script) -> None:
    script.replies, script.silence = [GOOD], asyncio.Event()
    async with connect(large(script), name="Neovim") as client:
        open_text(client, SOURCE)
        questions = press_every_button(client)
        answer = await begin_waiting(client, script, "optimize")
        await until(lambda: "the list of actions offers a static edit now. Static analysis" in client.told)
        assert not questions
        # The model begins after all: its answer counts.
        script.silence.set()
        assert (await answer).tier == "large"
        assert await run(client, "hybrid-lsp.answerNow", {"uri": URI}) == {"answered": 0}
        assert "No action is waiting" in client.told


async def test_who_waits_all_the_same_is_soon_not_asked_any_more(connect: Connect, script: Script) -> None:
    async with connect(large(script), name="Neovim") as client:
        open_text(client, SOURCE)
        for _ in range(3):
            script.replies, script.silence = [GOOD], asyncio.Event()
            answer = await begin_waiting(client, script, "optimize")
            script.silence.set()
            assert (await answer).tier == "large"
        assert client.told.count("offers a static edit now") == 2
        # Who takes it once is asked again.
        script.replies, script.silence = [GOOD], asyncio.Event()
        answer = await begin_waiting(client, script, "optimize")
        assert await run(client, "hybrid-lsp.answerNow", {"uri": URI}) == {"answered": 1}
        assert (await answer).tier == "static"
        script.replies, script.silence = [GOOD], asyncio.Event()
        answer = await begin_waiting(client, script, "simplify")
        await until(lambda: client.told.count("offers a static edit now") == 3)
        script.silence.set()
        await answer


async def test_answering_now_needs_a_document(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        for argument in ([], ["x"], [{"uri": 3}]):
            with pytest.raises(JsonRpcException, match="uri: URI"):
                await run(client, "hybrid-lsp.answerNow", *argument)


async def test_static_findings_are_shown_while_a_slow_model_is_waited_for(connect: Connect, script: Script) -> None:
    script.replies, script.silence = ['{"findings": []}'], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = asyncio.ensure_future(act(client, "security", RUN))
        await until(lambda: client.diagnostics.get(URI))
        assert not answer.done()
        script.silence.set()
        assert (await answer).tier == "large"


# -- cancelling and superseding --------------------------------------------------------------------------------------


async def by_request(client: Client, number: str) -> None:
    client.cancel_request(lsp.CancelParams(id=number))


async def by_progress(client: Client, number: str) -> None:
    token = next(iter(client.progress_reports))
    client.window_work_done_progress_cancel(lsp.WorkDoneProgressCancelParams(token))


@pytest.mark.parametrize("cancel", [by_request, by_progress])
async def test_cancelling_hangs_up_on_the_model_and_changes_nothing(
    connect: Connect, script: Script, cancel: Callable[[Client, str], Any]
) -> None:
    script.replies, script.hold = [GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "optimize", "mine")
        await until(lambda: any(client.progress_reports.values()) and script.requests)
        await cancel(client, "mine")
        with pytest.raises(JsonRpcException) as error:
            await running
        assert error.value.code == CANCELLED
        async with asyncio.timeout(30):
            await script.hung_up.wait()
        assert (client.edits, client.told) == ([], "")
        (reports,) = client.progress_reports.values()
        await until(lambda: isinstance(reports[-1], lsp.WorkDoneProgressEnd))
        # The server is well.
        script.replies, script.hold = ["Fine."], None
        assert (await act(client, "explain")).markdown == "Fine."


async def test_a_resolve_is_cancelled_too(connect: Connect, script: Script) -> None:
    script.replies, script.hold = [GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        chosen = await offered(client, "Optimize")
        running = client.send(lsp.CODE_ACTION_RESOLVE, chosen, "mine")
        await until(lambda: script.requests)
        client.cancel_request(lsp.CancelParams(id="mine"))
        with pytest.raises(JsonRpcException) as error:
            await running
        assert error.value.code == CANCELLED
        async with asyncio.timeout(30):
            await script.hung_up.wait()


async def test_a_newer_run_takes_the_place_of_the_older(connect: Connect, script: Script) -> None:
    script.replies, script.hold = ["The older answer.", "The newer."], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        older = start(client, "explain", "older")
        await until(lambda: script.requests)
        newer = start(client, "explain", "newer")
        with pytest.raises(JsonRpcException) as error:
            await older
        assert error.value.code == CANCELLED
        script.hold.set()
        assert (await newer).markdown == "The newer."


async def test_closing_the_file_ends_its_actions(connect: Connect, script: Script) -> None:
    script.replies, script.hold = ["Never read to its end."], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "explain", "mine")
        await until(lambda: script.requests)
        client.text_document_did_close(lsp.DidCloseTextDocumentParams(lsp.TextDocumentIdentifier(URI)))
        with pytest.raises(JsonRpcException) as error:
            await running
        assert error.value.code == CANCELLED
        async with asyncio.timeout(30):
            await script.hung_up.wait()


async def test_an_edit_moves_with_text_that_was_typed_elsewhere(connect: Connect, script: Script) -> None:
    script.replies, script.hold = [GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "optimize", "mine")
        await until(lambda: script.requests)
        type_text(client, lsp.Position(0, 0), "# a line above\n", 2)
        await all_taken_in(client)
        script.hold.set()
        assert (await running).applied
        (edit,) = client.edits
        assert versioned(edit).text_document.version == 2
        after = applied("# a line above\n" + SOURCE, edit)
        assert after.startswith("# a line above\nimport os\n")
        assert "    return sorted(items)[:limit]\n\n\ndef run" in after


async def test_an_edit_of_code_that_changed_is_refused(connect: Connect, script: Script) -> None:
    script.replies, script.hold = [GOOD, GOOD], asyncio.Event()
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        running = start(client, "optimize", "mine")
        await until(lambda: script.requests)
        type_text(client, lsp.Position(SLOW, 4), "print(items)\n    ", 2)
        await all_taken_in(client)
        script.hold.set()
        answer = await running
        assert answer.kind == "failed"
        assert client.edits == []
        assert "changed since the action was started" in client.told
        # The same by resolving: no edit.
        script.hold = asyncio.Event()
        chosen = await offered(client, "Optimize")
        resolving = client.send(lsp.CODE_ACTION_RESOLVE, chosen, "again")
        await until(lambda: len(script.requests) == 2)
        type_text(client, lsp.Position(SLOW, 4), "# more\n    ", 3)
        await all_taken_in(client)
        script.hold.set()
        assert (await resolving).edit is None


async def test_an_action_settles_the_pending_inline_request(connect: Connect, script: Script) -> None:
    typing = {"small": {"backend": "openai", "base_url": script.url, "model": "tiny"}}
    script.replies, script.hold = ["    never shown"], asyncio.Event()
    async with connect(typing) as client:
        open_text(client, SOURCE)
        params = inline_params(SLOW, len("    out = list(sorted(items))"), invoked=True)
        pending = client.send(lsp.TEXT_DOCUMENT_INLINE_COMPLETION, params, "typing")
        await until(lambda: script.requests)
        answer = await act(client, "explain")
        assert answer.kind == "text"
        assert pending.done()
        error = pending.exception()
        assert isinstance(error, JsonRpcException)
        assert error.code == CANCELLED


# -- privacy, arguments, own notifications ---------------------------------------------------------------------------


async def test_a_secret_file_never_reaches_the_model(connect: Connect, script: Script) -> None:
    uri = "file:///work/secrets.toml"
    async with connect(large(script)) as client:
        open_text(client, SOURCE, uri)
        answer = await act(client, "explain", uri=uri)
        assert answer.tier == "static"
        assert "no model sees it" in answer.label
        assert script.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [None],
        ["explain"],
        [{"action": "explain"}],
        [{"action": "explain", "uri": URI, "range": [1, 2]}],
        [order("explain") | {"range": {"start": {"line": -1, "character": 0}, "end": {"line": 0, "character": 0}}}],
        [order("explain") | {"range": {"start": {"line": "0", "character": 0}, "end": {"line": 0, "character": 0}}}],
    ],
    ids=["none", "null", "text", "no-range", "list", "negative", "text-line"],
)
async def test_a_command_with_a_bad_argument_is_told_so(connect: Connect, arguments: list[Any]) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        with pytest.raises(JsonRpcException) as error:
            await run(client, RUN_ACTION, *arguments)
        assert error.value.code == -32602
        assert "{action: NAME, uri: URI, range: RANGE}" in error.value.message


async def test_an_unknown_action_or_file_is_told(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        answer = await act(client, "improve")
        assert answer.kind == "failed"
        assert "There is no action `improve`." in client.told
        assert (await act(client, "explain", uri="file:///nowhere.py")).kind == "failed"
        assert "not open" in client.told
        with pytest.raises(JsonRpcException) as error:
            await run(client, "hybrid-lsp.noSuchCommand")
        assert error.value.code == -32602


async def test_a_client_that_wants_our_notifications_gets_them(connect: Connect, script: Script) -> None:
    script.replies = ["First this, then that, and in the end a summary of it all."]
    async with connect(large(script), capabilities(ours={"status": True, "stream": True})) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        assert client.shown_documents == []
        texts = [each.markdown for each in client.explanations]
        assert len(texts) > 2
        assert all(after.startswith(before) for before, after in pairwise(texts))
        assert [each.done for each in client.explanations] == [False] * (len(texts) - 1) + [True]
        assert texts[-1] == "First this, then that, and in the end a summary of it all."
        assert [each.busy for each in client.statuses][-2:] == [True, False]


async def test_a_client_that_does_not_want_them_gets_none(connect: Connect) -> None:
    async with connect(NO_MODELS) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        assert (client.explanations, client.statuses) == ([], [])


async def test_what_was_run_is_counted(connect: Connect, script: Script) -> None:
    script.replies = ["It sorts."]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        script.status = 500
        await act(client, "explain")
        await act(client, "improve")
    rows = recorded("SELECT action, tier, ending, fallback FROM action_ended ORDER BY at")
    assert rows == [
        ("explain", "large", "done", 0),
        ("explain", "static", "done", 1),
        ("improve", None, "failed", 0),
    ]


async def test_patterns_that_mean_nothing_are_told_once(connect: Connect) -> None:
    async with connect(NO_MODELS | {"privacy": {"exclude_globs": ["!", "*.gen.py"]}}) as client:
        open_text(client, SOURCE)
        await act(client, "explain")
        client.workspace_did_change_configuration(lsp.DidChangeConfigurationParams(settings=None))
        await act(client, "explain")
        assert client.told.count("privacy.exclude_globs") == 1
