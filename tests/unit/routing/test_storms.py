"""A backend that is down is not stormed with requests: what is counted is how often it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs
import pytest

from hybrid_lsp.backends.fake import FakeBackend
from hybrid_lsp.errors import BackendUnavailable
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.health import Health
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Message, Piece, Request, Tier

REQUEST = Request(Chat((Message("user", "hello"),)))
FIX = Features("fix")
FAILURES = 1000


@attrs.define
class Down(FakeBackend):
    """Nobody answers there until `up`."""

    up: bool = False
    at_once: int = 0
    most_at_once: int = 0

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            if not self.up:
                raise BackendUnavailable("Nobody answers there.")
            yield Piece("text")
        finally:
            self.at_once -= 1


@attrs.define
class Storm:
    """A router with a large model that is down and a small one that works, on a clock of its own."""

    now: float = 0.0
    large: Down = attrs.field(factory=lambda: Down("big"))
    small: Down = attrs.field(factory=lambda: Down("tiny", up=True))
    router: Router = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        clock = lambda: self.now  # noqa: E731
        health = {tier: Health(clock=clock) for tier in (Tier.SMALL, Tier.LARGE)}
        self.router = Router({Tier.SMALL: self.small, Tier.LARGE: self.large}, small_chats=True, health=health)

    async def ask(self) -> str:
        """Who answers."""
        tier = ""
        async with aclosing(self.router.stream(self.router.route(FIX).candidates, REQUEST)) as events:
            async for event in events:
                tier = tier if isinstance(event, Piece) else str(getattr(event, "tier", tier))
        return tier


@pytest.mark.fault("a backend that is down while a thousand requests come")
@pytest.mark.parametrize("every_s", [0.05, 1.0, 5.0])
async def test_a_thousand_failures_in_a_row(every_s: float) -> None:
    storm = Storm()
    for _ in range(FAILURES):
        assert await storm.ask() == "small"
        storm.now += every_s
    seconds = FAILURES * every_s
    # The cool-down doubles from a second to a minute: 1 + 2 + 4 + … + 32, then one a minute.
    assert len(storm.large.requests) <= 7 + seconds / 60
    assert len(storm.small.requests) == FAILURES


@pytest.mark.fault("a thousand requests at once to a backend that is down")
async def test_a_thousand_at_once_when_it_may_be_tried_again() -> None:
    storm = Storm()
    await storm.ask()
    storm.now += 1.5
    asked = await asyncio.gather(*(storm.ask() for _ in range(FAILURES)))
    assert set(asked) == {"small"}
    assert len(storm.large.requests) == 2
    assert storm.large.most_at_once == 1


async def test_it_is_asked_again_soon_after_it_is_back() -> None:
    storm = Storm()
    for _ in range(FAILURES):
        await storm.ask()
        storm.now += 1.0
    storm.large.up = True
    waited = 0
    while await storm.ask() != "large":
        storm.now += 1.0
        waited += 1
    assert waited <= 60
    assert await storm.ask() == "large"
