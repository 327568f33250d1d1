"""Fixes and security findings of ruff, on unsaved text.

ruff runs `--isolated`: a configuration in the workspace could extend other files of the machine, and a project that
switches a rule off has not thereby made the code faster or safer. `# noqa` comments are obeyed.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.analysis import process, rules
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.types import Finding, TextEdit

FIX_RULES = ("PERF", "SIM", "C4", "UP", "FURB")
"""Faster and plainer code: what `optimize` and `simplify` are made of where there is no model."""
SECURITY_RULES = ("S",)
TIMEOUT_S = 10.0
# One fix can make room for another, as in ruff itself, which stops after 100 rounds.
_ROUNDS = 5
# A complaint that the syntax is newer than some version, which is valid Python all the same.
_OF_A_VERSION = re.compile(r"\bon Python 3\.\d+ \(syntax was (?:added|removed) in Python 3\.\d+\)")
_UNUSED = ("F401",)
_CODE = re.compile(r"[A-Z]+\d{3,}")


class UnknownRule(AnalysisError):
    """This version of ruff has no such rule."""


@attrs.frozen
class Diagnostic:
    """One result of ruff's; `edits` are its safe fix, sorted, and empty where there is none."""

    span: Span
    code: str
    message: str
    url: str | None
    edits: tuple[TextEdit, ...] = ()


@attrs.frozen
class Fixes:
    """A text with every safe fix inside a span applied.

    `end` is where the span ends in `text`; `applied` says what was done, `advice` what ruff saw and did not change.
    """

    text: str = attrs.field(repr=False)
    end: int
    applied: tuple[Diagnostic, ...]
    advice: tuple[Diagnostic, ...]


async def check(document: Document, select: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Diagnostic]:
    """Every result of the selected rules, in the order of the text.

    Raises AnalysisError: ruff is missing, fails or is too slow, or the text is not valid Python of any version.
    """
    suffix = ".pyi" if is_stub(document) else ".py"
    argv = [
        *_command(),
        "check",
        "--isolated",
        "--no-cache",
        "--exit-zero",
        "--output-format=json",
        f"--select={','.join(select)}",
        f"--stdin-filename=buffer{suffix}",
        "-",
    ]
    done = await process.run("ruff", argv, document.text, timeout_s)
    if done.code != 0:
        raise _failure(done.err)
    items = [item for item in json.loads(done.out) if not _OF_A_VERSION.search(item["message"])]
    found = [_diagnostic(document, item) for item in items]
    return sorted(found, key=lambda each: (each.span.start, each.span.end))


def is_stub(document: Document) -> bool:
    """Whether ruff reads a document as a stub file, to which other rules apply."""
    return document.path is not None and document.path.suffix == ".pyi"


