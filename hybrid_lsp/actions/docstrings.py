"""Write the documentation of the selected code: docstrings in the style of the file, and nothing else changes."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from contextlib import suppress

import attrs

from hybrid_lsp.actions import documentation, edits, prompts, skeleton
from hybrid_lsp.actions.base import ActionContext, By, EditOutcome, Grounding, NothingOutcome, Outcome
from hybrid_lsp.actions.fitting import dedented, fitted
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.context import grammars, symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import DocumentEdit

_TASK = """\
Document this code: for each function, class and method that has no documentation, or one that is wrong or too thin, \
write what it does, and where it is not plain from the names its parameters, what it returns and what it raises. Say \
only what the code shows. Change nothing else: no code, no names, no formatting."""
_STYLES = {
    "NumPy": re.compile(r"(?m)^[ \t]*(?:Parameters|Returns|Raises|Yields|Attributes)[ \t]*\n[ \t]*-{3,}"),
    "Google": re.compile(r"(?m)^[ \t]*(?:Args|Arguments|Returns|Raises|Yields|Attributes):[ \t]*$"),
    "reST": re.compile(r"(?m)^[ \t]*:(?:param|type|returns?|rtype|raises?)\b"),
}
_BLANKS = f"These docstrings say what names and signatures say; fill in each `{skeleton.BLANK}`."
_TAKEN = "The model changed code as well: only its comments and docstrings are taken."
_EXAMPLE_CHARS = 800
# What begins a comment in languages without a grammar here.
_COMMENT = re.compile(r"^(?:#|//|/\*|\*|--|;|%|<!--|'|\"\"\"|''')")


@attrs.frozen
class Docstrings(Rewrite):
    """Refused where anything but docstrings and comments changed.

    With no model: what names, signatures and `raise` statements say, for functions that have no docstring.
    """

    name: str = "document"
    title: str = "Document this code"
    task: str = _TASK
    languages: frozenset[str] = frozenset({"python"})

    async def ground(self, context: ActionContext) -> Grounding:
        return Grounding()

    def wording(self, context: ActionContext) -> str:
        return f"{self.task} {_how(context.document)}"

    def objection(self, context: ActionContext, edit: DocumentEdit) -> str | None:
        if only_documentation(*edits.pieces(edit, context.span)):
            return None
        return "The reply changes code: only docstrings and comments may differ."

    def checked(self, context: ActionContext, code: str, by: By) -> EditOutcome:
        """Of a reply that changes more, what documents is taken."""
        try:
            return super().checked(context, code, by)
        except edits.Unchanged:
            raise
        except ReplyRejected:
            piece = attrs.evolve(context.document, text=fitted(context.document, context.span, code))
            old, new = (
                attrs.evolve(document, text=dedented(document, span))
                for document, span in ((context.document, context.span), (piece, Span(0, len(piece.text))))
            )
            if (documented := documentation.put_into(old, new)) is not None:
                with suppress(ReplyRejected):
                    return super().checked(context, documented, by.noting(_TAKEN))
            raise

    async def static(self, context: ActionContext, by: By) -> Outcome:
        document, span = context.document, context.span
        changes = skeleton.edits(document, span, style_of(list(docstrings(document))))
        edit = DocumentEdit(document, tuple(changes), self.title, f"{by.label} {_BLANKS}")
        if not changes or not only_documentation(*edits.pieces(edit, span)):
            return NothingOutcome(by, "There is no function or class here that lacks a docstring.")
        return EditOutcome(by.noting(_BLANKS), edit, span)


def _how(document: Document) -> str:
    """The style to write in, with an example of it from the file itself."""
    if document.language != "python":
        return "Use the documentation comments that are usual in this language, as the file has them."
    found = list(docstrings(document))
    style = style_of(found)
    if style == "plain":
        form = "Write docstrings as plain sentences, without sections for parameters, as the file has them."
    else:
        form = f"Write docstrings in {style} style."
    pattern = _STYLES.get(style)
    example = next(
        (each for each in found if len(each) <= _EXAMPLE_CHARS and (not pattern or pattern.search(each))), ""
    )
    return (
        f"{form}\n\n{prompts.block('A docstring of this file, as an example of its style', example)}"
        if example
        else form
    )


def style_of(found: list[str]) -> str:
    """NumPy, Google, reST or plain: what most docstrings with sections are written in; Google where there is none."""
    if not found:
        return "Google"
    counts = {name: sum(bool(pattern.search(each)) for each in found) for name, pattern in _STYLES.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] else "plain"


def docstrings(document: Document) -> Iterator[str]:
    """The docstrings of a Python file as they stand in it; all other bare strings too."""
    tree = symbols.tree(document)
    for node in grammars.walk(tree.root_node) if tree else ():
        if node.type == "string" and node.parent is not None and node.parent.type == "expression_statement":
            yield document.text[node.start_byte : node.end_byte]


def only_documentation(old: Document, new: Document) -> bool:
    """Whether two versions differ in nothing but docstrings and comments.

    By the syntax tree that Python itself makes; in other languages by the words of the grammar's tree; without a
    grammar every line must still be there, and new ones must look like comments.
    """
    if old.language == "python" and (before := _bare(old.text)) is not None:
        return before == _bare(new.text)
    if grammars.known(old.language):
        return list(_words(old)) == list(_words(new))
    return _only_comment_lines(old.text, new.text)


def _bare(text: str) -> str | None:
    """Python's syntax tree without bare strings, as a text to compare; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text.removeprefix("\ufeff"))
        for node in ast.walk(tree):
            if isinstance(body := getattr(node, "body", None), list):
                kept = [each for each in body if not _is_bare_string(each)]
                node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]  # some kinds of node have it
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _words(document: Document) -> Iterator[str]:
    """The leaves of the tree but comments, and but bare strings in Python."""
    tree = symbols.tree(document)
    stack = [tree.root_node] if tree else []
    while stack:
        node = stack.pop()
        if "comment" in node.type:
            continue
        if document.language == "python" and symbols.is_docstring(node):
            continue
        if node.child_count == 0 and (word := document.text[node.start_byte : node.end_byte].strip()):
            yield word
        stack.extend(reversed(node.children))


def _only_comment_lines(old: str, new: str) -> bool:
    before = [line.rstrip() for line in old.split("\n") if line.strip()]
    position = 0
    for line in (line.rstrip() for line in new.split("\n") if line.strip()):
        if position < len(before) and line == before[position]:
            position += 1
        elif not _COMMENT.match(line.lstrip()):
            return False
    return position == len(before)
