"""What happens to one request before a model sees it: who asks, whether he may, and which replica is asked.

A replica that dies before it has answered anything is nobody's business but the door's: another one is asked. Where
an answer has begun, it ends with an error event, as one of an engine that ends does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from hybrid_lsp.cluster import affinity
from hybrid_lsp.cluster.accounts import Accounts, LimitReached
from hybrid_lsp.cluster.bridge import BILL, Asked
from hybrid_lsp.cluster.team import Limits, Team, User
from hybrid_lsp.engine import wire
from hybrid_lsp.engine.app import body_of, error_answer, event
from hybrid_lsp.engine.service import BadRequest

_LOG = logging.getLogger(__name__)
_TRIES = 4
"""Replicas that are asked in turn where one after the other dies."""
_ANYBODY = User("anybody", Limits(0, 0))
_HEALTH = ("/health", "/v1/health")


class ReplicaLost(Exception):
    """The replica that was asked is no more."""


class NoRoom(Exception):
    """More requests wait than may."""


Forward = Callable[[Asked], AsyncGenerator[Message, None]]
"""Asks a replica; raises ReplicaLost or NoRoom. Closing it has the replica stop."""


@attrs.define(eq=False)
class Door:
    """An ASGI application before the replicas. `team` None: anybody on this machine may ask, and nobody is counted."""

    forward: Forward
    team: Team | None = None
    accounts: Accounts = attrs.field(factory=Accounts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _HEALTH:
            await JSONResponse({"status": "ok"})(scope, receive, send)
            return
        try:
            user = self._user(Request(scope))
            if scope["method"] != "POST":
                await self._ask(user, scope, receive, send)
                return
            with self.accounts.request(user):
                await self._ask(user, scope, receive, send)
        except BadRequest as error:
            await error_answer(error)(scope, receive, send)
        except LimitReached as limit:
            await _too_much(limit.message, "rate_limit_exceeded", 429, limit.retry_after_s)(scope, receive, send)
        except NoRoom:
            await _too_much("All models are busy.", "unavailable_error", 503, 1)(scope, receive, send)
        except ClientDisconnect:
            _LOG.debug("the client went away")

    def _user(self, request: Request) -> User:
        """Whose request it is. Raises BadRequest."""
        if "origin" in request.headers:
            raise BadRequest("Requests from web pages are not served.", status=403)
        if self.team is None:
            return _ANYBODY
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        user = self.team.whose(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise BadRequest("The bearer token is missing or wrong.", "authentication_error", 401)
        return user

    async def _ask(self, user: User, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward it while somebody listens."""
        asked = await _asked(user, Request(scope, receive))
        answering = asyncio.create_task(self._answer(asked, send))
        listening = asyncio.create_task(_until_closed(receive))
        try:
            await asyncio.wait({answering, listening}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            listening.cancel()
            answering.cancel()
            await asyncio.wait({answering, listening})

    async def _answer(self, asked: Asked, send: Send) -> None:
        for tried in range(1, _TRIES + 1):
            begun = False
            try:
                async with aclosing(self.forward(asked)) as messages:
                    async for message in messages:
                        if message["type"] == BILL:
                            self._charge(message["tokens"])
                            continue
                        begun = True
                        await send(message)
                return
            except ReplicaLost:
                _LOG.warning("a replica was lost (%d of %d)", tried, _TRIES)
                if begun:
                    await _broken_off(send)
                    return
        raise BadRequest("The models are being started again.", "unavailable_error", 503)

    def _charge(self, tokens: dict[str, int]) -> None:
        for name, count in tokens.items():
            self.accounts.charge(name, count)


async def _asked(user: User, request: Request) -> Asked:
    """The request as a value. Raises BadRequest."""
    body = await body_of(request)
    fields = wire.parse(body).body if request.method == "POST" else {}
    marks = affinity.marks(user.name, affinity.text_of(fields))
    query = bytes(request.scope["query_string"])
    return Asked(user.name, request.method, request.url.path, query, body, marks)


async def _until_closed(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _broken_off(send: Send) -> None:
    body = wire.error_body("The replica that answered is no more.", "unavailable_error", 503)
    await send({"type": "http.response.body", "body": event(body), "more_body": False})


def _too_much(message: str, kind: str, status: int, retry_after_s: int) -> Response:
    headers = {"Retry-After": str(retry_after_s)}
    return JSONResponse(wire.error_body(message, kind, status), status_code=status, headers=headers)
