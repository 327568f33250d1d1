"""The embedded model on a local Ray: who is asked, who dies, who leaves, and who may."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from contextlib import suppress
from typing import Any

import httpx
import pytest
from conftest import TEAM, USERS, Cluster, entry, until

LONG = {"input_prefix": "numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, ", "n_predict": 400}
Users = dict[str, httpx.AsyncClient]


def source(user: str, lines: int = 40) -> str:
    """A file of a user's own, long enough to be worth keeping."""
    return "".join(f"{user}_{number} = compute({number}, {number % 7})\n" for number in range(lines))


async def props(client: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await client.get("/props")).json())


async def homes(users: Users) -> dict[int, list[str]]:
    """Which users each replica (a process) has."""
    found: dict[int, list[str]] = {}
    for name, client in users.items():
        found.setdefault((await props(client))["pid"], []).append(name)
    return found


async def press(client: httpx.AsyncClient, text: str) -> dict[str, Any]:
    """The reply to one more key."""
    return dict((await client.post("/infill", json={"input_prefix": text, "n_predict": 8})).json())


async def test_the_next_key_goes_to_the_replica_that_holds_the_prompt(users: Users) -> None:
    """Everybody types in turn, so that nobody's replica is so busy that another is sooner done."""
    for key, typed in enumerate(("", "v", "va", "val", "valu", "value")):
        for name, client in users.items():
            reply = await press(client, source(name) + typed)
            known = reply["tokens_cached"] / reply["tokens_evaluated"]
            assert known > 0.5 if key else known == 0
    assert len(await homes(users)) == 2  # and both have something to do


async def test_an_action_and_a_list_of_models_go_through_too(users: Users) -> None:
    client = users[USERS[0]]
    assert [each["id"] for each in (await client.get("/v1/models")).json()["data"]] == ["embedded"]
    body = {"prompt": "import o", "max_tokens": 4, "stream": True}
    async with client.stream("POST", "/v1/completions", json=body) as answer:
        lines = [line async for line in answer.aiter_lines() if line]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert lines[-1] == "data: [DONE]"
    assert len(lines) > 3


@pytest.mark.parametrize("stream", [False, True])
async def test_a_closed_connection_reaches_the_replica(users: Users, *, stream: bool) -> None:
    client = users[USERS[1]]
    before = (await props(client))["counters"]
    if stream:
        async with client.stream("POST", "/infill", json=LONG | {"stream": True}) as answer:
            assert await anext(answer.aiter_lines())
    else:
        asking = asyncio.create_task(client.post("/infill", json=LONG))
        while (await props(client))["counters"]["generations_started"] == before["generations_started"]:
            await asyncio.sleep(0.005)
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
    while (now := (await props(client))["counters"])["generations_cancelled"] == before["generations_cancelled"]:
        await asyncio.sleep(0.02)
    assert now["generations_started"] == before["generations_started"] + 1
    assert 0 < now["tokens_decoded"] - before["tokens_decoded"] < LONG["n_predict"]


async def test_of_two_replicas_one_is_killed_and_nothing_is_unanswered(pair: Cluster, users: Users) -> None:
    await asyncio.gather(*(press(client, source(name)) for name, client in users.items()))
    victim, its_users = max((await homes(users)).items(), key=lambda item: len(item[1]))
    began, killed = itertools.count(1), asyncio.Event()

    async def load(name: str, streaming: bool) -> list[tuple[int, bool]]:
        """(status, whether it came to its end) of each answer."""
        got = []
        for number in range(25):
            body = {"input_prefix": source(name, 20 + number), "n_predict": 60, "stream": streaming}
            asking = asyncio.create_task(users[name].post("/infill", json=body))
            if next(began) == 40:
                await asyncio.sleep(0.02)
                pair.replicas()[victim].kill()
                killed.set()
            answer = await asking
            got.append((answer.status_code, _ended(answer.text)))
        return got

    loads = await asyncio.gather(*(load(name, kind) for name in USERS for kind in (False, True)))
    got = [each for answers in loads for each in answers]
    assert killed.is_set()
    assert len(got) == 25 * 2 * len(USERS)
    assert {status for status, _ in got} == {200}
    # Only streams that had begun on the one that was killed may be broken off, and they say so.
    assert sum(not ended for _, ended in got) <= 16
    await until(lambda: len(pair.replicas()) == 2 and victim not in pair.replicas())
    assert victim not in await homes(users)
    assert its_users  # who were served on by the other, and are again by two


def _ended(text: str) -> bool:
    """Whether an answer came to its end; one that did not must say why."""
    if not text.startswith("data: "):
        return bool(json.loads(text)["stop"])
    last = json.loads(text.strip().splitlines()[-1].removeprefix("data: "))
    assert last.get("stop") or last["error"]["code"] == 503, last
    return "error" not in last


async def test_only_the_team_and_only_so_much(pair: Cluster, users: Users) -> None:
    async with pair.client("") as nobody, pair.client("eve") as eve:
        assert (await nobody.get("/health")).status_code == 200
        assert (await nobody.post("/infill", json=LONG)).status_code == 401
        before = pair.replicas().keys()
        text = TEAM + "".join(map(entry, USERS)) + entry("eve", at_once=1, tokens_a_minute=100)
        pair.team.write_text(text, encoding="utf-8")
        while (await eve.get("/props")).status_code == 401:
            await asyncio.sleep(0.2)
        assert pair.replicas().keys() == before  # nothing was started again
        # Each is let in or not before the first can have an answer.
        together = await asyncio.gather(*(eve.post("/infill", json=LONG) for _ in range(8)))
        refused = [each for each in together if each.status_code == 429]
        assert {each.status_code for each in together} == {200, 429}
        assert {each.headers["retry-after"] for each in refused} == {"1"}
        third = await eve.post("/infill", json=LONG)
        assert third.status_code == 429
        assert re.fullmatch(r"\d+", third.headers["retry-after"])
        assert int(third.headers["retry-after"]) > 1
        assert (await users[USERS[0]].post("/infill", json=LONG | {"n_predict": 1})).status_code == 200


async def test_a_door_that_is_killed_is_opened_again(pair: Cluster, users: Users) -> None:
    (door,) = pair.processes("Door").values()
    before = pair.replicas().keys()
    door.kill()
    await until(lambda: pair.processes("Door").keys() - {door.pid})
    client = users[USERS[0]]
    while (await client.post("/infill", json=LONG | {"n_predict": 1})).status_code != 200:
        await asyncio.sleep(0.1)
    async with pair.client("") as nobody:
        assert (await nobody.post("/infill", json=LONG)).status_code == 401
    assert pair.replicas().keys() == before


async def test_under_load_a_replica_is_added(growing: Cluster) -> None:
    async with growing.client(USERS[0]) as first, growing.client(USERS[1]) as second:
        assert len(growing.replicas()) == 1
        enough = asyncio.Event()

        async def load(client: httpx.AsyncClient) -> None:
            while not enough.is_set():
                assert (await client.post("/infill", json=LONG)).status_code == 200

        tasks = [asyncio.create_task(load(client)) for client in (first, second) for _ in range(3)]
        await until(lambda: len(growing.replicas()) == 2, 0.5)
        enough.set()
        await asyncio.gather(*tasks)
