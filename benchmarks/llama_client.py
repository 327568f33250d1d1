"""A client of llama-server that does what its own editor extension does by default, as far as a server can see it.

256 lines before the cursor and 64 after it, 128 tokens, a limit on the time; the answers of 250 places are kept, and
what is typed into one of them is looked for up to 128 characters back; then the place after the suggestion is asked
ahead. A running request is never broken off: the next one waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any

import attrs
import httpx

from benchmarks.place import Server

_PREFIX_LINES, _SUFFIX_LINES = 256, 64
_TOKENS = 128
_PROMPT_MS, _PREDICT_MS = 500, 250
_KEPT, _LOOKED_BACK = 250, 128
_MOST_RIGHT = 8
"""Characters right of the cursor; with more it does not ask."""


@attrs.define
class LlamaClient:
    """One editor window. `answers` are the replies as they came."""

    server: Server
    _kept: OrderedDict[tuple[str, str], str] = attrs.field(factory=OrderedDict)
    _running: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    _newest: int = 0
    _ahead: set[asyncio.Task[str]] = attrs.field(factory=set)

    async def ghost_text(self, text: str, cursor: int) -> tuple[str, float]:
        """What is shown at the cursor, and the milliseconds until then; "" where a newer key came first."""
        started = time.perf_counter()
        self._newest += 1
        mine = self._newest
        prefix, suffix = text[:cursor], text[cursor:]
        if len(suffix.partition("\n")[0]) > _MOST_RIGHT:
            return "", 0.0
        shown = self._known(prefix, suffix)
        if shown is None:
            async with self._running:
                if mine != self._newest:
                    return "", 0.0
                shown = self._known(prefix, suffix)
                shown = await self._ask(prefix, suffix, _PREDICT_MS) if shown is None else shown
        elapsed_ms = (time.perf_counter() - started) * 1000
        if shown.strip() and mine == self._newest:
            self._think_ahead(prefix + shown, suffix)
        return (shown if mine == self._newest else ""), elapsed_ms

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._ahead, return_exceptions=True)

    def _known(self, prefix: str, suffix: str) -> str | None:
        for back in range(min(_LOOKED_BACK, len(prefix)) + 1):
            typed = prefix[len(prefix) - back :]
            kept = self._kept.get((prefix[: len(prefix) - back], suffix))
            if kept is not None and kept.startswith(typed) and len(kept) > len(typed):
                return kept[len(typed) :]
        return None

    def _think_ahead(self, prefix: str, suffix: str) -> None:
        async def ask() -> str:
            async with self._running:
                try:
                    return await self._ask(prefix, suffix, None)
                except httpx.HTTPError:  # nobody waits for it
                    return ""

        if self._known(prefix, suffix) is None:
            task = asyncio.ensure_future(ask())
            self._ahead.add(task)
            task.add_done_callback(self._ahead.discard)

    async def _ask(self, prefix: str, suffix: str, predict_ms: int | None) -> str:
        reply = await self.server.ask("/infill", body(prefix, suffix, predict_ms))
        self._kept[prefix, suffix] = reply.text
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return reply.text


def body(prefix: str, suffix: str, predict_ms: int | None) -> dict[str, Any]:
    """A request to fill in; the cursor's line is the prompt, as in the extension."""
    above, line = prefix[: prefix.rfind("\n") + 1], prefix[prefix.rfind("\n") + 1 :]
    lines = above.splitlines(keepends=True)[-_PREFIX_LINES:]
    below = suffix.splitlines(keepends=True)[: _SUFFIX_LINES + 1]
    return {
        "input_prefix": "".join(lines),
        "prompt": line,
        "input_suffix": "".join(below),
        "input_extra": [],
        "n_predict": _TOKENS,
        "n_indent": len(line) - len(line.lstrip()),
        "top_k": 40,
        "top_p": 0.99,
        "samplers": ["top_k", "top_p", "infill"],
        "cache_prompt": True,
        "t_max_prompt_ms": _PROMPT_MS,
    } | ({"t_max_predict_ms": predict_ms} if predict_ms is not None else {})
