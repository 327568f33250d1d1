"""Closing tags that have been begun: what they close is known without a model."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.backends.fake import FakeBackend
from hybrid_lsp.completion import closing as closing_module
from hybrid_lsp.completion.closing import closing
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Query
from hybrid_lsp.completion.suggest import GRAMMAR
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Tier


@pytest.mark.parametrize(
    ("language", "marked", "expected"),
    [
        ("html", '<div>\n  <p class="a>b">x</‸', "p>"),
        ("html", "<DIV><img src='a'><br>\n<b>x<i/></b></‸", "DIV>"),
        ("html", "<ul><LI>a</li></u‸", "l>"),
        ("html", "<ul></u‸>", "l"),
        ("html", "<ul></ol‸", ""),
        ("html", "<!-- <a> --><b></‸", "b>"),
        ("html", "</‸", ""),
        ("xml", "<a:b><c d='1'/></‸", "a:b>"),
        ("svelte", "<script>\nlet a = b < 3;\n</script>\n{#if x}\n<li on:click={() => y}>a</li>\n{/‸", "if}"),
        ("svelte", "<ul>{#each a as b}<li>{b}</l‸", "i>"),
        ("svelte", "{#if a}{#await b}{/await}{/‸}", "if"),
        ("vue", "<template>\n  <my-view :a='b'>\n  </‸", "my-view>"),
        ("typescriptreact", "return <><Foo.Bar a={b => c}>x</‸", "Foo.Bar>"),
        ("javascriptreact", "return <>a</‸", ">"),
        ("handlebars", "{{#if a}}{{#each b}}{{/each}}{{/‸", "if}}"),
        ("django-html", "{% for a in b %}{% if c %}x{% endif %}\n{% end‸", "for %}"),
        ("latex", "\\begin{a}\\begin{b*}\\end{b*} \\end{‸", "a}"),
        ("python", "'<a>' </‸", ""),
        ("typescript", "a</‸", ""),
    ],
)
def test_the_innermost_is_closed(language: str, marked: str, expected: str) -> None:
    prefix, suffix = marked.split("‸")
    assert closing(language, prefix, suffix) == expected


@given(st.text(alphabet="<>/ab!-\"'{}#%= ", max_size=60))
def test_whatever_stands_above_what_is_offered_is_a_tag_of_it(text: str) -> None:
    for begun in ("</", "{/", "{% end"):
        offered = closing("svelte" if begun == "{/" else "html", text + begun, "")
        assert offered == "" or re.sub(r"[ %]*[>}]$", "", offered) in text


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert closing("html", "<a>" + "b" * closing_module._BEFORE_CHARS + "</", "") == ""


async def test_it_is_shown_without_a_model_also_where_the_editor_closed_the_brace() -> None:
    fake = FakeBackend()
    pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None)
    for text, expected in (("<div>a</", "div>"), ("{#if a}\n{/}", "if")):
        offset = len(text) - text.endswith("{/}")
        document = Document("file:///a.svelte", text, language="svelte")
        answer = await pipeline.complete(Query(document, offset), Config(completion=CompletionConfig(debounce_ms=0)))
        assert answer.suggestions[0].text == expected
        assert (answer.tier, answer.model) == (Tier.STATIC, GRAMMAR)
    assert fake.requests == []
