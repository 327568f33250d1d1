"""The door and the bridge around the engine's own application, in one process: what Ray adds is tested on Ray."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import tiny_model
from starlette.types import Message

from hybrid_lsp.cluster.accounts import Accounts
from hybrid_lsp.cluster.bridge import BILL, Asked, Bridge
from hybrid_lsp.cluster.door import Door, NoRoom, ReplicaLost
from hybrid_lsp.cluster.team import Team, digest_of
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.service import Engine

TEXT = "alpha beta gamma alpha"
BODY = {"input_prefix": "alpha", "n_predict": 20}
TEAM = Team.parse(
    "[limits]\nat_once = 1\ntokens_a_minute = 10000\n"
    f'[users.ada]\ntoken_sha256 = "{digest_of("a")}"\n[users.bob]\ntoken_sha256 = "{digest_of("b")}"'
)
ADA, BOB = ({"Authorization": f"Bearer {token}"} for token in "ab")


class Replicas:
    """One engine behind a bridge, and `losses`: after so many messages of a request its replica dies."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.losses: list[int] = []
        self.asked: list[Asked] = []
        self.full = False

    async def forward(self, asked: Asked) -> AsyncGenerator[Message, None]:
        self.asked.append(asked)
        if self.full:
            raise NoRoom
        left = self.losses.pop(0) if self.losses else None
        async for message in self.bridge.messages(asked):
            if left == 0:
                raise ReplicaLost
            left = None if left is None else left - 1
            yield message


@pytest.fixture
def gate() -> Iterator[threading.Semaphore]:
    semaphore = threading.Semaphore(0)
    yield semaphore
    semaphore.release(10_000)


@asynccontextmanager
async def running(gate: threading.Semaphore | None = None) -> AsyncIterator[tuple[Engine, Replicas]]:
    engine = tiny_model.scripted_engine(TEXT, gate)
    app = create_app(lambda: engine)
    async with app.router.lifespan_context(app):
        while app.state.host.engine is None:
            await asyncio.sleep(0.001)
        yield engine, Replicas(Bridge(app))


def client(door: Door) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(door), base_url="http://localhost")


def events(answer: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in answer.text.splitlines() if line]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_the_engines_own(*, stream: bool) -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        answer = await http.post("/infill", json=BODY | {"stream": stream})
        assert answer.status_code == 200
        said = events(answer) if stream else [answer.json()]
        assert "".join(each["content"] for each in said) == TEXT
        assert said[-1]["stop"]
        props = await http.get("/props?a=1")
        assert props.json()["model"] == "scripted"
        assert replicas.asked[-1].query == b"a=1"


async def test_only_who_has_a_token_is_served() -> None:
    async with running() as (_, replicas), client(Door(replicas.forward, TEAM)) as http:
        assert (await http.get("/health")).status_code == 200
        for headers in ({}, {"Authorization": "Bearer c"}, {"Authorization": "Basic a"}, {"Authorization": "a"}):
            answer = await http.post("/infill", json=BODY, headers=headers)
            assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
            assert (await http.get("/props", headers=headers)).status_code == 401
        assert (await http.post("/infill", json=BODY, headers=ADA | {"Origin": "http://x"})).status_code == 403
        assert not replicas.asked
        assert (await http.post("/infill", json=BODY, headers=ADA)).status_code == 200
        (asked,) = replicas.asked
        assert asked.user == "ada"
        assert "authorization" not in str(asked.scope).lower()


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"{}" + b" " * (16 * 1024 * 1024)])
async def test_a_body_that_is_none_is_refused_at_the_door(body: bytes) -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        assert (await http.post("/infill", content=body)).status_code in (400, 413)
        assert not replicas.asked


async def test_what_the_engine_refuses_is_told_by_it() -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        assert "n_predict" in (await http.post("/infill", json={"n_predict": "x"})).json()["error"]["message"]
        assert (await http.get("/nowhere")).status_code == 404


