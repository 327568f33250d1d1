"""Findings that a model reports, as JSON: read strictly, put where the code that they quote stands, merged with others.

Nothing in a reply is believed but its form. A place is found by its quotation alone, so that a finding can only stand
on code that is there and was asked about; a line number, which models count badly, only chooses among equal places.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from hybrid_lsp.actions import reply
from hybrid_lsp.analysis.rules import cwe_url
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import Finding, Severity

_SEVERITIES = [str(each) for each in Severity]
_ITEM: dict[str, object] = {
    "type": "object",
    "properties": {
        "quote": {"type": "string"},
        "line": {"type": ["integer", "null"]},
        "message": {"type": "string"},
        "severity": {"type": "string", "enum": _SEVERITIES},
        "cwe": {"type": ["integer", "null"]},
    },
    "required": ["quote", "line", "message", "severity", "cwe"],
    "additionalProperties": False,
}
SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {"findings": {"type": "array", "items": _ITEM}},
    "required": ["findings"],
    "additionalProperties": False,
}
"""What a reply must be; every property is required, as OpenAI's strict mode wants it."""

FORM = """\
Reply with JSON and nothing else: {"findings": [{"quote": ..., "line": ..., "message": ..., "severity": ..., "cwe": \
...}]}. `quote` is a short piece of the code, copied exactly, that shows the weakness; `line` is the line of the code \
that it stands on, counted from 1, or null; `message` says what can happen and how to mend it; `severity` is "error", \
"warning", "information" or "hint"; `cwe` is the weakness number or null. Where there is nothing to report: \
{"findings": []}."""
"""How a prompt asks for such a reply."""

MODEL = "model"
"""The tool of a model's findings."""
MOST = 200
"""Findings of one reply that are looked at."""
_QUOTE_CHARS = 2000
_MESSAGE_CHARS = 1000
_CWE = re.compile(r"(?i)(?:cwe-?)?([1-9]\d{0,4})")

_ABSENT = "quote code that is not there"
_OUTSIDE = "quote code outside of what was reviewed"
_SAID_TWICE = "say again what another says"
_TOO_MANY = f"come after the first {MOST}"


@attrs.frozen
class Read:
    """A reply's findings; `notes` say how many were left out, and why."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()


def read(document: Document, span: Span, text: str) -> Read:
    """The findings in a reply that quote code in `span`.

    A reply of another form raises ReplyRejected with what is wrong, in words that a model can act on.
    """
    items = _items(text)
    own, lost = list[Finding](), Counter[str]()
    places, said = _Places(document, span), _Known(document)
    for item in items[:MOST]:
        place = places.take(item["quote"], item.get("line"))
        if place is None:
            lost[_OUTSIDE if places.elsewhere(item["quote"]) else _ABSENT] += 1
            continue
        finding = _finding(place, item)
        if finding in said:
            lost[_SAID_TWICE] += 1
            continue
        said.add(finding)
        own.append(finding)
    lost[_TOO_MANY] = max(0, len(items) - MOST)
    return Read(tuple(own), tuple(_note(count, len(items), why) for why, count in lost.items() if count))


def merged(document: Document, known: Sequence[Finding], others: Iterable[Finding]) -> list[Finding]:
    """Findings of static analysis and of a model in the order of the text, each weakness of a line once."""
    reported = _Known(document, known)
    kept = [each for each in others if each not in reported]
    return sorted((*known, *kept), key=lambda each: (each.span.start, each.span.end))


def _note(count: int, total: int, why: str) -> str:
    return f"{count} of the model's {total} findings {why}: left out."


def _items(text: str) -> list[dict[str, Any]]:
    """The findings in a reply, each an object with a quotation and a message; raises ReplyRejected."""
    value = reply.json_value(text)
    items = value.get("findings") if isinstance(value, dict) else value
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ReplyRejected('The reply is not of the form {"findings": [...]}.', raw=text)
    for item in items:
        if not all(isinstance(item.get(name), str) for name in ("quote", "message")) or not item["message"].strip():
            raise ReplyRejected("A finding in the reply has no `quote` or no `message`.", raw=text)
    return items


class _Places:
    """Where quotations stand in a span; equal quotations get one place after the other."""

    def __init__(self, document: Document, span: Span) -> None:
        self._document = document
        self._span = span
        self._taken = Counter[Span]()

    def take(self, quote: str, line: object) -> Span | None:
        """The place of a quotation: of several the least taken one, nearest to a line (from 1 in the span) if any."""
        found = _find(self._document, self._span, quote)
        if not found:
            return None
        wanted = self._document.position(self._span.start)[0] + line - 1 if type(line) is int else None

        def distance(place: Span) -> tuple[int, int]:
            far = abs(self._document.position(place.start)[0] - wanted) if wanted is not None else 0
            return self._taken[place], far

        chosen = min(found, key=distance)
        self._taken[chosen] += 1
        return chosen

    def elsewhere(self, quote: str) -> bool:
        return bool(_find(self._document, Span(0, len(self._document.text)), quote))


def _find(document: Document, span: Span, quote: str) -> list[Span]:
    """Where a quotation stands exactly, or else with other white space; whole words only."""
    quote = quote.strip()
    if not quote or len(quote) > _QUOTE_CHARS:
        return []
    loose = r"\s+".join(map(re.escape, quote.split()))
    first, last = (r"\b" if re.match(r"\w", end) else "" for end in (quote[0], quote[-1]))
    for pattern in (re.escape(quote), loose):
        found = re.compile(f"{first}{pattern}{last}").finditer(document.text, span.start, span.end)
        if places := [Span(match.start(), match.end()) for match in found]:
            return places
    return []


def _finding(span: Span, item: dict[str, Any]) -> Finding:
    cwe, severity = _cwe(item.get("cwe")), item.get("severity")
    return Finding(
        span=span,
        message=_plain(item["message"]),
        severity=Severity(severity) if severity in _SEVERITIES else Severity.WARNING,
        code=f"CWE-{cwe}" if cwe else MODEL,
        tool=MODEL,
        cwe=cwe,
        url=cwe_url(cwe) if cwe else None,
    )


def _cwe(value: object) -> int | None:
    """A weakness number, however it is written; anything else that a model may have put there counts as none."""
    match = _CWE.fullmatch(str(value).strip()) if type(value) in (int, str) else None
    return int(match[1]) if match else None


def _plain(text: str) -> str:
    """A message in one line, without characters that an editor would not show, or show as something else."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:_MESSAGE_CHARS]


class _Known:
    """Weaknesses that are reported: by number and line, or without a number by place and words."""

    def __init__(self, document: Document, findings: Iterable[Finding] = ()) -> None:
        self._document = document
        self._seen = {mark for each in findings for mark in self._marks(each)}

    def __contains__(self, finding: Finding) -> bool:
        return not self._seen.isdisjoint(self._marks(finding))

    def add(self, finding: Finding) -> None:
        self._seen |= self._marks(finding)

    def _marks(self, finding: Finding) -> set[tuple[object, object]]:
        if finding.cwe is None:
            return {(finding.span, finding.message)}
        return {(finding.cwe, line) for line in self._document.lines_of(finding.span)}
