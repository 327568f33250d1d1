"""Tells what a model answers from what it thinks before, in the text that it streams.

Servers that know their model put its reasoning into a field of its own, which `dialects.py` reads. Others pass on what
the model wrote, with the marks that it was trained to put around its reasoning (`marks.py`). Some chat
templates open the reasoning in the prompt, so that the reply holds the closing mark alone: text that was taken for
the answer is then retracted. The marks of a turn's beginning and end are left out as well, with all that follows an
end.

Code and prose may speak of these marks. One counts where it opens the reply, or stands by itself; not within quotes,
within a line of prose, or within a line of a fenced block.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

import attrs

from hybrid_lsp.backends.marks import (
    LAST_END,
    SENTENCES,
    TAGS,
    TURN_ENDS,
    TURN_HEADS,
    WHOLE_WORDS,
    WRAPPERS,
    Marks,
)
from hybrid_lsp.types import Kind

_WORD = r"(?:think|thought|reason|reflect|scratch|analysis|monologue|rationale|deliberat|chain_of)"
_ANY_TAG = re.compile(rf"(?i)<(?P<name>[\w:-]*{_WORD}[\w:-]*)(?:\s[^<>\n]*)?>")
_ANY_DETAILS = re.compile(rf"(?i)<(?P<name>details)\s[^<>\n]*{_WORD}[^<>\n]*>")
_ANY_FENCE = re.compile(rf"(?i)(?P<fence>`{{3,}}|~{{3,}})[ \t]*{_WORD}\w*[ \t]*\r?\n")
_MAY_FENCE = re.compile(r"(?i)[`~]+[ \t]*(?P<word>[a-z]*)$")
_LONGEST_TAG = 80
_MESSAGE = "<|message|>"
_HEADS = ("<|end|><|start|>assistant", "<|start|>assistant", "<|channel|>")
"""Where a message of the harmony format (gpt-oss) begins: its channel stands between this and `<|message|>`."""
_TAILS = ("<|end|>", "<|return|>", "<|call|>")
_LONGEST_HEADER = 200
_LONGEST_BLANK = 2000
_STEP = 256
_INVISIBLE = "\ufeff\u200b\u2060"
"""What may stand before a reply and is not seen: a byte order mark, a space of no width."""
_BLANKS = string.whitespace + _INVISIBLE
_UNSEEN = dict.fromkeys(map(ord, _INVISIBLE))
_FAR = 200
"""So many blanks behind a mark, or kept of a line, tell as much as all of them."""
_ALWAYS = re.compile(r"(?i)(?:^|[-_/:.])(?:r1|qwq|thinking)(?:$|[-_/:.])")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$")
_QUOTES = ("`", "'", '"')
_AFTER_A_SENTENCE = (".", "!", "?", ":", ")", ">", "`")


def always_thinks(model: str) -> bool:
    """Whether a model's name says that each of its replies begins with reasoning, marked or not."""
    return bool(_ALWAYS.search(model))


@attrs.frozen
class Segment:
    """A part of a reply. A retraction has no text: all answer before it was reasoning."""

    kind: Kind
    text: str = ""


class _State(Enum):
    START = "nothing of the answer is there but white space"
    ANSWER = "within the answer"
    THOUGHT = "within reasoning"
    HEADER = "within the head of a harmony message"
    OVER = "behind the end of the turn"


@attrs.define
class _Lines:
    """Where in its lines a text ends: the line so far, and whether a fenced block is open."""

    line: str = ""
    fence: str = ""

    def advance(self, text: str) -> None:
        *whole, last = (self.line + text).split("\n")
        for line in whole:
            self._pass(line.rstrip("\r"))
        self.line = last if len(last) <= 2 * _FAR else last[:_FAR] + last[-_FAR:]

    def _pass(self, line: str) -> None:
        self.fence = self._after(line)

    def _after(self, line: str) -> str:
        """The fence that is open after a line."""
        match = _FENCE.match(line)
        if match is None:
            return self.fence
        if not self.fence:
            return match[1]
        closes = match[1][0] == self.fence[0] and len(match[1]) >= len(self.fence) and not match[2].strip()
        return "" if closes else self.fence

    @property
    def in_block(self) -> bool:
        """Whether what comes next stands within a fenced block; the line that closes it does not."""
        return bool(self.fence and self._after(self.line))

    @property
    def quotes(self) -> bool:
        """Whether what comes next follows a quotation mark; a fence is none."""
        return self.line[-1:] in _QUOTES and not _FENCE.match(self.line)


