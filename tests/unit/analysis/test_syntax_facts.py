"""What is told about a function without any model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.analysis import syntax
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span


def facts(text: str, needle: str | None = None) -> syntax.Facts:
    document = Document("file:///x.py", text, 1, "python")
    start = text.index(needle) if needle else 0
    span = Span(start, start + len(needle)) if needle else Span(0, len(text))
    nodes = symbols.statements(document, symbols.widen(document, span))
    return syntax.describe(document, nodes)


SOURCE = '''\
import os
from a.b import c as d

class Shape(Base):
    "A shape."

    @property
    def area(self, scale: int = 1, *rest, deep=os.sep,  # why
             **more) -> int:
        """The area, 😀.

            Long.
        """
        global LIMIT
        LIMIT += 1
        self.cache[scale] = self.width * scale
        for i, (j, k) in enumerate(rest):
            if i and j or k:
                raise ValueError("😀" + str(j)) from None
        with open(deep) as handle:
            data = [line.strip() for line in handle if line]
        match data:
            case Point(x=px) | [px]:
                return px
            case d.RED:
                raise
            case _:
                pass
        try:
            helper(w := 3, key=LIMIT)
        except OSError as e:
            print(e)
        return self.other if data else max(data, key=lambda v: v + w)

def use():
    return Shape().area(2)
'''


def test_everything_about_a_method() -> None:
    found = facts(SOURCE, "global LIMIT\n        LIMIT +")
    assert found == syntax.Facts(
        kind="function",
        name="area",
        signature="def area(self, scale: int = 1, *rest, deep=os.sep, **more) -> int",
        first_line=7,
        last_line=33,
        complexity=11,
        decorators=("property",),
        docstring="The area, 😀.\n\nLong.",
        calls=("enumerate", "ValueError", "str", "open", "line.strip", "helper", "print", "max"),
        raises=("ValueError", "the exception being handled"),
        returns=("px", "self.other if data else max(data, key=lambda v: v + w)"),
        reads=("os", "self.cache", "self.width", "Point", "d", "helper", "LIMIT", "self.other"),
        writes=("LIMIT", "self.cache[scale]"),
        called_from=("use",),
    )


def test_a_class_lists_its_members() -> None:
    found = facts(SOURCE, "class Shape(Base):")
    assert (found.kind, found.name, found.signature) == ("class", "Shape", "class Shape(Base)")
    assert found.docstring == "A shape."
    assert [each.name for each in found.members] == ["area"]


def test_statements_are_taken_together() -> None:
    found = facts("a = f(1)\nb.c = g(a, z)\nif a:\n    raise E\n")
    assert (found.kind, found.name) == ("statements", "")
    assert (found.calls, found.raises, found.writes) == (("f", "g"), ("E",), ("b.c",))
    assert found.reads == ("f", "b", "g", "z", "E")
    assert (found.first_line, found.last_line, found.complexity) == (1, 4, 2)


@pytest.mark.parametrize(
    ("body", "complexity"),
    [
        ("pass", 1),
        ("if a: pass\n    elif b: pass\n    else: pass", 3),
        ("while a and b: pass", 3),
        ("return [x for x in y if x]", 3),
        ("try: pass\n    except A: pass\n    except B: pass\n    finally: pass", 3),
        ("return a if b else c", 2),
        ("match a:\n        case 1: pass\n        case _: pass", 2),
    ],
)
def test_complexity(body: str, complexity: int) -> None:
    assert facts(f"def f(a, b, c, y):\n    {body}\n").complexity == complexity


def test_generators_and_async() -> None:
    found = facts("async def f(x):\n    yield await g(x)\n")
    assert found.yields
    assert found.signature == "async def f(x)"


def test_broken_code_still_gives_facts() -> None:
    found = facts("def f(x):\n    y = = g(x)\n    return h(y)\n", "return h(y)\n")
    assert "h" in found.calls


def test_nothing_gives_empty_facts() -> None:
    assert syntax.describe(Document("", ""), []).complexity == 1


@given(st.text(alphabet=st.characters(exclude_characters="'\\\r\n\0", exclude_categories=["Cs"]), max_size=10))
def test_names_are_read_from_the_text_itself(noise: str) -> None:
    found = facts(f"s = '{noise}'\ndef größe(a): return f('{noise}', a.ñ)\nx = größe(s)\n", "größe(a)")
    assert (found.name, found.calls, found.called_from) == ("größe", ("f",), ("module level",))


@given(st.text(alphabet="def (x):\n\t=+.,'\"[]{}@*ifclassré😀_", max_size=80))
def test_any_text_gives_facts(text: str) -> None:
    assert facts(text).complexity >= 1


def test_a_very_deep_expression() -> None:
    assert facts("x = " + " + ".join(["a"] * 2000) + "\n").reads == ("a",)
