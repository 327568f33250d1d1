"""Values as programs and settings write them: quoted in any way, put together of several strings, or bare."""

from __future__ import annotations

import re

import attrs

_PREFIX = r"(?:\*?[A-Za-z]{1,3}|@|\$@?|u8|~s)?"
_MOST = 4096

_QUOTED = re.compile(
    rf"""{_PREFIX}(?:
      (?P<three>\"\"\"|'\'\')(?P<a>(?:(?!(?P=three))(?s:.)){{0,{_MOST}}})(?:(?P=three)|\Z)
    | r(?P<hash>\#{{1,3}})"(?P<b>(?:(?!"(?P=hash))(?s:.)){{0,{_MOST}}})(?:"(?P=hash)|\Z)
    | (?P<lua>\[(?P<level>={{0,3}})\[)(?P<c>(?:(?!\](?P=level)\])(?s:.)){{0,{_MOST}}})(?:\](?P=level)\]|\Z)
    | `(?P<d>(?:\\.|[^`\\]){{0,{_MOST}}})(?:`|\Z)
    | (?P<one>\\{{0,3}}["']|&quot;|&\#3[49];)(?P<e>(?:(?!(?P=one))(?:\\.|[^\n\\])){{0,{_MOST}}})(?:(?P=one)|\Z)
    )""",
    re.VERBOSE,
)
_AND = re.compile(
    r"[ \t]{0,20}(?:(?:\+|\.\.?|&|<>|~|\|\||\\)?\s{0,80}(?:\\\r?\n\s{0,80})?(?:\+|\.\.?|&)?[ \t]{0,20})(?=[\"'`bBfFrRuUL@$&\\])"
)
_MOST_PARTS = 24


@attrs.frozen
class Value:
    """Where a value stands: the spans of its strings, and its text without quotes."""

    spans: tuple[tuple[int, int], ...]
    text: str = attrs.field(repr=False)
    end: int


def quoted(text: str, start: int) -> Value | None:
    """The string that begins at an offset, and those that are put together with it."""
    spans: list[tuple[int, int]] = []
    end = start
    while (found := _QUOTED.match(text, end)) is not None and len(spans) < _MOST_PARTS:
        group = next(name for name in "abcde" if found[name] is not None)
        spans.append(found.span(group))
        start, end = end, found.end()
        joint = _AND.match(text, end)
        if joint is None or joint.end() == start:
            break
        end, last = joint.end(), end
        if _QUOTED.match(text, end) is None:
            end = last
            break
    if not spans:
        return None
    return Value(tuple(spans), "".join(text[one:other] for one, other in spans), end)
