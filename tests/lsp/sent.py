"""What models and their servers send, as cases: run over LSP on the real server, from bytes to what the user sees."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from conftest import Client, Connect, applied, large, open_text, run
from event_stream import HEAD, event
from scripted import Script

DONE = b"data: [DONE]\n\n"
CURSOR = "▮"
SUFFIXES = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "typescriptreact": "tsx",
    "rust": "rs",
    "markdown": "md",
    "csharp": "cs",
    "shellscript": "sh",
    "yaml": "yml",
    "ruby": "rb",
    "haskell": "hs",
}
CODE = f"def a():\n    return 1{CURSOR}\n\n\ndef b():\n    return 2\n"


@attrs.frozen
class Case:
    """An action at the cursor of a text, and what is sent: a text is streamed, bytes go as they are.

    What comes of it: the file `becomes` so, or an explanation is `shown`; a reply that is refused for reasons in which
    `refused` stands is asked for again, so that the next one of `sent` counts. With `becomes` None and no `shown`
    nothing is changed.
    """

    sent: tuple[str | bytes, ...]
    becomes: str | None = None
    shown: str | None = None
    refused: str = ""
    text: str = CODE
    language: str = "python"
    action: str = "edit"
    instruction: str = "Return three."
    chunk: int = 8
    end: tuple[int, int] | None = None
    """Lines and columns that a selection reaches beyond the cursor; an empty one by default."""


async def come(connect: Connect, script: Script, case: Case, settings: dict[str, Any] | None = None) -> Any:
    """Run a case's action; what came of it, with `after` (the file, where an edit was applied) and `told`."""
    script.replies, script.chunk = list(case.sent), case.chunk
    async with connect(settings or large(script)) as client:
        return await _done(client, case)


async def come_all(connect: Connect, script: Script, cases: Mapping[str, Case]) -> AsyncIterator[tuple[str, Any]]:
    """The same for many cases over one connection, each in a file of its own."""
    async with connect(large(script)) as client:
        for number, (name, case) in enumerate(cases.items()):
            # One reply too many: a model that is out of them would be left alone in the cases to come.
            script.replies, script.chunk = [*case.sent, case.sent[-1]], case.chunk
            script.requests.clear()
            client.edits.clear()
            yield name, await _done(client, case, f"sent{number}")


async def _done(client: Client, case: Case, file: str = "sent") -> Any:
    before, _, _ = case.text.partition(CURSOR)
    text = case.text.replace(CURSOR, "")
    uri = f"file:///work/{file}.{SUFFIXES.get(case.language, case.language)}"
    open_text(client, text, uri, case.language)
    lines = before.replace("\r\n", "\n").split("\n")
    line, column = len(lines) - 1, len(lines[-1])
    last = {"line": line + case.end[0], "character": case.end[1]} if case.end else {"line": line, "character": column}
    place = {"start": {"line": line, "character": column}, "end": last}
    order = {"action": case.action, "uri": uri, "range": place, "instruction": case.instruction}
    answer = await run(client, "hybrid-lsp.runAction", order)
    after = applied(text, client.edits[-1]) if client.edits else None
    about: dict[str, Any] = {"after": after, "told": client.told, "published": client.published, "text": text}
    return SimpleNamespace(**(answer | about))


def judge(case: Case, done: Any, script: Script) -> None:
    """Fail where it did not come as the case says."""
    if case.shown is not None:
        assert done.kind == "text", done
        assert done.markdown == case.shown
    else:
        assert done.after == case.becomes, done
    objections = [each["messages"][-1]["content"] for each in script.requests[1:]]
    if case.refused:
        assert objections, f"it was taken at once: {done}"
        assert case.refused in objections[0]
    else:
        assert not objections, objections


async def judge_all(connect: Connect, script: Script, subtests: pytest.Subtests, cases: Mapping[str, Case]) -> None:
    """Judge each case, as a test of its own."""
    async for name, done in come_all(connect, script, cases):
        with subtests.test(name):
            judge(cases[name], done, script)


def delta(content: Any, finish: Any = None, **more: Any) -> dict[str, Any]:
    said = content if isinstance(content, dict) else {"content": content}
    return {"choices": [{"index": 0, "delta": said, "finish_reason": finish} | more]}


def stream(*deltas: Any, finish: Any = "stop", head: bytes = HEAD) -> bytes:
    """A stream of deltas; a text stands for one with that content."""
    return head + b"".join(event(delta(each)) for each in deltas) + event(delta({}, finish)) + DONE


def fenced(code: str, info: str = "python", fence: str = "```") -> str:
    return f"{fence}{info}\n{code}\n{fence}"
