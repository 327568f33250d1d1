"""No new syntax error in what is shown: the document is parsed with the suggestion in it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import islice

from hybrid_lsp.completion.length import opens
from hybrid_lsp.completion.place import TRIPLE_QUOTES
from hybrid_lsp.completion.rules.brackets import OPENERS, unmatched
from hybrid_lsp.context.grammars import Parsed, TooSlow, errors

CHECK_S = 0.015
"""Seconds of computing that one check may take."""
_MOST_ERRORS = 20
"""In a file with more, one more or less says nothing."""
_PYTHON_BLOCK = re.compile(
    r"\s*(?:(?:async\s+)?(?:def|for|with)|class|if|elif|else|while|try|except|finally|match|case)\b"
)
_SEMICOLONS = frozenset(
    {"javascript", "javascriptreact", "typescript", "typescriptreact", "rust", "java", "c", "cpp", "csharp", "php"}
)
_HEAD = re.compile(r"\s*(?:\}\s*)?(?:(?:else\s+)?if|for|while|switch|catch|foreach)\b.*\)$")


def sound(text: str, prefix: str, suffix: str, parsed: Parsed) -> str:
    """The suggestion, or so many of its first lines that it adds no error to the document.

    A suggestion may leave open what the user will go on to write: a bracket, a block without a body, a statement
    without its semicolon. What ends a statement is written after what stands right of the cursor. What takes too long
    to parse is not checked.
    """
    try:
        return _sound(text, prefix, suffix, parsed, time.thread_time() + CHECK_S)
    except TooSlow:
        return text


def _sound(text: str, prefix: str, suffix: str, parsed: Parsed, until: float) -> str:
    most: int | None = None
    lines = text.split("\n")
    right, newline, below = suffix.partition("\n")
    while lines and (shown := "\n".join(lines).rstrip()):
        for rest in _rests(shown, right, prefix, parsed):
            found = _count(parsed.changed(prefix + shown + rest + newline + below, until))
            # Most replies leave no error at all, and then it need not be known how many there were before.
            most = _allowed(prefix, suffix, parsed, until) if found and most is None else most
            if found <= (most or 0) or (most or 0) > _MOST_ERRORS:
                return shown
        lines.pop()
    return ""


def broken_elsewhere(prefix: str, suffix: str, parsed: Parsed) -> bool:
    """Whether there are errors apart from the cursor's line: then the check is not to be relied on."""
    try:
        return _allowed(prefix, suffix, parsed, time.thread_time() + CHECK_S) > 0
    except TooSlow:
        return True


def _allowed(prefix: str, suffix: str, parsed: Parsed, until: float) -> int:
    """How many errors there are that have nothing to do with the cursor's line.

    An unfinished statement there is an error too, which a suggestion should mend.
    """
    without_line = prefix[: prefix.rfind("\n") + 1] + suffix.partition("\n")[2]
    return min(_count(parsed), _count(parsed.changed(without_line, until)))


def _count(parsed: Parsed) -> int:
    return sum(1 for _ in islice(errors(parsed.tree), _MOST_ERRORS + 1))


def _rests(text: str, right: str, prefix: str, parsed: Parsed) -> Iterator[str]:
    """How the line of a suggestion may go on until it is whole, the least first; `right` stands there already."""
    before = prefix[prefix.rfind("\n") + 1 :]
    tried = {right}
    yield right
    for part, after in ((text, right), (before + text, right), (text + right, ""), (before + text + right, "")):
        _, opened = unmatched(part)
        brackets = "".join(OPENERS[character] for _, character in reversed(opened))
        closing = _open_quotes(part, parsed.language) or brackets
        written = closing + after if after else right + closing
        line = (before + text + written).rpartition("\n")[2]
        rest = written + _rest_of_line(line, parsed.language)
        if rest not in tried:
            tried.add(rest)
            yield rest


def _open_quotes(text: str, language: str) -> str:
    """The end of a docstring that the text begins."""
    odd = (quotes for quotes in TRIPLE_QUOTES if language == "python" and text.count(quotes) % 2)
    return next(odd, "")


def _rest_of_line(line: str, language: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    if language == "python":
        return _rest_in_python(line, indent)
    if language in ("lua", "ruby") and opens(line, language):
        return f"\n{indent}end"
    if language == "shellscript" and opens(line, language):
        return f"\n{indent}:\n{indent}" + ("done" if line.rstrip().endswith("do") else "fi")
    if language in _SEMICOLONS:
        return " {}" if _HEAD.match(line) else ";"
    return ""


def _rest_in_python(line: str, indent: str) -> str:
    colon = ":" if _PYTHON_BLOCK.match(line) and not line.rstrip().endswith(":") else ""
    if line.lstrip().startswith("try"):
        return f"{colon}\n{indent}    pass\n{indent}except:\n{indent}    pass"
    if line.lstrip().startswith("@"):
        return f"\n{indent}def _(): pass"
    return f"{colon} pass" if _PYTHON_BLOCK.match(line) else ""