async def security(document: Document, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Findings of ruff's security rules; raises AnalysisError as `check` does."""
    return [_finding(each) for each in await check(document, SECURITY_RULES, timeout_s)]


async def fix(document: Document, span: Span, code: str, timeout_s: float = TIMEOUT_S) -> Diagnostic | None:
    """ruff's own safe fix of a problem that carries a rule's code (`F401`; other linters use the same codes).

    None where no such problem is at the span, or ruff does not know the rule or has no safe fix for it. The edits
    may lie outside of the span, as those of an import do. Raises AnalysisError as `check` does.
    """
    if not _CODE.fullmatch(code):
        return None
    try:
        found = await check(document, [code], timeout_s)
    except UnknownRule:
        return None
    near = (each for each in found if each.edits and document.share_line(each.span, span))
    return next(near, None)


async def fixes(document: Document, span: Span, timeout_s: float = TIMEOUT_S) -> Fixes:
    """Apply the safe fixes that lie inside a span with all their edits; imports that nothing needs then go too.

    Raises AnalysisError as `check` does.
    """
    applied, original = list[Diagnostic](), document
    for remaining in range(_ROUNDS, -1, -1):
        found = [each for each in await check(document, FIX_RULES, timeout_s) if _inside(each.span, span)]
        chosen = _without_overlap(each for each in found if _fixable(each, span))
        if not chosen or not remaining:
            break
        edits = sorted((edit for each in chosen for edit in each.edits), key=lambda edit: edit.span.start)
        text = _apply(document.text, edits)
        span = Span(span.start, span.end + len(text) - len(document.text))
        document = attrs.evolve(document, text=text)
        applied += chosen
    advice = tuple(each for each in found if not _fixable(each, span))
    unneeded = await _unneeded(original, document, timeout_s) if applied else []
    edits = sorted((edit for each in unneeded for edit in each.edits), key=lambda edit: edit.span.start)
    moved = sum(len(edit.new_text) - (edit.span.end - edit.span.start) for edit in edits if edit.span.end <= span.end)
    return Fixes(_apply(document.text, edits), span.end + moved, (*applied, *unneeded), advice)


async def _unneeded(before: Document, after: Document, timeout_s: float) -> list[Diagnostic]:
    """Imports that are used in one text and no longer in the other, where they can safely go."""
    known = {each.message for each in await check(before, _UNUSED, timeout_s)}
    found = await check(after, _UNUSED, timeout_s)
    return _without_overlap(each for each in found if each.edits and each.message not in known)


def _fixable(diagnostic: Diagnostic, span: Span) -> bool:
    return bool(diagnostic.edits) and all(_inside(edit.span, span) for edit in diagnostic.edits)


def _inside(inner: Span, outer: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _without_overlap(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Fixes that can be applied together; those left over get their turn in the next round."""
    chosen: list[Diagnostic] = []
    taken: list[Span] = []
    for each in diagnostics:
        hull = Span(each.edits[0].span.start, max(edit.span.end for edit in each.edits))
        if all(hull.end < other.start or other.end < hull.start for other in taken):
            chosen.append(each)
            taken.append(hull)
    return chosen


def _apply(text: str, edits: Sequence[TextEdit]) -> str:
    for edit in reversed(edits):
        text = text[: edit.span.start] + edit.new_text + text[edit.span.end :]
    return text


def _command() -> list[str]:
    """ruff as it was installed with us, else as the user has it."""
    name = "ruff.exe" if sys.platform == "win32" else "ruff"
    for folder in (Path(sys.executable).parent, Path(sysconfig.get_path("scripts"))):
        if (folder / name).is_file():
            return [str(folder / name)]
    found = shutil.which("ruff")
    if found is None:
        raise AnalysisError("ruff is not installed.", process.reinstall("ruff"))
    return [found]


def _diagnostic(document: Document, item: dict[str, Any]) -> Diagnostic:
    span = _span(document, item["location"], item["end_location"])
    code = item["code"] or "invalid-syntax"  # older versions give syntax errors no code
    if code == "invalid-syntax":
        line, column = item["location"]["row"], item["location"]["column"]
        raise AnalysisError(
            f"This is not valid Python: {item['message']} (line {line}, column {column}).",
            "Correct it and run the action again.",
        )
    return Diagnostic(span, code, item["message"], item["url"], _edits(document, item["fix"]))


def _edits(document: Document, fix: dict[str, Any] | None) -> tuple[TextEdit, ...]:
    if fix is None or fix["applicability"] != "safe":
        return ()
    edits = [
        TextEdit(_span(document, each["location"], each["end_location"]), each["content"]) for each in fix["edits"]
    ]
    return tuple(sorted(edits, key=lambda edit: edit.span.start))


def _span(document: Document, start: dict[str, int], end: dict[str, int]) -> Span:
    first, last = _offset(document, start), _offset(document, end)
    return Span(first, max(first, last))


def _offset(document: Document, place: dict[str, int]) -> int:
    """ruff counts rows and columns from 1, columns in code points, and does not count a byte order mark."""
    row, column = place["row"] - 1, place["column"] - 1
    if row == 0 and document.text.startswith("\ufeff"):
        column += 1
    return document.offset(row, column)


def _finding(diagnostic: Diagnostic) -> Finding:
    rule = rules.number(diagnostic.code)
    return Finding(
        span=diagnostic.span,
        message=diagnostic.message,
        severity=rules.severity(diagnostic.code),
        code=diagnostic.code,
        tool="ruff",
        cwe=rules.CWE.get(rule) if rule is not None else None,
        url=diagnostic.url,
    )


def _failure(output: bytes) -> AnalysisError:
    """What ruff said last; newer and older versions word an unknown rule differently."""
    text = output.decode("utf-8", errors="replace").strip()
    why = text.splitlines()[-1].strip().removeprefix("Cause: ").rstrip(".") if text else "it said nothing"
    kind = UnknownRule if "rule selector" in text or "'--select" in text else AnalysisError
    return kind(f"ruff failed: {why}.", process.reinstall("ruff"))
