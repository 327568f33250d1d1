"""What is explained without a model in languages that have only a grammar here."""

from __future__ import annotations

import pytest

from hybrid_lsp.actions.base import NothingOutcome, TextOutcome, selected
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.config import Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.router import Router

GO = """\
package shop

func Sell(n int) error {
	if n > 3 {
		return fail(n)
	}
	return nil
}

func main() { Sell(1) }
"""


def document(text: str = GO, language: str = "go") -> Document:
    return Document("file:///x", text, 1, language)


async def explained(where: Document, at: str) -> TextOutcome | NothingOutcome:
    start = where.text.index(at)
    done = await ActionPipeline(Router({}), Config(), lambda document: None).run("explain", where, Span(start, start))
    assert isinstance(done, TextOutcome | NothingOutcome)
    return done


async def test_the_function_at_the_cursor() -> None:
    done = await explained(document(), "return fail")
    assert isinstance(done, TextOutcome)
    assert done.markdown == (
        "## `Sell`: a function, lines 3 to 8\n\n```go\nfunc Sell(n int) error\n```\n\n"
        "- Cyclomatic complexity: 2 (simple)\n- Calls: `fail`\n- Called in this file from: `main`\n"
    )
    assert "No large model is configured" in done.label
    assert "`large.backend`" in done.label


async def test_where_there_is_none_it_is_said() -> None:
    done = await explained(document(), "package")
    assert isinstance(done, NothingOutcome)
    assert "select one" in done.message


async def test_a_broken_file_is_said_to_be_broken() -> None:
    done = await explained(document(GO + "\nfunc broken( {\n"), "return fail")
    assert isinstance(done, TextOutcome)
    assert done.notes == ("The file has a syntax error: some of this may be wrong.",)


@pytest.mark.parametrize(
    ("language", "at", "expected"),
    [
        ("go", "return fail", "func Sell(n int) error {\n\tif n > 3 {\n\t\treturn fail(n)\n\t}\n\treturn nil\n}"),
        ("go", "package", "package shop"),
        ("haskell", "return fail", "\t\treturn fail(n)"),
    ],
)
def test_what_the_cursor_means(language: str, at: str, expected: str) -> None:
    where = document(language=language)
    span = selected(where, Span(where.text.index(at), where.text.index(at)))
    assert span is not None
    assert where.slice(span) == expected
