"""Edits that lose nothing: fitted to the selection, verified, minimal, and moved or refused when the text changed.

Model output is compiled to see that it compiles and never executed.
"""

from __future__ import annotations

import difflib
import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

import attrs

from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected, StaleDocument
from hybrid_lsp.types import DocumentEdit, TextEdit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$")
_INDENT = re.compile(r"[ \t]*")
# difflib takes quadratic time: longer texts get one edit around all that differs.
_DIFF_LINES = 2000


class Unchanged(ReplyRejected):
    """The reply is the code as it was: there is nothing to apply, and nothing to correct either."""


def verified(
    document: Document, span: Span, code: str, label: str, description: str = "", *, keep_names: bool = True
) -> DocumentEdit:
    """Replace a span of whole lines by code that a model wrote, if it passes every check.

    Nothing outside the span can change, since only the span is replaced. Raises ReplyRejected: no code, no change,
    not valid any more, or (with `keep_names`) other public names or signatures than before.
    """
    new = fitted(document, span, code)
    if not new.strip():
        raise ReplyRejected("The reply holds no code.", raw=code)
    if _without_trailing_space(new) == _without_trailing_space(document.slice(span)):
        raise Unchanged("The reply is the code as it was.", raw=code)
    changed = document.replace(span, new, document.version)
    if complaint := _syntax_complaint(document, changed):
        raise ReplyRejected(complaint, raw=code)
    if keep_names and (complaint := _names_complaint(document, span, changed)):
        raise ReplyRejected(complaint, raw=code)
    return DocumentEdit(document, minimal(document, changed.text), label, description)


def _without_trailing_space(text: str) -> str:
    return re.sub(r"[ \t\r]+$", "", text, flags=re.MULTILINE)


def _syntax_complaint(old: Document, new: Document) -> str | None:
    """What makes a text invalid that was valid, or more broken than it was."""
    before, after = symbols.syntax_errors(old), symbols.syntax_errors(new)
    if len(after) > len(before):
        line, column = new.position(after[0])
        return f"The code has a syntax error near line {line + 1}, column {column + 1} of the file."
    if old.language == "python" and _compile_error(old.text) is None and (error := _compile_error(new.text)):
        return f"The code does not compile: {error}."
    return None


