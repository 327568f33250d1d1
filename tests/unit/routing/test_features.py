"""What a router sees of a task."""

from __future__ import annotations

import time

import pytest

from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.features import Features, of_task, sketch
from hybrid_lsp.routing.sizes import billions
from hybrid_lsp.routing.sufficiency import Regression, Sufficiency
from hybrid_lsp.types import Finding, Severity

CODE = """class Cart:
    def total(self, items):
        out = 0
        for item in items:
            if item.price and not item.free:
                out += item.price
        return out


def other():
    pass
"""
DOCUMENT = Document("file:///cart.py", CODE, 1, "python")
CLASS = Span(0, CODE.index("\n\n\ndef"))


def features(document: Document = DOCUMENT, span: Span = CLASS, instruction: str = "", **more: object) -> Features:
    return of_task(sketch("edit", "edit", document, span), document, span, instruction, **more)  # type: ignore[arg-type]


def test_of_code() -> None:
    found = features()
    assert (found.language, found.complexity, found.definitions) == ("python", 4, 2)
    assert found.code_tokens == pytest.approx(len(CODE) / 3.5, rel=0.3)


@pytest.mark.parametrize(
    ("instruction", "words", "hard", "easy"),
    [
        ("", 0, 0, 0),
        ("Rename it", 2, 0, 1),
        ("make it thread-safe, with a lock, without a deadlock", 9, 3, 0),
        ("Rewrite the algorithm and sort the imports", 7, 2, 1),
    ],
)
def test_of_the_users_words(instruction: str, words: int, hard: int, easy: int) -> None:
    found = features(instruction=instruction)
    assert (found.words, found.hard_words, found.easy_words) == (words, hard, easy)


def test_other_open_files_that_name_what_is_defined() -> None:
    users = [Document(f"file:///{n}.py", "Cart().total([])\nCartel\n", 1, "python") for n in range(3)]
    assert features(others=users).references == 6
    many = [Document("file:///many.py", "Cart " * 5000, 1, "python")]
    assert features(others=many).references == 99


def test_findings_are_counted() -> None:
    found = Finding(CLASS, "Wrong.", Severity.ERROR, "E1", "checker")
    assert features(findings=[found, found]).findings == 2


def test_of_what_has_no_grammar_and_of_nothing() -> None:
    plain = Document("file:///a.txt", "one two", 1, "plaintext")
    assert features(plain, Span(0, 7)) == Features("edit", "edit", "plaintext", code_tokens=2)
    assert features(span=Span(len(CODE), len(CODE))).definitions == 0


def test_much_text_is_not_parsed() -> None:
    text = CODE * 2000
    found = features(Document("file:///big.py", text, 1, "python"), Span(0, len(text)))
    assert (found.complexity, found.definitions) == (1, 0)
    assert found.code_tokens > 50_000


def test_other_files_are_read_in_a_bounded_part() -> None:
    class Endless:
        """As many files as are asked for."""

        asked = 0

        def __iter__(self) -> Endless:
            return self

        def __next__(self) -> Document:
            self.asked += 1
            return Document(f"file:///{self.asked}.py", "x" * 500_000 + "Cart", 1, "python")

    others = Endless()
    assert features(others=others).references == 0
    assert others.asked <= 13


@pytest.mark.parametrize(
    ("name", "local", "size"),
    [
        ("embedded", True, 0.0065),
        ("Qwen2.5-Coder-1.5B-Instruct", True, 1.5),
        ("/models/qwen2.5-coder-0.5b-instruct", True, 0.5),
        ("SmolLM2-135M-Instruct.Q4_K_M.gguf", True, 0.135),
        ("qwen2.5-coder:7b", True, 7.0),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", False, 56.0),
        ("Qwen3-30B-A3B", True, 30.0),
        ("gpt-4o-mini", False, 200.0),
        ("my-own-model", True, None),
        ("phi-2", True, None),
        ("", False, 200.0),
    ],
)
def test_sizes_by_name(name: str, local: bool, size: float | None) -> None:
    assert billions(name, is_local=local) == (None if size is None else pytest.approx(size))


def test_the_shipped_numbers_are_of_known_inputs_and_actions() -> None:
    known = Sufficiency.measured()
    from hybrid_lsp.actions.pipeline import ACTIONS
    from hybrid_lsp.routing.sufficiency import inputs

    assert set(known.before.weights) <= set(inputs(Features("fix"), 1.0))
    assert set(known.after.weights) <= set(inputs(Features("fix"), 1.0, 0.5))
    for each in (known.before, known.after):
        assert set(each.actions) <= {action.name for action in ACTIONS} | {"completion"}


def test_a_decision_takes_no_time_worth_naming() -> None:
    """Under a millisecond is what it promises; here it only must not be something else by far."""
    from hybrid_lsp.config import RoutingConfig
    from hybrid_lsp.routing.policy import Link, Policy

    policy = Policy(RoutingConfig(), Sufficiency(Regression({"fix": 0.0}, {"size": 1.0})))
    chain = [Link(name, name, size) for name, size in (("small", 0.5), ("large", 7.0), ("cloud", 200.0))]
    started = time.process_time()
    for _ in range(1000):
        policy.plan(Features("fix", words=9), chain)
    assert time.process_time() - started < 30
