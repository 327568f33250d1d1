"""The static review against bandit and ruff run by hand: nothing lost, nothing doubled, each on its own line.

The files in `tests/data/security` are small and cover 75 of bandit's rules and 57 of ruff's.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import attrs
import pytest

from hybrid_lsp.analysis import review, rules
from hybrid_lsp.document import Document
from hybrid_lsp.types import Finding

pytestmark = pytest.mark.usefixtures("unmeasured")
CASES = sorted((Path(__file__).parents[2] / "data" / "security").glob("*.py"))


@attrs.frozen
class Result:
    """What a tool prints: `lines` count from 1."""

    file: str
    code: str
    lines: range


@pytest.fixture(scope="module")
def by_bandit() -> list[Result]:
    argv = [sys.executable, "-m", "bandit", "--quiet", "--exit-zero", "--format=json", *map(str, CASES)]
    printed = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    assert printed["errors"] == []
    return [
        Result(
            Path(each["filename"]).name,
            each["test_id"],
            range(min(each["line_number"], *each["line_range"]), max(each["line_number"], *each["line_range"]) + 1),
        )
        for each in printed["results"]
    ]


@pytest.fixture(scope="module")
def by_ruff() -> list[Result]:
    argv = ["ruff", "check", "--isolated", "--no-cache", "--exit-zero", "--select=S", "--output-format=json"]
    argv = [sys.executable, "-m", *argv, *map(str, CASES)]
    printed = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    return [
        Result(
            Path(each["filename"]).name, each["code"], range(each["location"]["row"], each["end_location"]["row"] + 1)
        )
        for each in printed
    ]


def opened(path: Path) -> Document:
    return Document(path.as_uri(), path.read_bytes().decode(), 1, "python", path)


def meet(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def most_pairs(ours: list[Result], theirs: list[Result]) -> int:
    """How many can be paired one to one, the same rule on a line that both name: Kuhn's algorithm."""
    partner: dict[int, int] = {}

    def place(mine: int, tried: set[int]) -> bool:
        for other, each in enumerate(theirs):
            alike = rules.name(each.code) == rules.name(ours[mine].code) and meet(each.lines, ours[mine].lines)
            if not alike or other in tried:
                continue
            tried.add(other)
            if other not in partner or place(partner[other], tried):
                partner[other] = mine
                return True
        return False

    return sum(place(mine, set()) for mine in range(len(ours)))


def lines(document: Document, finding: Finding) -> range:
    found = document.lines_of(finding.span)
    return range(found.start + 1, found.stop + 1)


def covered(document: Document, findings: list[Finding], printed: list[Result]) -> bool:
    """Whether findings and what was printed fit one to one: by rule, each on a line of its own."""
    ours = [Result("", each.code, lines(document, each)) for each in findings]
    return len(ours) == len(printed) == most_pairs(ours, printed)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
async def test_none_is_lost_none_doubled_and_each_is_explained(
    path: Path, by_bandit: list[Result], by_ruff: list[Result]
) -> None:
    document = opened(path)
    found = (await review.security(document)).findings
    printed = [[each for each in results if each.file == path.name] for results in (by_bandit, by_ruff)]
    assert found
    of_bandit = [each for each in found if "bandit" in each.tool]
    assert Counter(each.code for each in of_bandit) == Counter(each.code for each in printed[0])
    assert covered(document, of_bandit, printed[0])
    assert covered(document, [each for each in found if "ruff" in each.tool], printed[1])
    assert sum(each.tool == "bandit, ruff" for each in found) == most_pairs(*printed)
    assert [each.span.start for each in found] == sorted(each.span.start for each in found)
    for each in found:
        assert each.cwe, each
        assert each.url, each
        assert each.url.startswith(("https://bandit.readthedocs.io/", "https://docs.astral.sh/ruff/"))


def test_the_cases_cover_what_there_is(by_bandit: list[Result], by_ruff: list[Result]) -> None:
    assert len({each.code for each in by_bandit}) >= 70
    assert len({each.code for each in by_ruff}) >= 55
