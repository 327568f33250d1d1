"""The engine's HTTP interface, an ASGI application.

A closed connection stops the generation at the next token, on every endpoint, streaming or not: that is the one way
to cancel, and the same on all servers that speak these protocols.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import attrs
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from hybrid_lsp import __version__
from hybrid_lsp.engine import wire
from hybrid_lsp.engine.generation import Chunk, StopType, Summary
from hybrid_lsp.engine.metrics import exposition, kept
from hybrid_lsp.engine.service import BadRequest, Engine, Job
from hybrid_lsp.errors import HybridLspError, ModelBroken

_LOG = logging.getLogger(__name__)
MOST_BODY_BYTES = 16 * 1024 * 1024
SUMMARY = "hybrid_lsp.summary"
"""Key of a request's scope under which its Summary stands in the end, for whoever stands around the application."""


@attrs.define(eq=False)
class Host:
    """What the application serves: an engine, not yet one, or the reason why there is none."""

    engine: Engine | None = None
    error: HybridLspError | None = None

    def ready(self) -> Engine:
        """The engine. Raises BadRequest with status 503 (loading) or 500 (it does not load)."""
        if self.error is not None:
            raise BadRequest(str(self.error), "model_error", 500)
        if self.engine is None:
            raise BadRequest("Loading model", "unavailable_error", 503)
        return self.engine


def create_app(
    load: Callable[[], Engine], on_failure: Callable[[HybridLspError], None] = lambda _: None, *, role: str = "small"
) -> Starlette:
    """The application; `load` runs in a thread at start, so that `/health` answers meanwhile.

    `on_failure` is told when the model does not load. The engine is closed when the application ends.
    """
    host = Host()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loading = asyncio.create_task(_load(host, load, on_failure))
        try:
            yield
        finally:
            await loading
            if host.engine is not None:
                await asyncio.to_thread(host.engine.close)

    handlers = {BadRequest: _refused, HTTPException: _http_error, ClientDisconnect: _gone}
    app = Starlette(routes=_routes(), lifespan=lifespan, exception_handlers=handlers)
    app.state.host = host
    app.state.role = role
    return app


async def _load(host: Host, load: Callable[[], Engine], on_failure: Callable[[HybridLspError], None]) -> None:
    try:
        host.engine = await asyncio.to_thread(load)
    except HybridLspError as error:
        host.error = error
    except Exception as error:  # whatever a model library throws, the launcher gets a reason
        _LOG.exception("the model does not load")
        host.error = ModelBroken(f"The model does not load: {error}", "See the engine's log.")
    if host.error is not None:
        on_failure(host.error)


def _routes() -> list[Route]:
    return [
        Route("/health", _health),
        Route("/v1/health", _health),
        Route("/props", _props),
        Route("/metrics", _metrics),
        Route("/v1/models", _models),
        Route("/infill", _infill, methods=["POST"]),
        Route("/v1/completions", _completions, methods=["POST"]),
        Route("/v1/chat/completions", _chat, methods=["POST"]),
    ]


async def _health(request: Request) -> Response:
    _host(request).ready()
    return JSONResponse({"status": "ok"})


async def _props(request: Request) -> Response:
    engine = _host(request).ready()
    return JSONResponse(
        {
            "model": engine.name,
            "family": engine.family.name,
            "fills_in": engine.family.fills_in,
            "suffix_first": engine.family.suffix_first,
            "context": engine.context,
            "library": engine.model.library,
            "compute_type": engine.model.compute_type,
            "threads": engine.model.threads,
            "role": request.app.state.role,
            "pid": os.getpid(),
            "version": __version__,
            "prefill_tokens_per_second": _known(engine.rates.prefill),
            "decode_tokens_per_second": _known(engine.rates.decode),
            "counters": attrs.asdict(engine.counters),
            "kv": kept(engine),
            # What clients of llama.cpp look for.
            "default_generation_settings": {"n_ctx": engine.context},
            "total_slots": 1,
            "chat_template": engine.chat.template or "",
        }
    )


def _known(rate: float) -> float | None:
    """JSON has no NaN."""
    return None if math.isnan(rate) else rate


async def _metrics(request: Request) -> Response:
    engine = _host(request).ready()
    return PlainTextResponse(exposition(engine), media_type="text/plain; version=0.0.4")


async def _models(request: Request) -> Response:
    engine = _host(request).ready()
    entry = {"id": engine.name, "object": "model", "created": 0, "owned_by": "hybrid-lsp"}
    return JSONResponse({"object": "list", "data": [entry | {"meta": {"n_ctx_train": engine.context}}]})