async def test_so_many_requests_at_once(gate: threading.Semaphore) -> None:
    async with running(gate) as (engine, replicas), client(Door(replicas.forward, TEAM)) as http:
        first = asyncio.create_task(http.post("/infill", json=BODY, headers=ADA))
        while not engine.counters.generations_started:
            await asyncio.sleep(0.001)
        second = await http.post("/infill", json=BODY, headers=ADA)
        assert (second.status_code, second.headers["Retry-After"]) == (429, "1")
        assert second.json()["error"]["type"] == "rate_limit_exceeded"
        assert (await http.get("/props", headers=ADA)).status_code == 200  # looking is no work
        others = asyncio.create_task(http.post("/infill", json=BODY, headers=BOB))
        gate.release(10_000)
        assert [(await each).status_code for each in (first, others)] == [200, 200]
        assert (await http.post("/infill", json=BODY, headers=ADA)).status_code == 200


async def test_tokens_are_paid_for_by_who_asked_for_them() -> None:
    accounts = Accounts(lambda: 0.0)
    async with running() as (_, replicas), client(Door(replicas.forward, TEAM, accounts)) as http:
        answer = (await http.post("/infill", json=BODY, headers=ADA)).json()
        assert accounts._accounts["ada"].left == 10_000 - answer["tokens_evaluated"] - answer["tokens_predicted"]
        accounts.charge("ada", 20_000)
        refused = await http.post("/infill", json=BODY, headers=ADA)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 60
        assert (await http.post("/infill", json=BODY, headers=BOB)).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_a_replica_that_dies_before_it_answers_is_replaced(*, stream: bool) -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        replicas.losses = [0, 0]
        answer = await http.post("/infill", json=BODY | {"stream": stream})
        assert (answer.status_code, len(replicas.asked)) == (200, 3)
        assert "".join(each["content"] for each in (events(answer) if stream else [answer.json()])) == TEXT


async def test_an_answer_that_has_begun_ends_with_an_error() -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        replicas.losses = [2]
        answer = await http.post("/infill", json=BODY | {"stream": True})
        said = events(answer)
        assert said[0]["content"]
        assert said[-1]["error"]["code"] == 503
        assert len(replicas.asked) == 1


async def test_who_finds_none_alive_or_none_free_is_told() -> None:
    async with running() as (_, replicas), client(Door(replicas.forward)) as http:
        replicas.losses = [0] * 10
        assert (await http.post("/infill", json=BODY)).status_code == 503
        assert len(replicas.losses) == 6
        replicas.losses.clear()
        replicas.full = True
        answer = await http.post("/infill", json=BODY)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


async def test_a_closed_connection_stops_the_model_and_is_paid_for(gate: threading.Semaphore) -> None:
    accounts = Accounts(lambda: 0.0)
    async with running(gate) as (engine, replicas):
        door = Door(replicas.forward, TEAM, accounts)
        gone, sent = asyncio.Event(), list[Message]()
        body = [{"type": "http.request", "body": json.dumps(BODY | {"stream": True}).encode()}]

        async def receive() -> Message:
            if body:
                return body.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer a")]
        scope = Asked("", "POST", "/infill").scope | {"headers": headers}
        asking = asyncio.create_task(door(scope, receive, send))
        gate.release(2)
        while len(sent) < 2:
            await asyncio.sleep(0.001)
        gone.set()
        await asking
        assert accounts.open("ada") == 0
        gate.release(1)  # the token that was begun
        while not engine.counters.generations_cancelled:
            await asyncio.sleep(0.001)
        assert engine.counters.tokens_after_cancel == 1
        assert accounts._accounts["ada"].left == 10_000  # its bill comes with somebody's next answer
        gate.release(10_000)
        async with client(door) as http:
            assert (await http.post("/infill", json=BODY, headers=BOB)).status_code == 200
        assert accounts._accounts["ada"].left < 10_000


async def test_a_bill_is_the_last_message() -> None:
    async with running() as (_, replicas):
        got = [message async for message in replicas.bridge.messages(Asked("ada", "POST", "/infill", body=b"{}"))]
        assert [each["type"] for each in got][-1] == BILL
        assert list(got[-1]["tokens"]) == ["ada"]
        got = [message async for message in replicas.bridge.messages(Asked("ada", "GET", "/props"))]
        assert got[-1]["tokens"] == {}


async def test_an_application_that_fails_gives_what_it_has_said(caplog: pytest.LogCaptureFixture) -> None:
    async def failing(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        raise KeyError("a bug")

    got = [message async for message in Bridge(failing).messages(Asked("ada", "GET", "/"))]
    assert got[0]["status"] == 500
    assert "the application failed" in caplog.text
