"""What stands before the application: who may ask over TCP, and since when nobody did."""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable

import attrs
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from hybrid_lsp.engine.wire import error_body

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NOT_WORK = ("/health", "/v1/health", "/metrics")


@attrs.define(eq=False)
class Activity:
    """Counts requests in flight and remembers the last; looks at health and metrics are no work."""

    app: ASGIApp
    clock: Callable[[], float] = time.monotonic
    in_flight: int = 0
    _last: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._last = self.clock()

    @property
    def idle_s(self) -> float:
        """Seconds since the last request ended; 0 while one is in flight."""
        return 0.0 if self.in_flight else self.clock() - self._last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _NOT_WORK:
            await self.app(scope, receive, send)
            return
        self.in_flight += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.in_flight -= 1
            self._last = self.clock()


@attrs.define(eq=False)
class LoopbackGuard:
    """For TCP, where every program and every web page of this machine can knock.

    The Host header must name the loopback (a rebound DNS name does not), a browser's Origin is refused, and with
    `token` set a bearer token is asked for. A Unix socket needs none of this: its file is readable by its owner only.
    """

    app: ASGIApp
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (complaint := self._complaint(scope)) is not None:
            status, message = complaint
            await JSONResponse(error_body(message, "authentication_error", status), status)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _complaint(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in _LOOPBACK:
            return 403, "Only requests to the loopback address are served."
        if "origin" in headers:
            return 403, "Requests from web pages are not served."
        given = headers.get("authorization", "").removeprefix("Bearer ")
        if self.token is not None and not hmac.compare_digest(given.encode(), self.token.encode()):
            return 401, "The bearer token is missing or wrong."
        return None
