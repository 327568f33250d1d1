"""The page: it needs nothing from anywhere, each plot has its numbers, and nothing of a client's is markup."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from history import HOUR_S, asked, edit, record

from hybrid_lsp.config import Config, ModelConfig
from hybrid_lsp.metrics.events import AcceptKind, InlineAccepted, InlineAnswered
from hybrid_lsp.reports.figures import gather
from hybrid_lsp.reports.page import html
from hybrid_lsp.types import Tier

DAY_S = 24 * HOUR_S
LARGE = ModelConfig(backend="openai", base_url="https://x.example/v1", model="big", price_in=3.0, price_out=15.0)
_LOADS = {"src", "href", "xlink:href", "data", "action", "poster", "srcset"}


class Page(HTMLParser):
    """What stands in a page: its tags with their attributes, and the tables' cells."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.cells[-1] += data

    def named(self, tag: str) -> Iterator[dict[str, str | None]]:
        return (attributes for each, attributes in self.tags if each == tag)


def fill(language: str = "python", model: str = "tiny") -> str:
    for day in range(3):
        at = time.time() - day * DAY_S - HOUR_S
        answered = InlineAnswered(f"s{day}", None, language, Tier.SMALL, model, 40.0 + day, 30.0, 8, 20)
        record([(at, answered), (at, asked(f"r{day}", "small"))])
        record(edit(f"r{day}", at=at, last="large" if day else None))
    record([(time.time() - HOUR_S, InlineAccepted("s0", AcceptKind.FULL, 20))])
    return html(gather(Config(large=LARGE)))


def test_the_page_needs_nothing_from_anywhere() -> None:
    text = fill()
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
    assert not [name for _, attributes in page.tags for name in attributes if name in _LOADS or name.startswith("on")]
    assert set(re.findall(r"\w+://[^\s\"'<>)]*", text)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text.replace("url(#", "")
    assert "@import" not in text
    (policy,) = [each["content"] for each in page.named("meta") if each.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"
    assert len(text) < 200_000


def test_each_plot_has_its_numbers_beside_it() -> None:
    text = fill()
    page = Page(text)
    plots = list(page.named("svg"))
    assert len(plots) == 5
    assert all(each["aria-hidden"] == "true" for each in plots)
    assert len(list(page.named("figcaption"))) == 5
    assert len(list(page.named("table"))) == 7
    assert all(each.get("scope") == "col" for each in page.named("th"))
    for cell in ("ghost text", "optimize", "python", "33.3", "66.7", "small-model"):
        assert cell in page.cells
    titles = {each["aria-labelledby"] for each in page.named("section") if "aria-labelledby" in each}
    assert titles == {each["id"] for each in page.named("h2") if "id" in each}


def test_the_page_says_how_the_comparison_is_estimated() -> None:
    assert "The tokens of the same tasks, at the price of the large model (3 for a million read" in fill()


def test_light_and_dark_are_told_apart() -> None:
    text = fill()
    assert "prefers-color-scheme: dark" in text
    # Every colour of a plot is one of the page's.
    assert set(re.findall(r"(?:fill|stroke):\s*(#\w+)", text)) == set()


def test_what_a_client_says_is_no_markup() -> None:
    text = fill(language="<script>alert(1)</script>", model='"><img src=x onerror=y>')
    page = Page(text)
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert "<script>alert(1)</script>" in page.cells


@pytest.mark.parametrize("since", [0.0, 1e12])
def test_a_page_of_nothing(since: float) -> None:
    if since:
        fill()
    page = html(gather(Config(), since))
    assert "Nothing was recorded yet." in page
    assert "<svg" not in page