async def _infill(request: Request) -> Response:
    engine, fields = _host(request).ready(), wire.parse(await body_of(request))
    shape = wire.InfillShape(engine.name, fields)
    return _answer(engine, wire.infill_job(fields), shape, stream=fields.flag("stream"))


async def _completions(request: Request) -> Response:
    engine, fields = _host(request).ready(), wire.parse(await body_of(request))
    shape = wire.CompletionShape(engine.name, fields)
    return _answer(engine, wire.completion_job(fields), shape, stream=fields.flag("stream"))


async def _chat(request: Request) -> Response:
    engine, fields = _host(request).ready(), wire.parse(await body_of(request))
    shape = wire.ChatShape(engine.name, fields)
    return _answer(engine, wire.chat_job(fields, engine.chat.stops), shape, stream=fields.flag("stream"))


def _answer(engine: Engine, job: Job, shape: wire.Shape, *, stream: bool) -> Response:
    return Streamed(engine, job, shape) if stream else Collected(engine, job, shape)


class _Generated(Response):
    """A response that runs the model while somebody listens."""

    def __init__(self, engine: Engine, job: Job, shape: wire.Shape) -> None:
        super().__init__()
        self._engine, self._job, self._shape = engine, job, shape

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = asyncio.create_task(self._watch(receive))
        try:
            await self._send(scope, receive, send)
        except BadRequest as error:
            await error_answer(error)(scope, receive, send)
        except OSError:
            _LOG.debug("the client went away")  # the server says so when it is written to
        finally:
            watch.cancel()

    async def _watch(self, receive: Receive) -> None:
        """Cancel the job when the connection closes."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._job.cancel.set()

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise NotImplementedError


class Collected(_Generated):
    """The whole reply in one JSON body."""

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        chunks: list[Chunk] = []
        summary: Summary | None = None
        async with aclosing(self._engine.stream(self._job)) as items:
            async for item in items:
                if isinstance(item, Summary):
                    summary = scope[SUMMARY] = item
                else:
                    chunks.append(item)
        if summary is None or summary.stop_type is StopType.CANCELLED:
            raise _CANCELLED
        await JSONResponse(self._shape.whole(chunks, summary))(scope, receive, send)


class Streamed(_Generated):
    """Server-sent events. The status is sent with the first of them, so that a refusal still has its own."""

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        async with aclosing(self._engine.stream(self._job)) as items:
            async for item in items:
                if not started:
                    await send(_EVENT_STREAM_START)
                    started = True
                if isinstance(item, Summary):
                    scope[SUMMARY] = item
                elif self._job.cancel.is_set():
                    continue  # to nobody
                await send({"type": "http.response.body", "body": self._events(item), "more_body": True})
        if not started:
            raise _CANCELLED
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _events(self, item: Chunk | Summary) -> bytes:
        if isinstance(item, Chunk):
            return event(self._shape.chunk(item))
        if item.stop_type is StopType.CANCELLED:
            return event(wire.error_body(_CANCELLED.message, _CANCELLED.kind, _CANCELLED.status))
        events = b"".join(event(body) for body in self._shape.last(item))
        return events + (f"data: {self._shape.done}\n\n".encode() if self._shape.done else b"")


# Heard only by clients of an engine that ends: whoever closed the connection hears nothing.
_CANCELLED = BadRequest("The generation was stopped before its end.", "unavailable_error", 503)

_EVENT_STREAM_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-cache")],
}


def event(body: wire.Json) -> bytes:
    """One server-sent event."""
    return f"data: {json.dumps(body, ensure_ascii=False, separators=(',', ':'))}\n\n".encode("utf-8", "replace")


async def body_of(request: Request) -> bytes:
    """A request's body. Raises BadRequest for one that is too large, ClientDisconnect."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BODY_BYTES:
            raise BadRequest(f"The body is larger than {MOST_BODY_BYTES} bytes.", status=413)
        parts.append(part)
    return b"".join(parts)


def _host(request: Request) -> Host:
    host: Host = request.app.state.host
    return host


def error_answer(error: BadRequest) -> Response:
    """The answer to a request that cannot be served."""
    return JSONResponse(wire.error_body(error.message, error.kind, error.status), status_code=error.status)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, BadRequest)
    return error_answer(error)


async def _gone(_: Request, error: Exception) -> Response:
    return Response(status_code=400)  # to nobody


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        wire.error_body(str(error.detail), "not_found_error", error.status_code), status_code=error.status_code
    )
