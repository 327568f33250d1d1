"""One client for every model server: our engine, llama-server, and whatever speaks OpenAI's protocol.

Closing the stream closes the connection, which is how all of them are told to stop.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import attrs
import httpx

from hybrid_lsp.backends import dialects
from hybrid_lsp.backends.dialects import Call, Dialect
from hybrid_lsp.errors import BackendError, BackendFailed, BackendTimeout, BackendUnavailable, ConfigError
from hybrid_lsp.models import families
from hybrid_lsp.models.families import Family
from hybrid_lsp.models.stops import StopFinder
from hybrid_lsp.types import Finish, Piece, Request

_CONNECT_S = 5.0
_LONGEST_LINE = 1024 * 1024
"""Bytes of one event; a server that sends more without a line end is not streaming tokens."""
_DRAIN_S = 0.2
_DONE = object()
_LONGEST_ERROR = 64 * 1024
_BUSY = (502, 503, 504)
_UNREADABLE = (400, 422)
_SCHEMA = "response_format"


@attrs.frozen
class Endpoint:
    """Where a server listens: `uds` is a Unix socket, then the host in `base_url` is only a name."""

    base_url: str
    uds: Path | None = None
    token: str | None = attrs.field(default=None, repr=False)

    def client(self) -> httpx.AsyncClient:
        """A new client. Time is limited by the caller; only connecting has a limit of its own."""
        local = self.uds is not None or self.base_url.startswith("http://")
        transport = httpx.AsyncHTTPTransport(uds=str(self.uds)) if self.uds is not None else None
        return httpx.AsyncClient(
            base_url=self.base_url.rstrip("/"),
            headers={"Authorization": f"Bearer {self.token}"} if self.token else None,
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            transport=transport,
            trust_env=self.uds is None,  # a proxy from the environment makes sense for the network only
            verify=not local,  # without TLS there is nothing to verify, and reading all roots takes 30 ms
        )


@attrs.define(eq=False)
class HttpBackend:
    """A model behind an HTTP server. Used by one event loop; `aclose` it in the end.

    `timeout_s` limits a whole reply. `api_key_env` names the environment variable with the key, read at each use.
    """

    name: str
    endpoint: Endpoint
    dialect: Dialect = "engine"
    model: str = ""
    family: Family = families.PLAIN
    timeout_s: float = 120.0
    api_key_env: str = ""
    _client: httpx.AsyncClient | None = None

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """See `Backend.generate`."""
        call = dialects.call(self.dialect, self.model, self.family, request)
        watch = _Watch(request, self.dialect, self.family)
        deadline = time.monotonic() + self.timeout_s
        async with aclosing(self._events(call, deadline)) as events:
            async for event in events:
                for piece in watch.take(event):
                    yield piece
                if watch.done:
                    await _drain(events)
                    return
        raise BackendFailed(f"{self.name} ended its answer in the middle.", "See the server's log.")

    async def aclose(self) -> None:
        """Close idle connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def props(self) -> dict[str, Any]:
        """What the engine, or llama-server, says of itself. Raises BackendError."""
        return await self.get_json("/props")

    async def get_json(self, path: str) -> dict[str, Any]:
        """A JSON object of the server. Raises BackendError."""
        deadline = time.monotonic() + min(self.timeout_s, _CONNECT_S)
        response = await self._send("GET", path, None, deadline)
        try:
            body = await self._whole_body(response, deadline)
        finally:
            await response.aclose()
        return body

    async def _events(self, call: Call, deadline: float) -> AsyncGenerator[Any, None]:
        response = await self._send("POST", call.path, call.body, deadline)
        try:
            if "event-stream" not in response.headers.get("content-type", ""):
                # A server without streaming answers in one body.
                yield _as_events(await self._whole_body(response, deadline))
                return
            async with aclosing(self._lines(response, deadline)) as lines:
                async for line in lines:
                    if (event := self._event(line)) is not None:
                        yield event
        finally:
            # Of a body that was not read to its end httpx closes the connection: the server stops.
            await response.aclose()

    async def _send(self, method: str, path: str, body: Any, deadline: float) -> httpx.Response:
        if self._client is None:
            self._client = self.endpoint.client()
        request = self._client.build_request(method, path, json=body, headers=self._headers())
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                response = await self._client.send(request, stream=True)
        except (TimeoutError, httpx.PoolTimeout, httpx.WriteTimeout) as error:
            raise self._late() from error
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._unreachable(error) from error
        if response.status_code in _UNREADABLE and _SCHEMA in (body or {}):
            # Not every server takes a schema; the prompt asks for the same form in words.
            await response.aclose()
            return await self._send(method, path, {k: v for k, v in body.items() if k != _SCHEMA}, deadline)
        if response.is_error:
            raise await self._refusal(response, deadline)
        return response

    def _headers(self) -> dict[str, str]:
        if not self.api_key_env:
            return {}
        key = os.environ.get(self.api_key_env, "").strip()
        if not key:
            raise BackendUnavailable(
                f"The environment variable {self.api_key_env} with the key for {self.name} is empty.",
                "Set it before the editor starts, or clear `api_key_env`.",
            )
        return {"Authorization": f"Bearer {key}"}

    async def _refusal(self, response: httpx.Response, deadline: float) -> BackendError:
        """The error that a status other than 2xx stands for."""
        try:
            raw = await self._read(response, deadline, _LONGEST_ERROR)
        except BackendError:
            raw = b""
        finally:
            await response.aclose()
        said = _error_said(raw) or response.reason_phrase
        message = f"{self.name} answered {response.status_code}: {said}"
        if response.status_code in _BUSY:
            return BackendUnavailable(message, "Try again when the server is ready.")
        remedy = "Check `api_key_env`." if response.status_code in (401, 403) else "See the server's log."
        return BackendFailed(message, remedy)

    async def _whole_body(self, response: httpx.Response, deadline: float) -> dict[str, Any]:
        raw = await self._read(response, deadline, 16 * _LONGEST_LINE)
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise BackendFailed(f"{self.name} sent no JSON.", _WRONG_SERVER) from error
        if not isinstance(body, dict):
            raise BackendFailed(f"{self.name} sent no JSON object.", _WRONG_SERVER)
        return body

    async def _read(self, response: httpx.Response, deadline: float, most: int) -> bytes:
        read = bytearray()
        async with aclosing(self._bytes(response, deadline)) as parts:
            async for part in parts:
                read += part
                if len(read) > most:
                    raise BackendFailed(f"{self.name} sent more than {most} bytes.", _WRONG_SERVER)
        return bytes(read)

    async def _lines(self, response: httpx.Response, deadline: float) -> AsyncGenerator[bytes, None]:
        """Lines as they arrive. Not httpx's: those end at U+2028 too, which JSON may hold."""
        pending = b""
        async with aclosing(self._bytes(response, deadline)) as parts:
            async for part in parts:
                *lines, pending = (pending + part).split(b"\n")
                for line in lines:
                    yield line.rstrip(b"\r")
                if len(pending) > _LONGEST_LINE:
                    raise BackendFailed(f"{self.name} sent a line of more than {_LONGEST_LINE} bytes.", _WRONG_SERVER)

    async def _bytes(self, response: httpx.Response, deadline: float) -> AsyncGenerator[bytes, None]:
        parts: AsyncIterator[bytes] = response.aiter_bytes()
        while True:
            try:
                async with asyncio.timeout(deadline - time.monotonic()):
                    part = await anext(parts)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise self._late() from error
            except (httpx.HTTPError, OSError) as error:
                raise BackendFailed(
                    f"{self.name} died in the middle of an answer ({type(error).__name__}).", "See the server's log."
                ) from error
            yield part

    def _event(self, line: bytes) -> Any:
        """The JSON of a line; None for comments, event names and the empty lines between."""
        field, _, value = line.partition(b":")
        if field not in (b"data", b"error") or not value.strip():
            return None
        if value.strip() == b"[DONE]":
            return _DONE
        try:
            event = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise BackendFailed(f"{self.name} sent an event that is not JSON.", _WRONG_SERVER) from error
        return event if field == b"data" else {"error": event}

    def _late(self) -> BackendTimeout:
        return BackendTimeout(
            f"{self.name} did not finish within {self.timeout_s:g} s.", "Raise `timeout_s`, or ask a faster model."
        )

    def _unreachable(self, error: Exception) -> BackendError:
        where = self.endpoint.uds or self.endpoint.base_url
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | OSError):
            return BackendUnavailable(f"Nobody answers at {where}.", "Start the server, or correct `base_url`.")
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            return BackendUnavailable(f"{where} is no address of a server.", "Correct `base_url`.")
        return BackendFailed(f"{self.name} broke off ({type(error).__name__}).", "See the server's log.")


