"""A closed connection stops the embedded model within one token, wherever it is just then; over a real server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from conftest import Serve, until

from hybrid_lsp.engine import service
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.base import Model, Sink
from hybrid_lsp.engine.service import Engine

BODY = {"input_prefix": "numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9, ", "n_predict": 60}
IN_A_WORD = {"input_prefix": "def value(self):\n    retu", "input_suffix": "\n\n\nvalue = 1\n", "n_predict": 60}


class Paced:
    """A model that takes one permit for each token that it gives."""

    def __init__(self, model: Model, gate: threading.Semaphore) -> None:
        self._model, self._gate = model, gate
        self.reached = 0
        """Tokens that it has come to."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def decode(self, prompt: Any, sampling: Any, ends: Any, sink: Sink, *rest: Any) -> int:
        paced = self

        class Gated:
            cancelled = property(lambda _: sink.cancelled)

            def token(self, token_id: int, logprob: float) -> bool:
                paced.reached += 1
                assert paced._gate.acquire(timeout=60)
                return sink.token(token_id, logprob)

        return self._model.decode(prompt, sampling, ends, Gated(), *rest)


@pytest.fixture(scope="module")
def loaded() -> Iterator[Engine]:
    engine = service.load("embedded", threads=1)
    yield engine
    engine.close()


@asynccontextmanager
async def paced(loaded: Engine, served: Serve, client: Any, gate: Any) -> AsyncIterator[tuple[Engine, Any, Paced]]:
    """An engine on the loaded model, whose tokens the test lets through."""
    model = Paced(loaded.model, gate)
    engine = Engine(
        loaded.name, loaded.family, loaded.context, model, loaded.tokenizer, loaded.chat, healer=loaded.healer
    )
    model.close = lambda: None  # the fixture does that
    async with served(create_app(lambda: engine)) as endpoint:
        http: httpx.AsyncClient = client(endpoint)
        await until_ready(http)
        yield engine, http, model


async def until_ready(http: httpx.AsyncClient) -> None:
    while (await http.get("/health")).status_code != 200:
        await asyncio.sleep(0.005)


async def leave(asking: asyncio.Task[Any], engine: Engine) -> None:
    """Close the connection, and wait until the engine knows."""
    before = sum(cancel.is_set() for cancel in engine._cancels)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await until(lambda: sum(cancel.is_set() for cancel in engine._cancels) > before)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("body", "written"), [(BODY, 4), (IN_A_WORD, 0)])
async def test_within_one_token(
    loaded: Engine,
    served: Serve,
    client: Any,
    gate: threading.Semaphore,
    body: dict[str, Any],
    written: int,
    *,
    stream: bool,
) -> None:
    """In the middle of a text, and while the piece before the cursor is being spelt."""
    async with paced(loaded, served, client, gate) as (engine, http, model):
        asking = asyncio.create_task(http.post("/infill", json=body | {"stream": stream}))
        for _ in range(written):
            gate.release()
        await until(lambda: model.reached == written + 1)
        await leave(asking, engine)
        gate.release(10_000)
        await until(lambda: engine.counters.generations_cancelled == 1)
        assert engine.counters.tokens_after_cancel == 1
        assert engine.counters.tokens_decoded == model.reached == written + 1


async def test_while_it_waits(loaded: Engine, served: Serve, client: Any, gate: threading.Semaphore) -> None:
    async with paced(loaded, served, client, gate) as (engine, http, model):
        first = asyncio.create_task(http.post("/infill", json=BODY | {"n_predict": 3}))
        await until(lambda: model.reached == 1)
        second = asyncio.create_task(http.post("/infill", json=IN_A_WORD))
        await until(lambda: engine.scheduler.waiting == 1)
        await leave(second, engine)
        gate.release(10_000)
        assert (await first).json()["tokens_predicted"] == 3
        await until(lambda: engine.counters.requests_dropped == 1)
        assert (engine.counters.generations_started, engine.counters.tokens_decoded) == (1, 3)


async def test_the_time_budget_returns_what_there_is(
    loaded: Engine, served: Serve, client: Any, gate: threading.Semaphore
) -> None:
    async with paced(loaded, served, client, gate) as (engine, http, _):
        gate.release(10_000)
        answer = (await http.post("/infill", json=BODY | {"t_max_predict_ms": 1})).json()
        assert (answer["stop_type"], answer["time_limit"]) == ("limit", True)
        assert answer["content"]
        assert 1 < engine.counters.tokens_decoded < 60


async def test_what_is_known_is_said(loaded: Engine, served: Serve, client: Any, gate: threading.Semaphore) -> None:
    async with paced(loaded, served, client, gate) as (_, http, _):
        gate.release(10_000)
        body = {"input_prefix": "".join(f"value_{n} = {n}\n" for n in range(30)), "n_predict": 2}
        cold, warm = [(await http.post("/infill", json=body)).json() for _ in range(2)]
        assert (cold["tokens_cached"], cold["content"]) == (0, warm["content"])
        assert warm["timings"]["cache_n"] == warm["tokens_cached"] > 0
        assert warm["timings"]["cache_n"] + warm["timings"]["prompt_n"] == warm["tokens_evaluated"]
        kept = (await http.get("/props")).json()["kv"]
        assert kept["reused_tokens"] >= warm["tokens_cached"]
        assert 0 < kept["bytes"] <= kept["budget_bytes"]
