"""The whole server in this process, over raw messages, on a loop whose time is virtual: no clock of the machine counts.

A model here is a function from what it is asked to what it says, so that whatever is shown can be checked against
what it was asked.
"""

from __future__ import annotations

import asyncio
import json
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from typing import Any, TypeVar
from unittest import mock

import attrs

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.config import ModelConfig
from hybrid_lsp.document import Document, Span
from hybrid_lsp.metrics.events import Event, InlineAnswered
from hybrid_lsp.server import hybrid, reading, session, transport
from hybrid_lsp.server.app import create_server
from hybrid_lsp.server.convert import position_of
from hybrid_lsp.server.hybrid import HybridServer
from hybrid_lsp.server.session import Session
from hybrid_lsp.server.tell import Tell
from hybrid_lsp.types import Infill, Tier

T = TypeVar("T")
ENCODING = "utf-16"
CANCELLED = -32800
_CONVERTER = reading.converter()
"""Of thousands of servers each would compile its readers of messages anew."""
LONG_S = 3600.0
"""Longer than anything in the server waits."""


class _Selector(selectors.DefaultSelector):
    """Where the loop would sleep, time jumps; while a thread works, it really waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.threads = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.threads or timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            # Rounding must not leave a timer waiting for ever.
            self.now += timeout + 1e-9
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while everybody waits for it, and then at once."""

    def __init__(self) -> None:
        self.clock = _Selector()
        super().__init__(self.clock)

    def time(self) -> float:
        return self.clock.now

    def run_in_executor(self, executor: Executor | None, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        self.clock.threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_ended)
        return future

    def _thread_ended(self, _: object) -> None:
        self.clock.threads -= 1


def runner() -> asyncio.Runner:
    """Runs coroutines on a virtual loop; used as a context manager it ends with all that still runs there."""
    return asyncio.Runner(loop_factory=VirtualLoop)


@attrs.define
class Model(FakeBackend):
    """The scripted backend with a script that depends on the request; each reply begins after `latency_s`."""

    says: Callable[[Infill], FakeReply] = lambda _: FakeReply()
    latency_s: float = 0.0

    async def generate(self, request: Any) -> Any:
        reply = self.says(request.prompt)
        if self.latency_s and reply.hold is None:
            reply.hold = asyncio.Event()
            asyncio.get_running_loop().call_later(self.latency_s, reply.hold.set)
        self.enqueue([reply])
        async for piece in super().generate(request):
            yield piece


class ModelSession(Session):
    """The session with this model as its small one; it keeps the events that it would write to the metrics."""

    def __init__(self, tell: Tell, model: Backend) -> None:
        super().__init__(tell)
        self._model = model
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def follow_settings(self) -> None:
        """Nobody changes the user's file here, at which it would look thousands of times in each hour that passes."""

    def _backend(self, tier: Tier, model: ModelConfig) -> Backend | None:
        return self._model if tier is Tier.SMALL else None


@attrs.define
class Asked:
    """An inline request, the text and the cursor as they were when it was sent."""

    number: int
    document: Document
    cursor: int
    selected: tuple[Span, str] | None = None

    @property
    def prefix(self) -> str:
        """What stands before the suggestion; what the editor's list has selected is as good as typed."""
        if self.selected is None:
            return self.document.text[: self.cursor]
        return self.document.text[: self.selected[0].start] + self.selected[1]

    @property
    def suffix(self) -> str:
        return self.document.text[self.cursor if self.selected is None else self.selected[0].end :]


