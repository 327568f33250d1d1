"""JSON-RPC 2.0 to the letter, where clients are careless: what is answered, and with which id."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from virtual import Window, runner

from hybrid_lsp.backends.fake import FakeBackend

OPENED = {"textDocument": {"uri": "file:///a.py", "languageId": "python", "version": 1, "text": "x"}}
STATUS = {"command": "hybrid-lsp.status"}
INVALID, NOT_FOUND, NOT_JSON = -32600, -32601, -32700


class Raw:
    """A server that is sent bytes; `said` are its answers since the last were looked at."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def send(self, *messages: Any) -> list[dict[str, Any]]:
        before = len(self.window.answers)
        for each in messages:
            body = each if isinstance(each, bytes) else json.dumps(each).encode()
            self.window._reader.feed_data(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self.window.turn()
        return self.window.answers[before:]


@pytest.fixture
def raw() -> Iterator[Raw]:
    with runner() as loop:
        window = Window(loop, FakeBackend(), {})
        yield Raw(window)
        window.close()


def request(method: str, params: Any, number: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def code(answers: list[dict[str, Any]]) -> tuple[Any, int]:
    (answer,) = answers
    return answer["id"], answer["error"]["code"]


@pytest.mark.fault("a notification with an `id`")
def test_a_notification_with_an_id_is_answered_with_an_error(raw: Raw) -> None:
    answers = raw.send(request("textDocument/didOpen", OPENED, 5))
    assert code(answers) == (5, INVALID)
    assert "send it without an `id`" in answers[0]["error"]["message"]
    assert raw.window.server.session.documents.get("file:///a.py") is None


@pytest.mark.fault("a request without an `id`")
def test_a_request_without_an_id_is_not_run(raw: Raw) -> None:
    assert raw.send({"jsonrpc": "2.0", "method": "shutdown"}) == []
    assert not raw.window.server.protocol.was_shut_down  # type: ignore[attr-defined]


@pytest.mark.fault("an `id` that is null, a broken number, a list")
@pytest.mark.parametrize("number", [None, 1.5, [], {}, True])
def test_an_id_that_is_none_is_answered_with_null(raw: Raw, number: Any) -> None:
    assert code(raw.send(request("workspace/executeCommand", STATUS, number))) == (None, INVALID)


@pytest.mark.fault("whole numbers written as floats")
def test_a_number_is_a_number_however_it_is_written(raw: Raw) -> None:
    body = json.dumps(request("workspace/executeCommand", STATUS, 91)).replace("91", "91.0").encode()
    (answer,) = raw.send(body)
    assert (answer["id"], "result" in answer) == (91, True)
    raw.send({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": OPENED})
    asked = request("textDocument/inlineCompletion", {"textDocument": {"uri": "file:///a.py"}}, 92)
    asked["params"] |= {"position": {"line": 0.0, "character": 1.0}, "context": {"triggerKind": 1.0}}
    answers = raw.send(asked)
    raw.window.wait(60)
    answers = answers or raw.window.answers[-1:]
    assert "result" in answers[0]


@pytest.mark.fault("what is no JSON")
@pytest.mark.parametrize("body", [b"", b"{", b"{{{", b"\xff\xff", b"[" * 40_000, b'{"id": NaN}', b"1" * 5000])
def test_what_is_no_json_is_said_to_be_none(raw: Raw, body: bytes) -> None:
    assert code(raw.send(body)) == (None, NOT_JSON)


@pytest.mark.fault("JSON that is no message")
@pytest.mark.parametrize("message", [1, "x", None, [], {}, {"jsonrpc": "2.0"}, {"jsonrpc": "2.0", "method": 1}, [1]])
def test_json_that_is_no_message_is_answered_with_null(raw: Raw, message: Any) -> None:
    assert code(raw.send(message)) == (None, INVALID)


@pytest.mark.fault("a reply to nothing")
@pytest.mark.parametrize("reply", [{"id": 77, "result": 1}, {"id": None, "error": {"code": 1, "message": ""}}])
def test_a_reply_to_nothing_is_not_answered(raw: Raw, reply: Any) -> None:
    assert raw.send({"jsonrpc": "2.0"} | reply) == []


@pytest.mark.fault("a method name of 50 MB")
def test_a_huge_name_is_not_sent_back(raw: Raw) -> None:
    (answer,) = raw.send(request("x" * 50_000_000, None, 6))
    assert (answer["id"], answer["error"]["code"]) == (6, NOT_FOUND)
    assert len(answer["error"]["message"]) < 1000


@pytest.mark.fault("headers that are none, in small letters, or end with LF")
def test_after_bad_headers_it_still_hears(raw: Raw) -> None:
    body = json.dumps(request("workspace/executeCommand", STATUS, 8)).encode()
    raw.window._reader.feed_data(b"Content-Length: abc\r\n\r\n{}content-length: %d\n\n%s" % (len(body), body))
    raw.window.turn()
    first, second = raw.window.answers[-2:]
    assert code([first]) == (None, NOT_JSON)
    assert second["id"] == 8
