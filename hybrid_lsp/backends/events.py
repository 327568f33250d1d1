"""From the bytes of an answer to its events: server-sent events, JSON lines, or one JSON document.

What a server says of itself in its headers is not relied on: a stream may come as `text/plain`, an error as a bare line
within it.
"""

from __future__ import annotations

import json
import re
from typing import Any

import attrs

from hybrid_lsp.backends.dialects import CHECK_URL
from hybrid_lsp.errors import BackendFailed

DONE = object()
"""The event after the last one of OpenAI's protocol."""
LONGEST_LINE = 1024 * 1024
"""Bytes of one event; a server that sends more without a line end is not streaming tokens."""
LONGEST_BODY = 16 * LONGEST_LINE
_LONGEST_STRAY = 300
_FIELDS = (b"data", b"event", b"id", b"retry", b"error")
_TITLE = re.compile(r"(?is)<(title|h1)[^>]*>(.*?)</\1>")


@attrs.define
class EventReader:
    """Takes the bytes of one answer as they come. `name` is the backend's, for errors.

    `stray` is what was said outside of all events, for the message when the answer breaks off.
    """

    name: str
    stray: str = ""
    _pending: bytes = b""
    _data: list[bytes] = attrs.field(factory=list)
    _event: bytes = b""
    _document: bytearray = attrs.field(factory=bytearray)
    _begun: bool = False

    def feed(self, part: bytes) -> list[Any]:
        """The events that are complete. Raises BackendFailed."""
        events: list[Any] = []
        # JSON holds no bare line end, so that each of them ends a line; not U+2028, which it may hold.
        *lines, self._pending = re.split(rb"\r\n|\n|\r(?!$)", self._pending + part)
        for line in lines:
            events += self._line(line)
        if len(self._pending) > self._longest:
            raise self._failed(f"sent a line of more than {self._longest} bytes")
        return events

    def end(self) -> list[Any]:
        """The events that were complete without a line end. Raises BackendFailed."""
        rest, self._pending = self._pending.rstrip(b"\r"), b""
        events = (self._line(rest) if rest else []) + self._dispatch()
        return [*events, *_whole(self._json(bytes(self._document)))] if self._document else events

    @property
    def _longest(self) -> int:
        """A document may be one line."""
        bare = self._pending[:1] in (b"{", b"[", b"<")
        return LONGEST_BODY if bare else LONGEST_LINE

    def _line(self, line: bytes) -> list[Any]:
        if not self._begun:
            line = line.removeprefix(b"\xef\xbb\xbf")
            self._begun = bool(line.strip())
            if line.lstrip()[:1] == b"<":
                raise self._page(line + self._pending)
        if self._document:
            return self._more(line)
        if not line.strip():
            return self._dispatch()
        if line.lstrip()[:1] in (b"{", b"["):
            return self._bare(line)
        field, _, value = line.partition(b":")
        if field not in _FIELDS:
            self._note(line)
            return []
        return self._field(field, value.removeprefix(b" "))

    def _field(self, field: bytes, value: bytes) -> list[Any]:
        if field == b"event":
            self._event = value.strip().lower()
        elif field == b"error":  # llama.cpp's, of old
            return [{"error": self._json(value)}]
        elif field == b"data":
            self._data.append(value)
            # Not every server puts an empty line between its events.
            return self._dispatch() if len(self._data) == 1 and _is_complete(value) else []
        return []

    def _dispatch(self) -> list[Any]:
        """The event that an empty line ends."""
        data, self._data = b"\n".join(self._data).strip(), []
        name, self._event = self._event, b""
        if not data:
            return []
        if data == b"[DONE]":
            return [DONE]
        value = self._json(data) if name != b"error" else self._told(data)
        is_error = name == b"error" and not (isinstance(value, dict) and value.get("error"))
        return [{"error": value} if is_error else value]

    def _bare(self, line: bytes) -> list[Any]:
        """JSON that stands for itself: a document, the first line of one, or an error within a stream."""
        try:
            return _whole(json.loads(line))
        except (ValueError, RecursionError):
            return self._more(line)

    def _more(self, line: bytes) -> list[Any]:
        self._document += line + b"\n"
        if len(self._document) > LONGEST_BODY:
            raise self._failed(f"sent more than {LONGEST_BODY} bytes")
        return []

    def _note(self, line: bytes) -> None:
        if line[:1] != b":" and not self.stray:
            self.stray = line[:_LONGEST_STRAY].decode("utf-8", "replace").strip()

    def _told(self, data: bytes) -> Any:
        """What an event says that stands for an error: JSON, or words."""
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            return {"message": data[:_LONGEST_STRAY].decode("utf-8", "replace")}

    def _json(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self._failed("sent an event that is not JSON") from error

    def _page(self, text: bytes) -> BackendFailed:
        title = page_title(text[:LONGEST_LINE].decode("utf-8", "replace"))
        return self._failed(f"sent an HTML page{f' (“{title}”)' if title else ''} in place of an answer")

    def _failed(self, what: str) -> BackendFailed:
        return BackendFailed(f"{self.name} {what}.", CHECK_URL)


def page_title(text: str) -> str:
    """The title of an HTML page, or its first heading; nothing where it has none, or is no page."""
    match = _TITLE.search(text)
    return " ".join(re.sub(r"<[^>]*>", " ", match[2]).split())[:100] if match else ""


def _is_complete(value: bytes) -> bool:
    """Whether the data of one line is an event: only what ends as one is tried."""
    value = value.strip()
    if value == b"[DONE]":
        return True
    if value[-1:] not in (b"}", b"]"):
        return False
    try:
        json.loads(value)
    except (ValueError, RecursionError):
        return False
    return True


def _whole(value: Any) -> list[Any]:
    """A document that is no stream, as the events of one; a list of documents is several."""
    if isinstance(value, list):
        if value == ["DONE"]:  # behind lines of JSON
            return [DONE]
        return [event for each in value for event in _whole(each)] if value and all(map(_is_object, value)) else [value]
    return [{"stop": True} | value if _is_object(value) and "content" in value else value]


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)
