"""What the tests of actions share: a pipeline over scripted models."""

from __future__ import annotations

import asyncio
from pathlib import Path

import attrs

from hybrid_lsp.actions.base import Action
from hybrid_lsp.actions.pipeline import ACTIONS, ActionPipeline
from hybrid_lsp.actions.telling import Progress
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.config import Config
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.candidates import Patience
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Finding, Severity, Tier


def python(text: str, path: Path | None = None) -> Document:
    return Document("file:///x.py", text, 1, "python", path)


def cursor(document: Document, text: str) -> Span:
    start = document.text.index(text)
    return Span(start, start)


def place(document: Document, text: str) -> Span:
    start = document.text.index(text)
    return Span(start, start + len(text))


def problem(document: Document, text: str, message: str, code: str = "", tool: str = "") -> Finding:
    """A diagnostic of some server on a text of the document."""
    return Finding(place(document, text), message, Severity.WARNING, code, tool)


@attrs.define
class Bench:
    """A pipeline over a scripted large model, and a scripted small one that can chat where there is one."""

    backend: FakeBackend | None = attrs.field(factory=lambda: FakeBackend("big"))
    config: Config = attrs.field(factory=Config)
    patience: Patience = attrs.field(factory=Patience)
    seen: list[Progress] = attrs.field(factory=list)
    small: FakeBackend | None = None
    actions: tuple[Action, ...] = ACTIONS
    root: Path | None = None

    def pipeline(self) -> ActionPipeline:
        backends = {Tier.SMALL: self.small, Tier.LARGE: self.backend}
        router = Router(
            {tier: backend for tier, backend in backends.items() if backend},
            patience=self.patience,
            small_chats=self.small is not None,
        )
        file_check = Privacy(self.config.privacy).document_reason
        return ActionPipeline(router, self.config, file_check, self.actions, lambda document: self.root)

    async def run(
        self,
        name: str,
        *replies: FakeReply | str,
        document: Document,
        at: str = "",
        instruction: str = "",
        diagnostic: Finding | None = None,
        enough: asyncio.Event | None = None,
    ):
        if self.backend:
            self.backend.enqueue(replies)
        return await self.pipeline().run(
            name,
            document,
            cursor(document, at),
            self.seen.append,
            instruction=instruction,
            diagnostic=diagnostic,
            enough=enough,
        )

    def prompt(self, number: int = 0) -> str:
        assert self.backend is not None
        chat = self.backend.requests[number].prompt
        assert isinstance(chat, Chat)
        return "\n".join(each.content for each in chat.messages)


def no_model() -> Bench:
    return Bench(backend=None)


def block(code: str, language: str = "python") -> str:
    """A reply that is one fenced block."""
    return f"````{language}\n{code}\n````"
