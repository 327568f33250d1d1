"""The benchmark's functions are what they say: their tests hold, find the fault, and tell an edit from none."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import pytest
from amounts import often

from benchmarks import actions, sandbox
from benchmarks.functions import LANGUAGES, Function, green, load, written_green
from hybrid_lsp.backends.fake import FakeBackend

FUNCTIONS = load()
SOME = FUNCTIONS[:: len(FUNCTIONS) // often(len(FUNCTIONS))]
"""All of them in CI; compilers take their time."""
TOOLS = {"javascript": "node", "rust": "rustc", "c": "gcc"}


def test_thirty_functions_in_four_languages() -> None:
    assert len(FUNCTIONS) >= 30
    assert set(Counter(each.language for each in FUNCTIONS)) == set(LANGUAGES)


def test_every_action_meets_every_language_in_one_round() -> None:
    met = Counter((function.language, action) for function, action in actions.plan(FUNCTIONS, 1))
    assert len({action for _, action in met}) == len(actions.ACTIONS)
    assert max(met.values()) <= 3


@pytest.mark.parametrize("function", SOME, ids=lambda each: f"{each.language}-{each.name}")
def test_the_tests_of_a_function_tell(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 1)  # some of the faults never end
    tool = TOOLS.get(function.language)
    if tool and shutil.which(tool) is None:
        assert green(function.language, function.text, function.tests) is None
        return
    assert green(function.language, function.text, function.tests)
    assert not green(function.language, function.text_broken, function.tests)
    assert not green(function.language, function.text, function.all_tests)


def test_written_tests_are_run() -> None:
    code = "def half(x):\n    if x % 2:\n        raise ValueError('odd')\n    return x // 2\n"
    head = "import pytest\nfrom work import half\n"
    good = """
class TestHalf:
    def test_odd(self):
        with pytest.raises(ValueError, match="odd"):
            half(3)


@pytest.mark.parametrize("x, y", [(2, 1), (4, 2)])
def test_even(x, y):
    assert half(x) == pytest.approx(y)
"""
    assert written_green(code, head + good, "work")
    assert not written_green(code, head + "def test_x():\n    assert half(2) == 2\n", "work")
    assert not written_green(code, head, "work")  # no test at all


async def test_a_run_is_kept_and_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    function = next(each for each in FUNCTIONS if each.name == "is_prime")
    fixed = "def is_prime(number):\n    return number > 1 and all(number % each for each in range(2, number))"
    work = [(function, "optimize"), (function, "simplify"), (function, "explain")]
    backend = FakeBackend("m")
    backend.enqueue(["I refuse.", "I refuse again.", f"```python\n{fixed}\n```", "It tells primes. That is all."])
    results = tmp_path / "results.jsonl"
    await actions.run(results, work, backend)
    rows = actions.read(results)
    assert [each["result"] for each in rows] == ["refused", "accepted", "accepted"]
    assert [each["green"] for each in rows] == [None, True, None]
    await actions.run(results, work, backend)  # nothing is asked again
    assert len(backend.requests) == 4
    table = actions.table(rows)
    assert "| simplify | 1 | 1 | 1 of 1 |" in table
    assert "2 times: The reply holds no fenced code block." in table
    assert "is_prime simplify accepted True" in capsys.readouterr().out
