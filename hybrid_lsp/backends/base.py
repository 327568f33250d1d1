"""The contract of every backend: one method."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any, Protocol, runtime_checkable

from hybrid_lsp.types import Piece, Request


class Backend(Protocol):
    """A model somewhere that generates text."""

    @property
    def name(self) -> str:
        """What logs, metrics and the status call it, for example `engine:embedded`."""
        ...

    def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """Stream the reply; the last piece carries `finish`.

        What a model thinks before it answers comes as pieces of another kind, without text (`Kind`).

        Closing the generator cancels: the model stops within one token.

        Raises:
            BackendUnavailable: nobody answers.
            BackendFailed: the backend answered with an error or died; pieces may have come before.
            BackendRefused: it is well and does not answer this request: the prompt is too long, a filter withheld the
                reply, it called a tool or did nothing but think.
            BackendTimeout: the whole reply took longer than the backend's time-out.
        """
        ...


@runtime_checkable
class Warmable(Protocol):
    """A backend that can be made ready before its first request."""

    @property
    def loading(self) -> bool:
        """Whether it is being made ready now: then its silence means nothing."""
        ...

    async def warm(self) -> None:
        """Start what must be started; raises BackendUnavailable when it cannot be."""
        ...


@runtime_checkable
class Closeable(Protocol):
    """A backend that holds connections."""

    async def aclose(self) -> None:
        """Close them; a request in flight ends with BackendFailed."""
        ...


async def let_go(pending: asyncio.Future[Any]) -> None:
    """Cancel what is waited for no longer, and wait until the backend has let go."""
    if pending.done():
        if not pending.cancelled():
            pending.exception()  # marks it as seen where nobody awaited the result
        return
    pending.cancel()
    await asyncio.wait({pending})
