import asyncio

import pytest

from hybrid_lsp.completion.latest import SUPERSEDED, Latest


async def test_a_newer_request_settles_the_older_ones_first() -> None:
    latest, ended = Latest(), []
    never = asyncio.Event()

    async def request(number: int) -> None:
        try:
            async with latest.claim("a"):
                if number < 3:
                    await never.wait()
            ended.append((number, "answered"))
        except asyncio.CancelledError as cancelled:
            ended.append((number, cancelled.args))
            raise

    tasks = []
    for number in (1, 2, 3):
        tasks.append(asyncio.create_task(request(number)))
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert ended == [(1, (SUPERSEDED,)), (2, (SUPERSEDED,)), (3, "answered")]


async def test_other_documents_are_left_alone() -> None:
    latest, go = Latest(), asyncio.Event()

    async def request(uri: str) -> str:
        async with latest.claim(uri):
            await go.wait()
        return uri

    tasks = [asyncio.create_task(request(uri)) for uri in "ab"]
    await asyncio.sleep(0)
    go.set()
    assert await asyncio.gather(*tasks) == ["a", "b"]


async def test_cancel_settles_the_documents_request() -> None:
    latest = Latest()

    async def request() -> None:
        async with latest.claim("a"):
            await asyncio.Event().wait()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    latest.cancel("a")
    latest.cancel("b")
    with pytest.raises(asyncio.CancelledError):
        await task
