"""What becomes of each suggestion that is shown, read from the changes of the text: so it is known in any editor.

An editor's own words (the accept command, Copilot's notifications) are taken in too, before or after the change that
they speak of, and nothing is counted twice.
"""

from __future__ import annotations

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import attrs

from hybrid_lsp.completion.experience import Experience
from hybrid_lsp.completion.kept import Later, Timer, call_later, carried, share_kept, with_lf
from hybrid_lsp.document import Document, Span, difference
from hybrid_lsp.metrics.events import AcceptKind, Event, InlineAccepted, InlineIgnored, InlineKept
from hybrid_lsp.types import Suggestion, TextEdit

KEPT_AFTER_S = (30, 120)
SEEN_S = 0.4
"""A suggestion that was gone sooner cannot have been read: it was not ignored."""
TYPED_CHARACTERS = 12
"""Who types so much of a suggestion by hand had no need of the rest, but it was right."""
_REMEMBERED = 256
_PAIRS = frozenset({"()", "[]", "{}", '""', "''", "``", "<>"})
"""What an editor puts in for one keystroke, the cursor between the two."""
_CLOSERS = ")]}\"'` \t"
"""What an editor closes by itself, and blanks between."""


@attrs.define(eq=False)
class _Offer:
    """A suggestion on the screen: `text` would replace the document from `start` to `end`, and along with it `behind`,
    which an editor closed there.

    `standing` characters of it are there already, the `last` of them by the last change; no accept was counted for the
    `left` characters at its end. `settled`: what became of it is recorded.
    """

    id: str
    uri: str
    text: str = attrs.field(default="", repr=False)
    start: int = 0
    end: int = 0
    behind: str = ""
    standing: int = 0
    last: int = 0
    left: int = 0
    typed: int = 0
    since: float = 0.0
    taken: bool = False
    settled: bool = False
    displayed: bool = False
    language: str = ""
    probability: float = math.nan

    @property
    def rest(self) -> int:
        """How many characters of it are not in the document."""
        return len(self.text) - self.standing


@attrs.define(eq=False)
class _Accepted:
    """An accepted text and where it stands now."""

    id: str
    uri: str
    text: str = attrs.field(repr=False)
    span: Span
    timers: list[Timer] = attrs.field(factory=list)


