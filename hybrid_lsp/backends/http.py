"""One client for every model server: our engine, llama-server, and whatever speaks OpenAI's protocol.

Closing the stream closes the connection, which is how all of them are told to stop. Whatever happens around an exchange
is a BackendError that says what to do (`failures.py`); what a server does not take is left out and asked again
(`learning.py`); what comes is read in `events.py`, `dialects.py` and `listening.py`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import attrs
import httpx

from hybrid_lsp.backends import bills, calls, dialects, reasoning
from hybrid_lsp.backends.calls import Call, Dialect
from hybrid_lsp.backends.clock import Clock, patience_s
from hybrid_lsp.backends.endpoint import Endpoint, sent
from hybrid_lsp.backends.events import DONE, EventReader
from hybrid_lsp.backends.failures import Refusal, Situation, variable_shown
from hybrid_lsp.backends.learning import Learnt
from hybrid_lsp.backends.listening import Limits, Listener
from hybrid_lsp.backends.reasoning import Splitter
from hybrid_lsp.errors import BackendError, BackendFailed, BackendUnavailable
from hybrid_lsp.models import families
from hybrid_lsp.models.families import Family
from hybrid_lsp.types import Chat, Finish, Kind, Piece, Request, Usage

_PROPS_S = 5.0
_DRAIN_S = 0.2
_LONGEST_ERROR = 64 * 1024
_MOST_LESSONS = 12
_AUTHORIZATION = "Authorization"


class Answered(Exception):
    """A refusal in place of a reply, within this client and those made of it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.refusal = refusal


