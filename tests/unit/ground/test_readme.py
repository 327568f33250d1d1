"""The documentation is what the code makes, its links lead somewhere, and the front page stays short."""

import re
from pathlib import Path

import pytest

from hybrid_lsp import config
from hybrid_lsp.tables import settings_table
from hybrid_lsp.types import Reason

ROOT = Path(__file__).parent.parent.parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((ROOT / "editors").glob("*/README.md"))]
MOST_LINES = 110
"""A screen and a half, as it is rendered."""


def part(page: str, name: str) -> str:
    text = (DOCS / page).read_text(encoding="utf-8")
    return text.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0].strip()


def test_the_settings_table_is_generated() -> None:
    assert part("settings.md", "settings") == settings_table(), "run `make docs`"


def test_every_setting_and_reason_is_there() -> None:
    settings = (DOCS / "settings.md").read_text(encoding="utf-8")
    for setting in config.settings():
        assert f"`{setting.name}`" in settings
    reasons = (DOCS / "nothing-appears.md").read_text(encoding="utf-8")
    shown_nowhere = {Reason.NOT_OPEN, Reason.SHUTTING_DOWN}
    for reason in set(Reason) - shown_nowhere:
        assert f"`{reason}`" in reasons


def test_the_recording_shows_the_three_kinds_of_answers() -> None:
    recorded = part("demo.md", "demo")
    for sign in ("⟦", "Explain", "Optimize", "Review security"):
        assert sign in recorded


def test_the_front_page_is_short_and_says_how_to_begin() -> None:
    assert len(README.splitlines()) <= MOST_LINES
    for command in ("make demo", "make test", "hybrid-lsp models list", "hybrid-lsp models pull", "hybrid-lsp doctor"):
        assert command in README


def test_the_comparison_is_dated() -> None:
    table = README.partition("## How it compares")[2]
    assert re.search(r"\| as of \w+ 20\d\d \|", table)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), link


def anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.casefold()).strip().replace(" ", "-") for heading in headings}
