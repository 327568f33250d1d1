"""Docstrings without a model: nothing made up, nothing else changed, in every style."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from action_bench import no_model, python

import hybrid_lsp
from hybrid_lsp.actions import docstrings, skeleton
from hybrid_lsp.actions.base import EditOutcome, NothingOutcome
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import DocumentEdit

SOURCE = """\
class ShoppingBasket(dict):
    def __init__(self, owner: str, *, limit: int = 10):
        self.owner = owner

    @property
    def total_price(self) -> float:
        return sum(self.values())

    @total_price.setter
    def total_price(self, value):
        del value

    def loadHTMLItems(self, path: Path, *names: str, strict=False, **more) -> list[int]:
        # A comment stays where it is.
        if len(names) > 9:
            raise ValueError("too many")
        for name in names:
            if not name:
                raise errors.Missing(name)
            elif strict:
                raise error
        def inner():
            raise KeyError
        return []

    def pairs(self) -> Iterator[tuple[int, str]]:
        yield 1, "a"

    def short(self): return 1

    def _hidden(self):
        pass
"""
GOOGLE = '''\
    def loadHTMLItems(self, path: Path, *names: str, strict=False, **more) -> list[int]:
        """Load HTML items.

        Args:
            path: _description_
            *names: _description_
            strict: _description_. Defaults to `False`.
            **more: _description_

        Returns:
            _description_

        Raises:
            ValueError: If `len(names) > 9`.
            errors.Missing: If `not name`.
        """
        # A comment stays where it is.
'''
NUMPY = '''\
        """Pairs.

        Yields
        ------
        tuple[int, str]
            _description_
        """
'''
NUMPY_PARAMETERS = '''\
        """Initialize.

        Parameters
        ----------
        owner : str
            _description_
        limit : int
            _description_. Defaults to `10`.
        """
'''
REST = '''\
        """Load HTML items.

        :param path: _description_
        :param names: _description_
        :param strict: _description_. Defaults to `False`.
        :param more: _description_
        :returns: _description_
        :raises ValueError: If `len(names) > 9`.
        :raises errors.Missing: If `not name`.
        """
'''
STYLES = ["Google", "NumPy", "reST", "plain"]


def documented(document: Document, style: str, span: Span | None = None) -> str:
    span = span or Span(0, len(document.text))
    return DocumentEdit(document, tuple(skeleton.edits(document, span, style)), "").apply()


def test_each_style_says_what_the_code_shows() -> None:
    document = python(SOURCE)
    assert GOOGLE in documented(document, "Google")
    numpy = documented(document, "NumPy")
    assert NUMPY in numpy
    assert NUMPY_PARAMETERS in numpy
    assert REST in documented(document, "reST")
    assert documented(document, "plain").count('"""') == 2 * 5


def test_a_class_a_property_and_what_is_left_out() -> None:
    text = documented(python(SOURCE), "Google")
    assert text.startswith('class ShoppingBasket(dict):\n    """Shopping basket."""\n\n    def __init__')
    assert '        """The total price."""\n        return sum' in text
    for left in (
        "def total_price(self, value):\n        del",
        "def inner():\n            raise",
        "short(self): return 1",
    ):
        assert left in text
    assert "_hidden(self):\n        pass" in text


def test_one_private_function_is_documented_where_it_alone_is_asked_about() -> None:
    document = python("def _hidden(count):\n    return count\n\n\ndef shown():\n    pass\n")
    assert '"""Hidden.' in documented(document, "Google", Span(0, document.text.index("\n\n\n")))
    assert '"""Hidden.' not in documented(document, "Google")


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("old", "new"), [("    ", "\t"), ("\n", "\r\n"), ("\n", "\r"), ("name", "имя")])
def test_tabs_line_endings_and_letters_are_the_files(style: str, old: str, new: str) -> None:
    document = python(SOURCE.replace(old, new))
    text = documented(document, style)
    assert text.replace(new, old) == documented(python(SOURCE), style)
    assert docstrings.only_documentation(document, python(text))


SOURCES = sorted(Path(hybrid_lsp.__file__).parent.glob("[acs]*/*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_real_code_keeps_its_meaning_and_lacks_nothing_afterwards(path: Path) -> None:
    document = python(ast.unparse(_Bare().visit(ast.parse(path.read_text(encoding="utf-8")))))
    text = documented(document, STYLES[len(path.name) % 3])
    assert docstrings.only_documentation(document, python(text))
    assert documented(python(text), "Google") == text


class _Bare(ast.NodeTransformer):
    """Takes docstrings away."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        return node


async def test_the_action_offers_them_without_a_model() -> None:
    document = python(SOURCE)
    done = await no_model().run("document", document=document, at="raise ValueError")
    assert isinstance(done, EditOutcome)
    assert GOOGLE in done.edit.apply()
    assert done.edit.apply().count('"""') == 2
    assert "fill in each `_description_`" in done.edit.description
    assert done.notes == ("These docstrings say what names and signatures say; fill in each `_description_`.",)


async def test_where_nothing_lacks_a_docstring_it_says_so() -> None:
    done = await no_model().run("document", document=python("x = 1\n"), at="x")
    assert isinstance(done, NothingOutcome)
    assert "lacks a docstring" in done.message
