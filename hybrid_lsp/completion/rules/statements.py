"""Whole lines that cannot stand where they would: above a block that they do not open, a docstring where none can be,
prose among statements, a function that is there already.
"""

from __future__ import annotations

import keyword
import re

from hybrid_lsp.completion.length import COLON_LANGUAGES, opens
from hybrid_lsp.completion.place import TRIPLE_QUOTES
from hybrid_lsp.completion.rules.brackets import unmatched
from hybrid_lsp.context.scope import indent_of

_ABOVE_CHARS = 3000
_BELOW_CHARS = 20_000
_STRING_LINE = re.compile(r"\s*[rRuU]?(?:\"{3}|'{3})")
_DEFINITION = re.compile(r"\s*(?:async\s+)?(?:def|class)\b|\s*\)(?:\s*->.*)?:\s*(?:#.*)?$")
_ASSIGNMENT = re.compile(r"\s*(?:self\.)?\w+\s*(?::[^=]+)?(?:=[^=].*)?$")
_DOCTEST = re.compile(r"\s*(?:>>>|\.\.\. )")
_WORDS = re.compile(r"\s*([A-Za-z][\w'’-]*)((?: [A-Za-z][\w'’-]*){2,})")  # noqa: RUF001 (as it is written in prose)
_FUNCTION = re.compile(
    r"\s*(?:(?:pub(?:\([\w:]+\))?|async|static|export|local|default|const|unsafe)\s+)*(?:def|fn|func|function)\s+([\w.]+)"
)
_ONE_BODY = frozenset({"python", "rust", "go", "ruby", "lua", "javascript", "javascriptreact", "php", "shellscript"})
"""Languages in which a scope holds one function of a name."""


def without_misplaced(text: str, prefix: str, suffix: str, language: str) -> str:
    """Cut before the first line that cannot stand where it would."""
    before = prefix[prefix.rfind("\n") + 1 :]
    lines = text.split("\n")
    above = prefix[-_ABOVE_CHARS:].split("\n")[:-1]
    below = [] if suffix.partition("\n")[0].strip() else suffix[:_BELOW_CHARS].split("\n")[1:]
    for number, line in enumerate(lines):
        whole = before + line if number == 0 else line
        starts_here = number > 0 or not before.strip()
        if _misplaced(whole, above, language, starts_here=starts_here) or (below and _exists(whole, below, language)):
            return "\n".join(lines[:number])
        above.append(whole)
    return text


def _misplaced(line: str, above: list[str], language: str, *, starts_here: bool) -> bool:
    if language != "python" or not line.strip():
        return False
    if starts_here and _STRING_LINE.match(line) and not _inside_string(above):
        return not _docstring_may_stand(above)
    return not _inside_string(above) and _is_prose(line)


def _inside_string(above: list[str]) -> bool:
    text = "\n".join(above)
    return any(text.count(quotes) % 2 for quotes in TRIPLE_QUOTES)


def _docstring_may_stand(above: list[str]) -> bool:
    """First in a module, class or function, and after an assignment, which many tools read it for."""
    last = next((line for line in reversed(above) if line.strip() and not line.lstrip().startswith("#")), None)
    if last is None:
        return True
    return bool(_ASSIGNMENT.match(last) or (_DEFINITION.match(last) and last.split("#")[0].rstrip().endswith(":")))


def _is_prose(line: str) -> bool:
    """Whether a line is a doctest, or begins with three words in a row and no keyword, as no statement does."""
    if _DOCTEST.match(line):
        return True
    words = _WORDS.match(line)
    if words is None:
        return False
    return not any(keyword.iskeyword(word) or keyword.issoftkeyword(word) for word in words.group().split()[:3])


def _exists(line: str, below: list[str], language: str) -> bool:
    """Whether a line begins a function that the rest of its scope defines."""
    found = _FUNCTION.match(line) if language in _ONE_BODY else None
    if found is None:
        return False
    depth = indent_of(line)
    for other in below:
        if other.strip() and indent_of(other) < depth:
            return False
        if indent_of(other) == depth and (named := _FUNCTION.match(other)) and named[1] == found[1]:
            return True
    return False


def opening_a_block(text: str, prefix: str, suffix: str, language: str) -> str:
    """So many lines of a text that the last opens a block, where the line below is indented deeper than it."""
    rest, _, below = suffix.partition("\n")
    following = next((line for line in below[:_BELOW_CHARS].split("\n") if line.strip()), "")
    if language not in COLON_LANGUAGES or rest.strip() or not following:
        return text
    before = prefix[prefix.rfind("\n") + 1 :]
    lines = text.split("\n")
    while lines and not _may_precede(lines, before, prefix, following, language):
        lines.pop()
    return "\n".join(lines)


def _may_precede(lines: list[str], before: str, prefix: str, following: str, language: str) -> bool:
    """Whether a deeper line may follow the last of some lines, or none does."""
    last = before + lines[-1] if len(lines) == 1 else lines[-1]
    if not last.strip():
        return len(lines) == 1
    if indent_of(following) <= indent_of(last) or opens(last, language) or last.rstrip().endswith("\\"):
        return True
    text = prefix[-_ABOVE_CHARS:] + "\n".join(lines)
    return bool(unmatched(text)[1]) or any(text.count(quotes) % 2 for quotes in TRIPLE_QUOTES)
