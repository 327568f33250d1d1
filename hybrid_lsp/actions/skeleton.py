"""What a docstring can say of a Python function with no model: its name in words, its parameters, what it returns and
raises.

Nothing is made up: where a person must say what the code does not, stands `BLANK`, as autoDocstring's users know it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import attrs

from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import TextEdit

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

BLANK = "_description_"
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_YIELDED = re.compile(r"(?:Async)?(?:Iterator|Iterable|Generator)\[(.+)\]")
_LINE_END = re.compile(r"\r\n|\n|\r|$")
_UNTOLD = ("overload", "typing.overload", "override", "typing.override")
_LONGEST = 60
"""Characters of a condition that is quoted."""


@attrs.frozen
class Parameter:
    """One parameter; `default` is its text in the code."""

    name: str
    annotation: str = ""
    default: str = ""


@attrs.frozen
class Definition:
    """What a docstring is written from; `result` is the type that is returned or, with `yields`, yielded."""

    summary: str
    parameters: tuple[Parameter, ...] = ()
    returns: bool = False
    yields: bool = False
    result: str = ""
    raises: tuple[tuple[str, str], ...] = ()
    """Exceptions, each with when."""


def edits(document: Document, span: Span, style: str) -> list[TextEdit]:
    """Docstrings for the functions and classes of a span that have none, in a style of `docstrings.style_of`.

    A single private function is documented as well; of several only the public ones, and none inside of functions.
    """
    found = list(_definitions(symbols.statements(document, span)))
    public = [node for node in found if symbols.is_public(_name(document, node))]
    return [edit for node in (public or found[:1]) if (edit := _edit(document, node, style))]


def _definitions(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in nodes:
        inner = symbols.undecorated(node)
        if inner is None or inner.type not in (symbols.FUNCTION, symbols.CLASS):
            continue
        yield inner
        body = inner.child_by_field_name("body")
        if inner.type == symbols.CLASS and body is not None:
            yield from _definitions(body.named_children)


def _edit(document: Document, node: Node, style: str) -> TextEdit | None:
    """The insertion below the head of a definition; None where there is a docstring, or no line of its own for one."""
    body, colon = node.child_by_field_name("body"), next((each for each in node.children if each.type == ":"), None)
    first = next(iter(body.named_children), None) if body else None
    if first is None or colon is None or _is_text(first) or _is_untold(document, node):
        return None
    if document.position(first.start_byte)[0] == document.position(colon.start_byte)[0]:
        return None
    line, column = document.position(first.start_byte)
    indent = document.line(line)[:column]
    if indent.strip():
        return None
    ending = _LINE_END.search(document.text, colon.end_byte)
    assert ending is not None
    apart = [""] if node.type == symbols.CLASS else []
    text = "\n".join(_quoted(list(_lines(_read(document, node), style, "\t" if "\t" in indent else "    "))) + apart)
    shifted = "".join(f"{indent}{row}\n" if row else "\n" for row in text.split("\n"))
    return TextEdit(Span(ending.end(), ending.end()), shifted.replace("\n", ending[0] or "\n"))


def _is_text(statement: Node) -> bool:
    children = statement.named_children
    return statement.type == "expression_statement" and bool(children) and "string" in children[0].type


def _is_untold(document: Document, node: Node) -> bool:
    """Whether what it does is told elsewhere: at what it overloads, overrides, or sets."""
    return any(name in _UNTOLD or name.endswith((".setter", ".deleter")) for name in _decorators(document, node))


def _decorators(document: Document, node: Node) -> list[str]:
    outer = symbols.with_decorators(node)
    return [symbols.text_of(document, each)[1:].strip() for each in outer.children if each.type == "decorator"]


def _quoted(lines: list[str]) -> list[str]:
    if len(lines) == 1:
        return [f'"""{lines[0]}"""']
    return [f'"""{lines[0]}', *lines[1:], '"""']


# -- what the code shows ---------------------------------------------------------------------------------------------


def _read(document: Document, node: Node) -> Definition:
    if node.type == symbols.CLASS:
        return Definition(_sentence(_name(document, node)))
    own = list(_own(node))
    annotation = node.child_by_field_name("return_type")
    result = symbols.text_of(document, annotation) if annotation else ""
    yields = any(each.type == "yield" for each in own)
    if yields and (inner := _YIELDED.fullmatch(result)):
        result = inner[1].split(",")[0] if "[" not in inner[1] else inner[1]
    values = [each for each in own if each.type == "return_statement" and each.named_children]
    is_property = any(name.endswith("property") for name in _decorators(document, node))
    return Definition(
        _sentence(_name(document, node), "The" if is_property else ""),
        tuple(_parameters(document, node)),
        returns=not yields and not is_property and result != "None" and bool(values or result),
        yields=yields,
        result=result,
        raises=tuple(dict(_raised(document, own)).items()),
    )


def _own(function: Node) -> Iterator[Node]:
    """What stands in a function itself, and not in functions and classes inside of it."""
    stack = list(reversed(function.children))
    while stack:
        node = stack.pop()
        yield node
        if node.type not in (symbols.FUNCTION, symbols.CLASS, "lambda"):
            stack.extend(reversed(node.children))


def _parameters(document: Document, node: Node) -> Iterator[Parameter]:
    listed = node.child_by_field_name("parameters")
    is_method = _is_method(node) and "staticmethod" not in _decorators(document, node)
    for number, each in enumerate(listed.named_children if listed else ()):
        named = each.child_by_field_name("name") or (each.named_children[0] if each.named_children else each)
        if each.type in ("comment", "keyword_separator", "positional_separator") or (number == 0 and is_method):
            continue
        whole = each if each.type.endswith("_pattern") else named
        annotation, default = (each.child_by_field_name(field) for field in ("type", "value"))
        yield Parameter(
            symbols.text_of(document, whole),
            symbols.text_of(document, annotation) if annotation else "",
            symbols.text_of(document, default) if default else "",
        )


def _is_method(function: Node) -> bool:
    block = symbols.with_decorators(function).parent
    return block is not None and block.parent is not None and block.parent.type == symbols.CLASS


def _raised(document: Document, own: Iterable[Node]) -> Iterator[tuple[str, str]]:
    for node in own:
        raised = node.named_children[0] if node.type == "raise_statement" and node.named_children else None
        if raised is None:
            continue
        what = raised.child_by_field_name("function") if raised.type == "call" else raised
        name = symbols.text_of(document, what) if what is not None else ""
        if name.rpartition(".")[2][:1].isupper():  # else it is a variable that holds an exception
            yield name, _when(document, node) or BLANK


def _when(document: Document, statement: Node) -> str:
    """`If x < 0.`, where a statement stands straight below a short condition."""
    block = statement.parent
    branch = block.parent if block is not None and block.type == "block" else None
    if branch is None or branch.type not in ("if_statement", "elif_clause"):
        return ""
    condition = branch.child_by_field_name("condition")
    text = symbols.text_of(document, condition) if condition else ""
    return f"If `{text}`." if text and len(text) <= _LONGEST and "\n" not in text else ""


def _name(document: Document, node: Node) -> str:
    name = node.child_by_field_name("name")
    return symbols.text_of(document, name) if name else ""


def _sentence(name: str, article: str = "") -> str:
    """`load_items`: `Load items.`"""
    if name == "__init__":
        return "Initialize."
    words = [word if word.isupper() and len(word) > 1 else word.lower() for word in _WORDS.findall(name)]
    text = " ".join([article, *words]).strip() or BLANK
    return f"{text[0].upper()}{text[1:]}."


# -- how a style says it ---------------------------------------------------------------------------------------------


def _lines(found: Definition, style: str, tab: str) -> Iterator[str]:
    yield found.summary
    sections = {"Google": _google, "NumPy": _numpy, "reST": _rest}.get(style)
    rows = list(sections(found, tab)) if sections else []
    if rows:
        yield ""
        yield from rows


def _google(found: Definition, tab: str) -> Iterator[str]:
    sections = {
        "Args": [f"{each.name}: {_about(each)}" for each in found.parameters],
        _given(found): [BLANK] if _gives(found) else [],
        "Raises": [f"{name}: {when}" for name, when in found.raises],
    }
    return _apart([f"{title}:", *(tab + row for row in rows)] for title, rows in sections.items() if rows)


def _numpy(found: Definition, tab: str) -> Iterator[str]:
    sections = {
        "Parameters": [
            (" : ".join(filter(None, (each.name, each.annotation))), _about(each)) for each in found.parameters
        ],
        _given(found): [(found.result or BLANK, BLANK)] if _gives(found) else [],
        "Raises": list(found.raises),
    }
    return _apart(
        [title, "-" * len(title), *(line for name, about in rows for line in (name, tab + about))]
        for title, rows in sections.items()
        if rows
    )


def _apart(sections: Iterable[list[str]]) -> Iterator[str]:
    """The lines of sections, with an empty one between two."""
    for number, lines in enumerate(sections):
        yield from ["", *lines] if number else lines


def _given(found: Definition) -> str:
    return "Yields" if found.yields else "Returns"


def _rest(found: Definition, tab: str) -> Iterator[str]:
    yield from (f":param {each.name.lstrip('*')}: {_about(each)}" for each in found.parameters)
    if _gives(found):
        yield f":{_given(found).lower()}: {BLANK}"
    yield from (f":raises {name}: {when}" for name, when in found.raises)


def _gives(found: Definition) -> bool:
    return found.returns or found.yields


def _about(parameter: Parameter) -> str:
    return f"{BLANK}. Defaults to `{parameter.default}`." if parameter.default else BLANK
