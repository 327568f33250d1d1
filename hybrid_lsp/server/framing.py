"""Messages out of bytes: the base protocol's headers (LSP 3.18, Header Part), read as a server must that cannot choose
its clients.

Names of headers in any case, and lines that end with LF alone, are taken. What is no header is passed over up to the
next `Content-Length`, so that one bad message does not make the server deaf; it is told as a `Complaint`.
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
        self._skipped = 0
        self._told = False

    @property
    def rest(self) -> bytes:
        """What has been taken in behind the last message that was yielded."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> Iterator[bytes | Complaint]:
        """Take bytes in; yields the messages that they complete."""
        self._pending += data
        while True:
            if self._skipped:
                dropped = min(self._skipped, len(self._pending))
                del self._pending[:dropped]
                self._skipped -= dropped
            if self._skipped:
                return
            if self._length is not None:
                if len(self._pending) < self._length:
                    return
                body, self._length = bytes(self._pending[: self._length]), None
                del self._pending[: len(body)]
                yield body
            elif (line := self._line()) is None:
                return
            elif (complaint := self._header(line)) is not None:
                yield complaint

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
            self._announced = int(found[1])
            return None
        if self._announced is None and not self._told and _OTHER_HEADER.match(line) is None:
            self._told = True  # once, until a message is found again
            return Complaint("What came is no header of a message: send `Content-Length: BYTES`.")
        return None

    def _headers_end(self) -> Complaint | None:
        length, self._announced = self._announced, None
        if length is None:
            return None
        self._told = False
        if length > MOST_BYTES:
            self._skipped = length
            return Complaint(f"The message has more than {MOST_BYTES} bytes: it is passed over.")
        self._length = length
        return None
