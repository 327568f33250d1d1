"""What a piece of code defines in languages without a grammar: lines that look like the heads of definitions.

Only Kotlin, Swift, Scala and Dart are read so; what stands inside functions is none of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from hybrid_lsp.context import scope

_MARK = r"@[\w.:]+(?:\([^()\n]*\))?"
_TYPES = (
    r"class|object|interface|struct|enum(?:\s+class)?|protocol|extension(?!\s*\()|trait|actor|mixin|package\s+object"
)
_FUNCTIONS = r"fun|func|def|init(?=[?!]?\()|deinit|subscript(?=\()"
_VALUES = r"val|var|let|given|typealias|associatedtype|type"
_KEYWORD = re.compile(
    rf"^(?P<indent>[ \t]*)(?P<words>(?:{_MARK}\s+)*(?:[a-z]+(?:\([a-z]+\)|\[\w+\])?\s+)*?)"
    rf"(?:(?P<type>{_TYPES})|(?P<function>{_FUNCTIONS})|(?P<value>{_VALUES}))\b"
    r"\s*(?:<[^<>\n]*>\s*)?(?P<name>[\w.`$]*)"
)
_BARE = re.compile(
    r"^(?P<indent>[ \t]*)(?P<words>(?:static|external|abstract|late|final|const)\s+)*(?P<type>)(?P<value>)"
    r"(?P<function>(?!return|else|if|for|while|switch|catch|await|throw|new)[A-Z_a-z][\w<>,?.\[\] ]*\s)"
    r"(?P<name>\w+)(?=\([^;]*\)\s*(?:async\*?|sync\*)?\s*(?:\{|=>))"
)
_PATTERNS = {"kotlin": (_KEYWORD,), "swift": (_KEYWORD,), "scala": (_KEYWORD,), "dart": (_KEYWORD, _BARE)}
_MARKS_LINE = re.compile(rf"^\s*(?:{_MARK}\s*)+$")
_COMMENT_LINE = re.compile(r"^\s*(?://|/?\*)")
_GOES_ON = re.compile(r"\s*(?:[:)>]|where\b|throws\b|extends\b|with\b|implements\b|->)")
_MOST_LINES = 12


@attrs.frozen
class Line:
    """A definition: its dotted name, its head and the marks above it, without white space."""

    name: str
    head: str
    marks: tuple[str, ...]


def of(text: str, language: str) -> Iterator[Line]:
    """The definitions of a text in order; none in a language that is not read so."""
    lines = text.replace("\r\n", "\n").split("\n")
    around: list[tuple[int, str | None]] = []
    for number, line in enumerate(lines):
        found = next((match for each in _PATTERNS.get(language, ()) if (match := each.match(line))), None)
        if found is None:
            continue
        indent = scope.indent_of(line)
        while around and around[-1][0] >= indent:
            around.pop()
        name = found["name"] or found["function"] or found["type"]
        if around and around[-1][1] is None:
            continue  # within a function
        outer = f"{around[-1][1]}." if around else ""
        if found["value"] and not around and indent:
            continue  # a variable of the function that the piece is from
        if name:
            head = _compact(found["words"] or "") if found["value"] else _head(lines, number)
            yield Line(f"{outer}{name}", head, tuple(_marks(lines, number)))
        if not found["value"]:
            around.append((indent, f"{outer}{name}" if found["type"] else None))


def _head(lines: list[str], first: int) -> str:
    """From a line to where a body begins: a brace or an equals sign outside of all brackets."""
    depth, said = 0, ""
    for number in range(first, min(len(lines), first + _MOST_LINES)):
        for at, character in enumerate(lines[number]):
            depth += (character in "([") - (character in ")]")
            if not depth and (character == "{" or (character == "=" and lines[number][at - 1] not in "=<>!")):
                return _compact(said)
            said += character
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if depth <= 0 and not _GOES_ON.match(following):
            break
    return _compact(said)


def _marks(lines: list[str], below: int) -> Iterator[str]:
    for number in range(below - 1, -1, -1):
        if _MARKS_LINE.match(lines[number]):
            yield _compact(lines[number])
        elif not _COMMENT_LINE.match(lines[number]):
            return


def _compact(text: str) -> str:
    return re.sub(r"\s+", "", text)