_WRONG_SERVER = "Check that `base_url` and `backend` fit the server."


class _Watch:
    """Turns the events of one reply into pieces, and knows when the reply is over.

    It looks for all stop strings, of which servers take only some, and keeps the time budget where it is not our
    engine that does.
    """

    def __init__(self, request: Request, dialect: Dialect, family: Family) -> None:
        self._finder = StopFinder(dialects.stops(dialect, family, request))
        kept_there = dialect == "engine" or request.time_budget_ms is None
        self._budget = None if kept_there else (request.time_budget_ms or 0) / 1000
        self._first: float | None = None
        self._tokens, self._logprob = 0, 0.0
        self.done = False

    def take(self, event: Any) -> Iterator[Piece]:
        if event is _DONE:
            yield from self._end(Finish.STOP)  # a server that gave no reason
            return
        piece = dialects.read(event)
        if piece is None:
            return
        yield from self._text(piece)
        finish = piece.finish or self._own_end()
        if finish is not None:
            yield from self._end(finish)

    def _text(self, piece: Piece) -> Iterator[Piece]:
        self._tokens += piece.tokens
        self._logprob += piece.logprob if piece.tokens else 0.0
        if safe := self._finder.feed(piece.text):
            yield self._piece(safe)

    def _own_end(self) -> Finish | None:
        if self._finder.found is not None:
            return Finish.STOP
        now = time.monotonic()
        self._first = now if self._first is None else self._first
        return Finish.TIME if self._budget is not None and now - self._first >= self._budget else None

    def _end(self, finish: Finish) -> Iterator[Piece]:
        if rest := self._finder.flush():
            yield self._piece(rest)
        self.done = True
        # The tokens that ended the text are counted, and how likely they were.
        yield attrs.evolve(self._piece(""), finish=finish)

    def _piece(self, text: str) -> Piece:
        tokens, self._tokens = self._tokens, 0
        logprob, self._logprob = self._logprob, 0.0
        return Piece(text, tokens, logprob)


async def _drain(events: AsyncGenerator[Any, None]) -> None:
    """Read the little that follows the last piece, so that the connection can be used again."""
    with suppress(BackendError, TimeoutError):
        async with asyncio.timeout(_DRAIN_S):
            async for _ in events:
                pass


def _as_events(body: dict[str, Any]) -> dict[str, Any]:
    """A body that is not a stream, as the one event of a stream."""
    if "content" in body:
        return body | {"stop": True}
    return body


def _error_said(raw: bytes) -> str:
    try:
        return dialects.error_text(json.loads(raw))
    except (ValueError, RecursionError):
        return raw[:200].decode("utf-8", "replace").strip()


def require_url(base_url: str, setting: str) -> str:
    """A usable base address. Raises ConfigError."""
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigError(
            f"`{setting}` is `{base_url}`, not the address of a server.",
            "Set it to something like http://localhost:8000/v1.",
        )
    return base_url
