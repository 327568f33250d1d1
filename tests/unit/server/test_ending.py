"""The process ends whatever is under way."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest import mock

import pytest

from hybrid_lsp.server import transport


@pytest.mark.fault("the server is told to end as a tool is just being started")
def test_what_is_cancelled_and_goes_on_waiting_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_ENDING_S", 0.05)
    kept: list[asyncio.Task[None]] = []
    cancelled: list[int] = []

    async def wait_on() -> None:
        for number in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(number)

    async def serving() -> None:
        kept.append(asyncio.create_task(wait_on()))
        await asyncio.sleep(0)

    server: Any = mock.Mock()
    transport._run(server, serving)
    assert cancelled == [0, 1]
    assert kept[0].done()
    server.shutdown.assert_called_once_with()