class Splitter:
    """Takes the text of one reply as it comes, and tells its parts.

    `prompt` is what the model was asked, `chat` whether in a conversation: a text that fills in has reasoning at its
    very beginning or none. With `opened` the reply is taken to begin within reasoning; where no mark ever closes that,
    all of it is the answer, and comes at the end.
    """

    def __init__(self, prompt: str, *, chat: bool, opened: bool = False) -> None:
        self.orphaned = False
        """Reasoning was closed that nothing had opened: the model's template does that, for each of its replies."""
        self.unmarked = False
        """The reply was taken to begin within reasoning, and held no mark at all."""
        self._prompt, self._chat = prompt.lower(), chat
        self._text = ""
        self._lines = _Lines()
        self._state = _State.THOUGHT if opened else _State.START
        self._closers = tuple(each.closes for each in TAGS)
        self._kept: list[str] | None = [] if opened else None
        self._doubtful = False
        self._thought, self._answered, self._final, self._harmony = False, False, False, False
        self._wrapper = ""
        self._turn_ends = tuple(each for each in (*TURN_ENDS, LAST_END) if chat and each.lower() not in self._prompt)
        self._spoken_of = 0
        """Opening marks that did not count: their closing ones do not either."""

    def feed(self, text: str) -> list[Segment]:
        """The parts that are certain now; what may be the beginning of a mark is held back."""
        parts: list[Segment] = []
        # However much comes at once, each step looks at a little.
        for start in range(0, len(text), _STEP):
            self._text += text[start : start + _STEP]
            parts += self._parts(final=False)
        return parts

    def end(self) -> list[Segment]:
        """What was held back, at the end of the reply."""
        parts = self._parts(final=True)
        if self._kept is not None and (self._doubtful or not self._opens_after_all(0)):
            self.unmarked = not self._doubtful
            kept, self._kept = "".join(self._kept), None
            parts = [Segment(Kind.ANSWER, kept)] if kept else []
        return parts

    def _parts(self, *, final: bool) -> list[Segment]:
        parts: list[Segment] = []
        steps = {
            _State.START: self._begin,
            _State.ANSWER: self._answer,
            _State.THOUGHT: self._think,
            _State.HEADER: self._head,
            _State.OVER: self._leave_out,
        }
        while self._text:
            before = (self._text, self._state)
            parts += steps[self._state](final=final)
            if (self._text, self._state) == before:
                break
        return [part for part in parts if part.text or part.kind is not Kind.ANSWER]

    # -- reasoning ---------------------------------------------------------------------------------------------------

    def _think(self, *, final: bool) -> list[Segment]:
        match = _pattern(self._closers).search(self._text)
        if match is None:
            return self._thinking(self._take(len(self._text) - (0 if final else _overlap(self._text, self._closers))))
        if self._kept is not None and self._opens_after_all(match.start()):
            return []
        thought = self._thinking(self._take(match.start()))
        self._take(len(match[0]))
        self._kept = None
        self._begin_anew()
        return thought

    def _thinking(self, text: str) -> list[Segment]:
        if self._kept is not None:
            self._kept.append(text)
        self._thought = True
        return [Segment(Kind.THOUGHT, text)] if text else []

    def _opens_after_all(self, end: int) -> bool:
        """Where the reply was taken to begin within reasoning, and opens it itself."""
        before = "".join(self._kept or ()) + self._text[:end]
        marks = next((each for each in TAGS if before.strip().lower().startswith(each.opens.lower())), None)
        if marks is None:
            return False
        self._closers, self._kept = (marks.closes,), None
        return True

    def _begin_anew(self) -> None:
        """The answer begins here."""
        self._state, self._thought, self._lines, self._spoken_of = _State.START, True, _Lines(), 0

    def _open(self, closers: Iterable[str]) -> None:
        self._state, self._closers, self._thought = _State.THOUGHT, tuple(closers), True

    # -- the harmony format ------------------------------------------------------------------------------------------

    def _head(self, *, final: bool) -> list[Segment]:
        place = self._text.find(_MESSAGE)
        if place < 0 and len(self._text) <= _LONGEST_HEADER and not final:
            return []
        header = self._take(place if place >= 0 else len(self._text))
        self._take(len(_MESSAGE) if place >= 0 else 0)
        channel = header.rpartition("<|channel|>")[2].split()
        if channel[:1] not in ([], ["final"], ["assistant"]):
            self._open((*_TAILS, *_HEADS))
            return [Segment(Kind.THOUGHT)]
        retracted = self._retracted() if not self._final else []
        self._final = True
        self._begin_anew()
        return retracted

    def _retracted(self) -> list[Segment]:
        """The answer so far was reasoning."""
        if not self._answered:
            return []
        self._answered, self.orphaned = False, True
        return [Segment(Kind.RETRACTION)]

    def _leave_out(self, *, final: bool) -> list[Segment]:
        self._take(len(self._text))
        return []

    # -- the answer --------------------------------------------------------------------------------------------------

    def _begin(self, *, final: bool) -> list[Segment]:
        rest = self._text.lstrip(_BLANKS)
        blank = self._text[: len(self._text) - len(rest)].translate(_UNSEEN)
        self._text = blank + rest
        if not rest:
            if len(blank) > _LONGEST_BLANK:
                self._state = _State.ANSWER
            return []
        for marks in (*TAGS, *(SENTENCES if self._chat else ())):
            verdict = self._opening(marks, rest, final=final)
            if verdict is None:
                return []
            if verdict:
                self._take(len(blank) + len(marks.opens))
                self._open(_closers_of(marks.closes))
                return [Segment(Kind.THOUGHT)]
        for mark in TURN_HEADS if self._chat else ():
            verdict = self._opening(Marks(mark, ""), rest, final=final)
            if verdict is None:
                return []
            if verdict:
                self._take(len(blank) + len(mark))
                return []
        if (opened := self._opens_in_some_way(rest, final=final)) is not None:
            return self._open_there(len(blank), opened)
        if self._thought and (unwrapped := self._unwrapped(rest, len(blank), final=final)) is not None:
            return unwrapped
        self._state = _State.ANSWER
        # The indentation of its first line is the answer's, the lines below the reasoning are not.
        self._text = (blank if not self._thought else blank[blank.rfind("\n") + 1 :]) + rest
        return []

    def _opens_in_some_way(self, rest: str, *, final: bool) -> Marks | None:
        """The marks of no family that is known, at the beginning of a reply: a tag or a block named for its reasoning.

        Marks that are empty: it cannot be told yet.
        """
        if not self._chat or rest[:1] not in ("<", "`", "~"):
            return None
        for pattern in (_ANY_TAG, _ANY_DETAILS, _ANY_FENCE):
            if (match := pattern.match(rest)) is not None:
                if match[0].strip().lower() in self._prompt:
                    return None
                closes = f"</{match['name']}>" if pattern is not _ANY_FENCE else f"\n{match['fence']}\n"
                return Marks(match[0], closes)
        return Marks("", "") if _may_open(rest) and not final else None

    def _open_there(self, blank: int, marks: Marks) -> list[Segment]:
        if not marks.opens:
            return []
        self._take(blank + len(marks.opens))
        self._open(_closers_of(marks.closes))
        self._kept = [marks.opens]  # what is never closed was no reasoning
        return [Segment(Kind.THOUGHT)]

    def _opening(self, marks: Marks, rest: str, *, final: bool) -> bool | None:
        """Whether a text begins with an opening mark; None where that cannot be told yet."""
        size = len(marks.opens)
        if rest[:size].lower() != marks.opens.lower():
            begun = marks.opens.lower().startswith(rest.lower()) and len(rest) >= _least_held(marks.opens)
            return None if begun and not final else False
        wanted = marks.follows or ("" if self._chat else r"[ \t]*(?:\r?\n|$)")
        if not wanted:
            return True
        if len(rest) == size and not final:
            return None
        return re.match(wanted, rest[size:]) is not None

    def _unwrapped(self, rest: str, blank: int, *, final: bool) -> list[Segment] | None:
        for marks in WRAPPERS:
            if rest[: len(marks.opens)].lower() == marks.opens.lower():
                self._take(blank + len(marks.opens))
                self._wrapper = marks.closes
                return []
            if marks.opens.lower().startswith(rest.lower()) and not final:
                return []
        return None

    def _answer(self, *, final: bool) -> list[Segment]:
        marks = self._marks()
        match = _pattern(marks).search(self._text) if marks else None
        if match is None:
            keep = 0 if final else _overlap(self._text, marks)
            return self._answering(self._take(len(self._text) - keep))
        said = self._answering(self._take(match.start()))
        counts = self._counts(match[0], self._text[len(match[0]) :], final=final)
        if counts is None:
            return said
        mark = self._take(len(match[0]))
        return said + (self._act(mark.lower()) if counts else self._answering(mark))

    def _marks(self) -> tuple[str, ...]:
        """The marks that may stand within an answer of this kind."""
        found = (self._wrapper,) if self._wrapper else ()
        if self._chat:
            tails = _TAILS if self._harmony else ()
            found += (
                *_OPENING,
                *_CLOSING,
                *self._turn_ends,
                *(mark for mark in (*_HEADS, *tails) if mark not in self._prompt),
            )
        return found

    def _answering(self, text: str) -> list[Segment]:
        self._lines.advance(text)
        self._answered = self._answered or bool(text.strip())
        return [Segment(Kind.ANSWER, text)]

    def _counts(self, mark: str, rest: str, *, final: bool) -> bool | None:
        """Whether a mark within an answer is one; None where that cannot be told yet."""
        lowered, line, in_block = mark.lower(), self._lines.line, self._lines.in_block
        if mark == self._wrapper:
            return True
        if lowered in _HEADS or lowered in _TAILS:
            return self._harmony or not (in_block or self._lines.quotes)
        if lowered in _TURN_ENDS_LOWERED:
            return self._ends_turn(lowered, rest, final=final)
        follows = rest.lstrip(" \t")
        if not follows and not final and len(rest) < _FAR:
            return None
        alone = not line.strip() and (not follows or follows[0] in "\r\n")
        if in_block and lowered in self._prompt:  # the code at hand holds it
            return False
        if lowered in _OPENING_LOWERED:
            counts = alone if in_block else not line.strip()
            self._spoken_of += not counts
            return counts
        if self._spoken_of:
            self._spoken_of -= 1
            return False
        if self._lines.fence and not in_block:  # behind the fence that closes a draft
            return True
        if in_block or lowered in self._prompt:
            return alone
        return not self._lines.quotes and _closes(line, rest)

    def _ends_turn(self, mark: str, rest: str, *, final: bool) -> bool | None:
        if self._lines.in_block or self._lines.quotes:
            return False
        if mark != LAST_END or rest.strip() or "<s>" in self._lines.line:
            return mark != LAST_END
        return True if final else None

    def _act(self, mark: str) -> list[Segment]:
        if mark == self._wrapper.lower():
            self._wrapper = ""
            return []
        if mark in _HEADS:
            self._state, self._harmony = _State.HEADER, True
            return []
        if mark in _TAILS:
            return []
        if mark in _TURN_ENDS_LOWERED:
            self._state = _State.OVER
            return []
        if mark in _OPENING_LOWERED:
            if self._lines.in_block:  # it may be an example: what is never closed was no reasoning
                self._kept, self._doubtful = [mark], True
            self._open(_closers_of(_OPENING_LOWERED[mark]))
            return [Segment(Kind.THOUGHT)]
        retracted = self._retracted()
        self._begin_anew()
        return retracted or [Segment(Kind.THOUGHT)]

    def _take(self, size: int) -> str:
        taken, self._text = self._text[:size], self._text[size:]
        return taken


