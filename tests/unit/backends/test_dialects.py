"""What is said to each kind of server, and how its answers read."""

from __future__ import annotations

import math
from typing import Any

import attrs
import pytest

from hybrid_lsp.backends import calls, dialects
from hybrid_lsp.backends.calls import Dialect
from hybrid_lsp.errors import BackendFailed
from hybrid_lsp.models import families
from hybrid_lsp.types import Chat, ContextFile, Finish, Infill, Message, Request

INFILL = Request(Infill("P", "S", (ContextFile("a.py", "A"),)), max_tokens=9, stop=("x",), time_budget_ms=50)
CHAT = Request(Chat((Message("user", "hi"),)), json_schema={"type": "object"}, time_budget_ms=50)


def family(name: str) -> families.Family:
    found = families.named(name)
    assert found is not None
    return found


@pytest.mark.parametrize("dialect", ["engine", "llamacpp"])
def test_infill_is_llama_cpps(dialect: Dialect) -> None:
    call = calls.call(dialect, "m", families.PLAIN, INFILL)
    assert call.path == "/infill"
    wanted = {"input_prefix": "P", "input_suffix": "S", "n_predict": 9, "t_max_predict_ms": 50, "stop": ["x"]}
    assert wanted.items() <= call.body.items()
    assert call.body["input_extra"] == [{"filename": "a.py", "text": "A"}]
    assert calls.call(dialect, "m", families.PLAIN, CHAT).path == "/v1/chat/completions"


@pytest.mark.parametrize("dialect", ["engine", "llamacpp", "openai"])
def test_only_our_engine_is_told_what_may_make_way(dialect: Dialect) -> None:
    call = calls.call(dialect, "m", families.PLAIN, attrs.evolve(INFILL, background=True))
    assert call.body.get("priority") == ("background" if dialect == "engine" else None)
    assert "priority" not in calls.call(dialect, "m", families.PLAIN, INFILL).body


@pytest.mark.parametrize("dialect", ["engine", "llamacpp"])
def test_a_draft_goes_to_our_own_engine_only(dialect: Dialect) -> None:
    call = calls.call(dialect, "m", families.PLAIN, attrs.evolve(INFILL, draft="guess"))
    assert call.body.get("draft") == ("guess" if dialect == "engine" else None)


@pytest.mark.parametrize("dialect", ["engine", "llamacpp"])
def test_how_likely_a_line_must_be_is_told_to_our_own_engine_only(dialect: Dialect) -> None:
    call = calls.call(dialect, "m", families.PLAIN, attrs.evolve(INFILL, least_logprob=-2.5))
    assert call.body.get("least_logprob") == (-2.5 if dialect == "engine" else None)
    assert "least_logprob" not in calls.call(dialect, "m", families.PLAIN, INFILL).body


def test_an_openai_server_gets_the_familys_prompt_and_no_more_stops_than_it_takes() -> None:
    request = Request(Infill("P", "S"), stop=("1", "2", "3"))
    call = calls.call("openai", "m", family("qwen-coder"), request)
    assert call.path == "/completions"
    assert call.body["prompt"] == "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"
    assert call.body["stop"] == ["1", "2", "3", "<|endoftext|>"]
    assert len(calls.stops("openai", family("qwen-coder"), request)) == 7


def test_a_server_that_knows_the_format_gets_the_suffix() -> None:
    body = calls.call("openai", "m", families.SERVER, INFILL).body
    assert (body["prompt"], body["suffix"]) == ("P", "S")


def test_a_chat_carries_its_schema() -> None:
    call = calls.call("openai", "m", families.PLAIN, CHAT)
    assert call.path == "/chat/completions"
    assert call.body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert "t_max_predict_ms" not in call.body


def chat(delta: Any, finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta, "finish_reason": finish} | more]}


