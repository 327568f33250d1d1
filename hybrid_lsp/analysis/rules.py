"""What is known about the security rules that bandit and ruff share: `S602` is ruff's port of `B602`.

Read from bandit 1.9's plugins and blacklists; ruff gives neither a weakness number nor a severity.
"""

from __future__ import annotations

import re

from hybrid_lsp.types import Severity

_BY_CWE = {
    20: "313 314 315 316 317 318 319 405 406 407 408 409 411 506",
    22: "202 310",
    78: "102 307 404 601 602 603 604 605 606 607",
    79: "308 704",
    80: "702 703",
    89: "608 610 611",
    94: "201 612 701",
    155: "609",
    259: "105 106 107",
    284: "412",
    295: "323 501 503 507",
    319: "312 321 401 402 415 508 509",
    326: "505",
    327: "303 304 305 324 413 502 504",
    330: "311",
    377: "108 306",
    400: "113",
    494: "615",
    502: "301 302 403 614",
    605: "104",
    703: "101 110 112",
    732: "103",
    838: "613",
}
CWE = {int(rule): cwe for cwe, rules in _BY_CWE.items() for rule in rules.split()}
"""Rule number to weakness number."""

_SEVERE = {201, 304, 312, 321, 324, 401, 402, 411, 412, 413, 415, 501, 502, 507, 602, 605, 609, 613, 701}
_SLIGHT = {101, 105, 106, 107, 110, 112, 311, 403, 404, 405, 406, 407, 408, 409, 504, 603, 606, 607}

# bandit's word for a rule that ruff numbers differently on the same code.
_SAME = {303: 324}


def number(code: str) -> int | None:
    """The number that `B602` and `S602` share; None for a code of another kind."""
    match = re.fullmatch(r"[BS](\d{3})", code)
    return int(match[1]) if match else None


def name(code: str) -> str:
    """One name for a rule, whichever tool reports it: `S602` is `B602`. A code of another kind is its own name."""
    rule = number(code)
    return f"B{_SAME.get(rule, rule)}" if rule is not None else code


def severity(code: str) -> Severity:
    """How grave a finding of ruff's is, as bandit grades its own rule of that number."""
    rule = number(code)
    if rule in _SEVERE:
        return Severity.ERROR
    return Severity.INFORMATION if rule in _SLIGHT else Severity.WARNING


def cwe_url(cwe: int) -> str:
    """MITRE's page of a weakness."""
    return f"https://cwe.mitre.org/data/definitions/{cwe}.html"
