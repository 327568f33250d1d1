"""Messages out of bytes, in whatever parts these come and whatever stands between."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.server import framing
from hybrid_lsp.server.framing import Complaint, Frames

GOOD = b"Content-Length: 2\r\n\r\n[]"


def read(*parts: bytes) -> list[bytes | str]:
    frames = Frames()
    found = [each for part in parts for each in frames.feed(part)]
    return ["complaint" if isinstance(each, Complaint) else each for each in found]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\n\r\n",
        b"content-length: 2\r\n\r\n",
        b"CONTENT-LENGTH:2\r\n\r\n",
        b"Content-Length: 2\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: 2\r\n\r\n",
        b"Content-Length: 2 \r\nContent-Type: x\r\n\r\n",
        b"Content-Length: 2\r\ncontent-type: a; charset=utf-16\r\nContent-Length: 2\r\n\r\n",
        b"X-Else: 1\r\nContent-Length: 2\r\n\r\n",
        b"\r\n\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_headers_in_every_dress(head: bytes) -> None:
    assert read(head + b"{}" + GOOD) == [b"{}", b"[]"]


@pytest.mark.parametrize(
    "bad",
    [
        b"Content-Length: abc\r\n\r\n{}",
        b"Content-Length: -5\r\n\r\n",
        b"Content-Length: 1.5\r\n\r\n{}",
        b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n{}\r\n",
        b"Content-Length:\r\n\r\n{}\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x00\xff\xfe nothing\r\n",
        b"x" * 100_000 + b"\r\n",
    ],
)
@pytest.mark.fault("a message's length is no number")
def test_after_a_bad_message_it_is_told_once_and_hears_the_next(bad: bytes) -> None:
    assert read(bad, GOOD, GOOD) == ["complaint", b"[]", b"[]"]
    assert read(bad + GOOD + bad + GOOD) == ["complaint", b"[]"] * 2


@pytest.mark.fault("a message is longer than any editor sends")
def test_what_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MOST_BYTES", 10)
    body = b'{"text": "' + b"x" * 20_000 + b'"}'
    assert read(b"Content-Length: %d\r\n\r\n" % len(body), body[:5], body[5:] + GOOD) == ["complaint", b"[]"]


@pytest.mark.fault("a message's length is larger than the message, or larger than any")
@pytest.mark.parametrize("length", [30, 5000, 250_000_000, 999_999_999_999])
@pytest.mark.parametrize("parts", [1, 3, 1000])
def test_a_length_that_is_too_large_makes_nobody_deaf(length: int, parts: int) -> None:
    stream = b"Content-Length: %d\r\n\r\n{}" % length + GOOD + b"Content-Type: x\r\n" + GOOD
    size = max(1, len(stream) // parts)
    assert read(*(stream[at : at + size] for at in range(0, len(stream), size))) == ["complaint", b"[]", b"[]"]


@pytest.mark.fault("a message has two lengths, or none")
@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}",
        b"Content-Length: 5\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n{}",
    ],
)
def test_a_message_without_one_length_is_passed_over(head: bytes) -> None:
    assert read(head + GOOD) == ["complaint", b"[]"]
    assert read(b"Content-Length: 2\r\n" + GOOD) == [b"[]"]


def test_a_long_body_of_many_lines_is_a_body() -> None:
    body = b"[\r\n\r\n" + b"1,\n" * 50_000 + b'"content-length: 5\\n\\n"]'
    head = b"Content-Length: %d\r\n\r\n" % len(body)
    whole = head + body + GOOD
    assert read(*(whole[at : at + 1000] for at in range(0, len(whole), 1000))) == [body, b"[]"]


def test_nothing_is_a_message_too() -> None:
    assert read(b"Content-Length: 0\r\n\r\n") == [b""]


@given(st.lists(st.binary(max_size=20), max_size=5), st.lists(st.integers(0, 200), max_size=8))
def test_it_does_not_matter_how_the_stream_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    parts = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert read(*parts) == bodies


def test_what_follows_a_message_is_there_for_the_next_reader() -> None:
    frames = Frames()
    first = next(iter(frames.feed(GOOD + b"Content-Le")))
    assert (first, frames.rest) == (b"[]", b"Content-Le")
