"""Fuzzing the typing path: the real server over raw messages, a model that says what it was asked, virtual time.

Whatever a client sends and in however large bursts, and whatever the model does: each request gets exactly one answer,
older ones are settled before the newest, and what is shown fits the text and the cursor it was asked for.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

import pytest
from amounts import often
from hypothesis import Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from virtual import CANCELLED, LONG_S, Asked, Model, Window, runner

from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.query import Query, Selected
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import BackendFailed, BackendTimeout, BackendUnavailable
from hybrid_lsp.server.commands import ACCEPT
from hybrid_lsp.types import Infill, Tier

LANGUAGES = {"file:///a.py": "python", "file:///b.txt": "plaintext"}
SETTINGS = {"metrics": {"enabled": False}, "completion": {"min_confidence": 0.0}}
"""Whatever the model says is shown: how sure it must be is another test's matter."""
REQUESTS = often(10_000)
typed = st.text(alphabet=st.sampled_from(list("ab ()\n.=é😋")), min_size=1, max_size=3)
uris = st.sampled_from(sorted(LANGUAGES))


def says(prompt: Infill) -> str:
    """What the model says here and nowhere else; some of it repeats the suffix, closes a bracket or has more lines."""
    digest = hashlib.blake2b(f"{prompt.prefix}\0{prompt.suffix}".encode(), digest_size=6).hexdigest()
    word = "w" + digest
    line_end = prompt.suffix.partition("\n")[0]
    return [word, f"{word}({digest[:2]}, x)", f"{word})", word + line_end, f"{word}\n    {digest}\n", ""][
        int(digest[0], 16) % 6
    ]


