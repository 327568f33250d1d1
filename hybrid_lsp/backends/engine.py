"""Our own engine as a backend: started when it is needed, and again when it is gone or does not answer any more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import attrs

from hybrid_lsp.backends.base import let_go
from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.backends.launcher import EngineSpec, Launcher
from hybrid_lsp.errors import BackendFailed, BackendTimeout, BackendUnavailable, ConfigError, EngineError, ModelError
from hybrid_lsp.types import Piece, Request

SILENCE_S = 1.0
"""After so long without a piece the engine is asked for a sign of life, which costs it nothing."""


@attrs.define(eq=False)
class EngineBackend:
    """An engine of this machine. Used by one event loop; `aclose` it in the end (the engine itself lives on)."""

    spec: EngineSpec
    launcher: Launcher
    timeout_s: float = 120.0
    thinking_tokens: int = 4096
    _http: HttpBackend | None = None
    _connecting: int = 0

    @property
    def name(self) -> str:
        return f"engine:{self.spec.model}"

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """See `Backend.generate`. BackendUnavailable also where the engine cannot be had; its cause says why."""
        http = self._http or await self._connect()
        started = False
        try:
            async with aclosing(self._alive(http, request)) as pieces:
                async for piece in pieces:
                    started = True
                    yield piece
                return
        except BackendUnavailable as error:
            if started:
                raise BackendFailed(error.message, error.remedy) from error
        # It ended, idle or killed, since we last spoke to it, or it was stopped.
        http = await self._connect()
        async with aclosing(self._alive(http, request)) as pieces:
            async for piece in pieces:
                yield piece

    async def _alive(self, http: HttpBackend, request: Request) -> AsyncGenerator[Piece, None]:
        """The reply, as long as the engine gives a sign of life; BackendUnavailable once it gives none.

        A long prompt is silence too: that alone says nothing.
        """
        async with aclosing(http.generate(request)) as pieces:
            while True:
                upcoming = asyncio.ensure_future(anext(pieces, None))
                try:
                    while not (await asyncio.wait({upcoming}, timeout=SILENCE_S))[0]:
                        if not await self.launcher.lives(self.spec) and not upcoming.done():
                            raise BackendUnavailable(f"{self.name} does not answer any more.", "Ask again in a moment.")
                    piece = upcoming.result()
                finally:
                    await let_go(upcoming)
                if piece is None:
                    return
                yield piece

    @property
    def loading(self) -> bool:
        """Whether the engine is being started."""
        return self._connecting > 0 or self.launcher.starts(self.spec)

    async def warm(self) -> None:
        """Have the engine started and its model loaded ahead of the first request.

        Raises what `Launcher.ensure` does.
        """
        self._connecting += 1
        try:
            await self._use(await self.launcher.ensure(self.spec))
        finally:
            self._connecting -= 1

    async def props(self) -> dict[str, Any]:
        """The engine's `/props`; starts it if need be. Raises BackendError."""
        try:
            return await (self._http or await self._connect()).props()
        except BackendUnavailable:
            return await (await self._connect()).props()

    async def aclose(self) -> None:
        """Close idle connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _connect(self) -> HttpBackend:
        self._connecting += 1
        try:
            async with asyncio.timeout(self.timeout_s):
                return await self._use(await self.launcher.ensure(self.spec))
        except TimeoutError as error:
            raise BackendTimeout(f"{self.name} is still loading its model.", "Ask again in a moment.") from error
        except (EngineError, ModelError, ConfigError) as error:
            raise BackendUnavailable(error.message, error.remedy) from error
        finally:
            self._connecting -= 1

    async def _use(self, endpoint: Endpoint) -> HttpBackend:
        """The client for this address; the old one is kept where the address is the same."""
        if self._http is None or self._http.endpoint != endpoint:
            await self.aclose()
            self._http = HttpBackend(
                name=self.name,
                endpoint=endpoint,
                dialect="engine",
                model=self.spec.model,
                timeout_s=self.timeout_s,
                thinking_tokens=self.thinking_tokens,
            )
        return self._http
