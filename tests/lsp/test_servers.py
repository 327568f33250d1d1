"""What the user sees of model servers as they really are: thinking, odd streams, refusals, the way there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import NO_MODELS, URI, Connect, applied, capabilities, inline_params, items, large, open_text, until
from event_stream import HEAD, event
from sample import CODE as SOURCE
from scripted import Script, scripted_server
from test_every_action import FINDING, RUN, SHORT, act

DRAFT = '```python\ndef slow(items, limit=10):\n    """Sorts."""\n    return items\n```'


def stream(*deltas: dict[str, Any], finish: str = "stop") -> bytes:
    events = [{"choices": [{"delta": each}]} for each in deltas]
    events.append({"choices": [{"delta": {}, "finish_reason": finish}]})
    return HEAD + b"".join(map(event, events))


def refusal(line: str, said: Any, *headers: str) -> bytes:
    body = json.dumps(said).encode()
    head = "\r\n".join([f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(body)}", "Connection: close"])
    return head.encode() + b"\r\n\r\n" + body


THOUGHTS: dict[str, str | bytes] = {
    "tags": f"<think>\nPerhaps:\n{DRAFT}\nNo, wrong.\n</think>\n\n{SHORT}",
    "closed only": f"Perhaps:\n{DRAFT}\nNo, wrong.\n</think>\n\n{SHORT}",
    "harmony": f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{SHORT}",
    "field": stream({"reasoning_content": f"Perhaps {DRAFT}"}, {"reasoning_content": " No."}, {"content": SHORT}),
    "parts": stream(
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}]},
        {"content": [{"type": "text", "text": SHORT}]},
    ),
}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name.upper()}_PROXY", raising=False)


@pytest.fixture
async def other() -> AsyncIterator[Script]:
    """A second server: whatever reaches it was meant for somebody else."""
    async with scripted_server(Script()) as script:
        yield script


@pytest.mark.parametrize("name", THOUGHTS)
async def test_a_draft_that_the_model_thought_of_is_not_applied(connect: Connect, script: Script, name: str) -> None:
    script.replies = [THOUGHTS[name]]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "optimize")
        assert (answer.kind, answer.tier, answer.applied) == ("edit", "large", True), answer
        (edit,) = client.edits
        assert "return sorted(items)[:limit]" in applied(SOURCE, edit)
        assert len(script.requests) == 1
        told = " ".join(str(each) for each in client.progress_reports.values())
        assert ("thinking… " in told) is (name != "closed only")


@pytest.mark.parametrize("name", ["tags", "field", "closed only"])
async def test_thoughts_are_not_the_explanation(connect: Connect, script: Script, name: str) -> None:
    replies: dict[str, str | bytes] = {
        "tags": "<think>\nIs it a sieve?\n</think>\nIt sorts.",
        "field": stream({"reasoning": "Is it a sieve?"}, {"content": "It sorts."}),
        "closed only": "Is it a sieve?\n</think>\nIt sorts.",
    }
    script.replies = [replies[name], replies[name]]
    async with connect(large(script), capabilities(ours={"stream": True})) as client:
        open_text(client, SOURCE)
        assert (await act(client, "explain")).markdown == "It sorts."
        assert (client.explanations[-1].markdown, client.explanations[-1].done) == ("It sorts.", True)
        # A template that opens the reasoning itself is known from its first reply on.
        seen = len(client.explanations)
        assert (await act(client, "explain")).markdown == "It sorts."
        shown = client.explanations[0 if name != "closed only" else seen :]
        assert not any("sieve" in each.markdown for each in shown)


async def test_nothing_but_thinking_is_told_and_not_asked_again(connect: Connect, script: Script) -> None:
    script.replies = [stream({"reasoning_content": "hm"}, finish="length")]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert answer.tier == "static"
        assert "was cut off while it still thought" in answer.label
        assert "`thinking_tokens`" in answer.label
        assert len(script.requests) == 1
        # The server is well: it is asked for the next.
        script.replies = ["It sorts."]
        assert (await act(client, "explain")).markdown == "It sorts."


async def test_a_large_models_thoughts_are_no_ghost_text(connect: Connect, script: Script) -> None:
    script.replies = [stream({"content": "<think>\nA loop?\n</think>\nreturn x"})]
    async with connect(large(script)) as client:
        open_text(client, "def f(x):\n    ")
        answer = await client.text_document_inline_completion_async(inline_params(1, 4, invoked=True))
        assert [each.insert_text for each in items(answer)] == ["return x"]


async def test_withheld_answers_are_no_answers(connect: Connect, script: Script) -> None:
    script.replies = [stream({"content": SHORT}, finish="content_filter")]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert answer.tier == "static"
        assert "the server's filter withheld it" in answer.label


async def test_what_a_server_refuses_is_left_out(connect: Connect, script: Script) -> None:
    renamed = "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."
    script.replies = [
        refusal("400 Bad Request", {"error": {"message": renamed, "param": "max_tokens"}}),
        refusal("400 Bad Request", {"error": {"message": "Only 1 is supported.", "param": "temperature"}}),
        "It sorts.",
        "It sorts them.",
    ]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        assert (await act(client, "explain")).markdown == "It sorts."
        assert (await act(client, "explain")).markdown == "It sorts them."
        assert len(script.requests) == 4
        assert "max_completion_tokens" in script.requests[-1]
        assert "temperature" not in script.requests[-1]


async def test_a_busy_server_makes_no_part_of_a_review_static(connect: Connect, script: Script) -> None:
    code = "\n\n".join(f"def part_{number}(x):\n" + "    x = x + 1\n" * 40 + "    return x\n" for number in range(4))
    well = json.dumps({"findings": []})
    script.replies = [
        well,
        refusal("429 Too Many Requests", {"error": "slow down"}, "Retry-After: 0"),
        well,
        refusal("503 Service Unavailable", {"error": "Loading model"}, "Retry-After: 0"),
        *[well] * 6,
    ]
    async with connect(large(script) | {"actions": {"review_chars": 1000}}) as client:
        open_text(client, code)
        answer = await act(client, "security-file", 0)
        assert answer.tier == "large", answer
        assert "static" not in answer.label.lower()
        assert "slow down" not in json.dumps(vars(answer))
        assert len(script.requests) >= 4


REFUSALS = {
    "key": (refusal("401 Unauthorized", {"error": {"message": "no key"}}), "Set `api_key_env` to the name"),
    "model": (refusal("404 Not Found", {"error": {"message": "model 'scripted' not found"}}), "Set `model` to a name"),
    "page": (HEAD.replace(b"event-stream", b"html") + b"<html><title>Sign in</title>", "Check that `base_url`"),
    "detail": (refusal("422 No", {"detail": [{"loc": ["body", "x"], "msg": "odd"}]}), "body.x: odd"),
    "moved": (
        refusal("301 Moved", {}, "Location: https://new.example/v1/chat/completions"),
        "`https://new.example/v1`",
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_comes_with_its_remedy(connect: Connect, script: Script, name: str) -> None:
    sent, remedy = REFUSALS[name]
    script.replies = [sent]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert answer.tier == "static"
        assert remedy in answer.label
        assert "Internal error" not in client.told
        # Also while it is not asked again yet.
        assert remedy in (await act(client, "explain")).label


async def test_code_for_this_machine_stays_on_it(
    connect: Connect, script: Script, other: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{other.port}")
    script.replies = ["It sorts."]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        assert (await act(client, "explain")).markdown == "It sorts."
    assert (other.requests, len(script.requests)) == ([], 1)


@pytest.mark.parametrize(
    ("values", "url", "said"),
    [
        ({"ALL_PROXY": "socks4://127.0.0.1:9"}, "http://models.invalid/v1", "ALL_PROXY"),
        ({"ALL_PROXY": "socks://127.0.0.1:9"}, "http://models.invalid/v1", "socks5://127.0.0.1:9"),
        ({"HTTP_PROXY": "http://127.0.0.1:9"}, "http://models.invalid/v1", "HTTP_PROXY"),
        ({"NO_PROXY": "[::1]", "SSL_CERT_FILE": "/nowhere.pem"}, "https://127.0.0.1:9/v1", "SSL_CERT_FILE"),
        ({"MY_KEY": "schlüssel"}, "http://127.0.0.1:9/v1", "MY_KEY"),
        ({}, "http://127.0.0.1:9/v1", "Start the server, or correct `base_url`"),
    ],
)
async def test_whatever_stands_in_the_way_is_named_and_static_analysis_answers(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], url: str, said: str
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    key = "MY_KEY" if "MY_KEY" in values else ""
    model = {"backend": "openai", "base_url": url, "model": "m", "api_key_env": key}
    async with connect(NO_MODELS | {"large": model}) as client:
        open_text(client, SOURCE)
        answer = await act(client, "explain")
        assert (answer.kind, answer.tier) == ("text", "static")
        assert said in answer.label
        assert "schlüssel" not in answer.label
        assert "Internal error" not in client.told


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"base_url": "http://127.0.0.1:70000/v1"}, "70000"),
        ({"base_url": "http://127.0.0.1:9/v1/chat/completions"}, "`http://127.0.0.1:9/v1`"),
        (
            {"base_url": "http://127.0.0.1:9/v1", "api_key_env": "sk-proj-abcdefghijklmnopqrstuv"},
            "never the key itself",
        ),
    ],
)
async def test_settings_that_cannot_work_are_told(connect: Connect, setting: dict[str, str], said: str) -> None:
    async with connect(NO_MODELS | {"large": {"backend": "openai", "model": "m"} | setting}) as client:
        await until(lambda: said in client.told)
        assert "abcdefghijklmnop" not in client.told
        open_text(client, SOURCE)
        assert (await act(client, "explain")).tier == "static"


async def test_findings_of_a_model_that_thinks(connect: Connect, script: Script) -> None:
    script.replies = [f"<think>\nPerhaps {{}}?\n</think>\n{FINDING}"]
    async with connect(large(script)) as client:
        open_text(client, SOURCE)
        answer = await act(client, "security", RUN)
        assert (answer.kind, answer.tier) == ("findings", "large")
        await until(lambda: any(each.code == "model" for each in client.diagnostics.get(URI, ())))
