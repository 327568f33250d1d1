"""The process ends whatever is under way."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any
from unittest import mock

import psutil
import pytest

from hybrid_lsp.analysis import process
from hybrid_lsp.server import transport

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.mark.fault("the server is told to end as a tool is just being started")
@pytest.mark.usefixtures("unmeasured")
@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # asyncio drops pipes that it had not connected yet
@pytest.mark.parametrize("turns", range(15))
def test_the_server_and_the_tool_end(turns: int) -> None:
    before = set(psutil.Process().children())
    kept: list[asyncio.Task[Any]] = []

    async def serving() -> None:
        kept.append(asyncio.create_task(process.run("sleep", SLEEP, "", 600)))
        for _ in range(turns):
            await asyncio.sleep(0)

    server: Any = mock.Mock()
    transport._run(server, serving)
    assert kept[0].cancelled()
    server.shutdown.assert_called_once_with()
    while set(psutil.Process().children()) - before:
        time.sleep(0.01)
