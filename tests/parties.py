"""How the parties of the contract are tested: each clause (`clauses.py`) for every party that has what it needs."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import tiny_model
from columns import CANNED, COLUMNS, column_of
from event_stream import event

from hybrid_lsp.backends.base import Backend
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.backends.langchain import LangChainBackend
from hybrid_lsp.backends.ollama import OllamaBackend

REPLY = "alpha beta gamma: \U0001f600 done"


@attrs.define(eq=False)
class Party:
    """A backend with somebody who answers it.

    `connect` makes a backend for its server, or for whoever listens at another endpoint in its place. `reply` is what
    it will say, None where nobody knows. `given_up` counts the generations that the server stopped because its client
    had gone, `works` says whether it is at one, and `let` permits a script so many tokens.
    """

    name: str
    connect: Callable[..., Backend]
    given_up: Callable[[], Awaitable[int]]
    works: Callable[[], Awaitable[bool]]
    endpoint: Endpoint | None = None
    reply: str | None = REPLY
    let: Callable[[int], None] = lambda tokens: None
    made: list[Any] = attrs.field(factory=list)

    @property
    def has(self) -> frozenset[str]:
        return COLUMNS[column_of(self.name)].has

    @property
    def kind(self) -> str:
        """A kind of prompt that it takes."""
        return "infill" if "infill" in self.has else "chat"

    def backend(self, endpoint: Endpoint | None = None, **options: Any) -> Any:
        """A backend, closed when the test ends."""
        self.made.append(self.connect(endpoint or self.endpoint, **options))
        return self.made[-1]

    async def aclose(self) -> None:
        for each in self.made:
            if hasattr(each, "aclose"):
                await each.aclose()


def clause(*needs: str) -> Any:
    """Marks a test as a clause of the contract, for parties that have what it needs."""
    return pytest.mark.clause(*needs)


def generate_tests(metafunc: pytest.Metafunc, names: list[str], *, real: bool = False) -> None:
    """Parametrize a clause by its parties, and by the kinds of prompts that each takes."""
    mark = metafunc.definition.get_closest_marker("clause")
    if mark is None or "party" not in metafunc.fixturenames:
        return
    needed = set(mark.args) - {CANNED}
    bound = [name for name in names if needed <= COLUMNS[column_of(name)].has and not (real and CANNED in mark.args)]
    if "kind" not in metafunc.fixturenames:
        metafunc.parametrize("party", bound, indirect=True)
        return
    kinds = [(name, kind) for name in bound for kind in ("infill", "chat") if kind == "chat" or _fills_in(name)]
    metafunc.parametrize(("party", "kind"), kinds, indirect=["party"])


def _fills_in(name: str) -> bool:
    return "infill" in COLUMNS[column_of(name)].has


def client(name: str, endpoint: Endpoint, model: str = "scripted", **options: Any) -> Backend:
    """A backend of a kind, as `factory.make_backend` makes it, for a server at an endpoint."""
    if name.startswith("engine"):
        return HttpBackend("test", endpoint, "engine", model, **options)
    if name == "llamacpp":
        return HttpBackend("test", endpoint, "llamacpp", **options)
    if name == "ollama":
        return OllamaBackend(name="test", endpoint=endpoint, model=model, **options)
    versioned = attrs.evolve(endpoint, base_url=f"{endpoint.base_url}/v1")
    if name == "langchain":
        known = {"parameters": {"api_key": "none"}}
        return LangChainBackend(name="test", endpoint=versioned, model=f"openai:{model}", **(known | options))
    return HttpBackend("test", versioned, "openai", model, **({"family": tiny_model.HYBRID} | options))


def refusal(name: str, status: str, said: str, *headers: str) -> bytes:
    """How a server refuses: Ollama in a text, the others in an object."""
    body = json.dumps({"error": said if name == "ollama" else {"message": said, "type": "error", "param": None}})
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join([*lines, "Connection: close"]) + f"\r\n\r\n{body}").encode()


def broken(name: str) -> bytes:
    """An event that is none, in the form of a server."""
    return b'{"response": "al\n{"done"\n' if name == "ollama" else b"data: {nothing\n\n"


def failing(name: str, said: str) -> bytes:
    """An error in the middle of a stream."""
    return json.dumps({"error": said}).encode() + b"\n" if name == "ollama" else event({"error": {"message": said}})