@attrs.define(eq=False)
class HttpBackend:
    """A model behind an HTTP server. Used by one event loop; `aclose` it in the end.

    `timeout_s` limits a whole reply, but for the time in which the model is seen to think; `thinking_tokens` are asked
    for beside those of an answer, and no more than these are waited for. `api_key_env` names the environment variable
    with the key, read at each use and sent in `api_key_header`. `parameters` are added to each request; one of them
    that is an empty text leaves out what would be sent.
    """

    name: str
    endpoint: Endpoint
    dialect: Dialect = "engine"
    model: str = ""
    family: Family = families.PLAIN
    timeout_s: float = 120.0
    thinking_tokens: int = 4096
    api_key_env: str = ""
    api_key_header: str = _AUTHORIZATION
    parameters: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    learnt: Learnt = attrs.field(factory=Learnt)
    _client: httpx.AsyncClient | None = None

    def __attrs_post_init__(self) -> None:
        self.learnt.opens_in_thought = reasoning.always_thinks(self.model)

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """See `Backend.generate`."""
        clock = Clock(self.timeout_s, patience_s(request))
        for _ in range(_MOST_LESSONS):
            request = self.learnt.shortened(request)
            call = self._call(request)
            splitter, listener = self._listener(request)
            try:
                async with aclosing(self._pieces(call, listener, clock)) as pieces:
                    async for piece in pieces:
                        yield piece
            except Answered as answered:
                await self._take_in(answered.refusal, call, clock)
                continue
            self._remember(splitter)
            return
        raise BackendFailed(f"{self.name} refuses each form of the request.", dialects.CHECK_URL)

    async def aclose(self) -> None:
        """Close idle connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def props(self) -> dict[str, Any]:
        """What the engine, or llama-server, says of itself. Raises BackendError."""
        return await self.ask_json("/props")

    async def ask_json(
        self, path: str, body: dict[str, Any] | None = None, *, within_s: float | None = None
    ) -> dict[str, Any]:
        """A JSON object of the server, for a body where it wants one. Raises BackendError."""
        clock = Clock(min(self.timeout_s, _PROPS_S) if within_s is None else within_s, 0.0)
        method = "GET" if body is None else "POST"
        events = []
        try:
            async with aclosing(self._events(method, Call(path, body or {}), clock)) as found:
                events = [event async for event in found]
        except Answered as answered:
            raise self._situation(path).of_refusal(answered.refusal) from None
        if len(events) != 1 or not isinstance(events[0], dict):
            raise BackendFailed(f"{self.name} sent no JSON object.", dialects.CHECK_URL)
        return events[0]

    # -- what is asked -----------------------------------------------------------------------------------------------

    def _call(self, request: Request) -> Call:
        asked = request
        if isinstance(request.prompt, Chat) and self.learnt.has_room_to_think:
            # Servers count reasoning as part of the reply.
            asked = attrs.evolve(request, max_tokens=request.max_tokens + self.thinking_tokens)
        call = calls.call(self.dialect, self.model, self.family, asked)
        return self.learnt.fit(Call(call.path, self._with_parameters(call.body)))

    def _with_parameters(self, body: dict[str, Any]) -> dict[str, Any]:
        unwanted = {name for name, value in self.parameters.items() if value == ""}
        return {name: value for name, value in (body | dict(self.parameters)).items() if name not in unwanted}

    def _listener(self, request: Request) -> tuple[Splitter, Listener]:
        prompt = request.prompt
        chats = isinstance(prompt, Chat)
        asked = "\n".join(each.content for each in prompt.messages) if isinstance(prompt, Chat) else ""
        splitter = Splitter(asked, chat=chats, opened=chats and self.learnt.opens_in_thought)
        # Our engine keeps the time budget itself.
        watched = self.dialect != "engine" and request.time_budget_ms is not None
        limits = Limits(
            answer=request.max_tokens if chats else None,
            thought=self.thinking_tokens,
            budget_s=(request.time_budget_ms or 0) / 1000 if watched else None,
        )
        return splitter, Listener(self.name, splitter, calls.stops(self.dialect, self.family, request), limits)

    def _remember(self, splitter: Splitter) -> None:
        """Whether this model's replies begin within reasoning."""
        self.learnt.opens_in_thought = (self.learnt.opens_in_thought or splitter.orphaned) and not splitter.unmarked

    async def _take_in(self, refusal: Refusal, call: Call, clock: Clock) -> None:
        """Learn from a refusal, or wait where the server is busy. Raises BackendError: there is nothing to be done."""
        if self.learnt.learn(refusal, call):
            return
        error = self._situation(call.path).of_refusal(refusal)
        if not refusal.is_busy or (wait_s := clock.wait(refusal)) is None:
            raise error
        await asyncio.sleep(wait_s)

    # -- what is answered --------------------------------------------------------------------------------------------

    async def _pieces(self, call: Call, listener: Listener, clock: Clock) -> AsyncGenerator[Piece, None]:
        reader = EventReader(self.name)
        begun, usage = False, None
        async with aclosing(self._events("POST", call, clock, reader)) as events:
            async for event in events:
                if not begun and (error := dialects.reported(event)) is not None:
                    raise Answered(Refusal.reported(error))
                usage = bills.read(event) or usage
                for piece in _heard(event, listener):
                    begun = True
                    yield piece
                clock.tick(thinking=listener.thinking)
                if listener.done:
                    usage = await _drained(events) or usage
                    break
        for piece in listener.end():
            yield piece
        if not listener.done:
            said = f" It says: {reader.stray}" if reader.stray else ""
            raise BackendFailed(f"{self.name} ended its answer in the middle.{said}", "See the server's log.")
        self.learnt.answered()
        if usage is not None:
            yield _bill(usage, listener.finish)

    async def _events(
        self, method: str, call: Call, clock: Clock, reader: EventReader | None = None
    ) -> AsyncGenerator[Any, None]:
        """The events of one answer. Raises BackendError; Answered for a status that stands for none."""
        reader = reader or EventReader(self.name)
        response = await self._send(method, call, clock)
        try:
            if not response.is_success:
                raise Answered(await self._refusal(response, clock))
            async with aclosing(self._bytes(response, clock)) as parts:
                async for part in parts:
                    for event in reader.feed(part):
                        yield event
            for event in reader.end():
                yield event
        finally:
            # Of a body that was not read to its end httpx closes the connection: the server stops.
            await response.aclose()

    async def _send(self, method: str, call: Call, clock: Clock) -> httpx.Response:
        situation = self._situation(call.path)
        try:
            if self._client is None:
                self._client = self.endpoint.client()
            request = self._client.build_request(
                method, self.endpoint.url(call.path), json=call.body if method == "POST" else None, headers=self._key()
            )
            async with asyncio.timeout(clock.remaining_s):
                return await sent(self._client, request)
        except Exception as error:  # whatever it is, it is the failure of this backend and not of the language server
            raise situation.of_exception(error, self.timeout_s) from error

    def _key(self) -> dict[str, str]:
        """The header with the key. Raises BackendUnavailable."""
        key = self._secret
        if not self.api_key_env:
            return {}
        if not key:
            raise BackendUnavailable(
                f"There is no key for {self.name} in {variable_shown(self.api_key_env)}: it is empty.",
                "Set it before the editor starts, or clear `api_key_env`.",
            )
        if not key.isascii() or not key.isprintable() or " " in key:
            raise BackendUnavailable(
                f"The key for {self.name} in {variable_shown(self.api_key_env)} holds a character that no key has.",
                "Copy the key again, without quotes, blanks and line ends.",
            )
        is_bearer = self.api_key_header.lower() == _AUTHORIZATION.lower()
        return {self.api_key_header: f"Bearer {key}" if is_bearer else key}

    @property
    def _secret(self) -> str:
        return os.environ.get(self.api_key_env, "").strip() if self.api_key_env else ""

    async def _refusal(self, response: httpx.Response, clock: Clock) -> Refusal:
        raw = bytearray()
        with suppress(BackendError):
            async with aclosing(self._bytes(response, clock)) as parts:
                async for part in parts:
                    raw += part
                    if len(raw) > _LONGEST_ERROR:
                        break
        return Refusal.of(response, bytes(raw[:_LONGEST_ERROR]), self._secret)

    async def _bytes(self, response: httpx.Response, clock: Clock) -> AsyncGenerator[bytes, None]:
        parts: AsyncIterator[bytes] = response.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout(clock.remaining_s):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise self._situation().late(self.timeout_s) from error
            except Exception as error:  # of the connection, or of a body that is not encoded as it says
                raise BackendFailed(
                    f"{self.name} died in the middle of an answer ({type(error).__name__}).", "See the server's log."
                ) from error
            yield part

    def _situation(self, path: str = "") -> Situation:
        return Situation(self.name, self.endpoint, path, self.api_key_env)


def _heard(event: Any, listener: Listener) -> list[Piece]:
    if event is DONE:
        return list(listener.end(Finish.STOP))  # a server that gave no reason
    said = dialects.read(event)
    return list(listener.take(said)) if said is not None else []


async def _drained(events: AsyncGenerator[Any, None]) -> Usage | None:
    """Read the little that follows the last piece, so that the connection can be used again; what it says of costs."""
    usage = None
    with suppress(BackendError, TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for event in events:
                usage = bills.read(event) or usage
    return usage


def _bill(usage: Usage, finish: Finish | None) -> Piece:
    return Piece("", 0, 0.0, finish, Kind.BILL, usage)