class TypingMachine(RuleBasedStateMachine):
    """One editor window, its user, and a model with its moods."""

    sent: ClassVar[int] = 0
    shown: ClassVar[int] = 0

    @initialize(text=st.sampled_from(["", "x = (a)\n", "def f(a):\n    \n", "é😋 = 1\na.b("]))
    def start(self, text: str) -> None:
        self.runner = runner()
        self.model = Model(says=self._reply, latency_s=0.12)
        self.failure: Exception | None = None
        self.window = Window(self.runner, self.model, SETTINGS)
        self.cursors: dict[str, int] = {}
        self.checked = 0
        for uri, language in LANGUAGES.items():
            self.window.open(uri, text, language)
            self.cursors[uri] = len(text)
        self.window.turn()

    def _reply(self, prompt: Infill) -> FakeReply:
        failure, self.failure = self.failure, None
        return FakeReply(says(prompt), error=failure, chunk=3)

    @rule(uri=uris, text=typed)
    def type(self, uri: str, text: str) -> None:
        cursor = self.cursors[uri]
        self.window.replace(uri, Span(cursor, cursor), text)
        self.cursors[uri] += len(text)

    @rule(uri=uris, count=st.integers(1, 4))
    def delete(self, uri: str, count: int) -> None:
        start = max(0, self.cursors[uri] - count)
        self.window.replace(uri, Span(start, self.cursors[uri]), "")
        self.cursors[uri] = start

    @rule(uri=uris, share=st.floats(0, 1))
    def move(self, uri: str, share: float) -> None:
        self.cursors[uri] = int(share * len(self.window.documents[uri].text))

    @rule(uri=uris, invoked=st.booleans())
    def request(self, uri: str, invoked: bool) -> None:
        self._ask(uri, invoked=invoked)

    @rule(
        uri=uris, text=typed, count=st.integers(2, 16), invoked=st.booleans(), turns=st.booleans(), rest=st.booleans()
    )
    def burst(self, uri: str, text: str, count: int, invoked: bool, turns: bool, rest: bool) -> None:
        """Typing faster than the server reads, as Neovim does it: without a cancel."""
        for _ in range(count):
            self.type(uri, text)
            self._ask(uri, invoked=invoked)
            if turns:
                self.window.turn()
        self.window.wait(1.0 if rest else 0.0)

    @rule(uri=uris, text=typed, invoked=st.booleans())
    def request_and_type_on(self, uri: str, text: str, invoked: bool) -> None:
        """The change arrives together with the request that came before it."""
        self._ask(uri, invoked=invoked)
        self.type(uri, text)

    @rule(uri=uris, count=st.integers(1, 3))
    def request_with_a_selected_entry(self, uri: str, count: int) -> None:
        document = self.window.documents[uri]
        span = Span(max(0, self.cursors[uri] - count), self.cursors[uri])
        if "\n" not in document.slice(span):
            self._ask(uri, selected=(span, document.slice(span) + "pend"))

    def _ask(self, uri: str, *, invoked: bool = False, selected: tuple[Span, str] | None = None) -> None:
        self.window.ask(uri, self.cursors[uri], invoked=invoked, selected=selected)
        type(self).sent += 1

    def _last_shown(self) -> tuple[Asked, str] | None:
        """The last suggestion that still fits, as an editor would show it."""
        for asked in reversed(self.window.asked[-8:]):
            uri, text = asked.document.uri, self.window.shown(asked)
            same = self.window.documents.get(uri) == asked.document and self.cursors[uri] == asked.cursor
            if text and same and asked.selected is None:
                return asked, text
        return None

    @precondition(lambda self: self._last_shown())
    @rule(share=st.floats(0, 1), then_delete=st.booleans())
    def type_into_the_suggestion(self, share: float, then_delete: bool) -> None:
        asked, text = self._last_shown() or (self.window.asked[0], "")
        uri, part = asked.document.uri, text[: max(1, int(share * len(text)))]
        for character in part:
            self.type(uri, character)
            self._ask(uri)
            self.window.turn()
        if then_delete:
            self.delete(uri, len(part))
            self._ask(uri)

    @precondition(lambda self: self._last_shown())
    @rule()
    def accept(self) -> None:
        asked, text = self._last_shown() or (self.window.asked[0], "")
        (item,) = self.window.reply(asked)["result"]["items"]
        self.type(asked.document.uri, text)
        self.window.command(ACCEPT, *item["command"]["arguments"])
        self._ask(asked.document.uri)

    @precondition(lambda self: self.window.asked)
    @rule(back=st.integers(1, 4))
    def cancel(self, back: int) -> None:
        """Also one that was answered long ago."""
        self.window.cancel(self.window.asked[-min(back, len(self.window.asked))].number)

    @rule(uri=uris, text=typed, ask=st.booleans())
    def close_and_open(self, uri: str, text: str, ask: bool) -> None:
        self.window.close_document(uri)
        if ask:
            self._ask(uri)
        self.window.open(uri, text, LANGUAGES[uri])
        self.cursors[uri] = len(text)

    @rule(change=st.sampled_from([{"multiline": False}, {"max_tokens": 20}, {}, {"enabled": False}]))
    def change_settings(self, change: dict[str, Any]) -> None:
        completion = SETTINGS["completion"] | change
        self.window.notify("workspace/didChangeConfiguration", {"settings": SETTINGS | {"completion": completion}})

    @rule(kind=st.sampled_from([BackendFailed, BackendTimeout, BackendUnavailable]))
    def the_model_will_fail(self, kind: type[BackendFailed]) -> None:
        self.failure = kind("in a bad mood")

    @rule(latency_s=st.sampled_from([0.0, 0.02, 0.12, 0.12, 600.0]))
    def the_model_gets_slower_or_quicker(self, latency_s: float) -> None:
        self.model.latency_s = latency_s

    @rule(seconds=st.sampled_from([0.01, 0.06, 0.2, 0.2, 1.0, 30.0]))
    def wait(self, seconds: float) -> None:
        self.window.wait(seconds)

    @invariant()
    def answers_are_right(self) -> None:
        if not hasattr(self, "window"):
            return
        self.window.turn()
        numbers = {asked.number: asked for asked in self.window.asked}
        for index in range(self.checked, len(self.window.answers)):
            answer = self.window.answers[index]
            if (asked := numbers.get(answer["id"])) is not None:
                self._check(asked, answer)
        self.checked = len(self.window.answers)

    def _check(self, asked: Asked, answer: dict[str, Any]) -> None:
        if "error" in answer:
            assert answer["error"]["code"] == CANCELLED, answer
            return
        index = self.window.answers.index(answer)
        settled = {each["id"] for each in self.window.answers[:index]}
        older = [each.number for each in self.window.asked if each.document.uri == asked.document.uri]
        assert {number for number in older if number < asked.number} <= settled, "an older request is still open"
        for item in answer["result"]["items"]:
            self._check_item(asked, item)

    def _check_item(self, asked: Asked, item: dict[str, Any]) -> None:
        type(self).shown += 1
        span, head = asked.selected or (Span(asked.cursor, asked.cursor), "")
        start, end = (asked.document.offset(*_place(asked.document, item["range"][end])) for end in ("start", "end"))
        taken = asked.document.text[span.end : end]
        assert start == span.start
        assert end >= span.end
        text = item["insertText"]
        # What an editor has closed may be replaced, and is then part of the text.
        letters = iter(text)
        assert all(closer in ")]}\"'" and closer in letters for closer in taken.replace(" ", ""))
        assert text.startswith(head)
        text = text[len(head) :]
        assert text.strip()
        if self.window.tier(asked) is not Tier.STATIC:  # that is copied from the text, not said by the model
            assert _was_said(_bare(asked), text), (asked.prefix, text, asked.suffix)

    def teardown(self) -> None:
        if not hasattr(self, "window"):
            return
        self.window.wait(LONG_S)
        self.answers_are_right()
        answered = [answer["id"] for answer in self.window.answers]
        for asked in self.window.asked:
            assert answered.count(asked.number) == 1, f"{answered.count(asked.number)} answers"
        self.window.close()
        self.runner.close()


def _bare(asked: Asked) -> Cursor:
    """Where it was asked, without what is closed right of there: so the model sees it."""
    selected = Selected(*asked.selected) if asked.selected else None
    return Cursor.of(Query(asked.document, asked.cursor, selected=selected))


def _was_said(cursor: Cursor, text: str) -> bool:
    """Whether the model says this here, or said it further left and the user has typed into it since."""
    for start in range(len(cursor.prefix), -1, -1):
        since = cursor.prefix[start:]
        if says(Infill(cursor.prefix[:start], cursor.suffix)).startswith(since + text):
            return True
    return False


def _place(document: Document, position: dict[str, int]) -> tuple[int, int]:
    """A position of the wire (UTF-16) in code points."""
    line = document.line(position["line"])
    return position["line"], len(line.encode("utf-16-le")[: 2 * position["character"]].decode("utf-16-le"))


@pytest.mark.timeout(900)
def test_every_request_is_answered_once_in_order_and_fittingly() -> None:
    TypingMachine.sent = TypingMachine.shown = 0
    # What fails is not made shorter: that takes minutes.
    chosen = settings(max_examples=often(40), stateful_step_count=100, database=None, phases=[Phase.generate])
    for number in range(40):
        run_state_machine_as_test(seed(number)(TypingMachine), settings=chosen)
        if TypingMachine.sent >= REQUESTS:
            break
    assert TypingMachine.sent >= REQUESTS
    assert TypingMachine.shown >= REQUESTS / 20
