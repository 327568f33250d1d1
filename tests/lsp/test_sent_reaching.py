"""Reaching a model server: proxies, parameters that it refuses, causes with their remedies, and waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from conftest import NO_MODELS, Connect, large, open_text, run
from listener import listening
from scripted import Script
from sent import Case, come, stream

IT_IS = "It is so."
OK = stream(IT_IS)
EXPLAIN = Case((OK,), shown=IT_IS, action="explain")
pytestmark = pytest.mark.usefixtures("no_proxy_variables")


@pytest.fixture
async def proxy() -> AsyncIterator[tuple[int, list[bytes]]]:
    """The port of a proxy, and what reached it."""
    heard: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.read(4096))

    async with listening(listen) as port:
        yield port, heard


def status(line: str, body: bytes | Any = b"", *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = "\r\n".join([f"HTTP/1.1 {line}", *headers, f"Content-Length: {len(content)}", "Connection: close"])
    return f"{head}\r\n\r\n".encode() + content


# -- 10, 11: proxies and other surroundings --------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1"])
@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
async def test_nothing_for_this_machine_goes_through_a_proxy(
    connect: Connect,
    script: Script,
    proxy: tuple[int, list[bytes]],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    host: str,
) -> None:
    monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy[0]}")
    settings = large(script)
    settings["large"]["base_url"] = script.url.replace("127.0.0.1", host)
    done = await come(connect, script, EXPLAIN, settings)
    assert done.markdown == IT_IS
    assert proxy[1] == []


SURROUNDINGS = [
    {"ALL_PROXY": "socks5://127.0.0.1:9"},
    {"all_proxy": "socks://127.0.0.1:9"},
    {"HTTP_PROXY": "socks4a://127.0.0.1:9"},
    {"http_proxy": "socks5h://127.0.0.1:9"},
    {"HTTP_PROXY": "http://127.0.0.1:70000"},
    {"HTTP_PROXY": "nonsense"},
    {"HTTP_PROXY": "http://"},
    {"NO_PROXY": "[::1]"},
    {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "[::1],::1/128,*,.local:80,,"},
    {"SSL_CERT_FILE": "/nowhere/roots.pem"},
    {"SSL_CERT_DIR": "/nowhere"},
]


@pytest.mark.parametrize("values", SURROUNDINGS, ids=str)
async def test_no_surrounding_stops_a_server_of_this_machine(
    connect: Connect, script: Script, monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    done = await come(connect, script, EXPLAIN)
    assert done.markdown == IT_IS


FAR = [
    ({"HTTPS_PROXY": "socks5://127.0.0.1:9"}, {}, "socks"),
    ({"ALL_PROXY": "socks://127.0.0.1:9"}, {}, "socks"),
    ({"HTTPS_PROXY": "http://127.0.0.1:9"}, {}, "proxy"),
    ({"SSL_CERT_FILE": "/nowhere/roots.pem"}, {}, "SSL_CERT_FILE"),
    ({"MY_KEY": "schlüssel"}, {"api_key_env": "MY_KEY"}, "MY_KEY"),
    ({"MY_KEY": "“quoted”"}, {"api_key_env": "MY_KEY"}, "MY_KEY"),
    ({"MY_KEY": "two words"}, {"api_key_env": "MY_KEY"}, "MY_KEY"),
    ({}, {"api_key_env": "MY_KEY"}, "MY_KEY"),
]


@pytest.mark.parametrize(("values", "more", "said"), FAR, ids=str)
async def test_what_stops_a_remote_server_is_told_with_its_remedy(
    connect: Connect,
    script: Script,
    monkeypatch: pytest.MonkeyPatch,
    values: dict[str, str],
    more: dict[str, str],
    said: str,
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    remote = {"backend": "openai", "base_url": "https://127.0.0.2.models.invalid/v1", "model": "m", "timeout_s": 5}
    done = await come(connect, script, EXPLAIN, NO_MODELS | {"large": remote | more})
    assert done.tier == "static"
    assert said.lower() in done.label.lower(), done.label
    assert not any(value in done.label + done.told for name, value in values.items() if name == "MY_KEY")


@pytest.mark.parametrize("key", ["sk-proj-abcdefghijklmnop1234567890", "AIzaSyA1234567890abcdefghijklmnopqrstuv"])
async def test_a_pasted_key_is_told_and_not_shown(connect: Connect, script: Script, key: str) -> None:
    settings = large(script)
    settings["large"]["api_key_env"] = key
    script.replies = [OK]
    async with connect(settings) as client:
        open_text(client, "def a():\n    return 1\n", "file:///work/sent.py")
        await run(client, "hybrid-lsp.status")
        assert key not in client.told + str(client.log_messages) + str(client.statuses)
        assert "api_key_env" in client.told


@pytest.mark.parametrize(
    ("tail", "said"),
    [
        (":70000/v1", "70000"),
        (":{port}/v1/chat/completions", "/v1`"),
        (":{port}/v1/completions", "/v1`"),
        (":{port}/v1/models", "/v1`"),
    ],
)
async def test_an_address_that_cannot_work_is_told(connect: Connect, script: Script, tail: str, said: str) -> None:
    settings = large(script)
    settings["large"]["base_url"] = "http://127.0.0.1" + tail.format(port=script.port)
    done = await come(connect, script, EXPLAIN, settings)
    assert said in done.told + done.label
    assert script.requests == []


# -- 12: parameters that a server refuses ----------------------------------------------------------------------------


def refused(message: str, param: str | None = None) -> bytes:
    return status("400 Bad Request", {"error": {"message": message, "type": "invalid_request_error", "param": param}})


def roles(body: dict[str, Any]) -> list[str]:
    return [each["role"] for each in body["messages"]]


TOO_MANY = "max_tokens is too large: 5120. This model supports at most 4096 completion tokens."
PARAMETERS: dict[str, tuple[bytes, Any]] = {
    "max_tokens has a new name": (
        refused("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.", "max_tokens"),
        lambda body: "max_completion_tokens" in body and "max_tokens" not in body,
    ),
    "the new name, in words alone": (
        status("400 Bad Request", {"message": "Please use max_completion_tokens instead of max_tokens."}),
        lambda body: "max_completion_tokens" in body and "max_tokens" not in body,
    ),
    "max_tokens is too large": (refused(TOO_MANY, "max_tokens"), lambda body: body["max_tokens"] == 4096),
    "max_tokens, in other words": (
        status("422 Unprocessable Entity", {"detail": "max_tokens must be between 1 and 2048"}),
        lambda body: body["max_tokens"] == 2048,
    ),
    "temperature is fixed": (
        refused("Unsupported value: 'temperature' does not support 0. Only the default (1) is.", "temperature"),
        lambda body: "temperature" not in body,
    ),
    "temperature, by FastAPI": (
        status(
            "422 Unprocessable Entity",
            {"detail": [{"loc": ["body", "temperature"], "msg": "ensure this value is greater than 0"}]},
        ),
        lambda body: "temperature" not in body,
    ),
    "temperature, without a field": (
        status("400 Bad Request", b"temperature must be strictly positive"),
        lambda body: "temperature" not in body,
    ),
    "temperature in an error of errors": (
        status("400 Bad Request", {"errors": [{"message": "`temperature` is deprecated for this model."}]}),
        lambda body: "temperature" not in body,
    ),
    "no system role": (
        status("500 Internal Server Error", {"error": {"message": "System role not supported", "code": 500}}),
        lambda body: roles(body) == ["user"],
    ),
    "roles must alternate": (
        status("400 Bad Request", {"message": "Conversation roles must alternate user/assistant/user/assistant/..."}),
        lambda body: roles(body) == ["user"],
    ),
    "a developer instruction": (
        refused("Developer instruction is not enabled for models/gemma-3-27b-it"),
        lambda body: roles(body) == ["user"],
    ),
    "no stream": (refused("Unsupported value: 'stream' is not supported.", "stream"), lambda body: not body["stream"]),
    "no stream for some": (
        refused("Your organization must be verified to stream this model.", "stream"),
        lambda body: not body["stream"],
    ),
    "what the user added": (
        refused("Unrecognized request argument supplied: top_k"),
        lambda body: "top_k" not in body,
    ),
    "extra fields": (
        status(
            "422 Unprocessable Entity",
            {
                "detail": [
                    {"type": "extra_forbidden", "loc": ["body", "top_k"], "msg": "Extra inputs are not permitted"}
                ]
            },
        ),
        lambda body: "top_k" not in body,
    ),
    "no room beside the prompt": (
        status(
            "400 Bad Request",
            {
                "object": "error",
                "message": "This model's maximum context length is 2048 tokens. However, you requested 5320 tokens "
                "(200 in the messages, 5120 in the completion). Please reduce the length of the messages.",
            },
        ),
        lambda body: body["max_tokens"] <= 2048 - 200,
    ),
    "a refusal as an event": (
        stream().split(b"\r\n\r\n")[0]
        + b'\r\n\r\ndata: {"error": {"message": "temperature: not taken", "code": 400}}\n\n',
        lambda body: "temperature" not in body,
    ),
}


@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_refusal_is_learnt_once_and_remembered(connect: Connect, script: Script, name: str) -> None:
    refusal, fits = PARAMETERS[name]
    settings = large(script)
    settings["large"]["parameters"] = {"top_k": 3}
    whole = {"choices": [{"message": {"content": IT_IS}, "finish_reason": "stop"}]}
    ok = status("200 OK", whole) if "stream" in name and "event" not in name else OK
    script.replies = [refusal, ok, ok]
    place = {"line": 1, "character": 6}
    async with connect(settings) as client:
        open_text(client, "def a():\n    return 1\n", "file:///work/sent.py")
        order = {"action": "explain", "uri": "file:///work/sent.py", "range": {"start": place, "end": place}}
        for _ in range(2):
            done = await run(client, "hybrid-lsp.runAction", order)
            assert done.get("markdown") == IT_IS, done
    assert len(script.requests) == 3
    assert not fits(script.requests[0])
    assert all(map(fits, script.requests[1:]))


@pytest.mark.parametrize(
    "message",
    [
        "response_format is not supported by this model",
        "Invalid parameter: 'response_format' of type 'json_schema' is not supported",
        "json_schema: structured outputs are not available",
        "guided decoding is disabled on this server",
        "grammar is too complex",
    ],
)
async def test_a_schema_that_is_refused_is_left_out(connect: Connect, script: Script, message: str) -> None:
    found = {"findings": [{"quote": "return 1", "line": 2, "message": "Bad.", "severity": "error", "cwe": None}]}
    sent = (refused(message), stream(json.dumps(found)))
    done = await come(connect, script, Case(sent, action="security"))
    assert (done.kind, done.count) == ("findings", 1)
    assert "response_format" not in script.requests[-1]


# -- 13: causes and remedies -----------------------------------------------------------------------------------------

CAUSES: dict[str, tuple[bytes, str]] = {
    "a page": (status("404 Not Found", b"<html><title>Nothing here</title></html>"), "Nothing here"),
    "a page in place of an answer": (status("200 OK", b"<!doctype html><title>Sign in</title>"), "Sign in"),
    "a missing /v1": (status("404 Not Found", b"404 page not found"), "base_url"),
    "no such model": (status("404 Not Found", {"error": "model 'm' not found, try pulling it first"}), "`model`"),
    "no such model, in an object": (
        status("400 No", {"error": {"message": "The model `m` does not exist"}}),
        "`model`",
    ),
    "no key": (status("401 Unauthorized", {"error": {"message": "Missing bearer"}}), "api_key_env"),
    "a wrong key": (status("403 Forbidden", {"detail": "Not allowed"}), "api_key_env"),
    "no money": (status("402 Payment Required"), "balance"),
    "a quota": (status("429 Too Many", {"error": {"message": "You exceeded your current quota"}}), "balance"),
    "a list in detail": (
        status("422 No", {"detail": [{"loc": ["body", "messages"], "msg": "field required"}]}),
        "body.messages: field required",
    ),
    "a list of texts": (status("422 No", {"detail": ["odd", "strange"]}), "odd; strange"),
    "a redirect": (
        status("302 Found", b"", "Location: https://login.example/v1/chat/completions?next=s3cret"),
        "https://login.example/v1",
    ),
    "https behind http": (
        status("400 Bad Request", b"<title>400 The plain HTTP request was sent to HTTPS port</title>"),
        "https://",
    ),
    "https behind http, Go": (
        status("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
        "https://",
    ),
    "a TLS alert": (b"\x15\x03\x01\x00\x02\x02\x46", "https://"),
    "too long": (
        status(
            "400 No", {"error": {"message": "This model's maximum context length is 512 tokens; the prompt has 900"}}
        ),
        "actions.",
    ),
    "too long, llama.cpp": (
        status(
            "400 No",
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 900,
                    "n_ctx": 512,
                }
            },
        ),
        "actions.",
    ),
    "too long for a gateway": (status("413 Content Too Large"), "Select less"),
    "a body that is no text": (status("500 Oops", bytes(range(128, 256))), "500"),
    "nothing": (b"", "broke off"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n", "base_url"),
}


@pytest.mark.parametrize("name", CAUSES)
async def test_each_cause_is_told_with_what_to_do(connect: Connect, script: Script, name: str) -> None:
    sent, said = CAUSES[name]
    done = await come(connect, script, Case((sent,) * 6, action="explain"))
    assert done.tier == "static"
    assert said in done.label, done.label
    assert "s3cret" not in done.label
    assert "<" not in done.label


async def test_https_to_a_server_without(connect: Connect, script: Script) -> None:
    settings = large(script)
    settings["large"]["base_url"] = script.url.replace("http:", "https:")
    done = await come(connect, script, EXPLAIN, settings)
    assert f"`{script.url}`" in done.label


async def test_the_query_goes_behind_the_path(connect: Connect, tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async with listening(answer) as port:
        base = f"http://127.0.0.1:{port}/openai/deployments/x?api-version=2024-10-21"
        settings = NO_MODELS | {"large": {"backend": "openai", "base_url": base, "model": "m"}}
        done = await come(connect, Script(), EXPLAIN, settings)
    assert done.markdown == IT_IS
    assert asked[-1].split()[1] == b"/openai/deployments/x/chat/completions?api-version=2024-10-21"


# -- 14: a server that is busy ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "busy",
    [
        status("429 Too Many Requests", {"error": {"message": "slow down"}}, "Retry-After: 0.05"),
        status("429 Too Many Requests", b"", "retry-after-ms: 50"),
        status("503 Service Unavailable", {"error": {"message": "Loading model"}}, "Retry-After: 0"),
        status("503 Service Unavailable", b"", "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT"),
        status("529 Overloaded", {"type": "error", "error": {"type": "overloaded_error"}}, "Retry-After: 0"),
    ],
    ids=["429", "429 in ms", "503", "503 with a date", "529"],
)
async def test_a_busy_server_is_waited_for(connect: Connect, script: Script, busy: bytes) -> None:
    done = await come(connect, script, Case((busy, busy, OK), action="explain"))
    assert done.markdown == IT_IS
    assert done.tier == "large"


async def test_a_busy_server_is_not_waited_for_without_end(connect: Connect, script: Script) -> None:
    busy = status("429 Too Many Requests", b"", "Retry-After: 3600")
    done = await come(connect, script, Case((busy, OK), action="explain"))
    assert done.tier == "static"
    assert "3600 s" in done.label
    assert len(script.requests) == 1
