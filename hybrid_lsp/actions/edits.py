"""Edits that lose nothing: verified, minimal, and moved or refused when the text changed.

Model output is compiled to see that it compiles and never executed.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from functools import lru_cache

import attrs

from hybrid_lsp.actions import leftout, names
from hybrid_lsp.actions.fitting import fitted, indent_of, normal
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span, line_diff
from hybrid_lsp.errors import ReplyRejected, StaleDocument
from hybrid_lsp.types import DocumentEdit, TextEdit

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$")
_LINE_END = re.compile(r"\r\n|\n|\r")
_WORD = re.compile(r"\w")
_TELLING = 6
"""A line with fewer letters (`else:`, `}`) may well begin or end a reply by itself."""
_DEFINES = re.compile(
    r"\b(?:def|class|fn|func|fun|function|sub|struct|impl|trait|enum|interface|module|namespace)\s+\w"
)
"""A line that begins a definition tells, however short it is."""
_MIXED = frozenset({"php"})
"""Languages whose files are mere text between their tags: only the whole file says what is code."""
# difflib takes quadratic time: longer texts get one edit around all that differs.
_DIFF_LINES = 2000


class Unchanged(ReplyRejected):
    """The reply is the code as it was: there is nothing to apply, and nothing to correct either."""


def verified(
    document: Document,
    span: Span,
    code: str,
    label: str,
    description: str = "",
    *,
    keep_names: bool = True,
    keep_marks: bool = True,
    keep_comments: bool = True,
    may_empty: bool = False,
    instruction: str = "",
) -> DocumentEdit:
    """Replace a span of whole lines by code that a model wrote, if it passes every check.

    Nothing outside the span can change, since only the span is replaced. With `keep_comments` those above the code stay
    where the new code has none. Raises ReplyRejected: no code (unless
    `may_empty`), no change, code left out that `instruction` does not ask to leave out, lines from around the span once
    more, not valid any more, or (with `keep_names`) other public names or signatures than before, or (with
    `keep_marks`) decorators or attributes lost.
    """
    new = fitted(document, span, code)
    if keep_comments:
        new = _with_its_comments(document, span, new)
    if complaint := _emptied_complaint(document, span, new, may_empty=may_empty):
        raise ReplyRejected(complaint, raw=code)
    if _without_trailing_space(new) == _without_trailing_space(document.slice(span)):
        raise Unchanged("The reply is the code as it was.", raw=code)
    piece = Piece.of(document, span, new)
    complaint = (
        leftout.complaint(piece.old, piece.new, instruction)
        or _repeats_complaint(document, span, new)
        or _syntax_complaint(document, piece)
        or (names.complaint(document, span, piece.old, piece.new) if keep_names else None)
        or (names.lost_marks(piece.old, piece.new) if keep_marks else None)
        or _torn_complaint(document, span, piece)
    )
    if complaint:
        raise ReplyRejected(complaint, raw=code)
    return DocumentEdit(document, _minimal_within(document, span, new), label, description)


def pieces(edit: DocumentEdit, span: Span) -> tuple[Document, Document]:
    """The code around a span before and after an edit of it, in whole statements."""
    piece = Piece.of(edit.document, span, _after(edit, span))
    return piece.old, piece.new


def _with_its_comments(document: Document, span: Span, new: str) -> str:
    """New code below the comments that stood above the code, where a model wrote none: they were not to be changed.

    Those that stand above the span already and that a model wrote once more are left out.
    """
    old = document.slice(span)
    lead, again = (_leading_comments(attrs.evolve(document, text=each)) for each in (old, new))
    if again and not lead and _stand_above(document, span, again):
        return new[len(again) :]
    return new if not lead or not new.strip() or again else lead + new.removeprefix("\ufeff")


def _stand_above(document: Document, span: Span, comments: str) -> bool:
    """Whether lines stand right above a span."""
    wanted = [line.strip() for line in comments.splitlines()]
    first = document.position(span.start)[0]
    return first >= len(wanted) and wanted == [
        document.line(number).strip() for number in range(first - len(wanted), first)
    ]


def _leading_comments(piece: Document) -> str:
    """The whole lines of comments before the first code; empty where there is none, or no code."""
    tree = symbols.tree(piece)
    nodes = tree.root_node.named_children if tree else []
    first = next((node for node in nodes if "comment" not in node.type), None)
    return piece.text[: piece.line_starts[piece.position(first.start_byte)[0]]] if first is not None else ""


def leaves_code(edit: DocumentEdit, span: Span) -> bool:
    """Whether anything stands in the place of a span after an edit of it."""
    return bool(_after(edit, span).strip())


def _after(edit: DocumentEdit, span: Span) -> str:
    """What an edit of a span makes of its text."""
    text = edit.document.slice(span)
    for each in reversed(edit.edits):
        text = text[: each.span.start - span.start] + each.new_text + text[each.span.end - span.start :]
    return text


def _emptied_complaint(document: Document, span: Span, new: str, *, may_empty: bool) -> str | None:
    """A reply without code where there was some, or where some was wanted."""
    blank = not document.slice(span).strip()
    if not new.strip():
        return None if may_empty and not blank else "The reply holds no code."
    if may_empty or blank or leftout.holds_code(attrs.evolve(document, text=normal(new))):
        return None
    had_code = leftout.holds_code(attrs.evolve(document, text=normal(document.slice(span))))
    return "The reply holds only comments, and so deletes all of the code." if had_code else None


def _torn_complaint(document: Document, span: Span, piece: Piece) -> str | None:
    """Code that is written where nothing stood must leave alone what stands around it."""
    if document.slice(span).strip():
        return None
    after = names.defined(piece.new)
    torn = next((name for name in names.defined(piece.old) if name not in after), None)
    return f"At this place the code tears apart what stands around it: `{torn}` is no longer there." if torn else None


def _without_trailing_space(text: str) -> str:
    return re.sub(r"[ \t\r]+$", "", text, flags=re.MULTILINE)


def _repeats_complaint(document: Document, span: Span, new: str) -> str | None:
    """A reply that repeats what stands around the span: the head of the function, or the line after it."""
    lines = [line.strip() for line in normal(new).split("\n") if line.strip()]
    old = [line.strip() for line in normal(document.slice(span)).split("\n") if line.strip()]
    if not lines:
        return None
    for line, around in ((lines[0], _heads(document, span)), (lines[-1], _next_line(document, span))):
        tells = len(_WORD.findall(line)) >= _TELLING or _DEFINES.search(line)
        if line in around and line not in old and tells:
            return f"The reply repeats a line from outside of the code: `{line}`."
    return None


def _heads(document: Document, span: Span) -> list[str]:
    """The line before a span, and each line above that it is indented under."""
    found: list[str] = []
    width = len(indent_of(normal(document.slice(span)))) + 1
    for number in range(document.position(span.start)[0] - 1, -1, -1):
        line = document.line(number)
        indent = len(line) - len(line.lstrip(" \t"))
        if line.strip() and indent < width:
            found.append(line.strip())
            width = indent
        if not width:
            break
    return found


def _next_line(document: Document, span: Span) -> list[str]:
    following = (
        document.line(number).strip() for number in range(document.position(span.end)[0] + 1, document.line_count)
    )
    return [next((line for line in following if line), "")]


@attrs.frozen
class Piece:
    """The whole outermost statements around a span, before and after it is replaced: all that an edit there can break.

    `start` is where the piece begins in the file. So that a large file takes no longer to check than a small one.
    """

    old: Document
    new: Document
    start: int

    @classmethod
    def of(cls, document: Document, span: Span, new: str) -> Piece:
        hull = _outermost(document, span)
        old = attrs.evolve(document, text=document.slice(hull))
        inner = Span(span.start - hull.start, span.end - hull.start)
        return cls(old, old.replace(inner, new, document.version), hull.start)


def _outermost(document: Document, span: Span) -> Span:
    tree = symbols.tree(document)
    if tree is None or document.language in _MIXED:
        return Span(0, len(document.text))
    nodes = tree.root_node.children
    met = [node for node in nodes if node.start_byte < span.end and node.end_byte > span.start]
    if not met:  # what is written between two statements may go on with the one or take in the other
        before = [node for node in nodes if node.end_byte <= span.start][-1:]
        met = before + [node for node in nodes if node.start_byte >= span.end][:1]
    if not met:
        return span
    covered = Span(min(span.start, met[0].start_byte), max(span.end, met[-1].end_byte))
    hull = symbols.whole_lines(document, covered)
    return Span(hull.start, max(hull.end, span.end))  # an empty last line is a line too


def _syntax_complaint(document: Document, piece: Piece) -> str | None:
    """What makes code invalid that was valid, or more broken than it was."""
    before, after = symbols.syntax_errors(piece.old), symbols.syntax_errors(piece.new)
    first = document.position(piece.start)[0]
    if len(after) > len(before):
        line, column = piece.new.position(after[0])
        return f"The code has a syntax error near line {first + line + 1}, column {column + 1} of the file."
    return compile_complaint(piece.new, first) if compile_complaint(piece.old) is None else None


def compile_complaint(document: Document, first: int = 0) -> str | None:
    """Why Python does not compile, with the line counted from `first`; None for other languages."""
    found = _compile_error(document.text) if document.language == "python" else None
    if found is None:
        return None
    error, line = found
    return f"The code does not compile: {error}{f' (line {first + line})' if line else ''}."


@lru_cache(maxsize=4)
def _compile_error(text: str) -> tuple[str, int] | None:
    """What Python's compiler says, which knows rules that no grammar has (`return` outside of a function)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text.removeprefix("\ufeff"), "<reply>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.msg, error.lineno or 0
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return str(error) or type(error).__name__, 0
    return None


def minimal(document: Document, text: str) -> tuple[TextEdit, ...]:
    """The whole lines that differ, as few and short edits as a line diff finds; no edits for equal texts."""
    return tuple(_differences(document.text, text, 0))


def _minimal_within(document: Document, span: Span, new: str) -> tuple[TextEdit, ...]:
    """`minimal` for whole lines that are replaced."""
    end = _LINE_END.match(document.text, span.end)
    ending = end[0] if end else ""
    return tuple(_differences(document.slice(span) + ending, new + ending, span.start))


def _differences(old: str, new: str, offset: int) -> Iterator[TextEdit]:
    # The ends are kept at line boundaries so that no edit falls between CR and LF.
    old_lines, new_lines = _LINE.findall(old), _LINE.findall(new)
    head = _common(old_lines, new_lines)
    tail = _common(old_lines[head:][::-1], new_lines[head:][::-1])
    middle_old, middle_new = old_lines[head : len(old_lines) - tail], new_lines[head : len(new_lines) - tail]
    yield from _hunks(middle_old, middle_new, offset + sum(map(len, old_lines[:head])))


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
    for kind, a, b, c, d in line_diff(old, new).get_opcodes():
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