@attrs.define(eq=False)
class Acceptance:
    """Follows what is shown and what was accepted in all documents of one window.

    `record` takes the events, `read` gives a document as it is now. A document that is closed ends the watch over what
    was accepted in it: what is not known by then is never recorded.
    """

    record: Callable[[Event], None]
    read: Callable[[str], Document | None]
    clock: Callable[[], float] = time.monotonic
    later: Later = call_later
    experience: Experience = attrs.field(factory=Experience)
    _known: OrderedDict[str, _Offer] = attrs.field(factory=OrderedDict)
    _shown: dict[str, _Offer] = attrs.field(factory=dict)
    _kept: OrderedDict[str, _Accepted] = attrs.field(factory=OrderedDict)
    _ignored: Counter[str] = attrs.field(factory=Counter)
    _client_tells: bool = False

    def ignored_in_a_row(self, uri: str) -> int:
        """How many suggestions were read in a document and not taken since one was."""
        return self._ignored[uri]

    def shown(self, suggestion: Suggestion, document: Document, since: Sequence[TextEdit] | None = ()) -> None:
        """An answer goes out, made for this version; `since` are the changes after it, None where they are not known.

        One that was shown before (it is typed into, or has grown) is the same suggestion.
        """
        before = self._shown.get(document.uri)
        if before is not None and before.id != suggestion.id:
            self._end(before)
        offer = self._remembered(suggestion.id, document.uri)
        self._place(offer, suggestion, document)
        if since is None:
            return  # the accept command may still name it
        self._shown[document.uri] = offer
        text = document.text
        for edit in since:
            text = self._follow(offer, text, edit, typed=True)

    def displayed(self, suggestion_id: str) -> None:
        """The client says that a suggestion is on the screen: it is one that says so of each."""
        self._client_tells = True
        if (offer := self._known.get(suggestion_id)) is not None and not offer.displayed:
            offer.displayed, offer.since = True, self.clock()

    def changed(self, old: Document, new: Document, edits: Sequence[TextEdit] | None = None) -> None:
        """A document was edited; `edits` one after the other, None where only both texts are known."""
        if old.uri not in self._shown and not any(each.uri == old.uri for each in self._kept.values()):
            return
        text = old.text
        for edit in [TextEdit(*difference(old.text, new.text))] if edits is None else edits:
            for accepted in self._kept.values():
                if accepted.uri == old.uri:
                    accepted.span = carried(accepted.span, text, edit)
            offer = self._shown.get(old.uri)
            text = self._follow(offer, text, edit) if offer else _edited(text, edit)

    def accepted(self, suggestion_id: str) -> bool:
        """The client says that all of a suggestion was accepted; False where it is not known (any more)."""
        return self.accepted_part(suggestion_id, rest=0)

    def accepted_part(self, suggestion_id: str, rest: int) -> bool:
        """The client says that a suggestion was accepted but for its last `rest` characters."""
        if (offer := self._known.get(suggestion_id)) is None:
            return False
        # Where the change came first and looked like typing, it is what the last change put in.
        open_ = min(offer.rest, offer.left)
        self._take(offer, rest, open_ - rest if open_ > rest else offer.last)
        return True

    def closed(self, uri: str) -> None:
        """A document was closed, or is not kept any more."""
        self._shown.pop(uri, None)
        self._ignored.pop(uri, None)
        for accepted in [each for each in self._kept.values() if each.uri == uri]:
            self._forget(accepted)

    def close(self) -> None:
        """The connection ends."""
        for accepted in list(self._kept.values()):
            self._forget(accepted)

    def _remembered(self, suggestion_id: str, uri: str) -> _Offer:
        offer = self._known.setdefault(suggestion_id, _Offer(suggestion_id, uri))
        self._known.move_to_end(suggestion_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return offer

    def _place(self, offer: _Offer, suggestion: Suggestion, document: Document) -> None:
        """The suggestion as it is shown now; while it is typed into, only the rest of it is."""
        start, text = suggestion.span.start, with_lf(suggestion.text)
        offer.language, offer.probability = document.language, suggestion.confidence
        replaced = document.slice(suggestion.span)
        stands = replaced.rstrip(_CLOSERS)
        offer.behind = replaced[len(stands) :]
        end = start + len(stands)
        if self._shown.get(offer.uri) is offer and start == end == offer.end:
            whole = offer.text[: offer.standing] + text
            offer.left = max(0, offer.left + len(whole) - len(offer.text))  # a suggestion may grow
            offer.text = whole
            return
        offer.text, offer.start, offer.end, offer.since = text, start, end, self.clock()
        offer.standing = len(stands) if text.startswith(stands) else 0
        offer.left, offer.typed, offer.last = 0 if offer.taken else len(text), 0, 0

    def _follow(self, offer: _Offer, before: str, edit: TextEdit, *, typed: bool = False) -> str:
        """Read one change; with `typed` it was made before the suggestion was there to be accepted."""
        after = _edited(before, edit)
        if (end := _fits(offer, before, after)) is not None:
            self._put(offer, after, end, edit, typed=typed)
        elif edit.span.end < offer.start or edit.span.start > offer.end:
            moved = carried(Span(offer.start, offer.end), before, edit)
            offer.start, offer.end = moved.start, moved.end
        else:
            self._end(offer)
        return after

    def _put(self, offer: _Offer, text: str, end: int, edit: TextEdit, *, typed: bool) -> None:
        """In the suggestion's place, up to `end`, stands something else than before."""
        end -= _closed(offer, text[offer.start : end], edit)
        stands = with_lf(text[offer.start : end])  # editors keep their own line ends
        if not offer.text.startswith(stands) and not stands.startswith(offer.text):
            self._end(offer)
            return
        stands = stands[: len(offer.text)]
        offer.last, offer.standing, offer.end = len(stands) - offer.standing, len(stands), end
        if offer.last > 0:
            # A closer that was typed over counts when the next key comes.
            self._added(offer, stands[-offer.last :], text, typed=typed or len(edit.new_text) == 1)

    def _added(self, offer: _Offer, new: str, text: str, *, typed: bool) -> None:
        """More of the suggestion stands: by hand, or by an accept that the client may have told of before."""
        told = offer.left <= offer.rest
        if told or not (typed or len(new) == 1 or new.isspace() or new in _PAIRS):
            self._take(offer, offer.rest, len(new))
            self._keep(offer, text)
        else:
            offer.typed += len(new)
        if offer.rest == 0:
            self._end(offer)

    def _take(self, offer: _Offer, rest: int, characters: int) -> None:
        """Count an accept of all but the last `rest` characters, unless it has been."""
        if rest >= offer.left:
            return
        if not offer.taken:
            self.experience.settled(offer.language, offer.probability, taken=True)
        offer.left, offer.taken = rest, True
        self._ignored[offer.uri] = 0
        self.record(InlineAccepted(offer.id, _kind(offer.text, rest), characters))

    def _end(self, offer: _Offer) -> None:
        """A suggestion is no longer shown: it was taken, typed, or ignored."""
        if self._shown.get(offer.uri) is offer:
            del self._shown[offer.uri]
        if offer.taken or offer.settled:
            return
        offer.settled = True
        seen_s = self.clock() - offer.since
        if offer.rest == 0 or offer.typed >= TYPED_CHARACTERS:
            self._ignored[offer.uri] = 0
            self.experience.settled(offer.language, offer.probability, taken=True)
            self.record(InlineAccepted(offer.id, AcceptKind.TYPED, offer.typed))
        elif offer.displayed or not self._client_tells:
            if seen_s >= SEEN_S:
                self._ignored[offer.uri] += 1
                self.experience.settled(offer.language, offer.probability, taken=False)
            self.record(InlineIgnored(offer.id, seen_s * 1000))

    def _keep(self, offer: _Offer, text: str) -> None:
        """Watch over what is accepted, from when the last of it was."""
        accepted = self._kept.pop(offer.id, None)
        if accepted is None:
            span = Span(max(offer.start, offer.end - offer.last), offer.end)
            accepted = _Accepted(offer.id, offer.uri, text[span.start : span.end], span)
        else:
            accepted.text += text[accepted.span.end : offer.end]
            accepted.span = Span(accepted.span.start, max(accepted.span.end, offer.end))
        self._kept[offer.id] = accepted
        for timer in accepted.timers:
            timer.cancel()
        accepted.timers = [self.later(delay, self._looker(accepted, delay)) for delay in KEPT_AFTER_S]
        while len(self._kept) > _REMEMBERED:
            self._forget(next(iter(self._kept.values())))

    def _looker(self, accepted: _Accepted, delay: int) -> Callable[[], None]:
        def look() -> None:
            if (document := self.read(accepted.uri)) is not None:
                share = share_kept(accepted.text, document.slice(accepted.span))
                self.record(InlineKept(accepted.id, delay, share))
            if delay == KEPT_AFTER_S[-1]:
                self._forget(accepted)

        return look

    def _forget(self, accepted: _Accepted) -> None:
        for timer in accepted.timers:
            timer.cancel()
        self._kept.pop(accepted.id, None)


def _edited(text: str, edit: TextEdit) -> str:
    return text[: edit.span.start] + edit.new_text + text[edit.span.end :]


def _fits(offer: _Offer, before: str, after: str) -> int | None:
    """Where the suggestion's place ends after a change in it, with what stood behind it or without; None elsewhere."""
    head = before[: offer.start]
    for end in {offer.end: None, offer.end + len(offer.behind): None}:
        tail = before[end:]
        fits = len(after) >= len(head) + len(tail) and after.startswith(head) and after.endswith(tail)
        if fits and (end == offer.end or offer.text.startswith(with_lf(after[offer.start : len(after) - len(tail)]))):
            return len(after) - len(tail)
    return None


def _closed(offer: _Offer, stands: str, edit: TextEdit) -> int:
    """How many characters at the end of what stands the editor put in by itself, to close a bracket or a quote."""
    return int(edit.new_text in _PAIRS and not offer.text.startswith(stands) and offer.text.startswith(stands[:-1]))


def _kind(text: str, rest: int) -> AcceptKind:
    """What an accept that leaves the last characters of a text is called."""
    if rest <= 0:
        return AcceptKind.FULL
    taken, left = text[:-rest], text[-rest:]
    if left.startswith("\n") or taken.rstrip(" \t").endswith("\n"):
        return AcceptKind.LINE
    in_word = (taken[-1:] + left[:1]).replace("_", "a").isalnum() and taken != ""
    return AcceptKind.PARTIAL if in_word else AcceptKind.WORD