_OPENING = tuple(each.opens for each in TAGS)
_OPENING_LOWERED = {each.opens.lower(): each.closes for each in TAGS}
_EXCHANGED = ("</think>", "</thinking>")
_CLOSING = (*(each.closes for each in TAGS), "assistantfinal")
_TURN_ENDS_LOWERED = frozenset(each.lower() for each in (*TURN_ENDS, LAST_END))


def _may_open(rest: str) -> bool:
    """Whether a beginning may become a tag or a fence that is named for reasoning."""
    if rest[0] == "<":
        return ">" not in rest and "\n" not in rest and len(rest) < _LONGEST_TAG
    match = _MAY_FENCE.match(rest)
    word = match["word"].lower() if match else "-"
    return any(each.startswith(word) or word.startswith(each) for each in ("think", "thought", "reason"))


def _closers_of(closes: str) -> tuple[str, ...]:
    """What closes reasoning: models confuse the two tags in use most, and put blanks into tags."""
    found = _EXCHANGED if closes in _EXCHANGED else (closes,)
    return (*found, *(f"{each[:-1]} >" for each in found if each.startswith("</")))


def _closes(line: str, rest: str) -> bool:
    """Whether a closing mark between the beginning of its line and what follows is no part of a sentence."""
    before, after = line[-1:], rest[:1]
    if not line.strip():
        return True
    if not rest.strip(" \t") or rest.lstrip(" \t")[0] in "\r\n":
        return not before.isspace() or line.rstrip()[-1] in _AFTER_A_SENTENCE
    return not before.isspace() and not after.isspace() and after not in ".,;:)`'\""


@lru_cache(maxsize=64)
def _pattern(marks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)), re.IGNORECASE)


def _least_held(mark: str) -> int:
    """The least of a mark, in characters, that a text is held back for."""
    return 2 if mark in WHOLE_WORDS else 1


@lru_cache(maxsize=64)
def _beginnings(marks: tuple[str, ...]) -> tuple[frozenset[str], str, int]:
    """What a text may end in that a mark begins with; the letters that these begin with, and the longest."""
    found = {mark[:size].lower() for mark in marks for size in range(_least_held(mark), len(mark))}
    return frozenset(found), "".join({each[0] for each in found}), max(map(len, found), default=0)


def _overlap(text: str, marks: tuple[str, ...]) -> int:
    """Length of the longest end of the text with which a mark begins."""
    beginnings, first, longest = _beginnings(marks)
    tail = text[-longest:].lower() if longest else ""
    if len(tail) != min(len(text), longest):  # a letter whose small one is two
        tail = text[-longest:]
    places = (place for place, letter in enumerate(tail) if letter in first and tail[place:] in beginnings)
    return len(tail) - next(places, len(tail))
