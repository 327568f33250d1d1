"""The engine's protocols, as their clients know them, over a real server and a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import httpx
import pytest
import tiny_model
from conftest import Serve, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_lsp.engine.app import create_app
from hybrid_lsp.engine.guard import Activity, LoopbackGuard
from hybrid_lsp.engine.service import Engine
from hybrid_lsp.errors import ModelBroken

REPLY = "alpha beta"
BODIES: dict[str, dict[str, Any]] = {
    "/infill": {"input_prefix": "a", "input_suffix": "b"},
    "/v1/completions": {"prompt": "a", "suffix": "b", "max_tokens": 400},
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "a"}]},
}


def events(text: str) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


async def post(served: Serve, client: Any, path: str, body: Any, engine: Engine | None = None) -> httpx.Response:
    engine = engine or tiny_model.scripted_engine(REPLY)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        response: httpx.Response = await http.post(path, json=body)
        await http.aclose()
    return response


async def until_ready(http: httpx.AsyncClient) -> None:
    while (await http.get("/health")).status_code != 200:
        await asyncio.sleep(0.005)


async def test_infill_as_llama_cpp_defines_it(served: Serve, client: Any) -> None:
    body = {"input_prefix": "def ", "prompt": "add(", "input_suffix": "):", "n_predict": 20, "n_probs": 1, "stop": []}
    answer = (await post(served, client, "/infill", body)).json()
    assert (answer["content"], answer["stop"], answer["stop_type"]) == (REPLY, True, "eos")
    assert answer["tokens_predicted"] == len(answer["completion_probabilities"])
    assert answer["completion_probabilities"][0]["logprob"] == -0.5
    assert answer["timings"]["predicted_n"] == answer["tokens_predicted"]
    assert answer["tokens_evaluated"] == answer["timings"]["prompt_n"] > 3


async def test_a_line_that_is_not_wanted_any_more_ends(served: Serve, client: Any) -> None:
    body = BODIES["/infill"] | {"least_logprob": -1.2}
    answer = (await post(served, client, "/infill", body)).json()
    assert (answer["tokens_predicted"], answer["stop_type"], answer["time_limit"]) == (3, "limit", False)


async def test_infill_in_a_stream(served: Serve, client: Any) -> None:
    response = await post(served, client, "/infill", BODIES["/infill"] | {"stream": True, "stop": ["ta"]})
    assert response.headers["content-type"].startswith("text/event-stream")
    *chunks, last = events(response.text)
    assert "".join(chunk["content"] for chunk in chunks) == "alpha be"
    assert not any(chunk["stop"] for chunk in chunks)
    assert (last["stop"], last["stop_type"], last["stopping_word"]) == (True, "word", "ta")


async def test_completions_as_openai_defines_them(served: Serve, client: Any) -> None:
    body = {"model": "any", "prompt": ["a"], "max_tokens": 50, "logprobs": 0}
    answer = (await post(served, client, "/v1/completions", body)).json()
    choice = answer["choices"][0]
    assert (answer["object"], choice["text"], choice["finish_reason"]) == ("text_completion", REPLY, "stop")
    assert "".join(choice["logprobs"]["tokens"]) == REPLY
    assert choice["logprobs"]["text_offset"][0] == 0
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + answer["usage"]["completion_tokens"]


async def test_completions_in_a_stream(served: Serve, client: Any) -> None:
    body = {"prompt": "a", "max_tokens": 2, "stream": True, "stream_options": {"include_usage": True}}
    *chunks, last, usage, done = events((await post(served, client, "/v1/completions", body)).text)
    assert REPLY.startswith("".join(chunk["choices"][0]["text"] for chunk in chunks))
    assert last["choices"][0]["finish_reason"] == "length"
    assert (usage["choices"], usage["usage"]["completion_tokens"], done) == ([], 2, "[DONE]")


async def test_chats_as_openai_defines_them(served: Serve, client: Any) -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "hello"}]},
    ]
    body = {"messages": messages, "logprobs": True, "response_format": {"type": "text"}, "max_tokens": 50}
    answer = (await post(served, client, "/v1/chat/completions", body)).json()
    choice = answer["choices"][0]
    assert (answer["object"], choice["finish_reason"]) == ("chat.completion", "stop")
    assert choice["message"] == {"role": "assistant", "content": REPLY}
    assert "".join(token["token"] for token in choice["logprobs"]["content"]) == REPLY


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        ("json", "`response_format` must be an object"),
        ({"type": "xml"}, "`type` must be text or json_object or json_schema"),
        ({"type": "json_schema"}, "`json_schema` is missing"),
        ({"type": "json_schema", "json_schema": {"schema": []}}, "`schema` must be an object"),
        ({"type": "json_schema", "json_schema": {"schema": {"type": "odd"}}}, "cannot be held to this"),
    ],
)
async def test_a_form_of_reply_that_is_not_served(served: Serve, client: Any, wanted: Any, complaint: str) -> None:
    for path, body in BODIES.items():
        if path != "/infill":
            plain = {name: value for name, value in body.items() if name != "suffix"}
            answer = await post(served, client, path, plain | {"response_format": wanted})
            assert (answer.status_code, complaint in answer.json()["error"]["message"]) == (400, True), answer.text
    both = await post(
        served, client, "/v1/completions", BODIES["/v1/completions"] | {"response_format": {"type": "json_object"}}
    )
    assert "do not go together" in both.json()["error"]["message"]


async def test_chats_in_a_stream(served: Serve, client: Any) -> None:
    body = BODIES["/v1/chat/completions"] | {"stream": True}
    first, *rest, last, done = events((await post(served, client, "/v1/chat/completions", body)).text)
    assert first["object"] == "chat.completion.chunk"
    assert first["choices"][0]["delta"]["role"] == "assistant"
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in (first, *rest))
    assert (text, last["choices"][0]["finish_reason"], done) == (REPLY, "stop", "[DONE]")


async def test_what_it_says_of_itself(served: Serve, client: Any) -> None:
    engine = tiny_model.scripted_engine(REPLY)
    engine.measure()
    async with served(create_app(lambda: engine, role="large")) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        await http.post("/infill", json=BODIES["/infill"])
        props = (await http.get("/props")).json()
        assert (props["model"], props["family"], props["context"]) == ("scripted", "hybrid", tiny_model.CONTEXT)
        assert (props["role"], props["counters"]["generations_started"]) == ("large", 1)
        assert props["fills_in"]
        assert props["suffix_first"]
        assert props["prefill_tokens_per_second"] > 0
        assert props["kv"] == dict.fromkeys(
            ("entries", "bytes", "budget_bytes", "hits", "misses", "reused_tokens", "resets", "chores"), 0
        )
        assert (await http.get("/v1/models")).json()["data"][0]["id"] == "scripted"
        metrics = (await http.get("/metrics")).text
        assert "\nhybrid_lsp_generations_started_total 1\n" in metrics
        assert "\nhybrid_lsp_kv_entries 0\n" in metrics
        assert metrics.count("# TYPE") == metrics.count("# HELP") > 5
        assert (await http.get("/nowhere")).json()["error"]["code"] == 404
        assert (await http.get("/infill")).status_code == 405


async def test_health_while_it_loads_and_when_it_cannot(served: Serve, client: Any) -> None:
    go, failed = threading.Event(), []

    def load() -> Engine:
        assert go.wait(60)
        raise ModelBroken("The weights are cut.", "Copy them again.")

    async with served(create_app(load, failed.append)) as endpoint:
        http = client(endpoint)
        loading = await http.get("/health")
        assert (loading.status_code, loading.json()["error"]["message"]) == (503, "Loading model")
        assert (await http.post("/infill", json=BODIES["/infill"])).status_code == 503
        go.set()
        await until(lambda: bool(failed))
        broken = await http.get("/health")
        assert broken.status_code == 500
        assert broken.json()["error"]["message"] == "The weights are cut. Copy them again."


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_closed_connection_stops_it_at_the_next_token(
    served: Serve, client: Any, gate: threading.Semaphore, path: str, *, stream: bool
) -> None:
    """Counted by the engine: of 200 tokens, at most one is decoded after it learns that nobody listens."""
    engine = tiny_model.scripted_engine("0123456789" * 20, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        asking = asyncio.create_task(http.post(path, json=BODIES[path] | {"stream": stream}))
        gate.release(20)
        await until(lambda: engine.counters.tokens_decoded == 20)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: all(cancel.is_set() for cancel in engine._cancels))
        gate.release(10_000)
        await until(lambda: engine.counters.generations_cancelled == 1)
        assert engine.counters.tokens_after_cancel == 1
        assert engine.counters.tokens_decoded == 21


async def test_a_request_whose_client_left_while_it_waited_never_starts(
    served: Serve, client: Any, gate: threading.Semaphore
) -> None:
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        first = asyncio.create_task(http.post("/infill", json=BODIES["/infill"]))
        await until(lambda: engine.scheduler.busy)
        second = asyncio.create_task(http.post("/infill", json=BODIES["/infill"]))
        await until(lambda: engine.scheduler.waiting == 1)
        second.cancel()
        await until(lambda: sum(cancel.is_set() for cancel in engine._cancels) == 1)
        gate.release(10_000)
        assert (await first).json()["content"] == REPLY
        await until(lambda: engine.counters.requests_dropped == 1)
        assert engine.counters.generations_started == 1


async def test_background_work_makes_way_at_the_next_token(
    served: Serve, client: Any, gate: threading.Semaphore
) -> None:
    """It answers with what it has, and says why that is all."""
    engine = tiny_model.scripted_engine("0123456789" * 20, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        ahead = asyncio.create_task(http.post("/infill", json=BODIES["/infill"] | {"priority": "background"}))
        gate.release(5)
        await until(lambda: engine.counters.tokens_decoded == 5)
        typed = asyncio.create_task(http.post("/infill", json=BODIES["/infill"] | {"n_predict": 2}))
        await until(lambda: engine.scheduler.waiting == 1)
        gate.release(10_000)
        answer = (await ahead).json()
        assert (answer["content"], answer["stop_type"], answer["preempted"]) == ("012345", "limit", True)
        whole = (await typed).json()
        assert (whole["content"], whole["preempted"]) == ("01", False)
        assert engine.counters.generations_preempted == 1


async def test_nothing_makes_way_for_background_work(served: Serve, client: Any, gate: threading.Semaphore) -> None:
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        typed = asyncio.create_task(http.post("/infill", json=BODIES["/infill"]))
        await until(lambda: engine.scheduler.busy)
        ahead = asyncio.create_task(http.post("/infill", json=BODIES["/infill"] | {"priority": "background"}))
        warming = asyncio.create_task(http.post("/infill", json=BODIES["/infill"] | {"n_predict": 0}))
        await until(lambda: engine.scheduler.waiting == 2)
        gate.release(10_000)
        assert (await typed).json()["content"] == (await ahead).json()["content"] == REPLY
        prepared = (await warming).json()
        assert (prepared["content"], prepared["tokens_predicted"]) == ("", 0)
        assert engine.counters.generations_preempted == 0


async def test_an_engine_that_ends_breaks_off_in_words(served: Serve, client: Any, gate: threading.Semaphore) -> None:
    engine = tiny_model.scripted_engine(REPLY, gate)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        streamed = asyncio.create_task(http.post("/infill", json=BODIES["/infill"] | {"stream": True}))
        gate.release(1)
        await until(lambda: engine.counters.tokens_decoded == 1)
        whole = asyncio.create_task(http.post("/infill", json=BODIES["/infill"]))
        await until(lambda: engine.scheduler.waiting == 1)
        engine.cancel_all()
        gate.release(10_000)
        assert events((await streamed).text)[-1]["error"]["code"] == 503
        assert (await whole).status_code == 503


BAD: list[tuple[str, Any, str]] = [
    ("/infill", {"input_prefix": 1}, "input_prefix"),
    ("/infill", {"n_predict": "many"}, "n_predict"),
    ("/infill", {"n_predict": True}, "n_predict"),
    ("/infill", {"stream": "yes"}, "stream"),
    ("/infill", {"stop": [1]}, "stop"),
    ("/infill", {"stop": ["a"] * 17}, "stop"),
    ("/infill", {"temperature": -1}, "temperature"),
    ("/infill", {"priority": "highest"}, "priority"),
    ("/infill", {"least_logprob": "low"}, "least_logprob"),
    ("/infill", {"least_logprob": 0.5}, "least_logprob"),
    ("/infill", {"priority": 1}, "priority"),
    ("/infill", {"input_extra": ["a"]}, "input_extra"),
    ("/infill", {"input_extra": [{"filename": "a"}]}, "text"),
    ("/infill", [], "object"),
    ("/v1/completions", {}, "prompt"),
    ("/v1/completions", {"prompt": [1, 2]}, "prompt"),
    ("/v1/completions", {"prompt": "a", "n": 2}, "n"),
    ("/v1/completions", {"prompt": "a " * 2000}, "window"),
    ("/v1/completions", {"prompt": "a " * 2000, "stream": True}, "window"),
    ("/v1/chat/completions", {}, "messages"),
    ("/v1/chat/completions", {"messages": [{"role": "user"}]}, "content"),
    ("/v1/chat/completions", {"messages": [{"role": "cat", "content": "miau"}]}, "role"),
    ("/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "text"),
]


@pytest.mark.parametrize(("path", "body", "named"), BAD)
async def test_a_wrong_request_is_refused_by_name(served: Serve, client: Any, path: str, body: Any, named: str) -> None:
    response = await post(served, client, path, body)
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, 400)
    assert named in error["message"]


async def test_what_is_no_json_and_what_is_too_much(served: Serve, client: Any) -> None:
    engine = tiny_model.scripted_engine(REPLY)
    async with served(create_app(lambda: engine)) as endpoint:
        http = client(endpoint)
        await until_ready(http)
        for raw in (b"", b"{", b"\xff", b"[" * 100_000, b'{"input_prefix": "a", "n_predict": NaN}'):
            assert (await http.post("/infill", content=raw)).status_code == 400
        huge = await http.post("/infill", content=b" " * (17 * 1024 * 1024))
        assert huge.status_code == 413


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = ["input_prefix", "input_suffix", "input_extra", "prompt", "n_predict", "stop", "temperature", "stream"]
NAMES += [
    "t_max_predict_ms",
    "priority",
    "least_logprob",
    "top_k",
    "top_p",
    "n_probs",
    "suffix",
    "max_tokens",
    "logprobs",
    "n",
    "messages",
]
NAMES += ["stream_options", "response_format", "max_completion_tokens"]


@settings(suppress_health_check=list(HealthCheck), max_examples=60)
@given(st.sampled_from(sorted(BODIES)), st.dictionaries(st.sampled_from(NAMES), JSON, max_size=6))
def test_no_body_breaks_it(path: str, changes: dict[str, Any]) -> None:
    """Whatever is sent, the answer is a reply or says what is wrong with the request."""
    content = json.dumps(BODIES[path] | changes)

    async def ask() -> httpx.Response:
        engine = tiny_model.scripted_engine(REPLY)
        app = create_app(lambda: engine)
        app.state.host.engine = engine
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            answer = await http.post(path, content=content)
        engine.close()
        return answer

    response = asyncio.run(ask())
    assert response.status_code in (200, 400)
    if response.status_code == 400:
        assert response.json()["error"]["message"]


async def guarded(headers: dict[str, str], token: str | None = "secret") -> int:
    engine = tiny_model.scripted_engine(REPLY)
    app = create_app(lambda: engine)
    app.state.host.engine = engine
    transport = httpx.ASGITransport(LoopbackGuard(app, token))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8012") as http:
        status = (await http.get("/health", headers=headers)).status_code
    engine.close()
    return status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": "Bearer secret"}, 200),
        ({"authorization": "Bearer secret", "host": "localhost:1"}, 200),
        ({"authorization": "Bearer secret", "host": "[::1]"}, 200),
        ({"authorization": "Bearer secret", "host": "evil.example:8012"}, 403),
        ({"authorization": "Bearer secret", "host": ""}, 403),
        ({"authorization": "Bearer secret", "origin": "https://evil.example"}, 403),
        ({"authorization": "Bearer wrong"}, 401),
        ({}, 401),
    ],
)
async def test_over_tcp_only_the_user_is_served(headers: dict[str, str], status: int) -> None:
    assert await guarded(headers) == status


async def test_without_a_token_the_host_is_still_checked() -> None:
    assert await guarded({}, token=None) == 200
    assert await guarded({"host": "evil.example"}, token=None) == 403


async def test_a_request_in_flight_is_no_idleness() -> None:
    now = [0.0]
    hold = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await hold.wait()

    async def nothing(*_: Any) -> Any: ...

    activity = Activity(app, clock=lambda: now[0])
    now[0] = 5.0
    assert activity.idle_s == 5.0
    task = asyncio.create_task(activity({"type": "http", "path": "/infill"}, nothing, nothing))
    await asyncio.sleep(0)
    now[0] = 100.0
    assert activity.idle_s == 0.0
    hold.set()
    await task
    now[0] = 101.0
    assert activity.idle_s == 1.0
    await activity({"type": "http", "path": "/health"}, nothing, nothing)
    assert activity.idle_s == 1.0
