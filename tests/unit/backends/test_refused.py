"""What a server refuses is learnt from its words, said once, and remembered; what cannot be is told with its remedy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from loopback import ASK_CHAT, HEAD, OK, answer_of, answering, collect, event, misbehaving, refusing

from hybrid_lsp.backends.failures import Refusal
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused, BackendUnavailable
from hybrid_lsp.models import families
from hybrid_lsp.types import ContextFile, Infill, Request

Body = dict[str, Any]
INFILL = Request(Infill("x = " * 300, "\n" * 100, (ContextFile("a.py", "y" * 400),)), max_tokens=20)
DONE = HEAD + event({"choices": [{"text": "1", "finish_reason": "stop"}]})


def openai(message: str, param: str | None = None, code: str | None = None) -> bytes:
    return refusing(
        "400 Bad Request",
        {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}},
    )


def roles(body: Body) -> list[str]:
    return [each["role"] for each in body["messages"]]


CASES: dict[str, tuple[Callable[[Body], bool], bytes, Callable[[Body], bool]]] = {
    "max_tokens has a new name": (
        lambda body: "max_tokens" in body,
        openai(
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
        lambda body: body["max_completion_tokens"] > 50,
    ),
    "temperature is fixed": (
        lambda body: "temperature" in body,
        openai(
            "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) is.",
            "temperature",
        ),
        lambda body: "temperature" not in body,
    ),
    "temperature, in words alone": (
        lambda body: "temperature" in body,
        refusing("400 Bad Request", {"error": "invalid request: temperature is deprecated for this model"}),
        lambda body: "temperature" not in body,
    ),
    "no schema": (
        lambda body: "response_format" in body,
        refusing("400 Bad Request", {"error": {"message": "This response_format type is unavailable now"}}),
        lambda body: "response_format" not in body,
    ),
    "no schema, in other words": (
        lambda body: "response_format" in body,
        refusing("500 Internal Server Error", {"error": {"message": "structured outputs are not enabled here"}}),
        lambda body: "response_format" not in body,
    ),
    "no schema, without a word": (
        lambda body: "response_format" in body,
        refusing("400 Bad Request", {}),
        lambda body: "response_format" not in body,
    ),
    "no stop strings": (
        lambda body: "stop" in body,
        openai("Unsupported parameter: 'stop' is not supported with this model.", "stop"),
        lambda body: "stop" not in body,
    ),
    "extra inputs": (
        lambda body: "stop" in body or "temperature" in body,
        refusing(
            "422 Unprocessable Entity",
            {
                "detail": [
                    {"type": "extra_forbidden", "loc": ["body", "stop"], "msg": "Extra inputs are not permitted"},
                    {
                        "type": "extra_forbidden",
                        "loc": ["body", "temperature"],
                        "msg": "Extra inputs are not permitted",
                    },
                ]
            },
        ),
        lambda body: "stop" not in body and "temperature" not in body,
    ),
    "no system role": (
        lambda body: "system" in roles(body),
        refusing("500 Internal Server Error", {"error": {"message": "System role not supported", "code": 500}}),
        lambda body: roles(body) == ["user"] and body["messages"][0]["content"] == "Be short.\n\nhi",
    ),
    "no system role, by its place": (
        lambda body: "system" in roles(body),
        openai("Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role"),
        lambda body: roles(body) == ["user"],
    ),
    "roles that alternate": (
        lambda body: "system" in roles(body),
        refusing("400 Bad Request", {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}),
        lambda body: roles(body) == ["user"],
    ),
    "too many tokens": (
        lambda body: body["max_tokens"] > 512,
        refusing(
            "400 Bad Request", {"error": {"message": "`max_tokens` must be less than or equal to `512`, the maximum"}}
        ),
        lambda body: body["max_tokens"] == 512,
    ),
    "too many tokens for the model": (
        lambda body: body["max_tokens"] > 2048,
        openai(
            "max_tokens is too large: 4146. This model supports at most 2048 completion tokens.",
            "max_tokens",
        ),
        lambda body: body["max_tokens"] == 2048,
    ),
    "no room beside the prompt": (
        lambda body: body["max_tokens"] > 1000,
        refusing(
            "400 Bad Request",
            {
                "object": "error",
                "message": "This model's maximum context length is 1024 tokens. However, you requested 4170 "
                "tokens (24 in the messages, 4146 in the completion). Please reduce the length of the messages.",
            },
        ),
        lambda body: 900 < body["max_tokens"] <= 1000,
    ),
    "no room, in vLLM's newer words": (
        lambda body: body["max_tokens"] > 1000,
        openai(
            "'max_tokens' or 'max_completion_tokens' is too large: 4146. This model's maximum context length is 1024 "
            "tokens and your request has 24 input tokens (4146 > 1024 - 24).",
            "max_tokens",
        ),
        lambda body: 900 < body["max_tokens"] <= 1000,
    ),
    "no room to think": (
        lambda body: body["max_tokens"] > 50,
        refusing("400 Bad Request", {"error": {"message": "the request exceeds the context window"}}),
        lambda body: body["max_tokens"] == 50,
    ),
    "a stream only for some": (
        lambda body: body.get("stream", False),
        openai("Your organization must be verified to stream this model.", "stream"),
        lambda body: body["stream"] is False,
    ),
    "what the user has added": (
        lambda body: "reasoning_effort" in body,
        openai("Unrecognized request argument supplied: reasoning_effort"),
        lambda body: "reasoning_effort" not in body,
    ),
    "an error as an event": (
        lambda body: "temperature" in body,
        HEAD + event({"error": {"message": "temperature: not taken", "code": 400}}),
        lambda body: "temperature" not in body,
    ),
}
SCHEMA = attrs.evolve(ASK_CHAT, json_schema={"type": "object"}, stop=("END",))


@pytest.mark.parametrize("name", CASES)
async def test_a_refusal_is_learnt_once_and_remembered(name: str) -> None:
    refuses, refusal, fits = CASES[name]
    async with answering(lambda body: refusal if refuses(body) else OK, parameters={"reasoning_effort": "low"}) as (
        backend,
        server,
    ):
        for _ in range(2):
            assert answer_of(await collect(backend, SCHEMA)) == "well"
    refused, *others = server.bodies
    assert refuses(refused)
    assert len(others) == 2  # asked once more, then never as it was
    assert all(map(fits, others))
    kept = {"model", "messages"}
    assert all(kept <= body.keys() for body in others)


async def test_several_are_learnt_one_after_the_other() -> None:
    def answer(body: Body) -> bytes:
        for name in ("max_tokens", "temperature"):
            if name in body:
                words = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                return openai(f"'{name}' is not supported.{words}", name)
        return openai("no 'system' role", None) if "system" in roles(body) else OK

    async with answering(answer) as (backend, server):
        assert answer_of(await collect(backend, ASK_CHAT)) == "well"
        assert len(server.asked) == 4
        await collect(backend, ASK_CHAT)
        assert len(server.asked) == 5


async def test_suspicion_is_not_remembered_where_it_was_wrong() -> None:
    async with answering(refusing("400 Bad Request", {"error": "no"})) as (backend, server):
        for count in (2, 4):
            with pytest.raises(BackendFailed, match="400: no"):
                await collect(backend, SCHEMA)
            assert len(server.asked) == count
        assert ["response_format" in body for body in server.bodies] == [True, False] * 2


async def test_who_refuses_everything_is_not_asked_for_ever() -> None:
    words = [f"'{name}'" for name in ("temperature", "stop", "max_tokens", "stream", "system")]
    answer = refusing("400 Bad Request", {"error": f"refused: {', '.join(words)}: between 16 and 4000 tokens"})
    async with answering(answer) as (backend, server):
        with pytest.raises(BackendError):
            await collect(backend, SCHEMA)
        assert len(server.asked) <= 12


async def test_what_the_user_leaves_out_is_not_sent() -> None:
    async with answering(OK, parameters={"temperature": "", "top_p": 0.9, "seed": 0}) as (backend, server):
        await collect(backend, ASK_CHAT)
    (body,) = server.bodies
    assert "temperature" not in body
    assert (body["top_p"], body["seed"]) == (0.9, 0)


# -- a prompt that does not fit --------------------------------------------------------------------------------------


async def test_a_prompt_to_fill_in_is_cut_until_it_fits() -> None:
    def answer(body: Body) -> bytes:
        told = len(body["prompt"]) + len(body.get("suffix", ""))
        return (
            DONE
            if told <= 500
            else refusing("400 Bad Request", {"error": {"message": "prompt is too long: context size 99"}})
        )

    async with answering(answer, family=families.SERVER) as (backend, server):
        assert answer_of(await collect(backend, INFILL)) == "1"
        first = len(server.asked)
        assert first == 3
        await collect(backend, INFILL)
        assert len(server.asked) == first + 1  # remembered
        assert server.bodies[-1]["prompt"].endswith("x = ")


async def test_a_conversation_that_does_not_fit_is_told_with_what_to_lower() -> None:
    said = {
        "error": {
            "code": 400,
            "message": "request (9000 tokens) exceeds the available context size (4096 tokens)",
            "type": "exceed_context_size_error",
            "n_prompt_tokens": 9000,
            "n_ctx": 4096,
        }
    }
    async with answering(refusing("400 Bad Request", said)) as (backend, server):
        with pytest.raises(BackendRefused, match="9000 tokens") as caught:
            await collect(backend, ASK_CHAT)
        assert len(server.asked) == 1
        for name in ("actions.review_chars", "completion.context_chars", "--max-model-len"):
            assert name in caught.value.remedy


async def test_a_model_that_cannot_fill_in_continues_the_prefix() -> None:
    told = "Infill is not supported by this model: prefix token is missing. suffix token is missing. "

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        infill = server.asked[-1].startswith(b"POST /infill ")
        well = HEAD + event({"content": "1", "stop": True, "stop_type": "eos"})
        writer.write(refusing("501 Not Implemented", {"error": {"code": 501, "message": told}}) if infill else well)
        await writer.drain()

    async with misbehaving(behave, dialect="llamacpp") as (backend, server):
        for _ in range(2):
            assert answer_of(await collect(backend, Request(Infill("x = ", "\n")))) == "1"
    assert [each.split()[1] for each in server.asked] == [b"/infill", b"/completion", b"/completion"]
    assert (server.bodies[1]["prompt"], "input_prefix" in server.bodies[1]) == ("x = ", False)


# -- a server that is busy -------------------------------------------------------------------------------------------


def busy(line: str, *headers: str, body: Any = None) -> bytes:
    return refusing("\r\n".join([line, *headers]), body or {"error": {"message": "slow down"}})


@pytest.mark.parametrize(
    "answer",
    [
        busy("429 Too Many Requests", "Retry-After: 0.05"),
        busy("429 Too Many Requests", "retry-after-ms: 50"),
        busy("503 Service Unavailable", "Retry-After: 0"),
        busy("503 Service Unavailable", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
        busy("529 Overloaded", "Retry-After: 0"),
    ],
)
async def test_a_busy_server_is_waited_for(answer: bytes) -> None:
    async with answering(lambda _: answer if len(server.asked) == 1 else OK) as (backend, server):
        assert answer_of(await collect(backend, ASK_CHAT)) == "well"
        assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (busy("429 Too Many Requests", "Retry-After: 3600"), "in 3600 s"),
        (busy("503 Service Unavailable", "Retry-After: 3600"), "in 3600 s"),
        (busy("429 Too Many Requests", body={"error": {"message": "You exceeded your current quota"}}), "balance"),
    ],
)
async def test_but_within_reason(answer: bytes, remedy: str) -> None:
    async with answering(answer) as (backend, server):
        with pytest.raises(BackendError) as caught:
            await collect(backend, ASK_CHAT)
        assert remedy in caught.value.remedy
        assert len(server.asked) == 1


async def test_who_types_waits_for_no_server() -> None:
    async with answering(busy("503 Service Unavailable", "Retry-After: 1"), family=families.SERVER) as (
        backend,
        server,
    ):
        with pytest.raises(BackendUnavailable):
            await collect(backend, Request(Infill("x = ")))
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (busy("429 Too Many Requests"), [1, 2, 4, 8, 16]),
        (busy("503 Service Unavailable", body={"error": {"message": "Loading model"}}), [1, 2, 4, 8, 16]),
        (busy("503 Service Unavailable"), [1]),
        (busy("502 Bad Gateway"), [1]),
    ],
)
async def test_without_a_time_the_waits_double(
    monkeypatch: pytest.MonkeyPatch, answer: bytes, expected: list[float]
) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    async with answering(answer) as (backend, _):
        monkeypatch.setattr("hybrid_lsp.backends.http.asyncio.sleep", sleep)
        with pytest.raises(BackendUnavailable):
            await collect(backend, ASK_CHAT)
    assert waits == expected


def test_dates_are_read_as_seconds_from_now() -> None:
    refusal = Refusal(503, "", headers={"retry-after": "Thu, 01 Jan 1970 00:01:00 GMT"})
    assert refusal.wait_s(now=50.0) == 10.0
    assert Refusal(503, "", headers={"retry-after": "soon"}).wait_s() is None
