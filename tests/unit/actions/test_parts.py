"""Long code in parts: nothing lost, nothing twice, cut where a reader would cut."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import pipeline as pipelines
from hybrid_lsp.actions.base import By, FindingsOutcome, NothingOutcome
from hybrid_lsp.actions.parts import parts, united
from hybrid_lsp.actions.pipeline import ActionPipeline, Progress
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import BackendUnavailable
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Tier

pytestmark = pytest.mark.usefixtures("unmeasured")


def python(text: str) -> Document:
    return Document("file:///x.py", text, 1, "python")


@given(
    st.lists(st.sampled_from(["", "def f():", "    return 1", "x = 1", ")", "# c", "y" * 30]), max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 60),
    st.data(),
)
def test_parts_are_whole_lines_one_after_the_other(lines: list[str], end: str, most: int, data: st.DataObject) -> None:
    document = python(end.join(lines))
    first = data.draw(st.integers(0, document.line_count - 1))
    last = data.draw(st.integers(first, document.line_count - 1))
    span = Span(document.line_starts[first], document.line_starts[last] + len(document.line(last)))
    found = parts(document, span, most)
    assert (found[0].start, found[-1].end) == (span.start, span.end)
    assert [each.end for each in found[:-1]] == [each.start for each in found[1:]]
    for each in found:
        assert each.start in document.line_starts
        assert each.end - each.start <= most or len(document.lines_of(each)) == 1


def test_a_part_ends_between_functions_or_after_a_blank_line_or_anywhere() -> None:
    text = "def a():\n    x = 1\n\n    return x\n\n\ndef b():\n    return 2\n    # more\n"
    document = python(text)
    whole = Span(0, len(text))
    slices = lambda most: [document.slice(each) for each in parts(document, whole, most)]  # noqa: E731
    assert slices(100) == [text]
    assert slices(60)[0] == text[: text.index("def b")]
    assert slices(30)[0] == text[: text.index("    return x")]
    assert slices(18)[0] == "def a():\n"


# -- a review in parts -----------------------------------------------------------------------------------------------

SOURCE = "".join(f"def f{n}(x):\n    y = eval(x)  # {'-' * 300}\n    return load{n}(x)\n\n\n" for n in range(10))
SMALL_PARTS = Config(actions=attrs.evolve(Config().actions, review_chars=1000))


def answer(*quotes: str) -> str:
    items = [{"quote": each, "line": None, "message": "Bad.", "severity": "error", "cwe": 22} for each in quotes]
    return json.dumps({"findings": items})


async def review(backend: FakeBackend, seen: list[Progress], config: Config = SMALL_PARTS) -> FindingsOutcome:
    document = python(SOURCE)
    pipeline = ActionPipeline(Router({Tier.LARGE: backend}), config, lambda document: None)
    done = await pipeline.run("security-file", document, Span(0, 0), seen.append)
    assert isinstance(done, FindingsOutcome)
    return done


async def test_a_long_file_is_reviewed_in_parts() -> None:
    backend, seen = FakeBackend("big"), list[Progress]()
    backend.enqueue([answer(f"load{n}(x)", "f0") for n in range(0, 10, 2)])
    done = await review(backend, seen)
    assert len(backend.requests) == 5
    prompts = [each.prompt for each in backend.requests]
    assert all(isinstance(each, Chat) for each in prompts)
    codes = [each.messages[1].content for each in prompts if isinstance(each, Chat)]
    for number in range(10):
        assert sum(f"def f{number}(" in code for code in codes) == 1
    assert [(each.code, each.tool) for each in done.findings].count(("B307", "bandit, ruff")) == 10
    own = [python(SOURCE).slice(each.span) for each in done.findings if each.tool == "model"]
    assert own == ["f0", "load0(x)", "load2(x)", "load4(x)", "load6(x)", "load8(x)"]
    assert done.span == Span(0, len(SOURCE))
    assert (done.tier, done.label) == (Tier.LARGE, "Large model big.")
    assert done.notes[0] == "Reviewed in 5 parts."
    assert done.notes[1] == "Part 2: 1 of the model's 2 findings quote code outside of what was reviewed: left out."
    assert {each.message.partition(":")[0] for each in seen} == {f"Part {n} of 5" for n in range(1, 6)}


async def test_a_part_that_the_model_fails_on_has_its_static_findings() -> None:
    backend = FakeBackend("big")
    lost = FakeReply(error=BackendUnavailable("Gone."))
    backend.enqueue([answer("load0(x)"), lost, *[answer()] * 3])
    done = await review(backend, [])
    assert sum(each.code == "B307" for each in done.findings) == 10
    assert done.tier is Tier.LARGE
    assert any(note.startswith("Part 2: Static analysis.") and "Gone." in note for note in done.notes)


async def test_so_many_parts_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipelines, "MOST_PARTS", 2)
    backend = FakeBackend("big")
    backend.enqueue([answer("load0(x)"), answer("load2(x)")])
    done = await review(backend, [])
    assert len(backend.requests) == 2
    assert sum(each.code == "B307" for each in done.findings) == 10
    assert any("read the first 2 parts only" in note for note in done.notes)


async def test_a_file_that_fits_is_one_part() -> None:
    backend, seen = FakeBackend("big"), list[Progress]()
    backend.enqueue([answer("load0(x)")])
    done = await review(backend, seen, Config())
    assert len(backend.requests) == 1
    assert done.notes == ()
    assert not any("Part" in each.message for each in seen)


def test_parts_without_findings_to_show() -> None:
    document = python("x = = 1\n")
    nothing = NothingOutcome(By(Tier.STATIC, "Static analysis."), "This is not valid Python.")
    assert united([nothing, nothing], document, Span(0, 8)) is nothing
    found = FindingsOutcome(By(Tier.LARGE, "Large."), (), document, Span(0, 4))
    done = united([found, nothing], document, Span(0, 8))
    assert isinstance(done, FindingsOutcome)
    assert done.span == Span(0, 8)
    assert "Part 2: This is not valid Python." in done.notes
