"""Tasks with tests of their own, for models of different sizes: lines to fill in, functions to write, repair, change.

They are made of HumanEval's programs (`infill`: a line; `write`: a body from its docstring; `repair`: an operator or a
number that was changed so that the tests fail) and of our own functions in four languages (`edit`,
`fix`, `optimize`, `simplify`, `document`).
"""

from __future__ import annotations

import ast
import io
import random
import tokenize
import zlib
from collections.abc import Callable, Iterator, Sequence

import attrs

from benchmarks import functions, infilling
from benchmarks.functions import SUFFIXES, Function, green
from benchmarks.infilling import Case
from benchmarks.sandbox import passes
from hybrid_lsp.document import Document, Span
from hybrid_lsp.types import Finding, Severity

_KEEPING = ("optimize", "simplify", "document")
"""What leaves the function's tests as they are."""
KINDS = ("infill", "write", "repair", "edit", "fix", *_KEEPING)
_SEED = 5
_PROGRAMS = 164
_HELD_OUT = 0.6
"""The share of programs that nothing is tuned on; all tasks of one program are on the same side."""
_CHANGED = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "+": "-", "-": "+", "*": "+", "//": "*",
    "%": "//", "and": "or", "or": "and", "True": "False", "False": "True", "min": "max", "max": "min", "0": "1",
    "1": "2", "2": "3",
}  # fmt: skip
WRITE = "Write this function as its docstring says."


@attrs.frozen
class Task:
    """One task: `check` says whether the tests pass on the file's new text (for `infill`, on what was filled in)."""

    kind: str
    name: str
    document: Document = attrs.field(repr=False)
    span: Span = attrs.field(repr=False)
    check: Callable[[str], bool | None] = attrs.field(repr=False)
    instruction: str = ""
    problem: Finding | None = attrs.field(default=None, repr=False)

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.document.language}/{self.name}"

    @property
    def action(self) -> str:
        """The code action that does it."""
        return {"write": "edit", "repair": "fix"}.get(self.kind, self.kind)

    @property
    def is_held_out(self) -> bool:
        program = self.name.partition(":")[0]
        return zlib.crc32(program.encode()) % 100 < _HELD_OUT * 100


def load(infill: int, write: int, repair: int) -> list[Task]:
    """So many of HumanEval's tasks of each kind and all of ours, mixed: who stops early has some of every kind."""
    rows = infilling.cases(_PROGRAMS)
    chosen = random.Random(_SEED)  # noqa: S311 (a sample, not a secret)
    chosen.shuffle(rows)
    found = [_infill(each) for each in infilling.single_lines(infill)]
    found += _first(write, (_write(each) for each in rows))
    found += _first(repair, (_repair(each, chosen) for each in rows))
    found += [task for each in functions.load() for task in _of_ours(each)]
    chosen.shuffle(found)
    return found


def _first(count: int, tasks: Iterator[Task | None]) -> list[Task]:
    return [task for task, _ in zip(filter(None, tasks), range(count), strict=False)]


def _python(name: str, text: str) -> Document:
    return Document(f"file:///{name}.py", text, 1, "python")


def _infill(case: Case) -> Task:
    at = len(case.prefix)

    def check(middle: str) -> bool:
        return passes(case.program(middle))

    document = _python(case.entry_point, case.prefix + case.suffix)
    return Task("infill", f"{case.entry_point}:{at}", document, Span(at, at), check)


def _body(case: Case) -> tuple[str, ast.FunctionDef] | None:
    """The whole program, and its function where that has a docstring and something below it."""
    whole = case.prefix + case.solution + case.suffix
    for node in ast.parse(whole).body:
        if isinstance(node, ast.FunctionDef) and node.name == case.entry_point:
            return (whole, node) if ast.get_docstring(node) and len(node.body) > 1 else None
    return None


def _write(case: Case) -> Task | None:
    if (found := _body(case)) is None:
        return None
    whole, node = found
    lines = whole.splitlines(keepends=True)
    start, end = node.body[1].lineno - 1, node.end_lineno or len(lines)
    text = "".join([*lines[:start], "    raise NotImplementedError\n", *lines[end:]])
    at = text.index("raise NotImplementedError")
    return Task("write", case.entry_point, _python(case.entry_point, text), Span(at, at), _tested(case), WRITE)


def _tested(case: Case) -> Callable[[str], bool]:
    return lambda text: passes(f"{text}\n{case.test}\ncheck({case.entry_point})\n")


def _repair(case: Case, chosen: random.Random) -> Task | None:
    """With one operator, number or word changed; None where no change of these makes the tests fail."""
    if (found := _body(case)) is None:
        return None
    whole, node = found
    check = _tested(case)
    spans = list(_changeable(whole, node.body[1].lineno))
    chosen.shuffle(spans)
    for span in spans[:6]:
        broken = whole[: span.start] + _CHANGED[whole[span.start : span.end]] + whole[span.end :]
        if not check(broken):
            return _broken(case, broken, span.start, check)
    return None


def _broken(case: Case, text: str, at: int, check: Callable[[str], bool]) -> Task:
    """A test names the line; what is wrong there is to be found."""
    start, end = text.rfind("\n", 0, at) + 1, text.find("\n", at)
    span = Span(start + len(text[start:end]) - len(text[start:end].lstrip()), end if end > 0 else len(text))
    said = f"The tests of `{case.entry_point}` fail: this line computes a wrong result."
    problem = Finding(span, said, Severity.ERROR, "", "pytest")
    return Task("repair", case.entry_point, _python(case.entry_point, text), span, check, problem=problem)


def _changeable(text: str, first_line: int) -> Iterator[Span]:
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.string in _CHANGED and token.start[0] >= first_line:
            at = starts[token.start[0] - 1] + token.start[1]
            yield Span(at, at + len(token.string))


def _of_ours(function: Function) -> Sequence[Task]:
    def tested(tests: str) -> Callable[[str], bool | None]:
        return lambda text: green(function.language, text, tests)

    name = f"work{SUFFIXES[function.language]}"
    document = Document(f"file:///{name}", function.text, 1, function.language)
    at = function.inside
    cursor = Span(at, at)
    broken = attrs.evolve(document, text=function.text_broken)
    return (
        Task("edit", function.name, document, cursor, tested(function.all_tests), function.edit),
        Task(
            "fix", function.name, broken, function.problem_at.span, tested(function.tests), problem=function.problem_at
        ),
        *(Task(kind, function.name, document, cursor, tested(function.tests)) for kind in _KEEPING),
    )
