"""Findings of bandit, on unsaved text, with their weakness numbers. `# nosec` comments are obeyed."""

from __future__ import annotations

import ast
import json
import re
import sys
from typing import Any

from hybrid_lsp.analysis import process
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.types import Finding, Severity

TIMEOUT_S = 20.0


class Unreadable(AnalysisError):
    """The text is no Python, or newer than the Python that bandit runs with."""


_SEVERITY = {
    ("HIGH", "HIGH"): Severity.ERROR,
    ("HIGH", "MEDIUM"): Severity.ERROR,
    ("HIGH", "LOW"): Severity.WARNING,
    ("MEDIUM", "HIGH"): Severity.WARNING,
    ("MEDIUM", "MEDIUM"): Severity.WARNING,
    ("MEDIUM", "LOW"): Severity.INFORMATION,
    ("LOW", "HIGH"): Severity.INFORMATION,
    ("LOW", "MEDIUM"): Severity.INFORMATION,
}
"""(bandit's severity, its confidence) to LSP's; everything else is a hint."""

# bandit's message repeats the password, which would carry it into diagnostics, prompts and logs.
_QUOTED_VALUE = re.compile(r"^(Possible hardcoded password): .*$", re.DOTALL)
_MOST_QUERY = 10_000
# bandit and `ast` believe the coding line, but what they get is always UTF-8.
_CODING = re.compile(r"\A((?:[^\n]*\n)?[ \t\f]*#.*?coding[:=][ \t]*)([-\w.]+)")


async def security(document: Document, timeout_s: float = TIMEOUT_S) -> list[Finding]:
    """Every finding, in the order of the text.

    Raises AnalysisError: bandit is missing, fails or is too slow; Unreadable where its Python cannot read the text.
    """
    argv = [sys.executable, "-P", "-m", "bandit", "--quiet", "--exit-zero", "--format=json", "-"]
    done = await process.run("bandit", argv, _CODING.sub(r"\1utf-8", document.text), timeout_s)
    report = _report(done)
    if errors := report["errors"]:
        raise Unreadable(
            f"bandit cannot read this text: {errors[0]['reason']}. It knows the syntax of Python "
            f"{sys.version_info.major}.{sys.version_info.minor}, with which it runs."
        )
    found = [each for item in report["results"] if not _is_constant(document, each := _finding(document, item))]
    return sorted(found, key=lambda each: (each.span.start, each.span.end))


def _report(done: process.Completed) -> dict[str, Any]:
    try:
        report = json.loads(done.out)
    except ValueError:
        lines = done.err.decode("utf-8", errors="replace").strip().splitlines()
        raise AnalysisError(
            f"bandit failed: {lines[-1].rstrip('.') if lines else 'it said nothing'}.", process.reinstall("bandit")
        ) from None
    assert isinstance(report, dict)
    return report


def _finding(document: Document, item: dict[str, Any]) -> Finding:
    return Finding(
        span=_span(document, item),
        message=_QUOTED_VALUE.sub(r"\1.", item["issue_text"]),
        severity=_SEVERITY.get((item["issue_severity"], item["issue_confidence"]), Severity.HINT),
        code=item["test_id"],
        tool="bandit",
        cwe=item["issue_cwe"].get("id"),
        url=item["more_info"],
    )


def _is_constant(document: Document, finding: Finding) -> bool:
    """Whether a query that bandit takes for put together (B608) is an f-string with nothing in it."""
    text = document.slice(finding.span)
    around = document.text[max(0, finding.span.start - 8) : finding.span.start].rstrip()
    after = document.text[finding.span.end : finding.span.end + 8].lstrip()
    if finding.code != "B608" or len(text) > _MOST_QUERY or around.endswith("+") or after.startswith(("+", "%", ".")):
        return False
    try:
        tree = ast.parse(f"({text})", mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    parts = tree.body.values if isinstance(tree.body, ast.JoinedStr) else []
    return bool(parts) and all(isinstance(part, ast.Constant) for part in parts)


def _span(document: Document, item: dict[str, Any]) -> Span:
    """Columns are `ast`'s: bytes of UTF-8. They belong to the first and last line of the range.

    Where a rule names another line (that of an argument), its columns mean nothing and the line's text is taken.
    """
    line, lines = item["line_number"], item["line_range"] or [item["line_number"]]
    if line != lines[0]:
        return _text_of_line(document, line - 1)
    start = _offset(document, line - 1, item["col_offset"])
    end = _offset(document, lines[-1] - 1, item["end_col_offset"])
    return Span(start, end) if start < end else _text_of_line(document, line - 1)


def _offset(document: Document, line: int, column: int) -> int:
    if line >= document.line_count:
        return len(document.text)
    text = document.line(line)
    mark = 1 if line == 0 and text.startswith("\ufeff") else 0
    before = text[mark:].encode("utf-8", errors="replace")[: max(0, column)]
    return document.offset(line, mark + len(before.decode("utf-8", errors="ignore")))


def _text_of_line(document: Document, line: int) -> Span:
    line = max(0, min(line, document.line_count - 1))
    text = document.line(line)
    start = document.line_starts[line]
    return Span(
        start + len(text) - len(text.lstrip()), start + len(text.rstrip()) if text.strip() else start + len(text)
    )
