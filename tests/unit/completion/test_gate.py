"""Whether a cursor gets a suggestion at all, and the reason when not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from hybrid_lsp.completion.gate import Pause, check, read_only, worth_a_model
from hybrid_lsp.completion.place import Place
from hybrid_lsp.completion.query import Query
from hybrid_lsp.config import CompletionConfig
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

CONFIG = CompletionConfig()


def query(text: str = "x = ", *, uri: str = "file:///a.py", path: Path | None = None, invoked: bool = False) -> Query:
    return Query(Document(uri, text, language="python", path=path), len(text), invoked)


def test_a_pause_holds_for_everything_or_a_language_and_not_for_who_asks() -> None:
    pause = Pause()
    pause.set(paused=True, language="python")
    assert pause.covers("python")
    assert not pause.covers("go")
    stopped = check(query(), CONFIG, pause, lambda _: None)
    assert stopped is not None
    assert stopped.reason is Reason.PAUSED
    assert check(query(invoked=True), CONFIG, pause, lambda _: None) is None
    pause.set(paused=True)
    assert pause.covers("go")
    pause.set(paused=False)
    assert not pause.covers("python")


def test_the_files_reason_is_told_in_words() -> None:
    stopped = check(query(), CONFIG, Pause(), lambda _: Reason.GLOB_DISABLED)
    assert stopped is not None
    assert "disabled_globs" in stopped.detail


@pytest.mark.parametrize(("uri", "expected"), [("git:/a.py?x", True), ("untitled:a.py", False), ("file:///a", False)])
def test_what_the_editor_only_shows_gets_nothing(uri: str, expected: bool) -> None:
    assert read_only(query(uri=uri).document) is expected
    stopped = check(query(uri=uri), CONFIG, Pause(), lambda _: None)
    assert (stopped is not None and stopped.reason is Reason.READ_ONLY) is expected


def test_a_file_that_cannot_be_written_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.py"
    path.write_text("x = 1")
    document = query(path=path).document
    assert not read_only(document)
    # Root may write everything, and tests may run as root.
    monkeypatch.setattr("os.access", lambda file, mode: False)
    assert read_only(document)
    assert not read_only(query(path=tmp_path / "new.py").document)


def at(place: Place) -> Callable[[], Place]:
    return lambda: place


def test_after_a_deletion_only_who_asks_is_served() -> None:
    stopped = worth_a_model(query(), CONFIG, deleted=True, place=at(Place.CODE))
    assert stopped is not None
    assert stopped.reason is Reason.AFTER_DELETION
    assert worth_a_model(query(invoked=True), CONFIG, deleted=True, place=at(Place.CODE)) is None
    assert worth_a_model(query(), CONFIG, deleted=False, place=at(Place.CODE)) is None


@pytest.mark.parametrize(
    ("changes", "place", "reason"),
    [
        ({"comments": False}, Place.COMMENT, Reason.IN_COMMENT),
        ({"comments": False}, Place.STRING, None),
        ({"strings": False}, Place.STRING, Reason.IN_STRING),
        ({"strings": False}, Place.DOCSTRING, None),
        ({}, Place.COMMENT, None),
    ],
)
def test_comments_and_strings_can_be_left_out(changes: dict[str, bool], place: Place, reason: Reason | None) -> None:
    config = attrs.evolve(CONFIG, **changes)
    stopped = worth_a_model(query(), config, deleted=False, place=at(place))
    assert (stopped.reason if stopped else None) is reason
    assert worth_a_model(query(invoked=True), config, deleted=False, place=at(place)) is None
