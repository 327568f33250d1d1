"""Messages out of bytes: the base protocol's headers (LSP 3.18, Header Part), read as a server must that cannot choose
its clients.

Names of headers in any case, and lines that end with LF alone, are taken. What is no header is passed over up to the
next `Content-Length`, so that one bad message does not make the server deaf; it is told as a `Complaint`. The same
holds for a length that cannot be: headers in the middle of a body are the next message's, for JSON has no such line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

MOST_BYTES = 256 * 1024 * 1024
"""A longer message is passed over; no editor sends one."""
_LONGEST_LINE = 8192
# At the end of a line: it may stand behind the rest of a message whose own length was wrong.
_LENGTH = re.compile(rb"(?i)content-length[ \t]*:[ \t]*([0-9]{1,12})[ \t]*$")
_NEXT = re.compile(rb"(?i)content-length[ \t]*:[ \t]*[0-9]{1,12}[ \t]*\r?\n(?:[!-9;-~]+[ \t]*:[^\n]*\n)*\r?\n")
_OTHER_HEADER = re.compile(rb"(?i)(?!content-length)[!-9;-~]+[ \t]*:")


@attrs.frozen
class Complaint:
    """What came in the place of a message, in words."""

    message: str


class Frames:
    """Cuts a stream into the bodies of its messages, in whatever parts it comes."""

    def __init__(self) -> None:
        self._pending = bytearray()
        self._length: int | None = None
        """Bytes of the body whose headers have been read; None while headers are read."""
        self._announced: int | None = None
        self._headed = self._two_lengths = False
        """Whether headers have been read, and say two different lengths."""
        self._searched = 0
        """Bytes of the body in which no headers begin."""
        self._told = False

    @property
    def rest(self) -> bytes:
        """What has been taken in behind the last message that was yielded."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> Iterator[bytes | Complaint]:
        """Take bytes in; yields the messages that they complete."""
        self._pending += data
        while True:
            if self._length is not None:
                if (complaint := self._cut_short()) is not None:
                    yield complaint
                    continue
                if len(self._pending) < self._length:
                    return
                body, self._length = bytes(self._pending[: self._length]), None
                del self._pending[: len(body)]
                yield body
            elif (line := self._line()) is None:
                return
            elif (complaint := self._header(line)) is not None:
                yield complaint

    def _cut_short(self) -> Complaint | None:
        """Give a body up in which the headers of another message stand."""
        assert self._length is not None
        here = min(self._length, len(self._pending))
        if self._pending.find(b"\n", self._searched, here) < 0:
            self._searched = here  # as almost always: JSON that is sent is one line
            return None
        found = _NEXT.search(self._pending, max(0, self._searched - _LONGEST_LINE))
        if found is None or found.start() >= self._length:
            self._searched = here
            return None
        del self._pending[: found.start()]
        self._length = None
        return Complaint("A message is shorter than its `Content-Length` says: it is passed over.")

    def _line(self) -> bytes | None:
        """The next line without its end; None where there is none yet. Of one that is too long the end is kept."""
        end = self._pending.find(b"\n")
        if end < 0:
            del self._pending[:-_LONGEST_LINE]
            return None
        line = bytes(self._pending[max(0, end - _LONGEST_LINE) : end])
        del self._pending[: end + 1]
        return line.removesuffix(b"\r")

    def _header(self, line: bytes) -> Complaint | None:
        if not line.strip():
            return self._headers_end()
        if (found := _LENGTH.search(line)) is not None:
            self._two_lengths |= self._announced not in (None, int(found[1]))
            self._announced = int(found[1])
            return None
        if self._announced is None and _OTHER_HEADER.match(line) is None:
            return self._complaint("What came is no header of a message: send `Content-Length: BYTES`.")
        self._headed = True
        return None

    def _headers_end(self) -> Complaint | None:
        length, headed, two = self._announced, self._headed, self._two_lengths
        self._announced, self._headed, self._two_lengths = None, False, False
        if length is None:
            return self._complaint("Headers came without `Content-Length: BYTES`.") if headed else None
        if two:
            return self._complaint("A message came with two lengths: it is passed over.")
        self._told = length > MOST_BYTES
        if self._told:
            return Complaint(f"The message has more than {MOST_BYTES} bytes: it is passed over.")
        self._length, self._searched = length, 0
        return None

    def _complaint(self, message: str) -> Complaint | None:
        """Once, until a message is found again."""
        if self._told:
            return None
        self._told = True
        return Complaint(message)