@pytest.mark.parametrize(
    ("event", "text", "tokens", "logprob", "finish"),
    [
        ({"content": "a", "stop": False}, "a", 1, math.nan, None),
        ({"content": "ab", "tokens": [1, 2], "stop": False}, "ab", 2, math.nan, None),
        ({"content": "a", "completion_probabilities": [{"logprob": -1}, {"logprob": -2}]}, "a", 2, -3.0, None),
        ({"content": "a", "completion_probabilities": [{"logprob": -1}, {"probs": []}]}, "a", 2, math.nan, None),
        ({"content": "", "stop": True, "stop_type": "eos"}, "", 0, 0.0, Finish.STOP),
        ({"content": "", "stop": True, "stop_type": "limit"}, "", 0, 0.0, Finish.LENGTH),
        ({"content": "", "stop": True, "stop_type": "limit", "time_limit": True}, "", 0, 0.0, Finish.TIME),
        ({"content": "", "stop": True, "stop_type": "limit", "preempted": True}, "", 0, 0.0, Finish.TIME),
        ({"choices": [{"text": "a", "logprobs": {"token_logprobs": [-1.5]}}]}, "a", 1, -1.5, None),
        ({"choices": [{"text": "", "logprobs": {"token_logprobs": [-1.5]}}]}, "", 1, -1.5, None),
        ({"choices": [{"text": "a", "logprobs": None, "finish_reason": "length"}]}, "a", 1, math.nan, Finish.LENGTH),
        ({"choices": [{"text": "", "finish_reason": "length"}], "time_limit": True}, "", 0, 0.0, Finish.TIME),
        (chat({"content": "a"}), "a", 1, math.nan, None),
        (chat({"content": "a"}, logprobs={"content": [{"logprob": -2}]}), "a", 1, -2.0, None),
        (chat({}, "stop"), "", 0, 0.0, Finish.STOP),
        (chat({"content": "a"}, ""), "a", 1, math.nan, None),
        (chat({"content": "a"}, "null"), "a", 1, math.nan, None),
        (chat({"content": "a"}, "max_tokens"), "a", 1, math.nan, Finish.LENGTH),
        (chat({"content": "a"}, "MAX_TOKENS"), "a", 1, math.nan, Finish.LENGTH),
        (chat({"content": "a"}, text=""), "a", 1, math.nan, None),
        (
            chat({"content": [{"type": "text", "text": "a"}, {"type": "output_text", "text": "b"}]}),
            "ab",
            1,
            math.nan,
            None,
        ),
        (chat({"content": ["a", {"text": "b"}, {"type": "image_url"}]}), "ab", 1, math.nan, None),
        ({"choices": [{"message": {"content": "all"}, "finish_reason": "stop"}]}, "all", 1, math.nan, Finish.STOP),
    ],
)
def test_events_are_read(event: Any, text: str, tokens: int, logprob: float, finish: Finish | None) -> None:
    piece = dialects.read(event)
    assert piece is not None
    assert (piece.text, piece.tokens, piece.finish) == (text, tokens, finish)
    assert piece.logprob == pytest.approx(logprob, nan_ok=True)


@pytest.mark.parametrize(
    "event",
    [
        *({"choices": []}, chat({"role": "assistant"}), {"choices": [None]}, {"choices": None}, {"choices": "x"}, {}),
        *({"type": "ping"}, {"usage": {"total_tokens": 3}, "choices": []}, chat({"content": None}), chat({}, "")),
    ],
)
def test_events_without_text_are_passed_over(event: Any) -> None:
    assert dialects.read(event) is None


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ([], "no event"),
        ("x", "no event"),
        ({"content": 1}, "text that is none"),
        ({"choices": [{"text": 1}]}, "text that is none"),
        ({"error": {"message": "out of memory"}}, "out of memory"),
        ({"error": "busy"}, "busy"),
        ({"object": "error", "message": "too long", "code": 40303}, "too long"),
        ({"detail": [{"loc": ["body", "stop"], "msg": "no list", "type": "x"}]}, "body.stop: no list"),
        ({"type": "error", "message": "overloaded"}, "overloaded"),
    ],
)
def test_what_is_no_event_is_told(event: Any, said: str) -> None:
    with pytest.raises(BackendFailed, match=said):
        dialects.read(event)


THOUGHTS = {
    "deepseek": chat({"reasoning_content": "hm", "content": None}),
    "openrouter": chat(
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}], "content": ""}
    ),
    "ollama": chat({"thinking": "hm", "content": ""}),
    "litellm": chat({"thinking": {"content": "hm", "signature": None}}),
    "mistral": chat({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
    "responses": chat({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]}),
    "whole": {"choices": [{"message": {"reasoning_content": "hm", "content": None}}]},
    "infill": {"content": "", "reasoning_content": "hm", "stop": False},
}


@pytest.mark.parametrize("server", THOUGHTS)
def test_reasoning_in_a_field_of_its_own_is_no_text(server: str) -> None:
    said = dialects.read(THOUGHTS[server])
    assert said is not None
    assert (said.text, said.thought, said.tokens) == ("", "hm", 1)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        (chat({}, "content_filter"), "filter"),
        (chat({}, "tool_calls"), "tool"),
        (chat({}, "SAFETY"), "filter"),
        (chat({}, "error"), "broke it off"),
        (chat({"refusal": "I will not."}), "I will not."),
        (chat({"content": [{"type": "refusal", "refusal": "I will not."}]}), "I will not."),
    ],
)
def test_what_is_withheld_is_no_end(event: Any, why: str) -> None:
    said = dialects.read(event)
    assert said is not None
    assert why in said.refused


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "no"}},
        {"detail": "no"},
        {"message": "no"},
        {"error": "no"},
        "no",
        [{"error": {"message": "no"}}],
    ],
)
def test_errors_of_all_shapes_are_read(body: Any) -> None:
    assert dialects.error_text(body) == "no"
