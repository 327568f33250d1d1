"""Streams as servers and proxies really send them: none of their shapes loses, doubles or ends a reply."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import ASK_CHAT, HEAD, answer_of, answering, chunks, collect, event, status

from hybrid_lsp.backends.events import DONE, EventReader
from hybrid_lsp.errors import BackendFailed, BackendRefused
from hybrid_lsp.routing.candidates import Candidate, Task
from hybrid_lsp.routing.health import State
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Finish, Tier

PLAIN = HEAD.replace(b"text/event-stream", b"text/plain; charset=utf-8")
NO_TYPE = HEAD.replace(b"Content-Type: text/event-stream\r\n", b"")
LINES = HEAD.replace(b"text/event-stream", b"application/x-ndjson")
JSON = HEAD.replace(b"text/event-stream", b"application/json")


def said(content: str, finish: Any = None, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": content}, "finish_reason": finish} | more]}


WELL = [said("It "), said("is "), said("so."), said("", "stop")]
WHOLE = {"choices": [{"message": {"role": "assistant", "content": "It is so."}, "finish_reason": "stop"}]}


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


def stream(*events: Any) -> bytes:
    return b"".join(map(event, events)) + b"data: [DONE]\n\n"


SHAPES = {
    "an empty reason in each event": HEAD
    + stream(*(said(each, "") for each in ("It ", "is ", "so.")), said("", "stop")),
    "the word null for a reason": HEAD + stream(said("It ", "null"), said("is so.", "None"), said("", "stop")),
    "an empty delta beside the whole": HEAD
    + stream(*WELL[:3], {"choices": [{"delta": {}, "message": {"content": "It is so."}, "finish_reason": "stop"}]}),
    "the whole alone, with an empty delta": HEAD
    + stream({"choices": [{"delta": {}, "message": {"content": "It is so."}, "finish_reason": "stop"}]}),
    "the whole again in the end": HEAD + stream(*WELL[:3], WHOLE),
    "no choices": HEAD + stream({"choices": None}, *WELL, {"choices": None, "usage": {"total_tokens": 9}}),
    "choices that are none": HEAD + stream({"choices": [None]}, {"choices": {}}, *WELL),
    "pings": HEAD
    + b": ping\n\nevent: ping\ndata: {}\n\nid: 7\nretry: 10\n"
    + stream({"type": "ping"}, *WELL[:2])[: -len(b"data: [DONE]\n\n")]
    + b":\n\ndata:\n\n"
    + stream(*WELL[2:]),
    "text/plain": PLAIN + stream(*WELL),
    "no media type": NO_TYPE + stream(*WELL),
    "no empty lines between": HEAD + stream(*WELL).replace(b"\n\n", b"\n") + b"\n",
    "no blank behind the colon": HEAD + stream(*WELL).replace(b"data: ", b"data:"),
    "carriage returns": HEAD + stream(*WELL).replace(b"\n", b"\r\n"),
    "carriage returns alone": HEAD + stream(*WELL).replace(b"\n", b"\r"),
    "a byte order mark": HEAD + b"\xef\xbb\xbf" + stream(*WELL),
    "an event over several lines": HEAD
    + b"".join(
        b"".join(b"data: " + line + b"\n" for line in json.dumps(each, indent=1).encode().split(b"\n")) + b"\n"
        for each in WELL
    ),
    "an event name": HEAD + stream(*WELL).replace(b"data:", b"event: message\ndata:"),
    "JSON lines": LINES + lines(*WELL),
    "one document": JSON + json.dumps(WHOLE).encode(),
    "one document over many lines": JSON + json.dumps(WHOLE, indent=2).encode() + b"\n",
    "one document without a reason": JSON + json.dumps({"choices": [{"message": {"content": "It is so."}}]}).encode(),
    "one document as a stream": HEAD + json.dumps(WHOLE).encode() + b"\n\n",
    "text in place of a delta": HEAD + stream({"choices": [{"text": "It is so.", "finish_reason": "stop"}]}),
    "an empty text beside the delta": HEAD
    + stream(*(said(each, text="") for each in ("It ", "is so.")), said("", "stop")),
    "no reason but the end": HEAD + stream(*WELL[:3]),
    "filter results first": HEAD + stream({"choices": [], "prompt_filter_results": [{}]}, *WELL),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_the_reply_is_whole_whatever_the_shape(name: str) -> None:
    async with answering(SHAPES[name]) as (backend, server):
        pieces = await collect(backend, ASK_CHAT)
    assert (answer_of(pieces), pieces[-1].finish) == ("It is so.", Finish.STOP)
    assert [piece.finish for piece in pieces[:-1]] == [None] * (len(pieces) - 1)
    assert len(server.asked) == 1


ERRORS = {
    "a bare error line": (
        HEAD + stream(*WELL[:2])[:-14] + b'{"error": {"message": "out of memory"}}\n\n',
        "out of memory",
    ),
    "an error event": (
        HEAD + event(WELL[0]) + b'event: error\ndata: {"message": "out of memory"}\n\n',
        "out of memory",
    ),
    "an error as an object": (HEAD + stream(WELL[0], {"object": "error", "message": "out of memory"}), "out of memory"),
    "an error with the text": (HEAD + stream(WELL[0], said("x") | {"error": {"message": "gone"}}), "gone"),
    "words in place of an event": (HEAD + event(WELL[0]) + b"upstream connect error\n\n", "upstream connect error"),
    "an error first": (HEAD + b'{"error": "out of memory"}\n', "out of memory"),
    "a list first": (HEAD + b'[{"error": {"message": "out of memory"}}]\n', "out of memory"),
    "a page": (status("200 OK", b"<!doctype html><html><head><title>Sign in</title>"), "Sign in"),
    "nothing": (status("200 OK"), "in the middle"),
    "only pings": (HEAD + b"event: ping\ndata: {}\n\n", "in the middle"),
}


@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_in_any_shape_is_told_in_its_words(name: str) -> None:
    sent, words = ERRORS[name]
    async with answering(sent) as (backend, _):
        with pytest.raises(BackendFailed, match=words) as caught:
            await collect(backend, ASK_CHAT)
        assert caught.value.remedy


WITHHELD = {
    "filter": (chunks("It is", finish="content_filter"), "filter withheld"),
    "refusal": (chunks({"refusal": "I will "}, {"refusal": "not."}), "I will not."),
    "tool": (chunks({"tool_calls": [{"function": {"name": "run"}}]}, finish="tool_calls"), "called a tool"),
    "safety": (chunks("It", finish="SAFETY"), "filter withheld"),
    "broken off": (chunks("It", finish="error"), "broke it off"),
}


@pytest.mark.parametrize("name", WITHHELD)
async def test_what_is_withheld_is_no_answer_and_the_server_is_well(name: str) -> None:
    sent, words = WITHHELD[name]
    async with answering(sent) as (backend, _):
        router = Router({Tier.LARGE: backend})
        events = [each async for each in router.stream(router.candidates(Task.ACTION), ASK_CHAT)]
        candidates = [each for each in events if isinstance(each, Candidate)]
        assert [each.tier for each in candidates] == [Tier.LARGE, Tier.STATIC]
        assert candidates[1].reason.startswith("The large model gives no answer (")
        assert words in candidates[1].reason
        assert router.health(Tier.LARGE).state is State.CLOSED
        with pytest.raises(BackendRefused):
            await collect(backend, ASK_CHAT)


@given(st.sampled_from(sorted(SHAPES)), st.lists(st.integers(0, 2000), max_size=12))
def test_however_the_bytes_are_cut(name: str, cuts: list[int]) -> None:
    body = SHAPES[name].partition(b"\r\n\r\n")[2]

    def events(cuts: list[int]) -> list[Any]:
        reader = EventReader("test")
        places = [0, *sorted(cut % (len(body) + 1) for cut in cuts), len(body)]
        found = [each for start, end in itertools.pairwise(places) for each in reader.feed(body[start:end])]
        return [each for each in [*found, *reader.end()] if each is not DONE]

    assert events(cuts) == events([])


def test_a_document_has_a_longest_size() -> None:
    reader, part = EventReader("test"), b"{" + b" " * 1024 * 1024 + b"\n"
    for _ in range(15):
        reader.feed(part)
    with pytest.raises(BackendFailed, match="more than"):
        reader.feed(part)