@lru_cache(maxsize=4)
def _compile_error(text: str) -> str | None:
    """What Python's compiler says, which knows rules that no grammar has (`return` outside of a function)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.removeprefix("\ufeff"), "<reply>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"{error.msg} (line {error.lineno})"
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return str(error) or type(error).__name__
    return None


def _names_complaint(old: Document, span: Span, new: Document) -> str | None:
    """What others would miss: public names and signatures, and private ones that the rest of the file uses."""
    before, after = _by_name(old), _by_name(new)
    for name, signatures in before.items():
        if after.get(name) == signatures or not _needed(old, span, name):
            continue
        if name not in after:
            return f"The code no longer defines `{name}`, which is public or used elsewhere in the file."
        return f"The code changes `{name}`: {_shown(signatures)} became {_shown(after[name])}."
    added = [name for name in after if name not in before and symbols.is_public(name)]
    return f"The code adds the public name `{added[0]}`; a name that begins with `_` may be added." if added else None


def _by_name(document: Document) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for item in symbols.definitions(document):
        found[item.name] = (*found.get(item.name, ()), item.signature)
    return found


def _needed(document: Document, span: Span, name: str) -> bool:
    if symbols.is_public(name):
        return True
    word = re.compile(rf"(?<!\w){re.escape(name.rsplit('.', 1)[-1])}(?!\w)")
    return bool(word.search(document.text, 0, span.start) or word.search(document.text, span.end))


def _shown(signatures: tuple[str, ...]) -> str:
    return " and ".join(f"`{each}`" for each in signatures if each) or "a plain name"


def dedented(document: Document, span: Span) -> str:
    """The code of a span with LF line endings and without the indentation of its first line."""
    code = _normal(document.slice(span))
    return _shifted(code, document.language, _indent_of(code), "")


def fitted(document: Document, span: Span, code: str) -> str:
    """Code with the indentation, the kind of indentation and the line endings of the span that it replaces."""
    code = _normal(code).rstrip()
    code = re.sub(r"\A(?:[ \t]*\n)+", "", code)
    if _uses_tabs(document.text) and not _uses_tabs(code):
        code = _with_tabs(code)
    code = _shifted(code, document.language, _indent_of(code), _indent_of(_normal(document.slice(span))))
    return code.replace("\n", _line_ending(document))


def _normal(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _indent_of(code: str) -> str:
    line = next((line for line in code.split("\n") if line.strip()), "")
    match = _INDENT.match(line)
    return match.group() if match else ""


def _shifted(code: str, language: str, old: str, new: str) -> str:
    """Every line with its indentation `old` become `new`; the inside of strings is left alone."""
    if old == new:
        return code
    lines = code.split("\n")
    inside = _lines_in_strings(code, language)
    return "\n".join(line if number in inside else _shift(line, old, new) for number, line in enumerate(lines))


def _shift(line: str, old: str, new: str) -> str:
    if not line.strip():
        return ""
    return new + (line[len(old) :] if line.startswith(old) else line.lstrip(" \t"))


def _lines_in_strings(code: str, language: str) -> set[int]:
    """Lines that begin inside a string; docstrings are left out, their indentation means nothing."""
    document = Document("", code, language=language)
    tree = symbols.parse(document)
    found: set[int] = set()
    for node in symbols.walk(tree.root_node) if tree else ():
        if node.type == "string" and (node.parent is None or node.parent.type != "expression_statement"):
            first, last = document.position(node.start_byte)[0], document.position(node.end_byte)[0]
            found.update(range(first + 1, last + 1))
    return found


def _uses_tabs(text: str) -> bool:
    return text.startswith("\t") or "\n\t" in text


def _with_tabs(code: str) -> str:
    """Leading spaces as tabs, one for each step of indentation (the smallest that occurs)."""
    widths = [len(line) - len(line.lstrip(" ")) for line in code.split("\n") if line.strip()]
    base = widths[0] if widths else 0
    unit = min((width - base for width in widths if width > base), default=4)
    return re.sub(r"(?m)^ +", lambda match: "\t" * (len(match[0]) // unit) + " " * (len(match[0]) % unit), code)


def _line_ending(document: Document) -> str:
    match = re.search(r"\r\n|\n|\r", document.text)
    return match.group() if match else "\n"


def minimal(document: Document, text: str) -> tuple[TextEdit, ...]:
    """The whole lines that differ, as few and short edits as a line diff finds; no edits for equal texts."""
    old, new = document.text, text
    # The ends are kept at line boundaries so that no edit falls between CR and LF.
    old_lines, new_lines = _LINE.findall(old), _LINE.findall(new)
    head = _common(old_lines, new_lines)
    tail = _common(old_lines[head:][::-1], new_lines[head:][::-1])
    middle_old, middle_new = old_lines[head : len(old_lines) - tail], new_lines[head : len(new_lines) - tail]
    offset = sum(map(len, old_lines[:head]))
    return tuple(_hunks(middle_old, middle_new, offset))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _hunks(old: list[str], new: list[str], offset: int) -> Iterator[TextEdit]:
    if not old and not new:
        return
    if len(old) + len(new) > _DIFF_LINES:
        yield TextEdit(Span(offset, offset + sum(map(len, old))), "".join(new))
        return
    starts = [offset]
    for line in old:
        starts.append(starts[-1] + len(line))
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind != "equal":
            yield TextEdit(Span(starts[a], starts[b]), "".join(new[c:d]))


def rebase(
    edit: DocumentEdit, current: Document, span: Span | None = None, changes: Sequence[TextEdit] | None = None
) -> DocumentEdit:
    """The edit for the document as it is now.

    `span` is the text that must be untouched (default: all that the edit covers). With `changes`, those made since
    in order, each over the text that the one before it left, the result is exact. Without them one change is assumed,
    and where two places fit it, none is taken.

    Raises StaleDocument: a change touches the span, or may have.
    """
    if current.uri != edit.document.uri:
        raise StaleDocument("The edit was made for another file.", "Run the action again.")
    span = span or _hull(edit)
    old = edit.document.text
    moved = _shift_between(old, current.text, span) if changes is None else _shift_by(changes, span)
    if moved is None or span.start + moved < 0:
        raise _stale()
    if current.text[span.start + moved : span.end + moved] != old[span.start : span.end]:
        raise _stale()
    shifted = tuple(
        TextEdit(Span(each.span.start + moved, each.span.end + moved), each.new_text) for each in edit.edits
    )
    return attrs.evolve(edit, document=current, edits=shifted)


def _stale() -> StaleDocument:
    return StaleDocument("The code changed since the action was started.", "Run the action again.")


def _hull(edit: DocumentEdit) -> Span:
    if not edit.edits:
        return Span(0, 0)
    return Span(edit.edits[0].span.start, edit.edits[-1].span.end)


def _shift_by(changes: Sequence[TextEdit], span: Span) -> int | None:
    """How far known changes moved a span; None where one touches it."""
    moved = 0
    for change in changes:
        start, end = span.start + moved, span.end + moved
        if change.span.end < start:
            moved += len(change.new_text) - (change.span.end - change.span.start)
        elif change.span.start <= end:
            return None
    return moved


def _shift_between(old: str, new: str, span: Span) -> int | None:
    """How far one unknown change moved a span; None where it touched it or the place is not certain."""
    if old == new:
        return 0
    head = _common_prefix(old, new)
    tail = _common_prefix(old[::-1], new[::-1])
    after = head > span.end
    before = len(old) - tail < span.start
    if after == before:
        return None
    return 0 if after else len(new) - len(old)


def _common_prefix(one: str, other: str) -> int:
    """Length of the common beginning, by bisection: comparing slices is much faster than characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