class Window:
    """An editor window on a server in this process: what it sends arrives as bytes, as much at once as it likes.

    `answers` keeps the replies in the order in which they came, `asked` the inline requests, `requests` the server's
    own, which nobody answers but by `respond`.
    """

    def __init__(
        self,
        loop: asyncio.Runner,
        model: Backend,
        settings: dict[str, Any],
        client: str = "",
        capabilities: dict[str, Any] | None = None,
    ) -> None:
        self.loop = loop
        self.documents: dict[str, Document] = {}
        self.asked: list[Asked] = []
        self.answers: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self._count = 0
        with mock.patch.object(hybrid, "Session", lambda tell: ModelSession(tell, model)):
            self.server: HybridServer = create_server(lambda: _CONVERTER)
        assert isinstance(self.server.session, ModelSession)
        self.session: ModelSession = self.server.session
        self._reader = asyncio.StreamReader(limit=2**26, loop=loop.get_loop())
        self._serving = loop.get_loop().create_task(
            transport.converse(self.server, transport.stream(self._reader), self)
        )
        self._initialize(settings, client, {"general": {"positionEncodings": [ENCODING]}, **(capabilities or {})})

    def _initialize(self, settings: dict[str, Any], client: str, capabilities: dict[str, Any]) -> None:
        params = {"capabilities": capabilities, "initializationOptions": settings, "rootUri": None, "processId": None}
        params |= {"clientInfo": {"name": client}} if client else {}
        with mock.patch.object(session, "start_logging", return_value=None):  # a file for each of thousands of windows
            self.request("initialize", params)
            self.turn()
        self.notify("initialized", {})
        self.turn()

    def write(self, data: bytes) -> None:
        """pygls' end of the connection."""
        message = json.loads(data.partition(b"\r\n\r\n")[2])
        if "method" not in message:
            self.answers.append(message)
        elif "id" in message:
            self.requests.append(message)

    def close(self) -> None:
        """Say goodbye and end."""
        self.request("shutdown", None)
        self.turn()
        self._reader.feed_eof()
        self.run(asyncio.wait({self._serving}))
        self.server.shutdown()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.get_loop().run_until_complete(work)

    def turn(self) -> None:
        """Let everything happen that needs no time."""
        self.wait(0.0)
        self.wait(1e-6)

    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    def request(self, method: str, params: Any) -> int:
        self._count += 1
        self._send({"jsonrpc": "2.0", "id": self._count, "method": method, "params": params})
        return self._count

    def notify(self, method: str, params: Any) -> None:
        self._send({"jsonrpc": "2.0", "method": method, "params": params})

    def respond(self, number: str, result: Any) -> None:
        """Answer a request of the server's."""
        self._send({"jsonrpc": "2.0", "id": number, "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps(message).encode()
        self._reader.feed_data(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def open(self, uri: str, text: str, language: str = "python") -> None:
        self.documents[uri] = Document(uri, text, 1, language)
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})

    def close_document(self, uri: str) -> None:
        del self.documents[uri]
        self.notify("textDocument/didClose", {"textDocument": {"uri": uri}})

    def replace(self, uri: str, span: Span, text: str) -> None:
        old = self.documents[uri]
        document = self.documents[uri] = old.replace(span, text)
        change = {"range": _range(old, span), "text": text}
        identifier = {"uri": uri, "version": document.version}
        self.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [change]})

    def ask(self, uri: str, cursor: int, *, invoked: bool = False, selected: tuple[Span, str] | None = None) -> Asked:
        """Send an inline request."""
        document = self.documents.get(uri) or Document(uri, "")
        context: dict[str, Any] = {"triggerKind": 1 if invoked else 2}
        if selected is not None:
            context["selectedCompletionInfo"] = {"range": _range(document, selected[0]), "text": selected[1]}
        params = {"textDocument": {"uri": uri}, "position": _place(document, cursor), "context": context}
        number = self.request("textDocument/inlineCompletion", params)
        self.asked.append(Asked(number, document, cursor, selected))
        return self.asked[-1]

    def cancel(self, number: int) -> None:
        self.notify("$/cancelRequest", {"id": number})

    def command(self, name: str, *arguments: Any) -> int:
        return self.request("workspace/executeCommand", {"command": name, "arguments": list(arguments)})

    def reply(self, asked: Asked) -> dict[str, Any] | None:
        return next((answer for answer in self.answers if answer["id"] == asked.number), None)

    def shown(self, asked: Asked) -> str:
        """The text of the first suggestion; empty for none."""
        reply = self.reply(asked)
        items = reply["result"]["items"] if reply and "result" in reply else []
        return str(items[0]["insertText"]) if items else ""

    def tier(self, asked: Asked) -> Tier | None:
        """Who made the first suggestion; None where there is none."""
        reply = self.reply(asked) or {}
        for item in reply.get("result", {"items": []})["items"]:
            (suggestion,) = item["command"]["arguments"]
            events = (each for each in self.session.events if isinstance(each, InlineAnswered))
            return next(each.tier for each in events if each.suggestion == suggestion)
        return None

    def reused(self) -> int:
        """How many inline requests were answered from what was known."""
        return sum(isinstance(event, InlineAnswered) and event.reused for event in self.session.events)


def _place(document: Document, offset: int) -> dict[str, int]:
    place = position_of(document, offset, ENCODING)
    return {"line": place.line, "character": place.character}


def _range(document: Document, span: Span) -> dict[str, Any]:
    return {"start": _place(document, span.start), "end": _place(document, span.end)}
