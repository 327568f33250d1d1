"""From what a model wrote to what is worth showing: the rules in order, and which of them left nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import attrs

from hybrid_lsp.completion.length import Shape, within_scope
from hybrid_lsp.completion.place import LONGEST_LINE, Place
from hybrid_lsp.completion.rules import (
    brackets,
    comments,
    overlap,
    partial,
    quotes,
    repetition,
    statements,
    syntax,
    wrapping,
)
from hybrid_lsp.completion.rules.overlap import without_suffix
from hybrid_lsp.context.grammars import Parsed
from hybrid_lsp.context.lexical import Scanner
from hybrid_lsp.types import Finish, Reason

__all__ = ["Site", "Trimmed", "trim", "trimmed", "without_suffix"]


_NEAR = 20_000
"""Characters on either side of the cursor that the rules look at."""
_PROSE = frozenset({Place.COMMENT, Place.STRING, Place.DOCSTRING})
"""What stands there is no code, and what is still open there makes all below it look broken."""


@attrs.define(frozen=True, slots=False)
class Site:
    """Where a reply goes: the whole text around the cursor, and what is known about the place and the reply.

    `parsed` is the document's tree (None: no syntax is checked), `place` what the cursor stands in, `delimiter` what
    ends the string around it and stands after it already, `line` what is open on the cursor's line, `finish` why the
    reply ended (None: at an end).
    """

    prefix: str = attrs.field(repr=False)
    suffix: str = attrs.field(repr=False)
    shape: Shape | None = None
    finish: Finish | None = None
    parsed: Parsed | None = None
    place: Place = Place.CODE
    delimiter: str = ""
    language: str = ""
    line: Scanner | None = attrs.field(default=None, repr=False)

    @cached_property
    def near(self) -> tuple[str, str]:
        """The text before and after the cursor that the rules look at; of an endless line its nearest part."""
        before, after = self.prefix[-_NEAR:], self.suffix[:_NEAR]
        if len(before) - (before.rfind("\n") + 1) > LONGEST_LINE:
            before = before[-LONGEST_LINE:]
        if len(after.partition("\n")[0]) > LONGEST_LINE:
            after = after[:LONGEST_LINE]
        return before, after

    @cached_property
    def before(self) -> str:
        """The cursor's line so far."""
        return self.near[0][self.near[0].rfind("\n") + 1 :]

    @cached_property
    def broken_elsewhere(self) -> bool:
        """Whether there are syntax errors apart from the cursor's line."""
        return self.parsed is not None and syntax.broken_elsewhere(self.prefix, self.suffix, self.parsed)

    @property
    def in_prose(self) -> bool:
        """Whether the cursor stands in a comment or a docstring."""
        return self.place in (Place.COMMENT, Place.DOCSTRING)

    @property
    def endless(self) -> bool:
        """Whether the cursor's line is too long on either side for its syntax to be checked at every key."""
        after = self.suffix[:LONGEST_LINE].partition("\n")[0]
        return max(len(self.before), len(after)) >= LONGEST_LINE

    @property
    def cut_off(self) -> bool:
        return self.finish in (Finish.LENGTH, Finish.TIME)


@attrs.frozen
class Trimmed:
    """What is worth showing, or why nothing is."""

    text: str
    reason: Reason | None = None


def _unwrapped(text: str, site: Site) -> str:
    text = wrapping.without_controls(text)
    if site.place not in _PROSE:
        text = wrapping.without_lead_in(wrapping.without_fences(text))
    return wrapping.without_line_so_far(text, site.before)


def _in_scope(text: str, site: Site) -> str:
    return within_scope(text, site.shape) if site.shape else text


def _without_repetition(text: str, site: Site) -> str:
    return repetition.without_runs(repetition.without_cycles(text, site.near[0]))


def _within_string(text: str, site: Site) -> str:
    return quotes.within_string(text, site.delimiter)


def _without_suffix(text: str, site: Site) -> str:
    return overlap.without_suffix(text, site.near[1], site.near[0], cut_off=site.cut_off)


def _balanced(text: str, site: Site) -> str:
    _, after = site.near
    text = brackets.without_closed(text, after)
    text = brackets.without_closed_below(text, site.before, after)
    return brackets.without_opened(text, site.before, after)


def _without_comment(text: str, site: Site) -> str:
    if site.line is None or (site.place in _PROSE and not site.line.string):
        return text
    return comments.before_rest(text, site.near[1], site.language, site.line)


def _well_placed(text: str, site: Site) -> str:
    if site.place in _PROSE:
        return text
    text = quotes.without_third(text, site.before)
    text = statements.without_misplaced(text, *site.near, site.language)
    return statements.opening_a_block(text, *site.near, site.language)


def _sound(text: str, site: Site) -> str:
    if site.parsed is None or site.place in _PROSE or site.endless:
        return text
    return syntax.sound(text, site.prefix, site.suffix, site.parsed)


_RULES: tuple[tuple[Callable[[str, Site], str], Reason], ...] = (
    (_in_scope, Reason.EMPTY_REPLY),
    (_without_repetition, Reason.REPETITION),
    (_within_string, Reason.DUPLICATE_OF_SUFFIX),
    (_without_suffix, Reason.DUPLICATE_OF_SUFFIX),
    (_balanced, Reason.DUPLICATE_OF_SUFFIX),
    (_without_comment, Reason.DUPLICATE_OF_SUFFIX),
)
"""Rules that cut the end of a reply, and what it is when they leave nothing."""


def trimmed(reply: str, site: Site) -> Trimmed:
    """All rules in order, and the reason of the one that left nothing."""
    text = body = _unwrapped(reply, site)
    if not text.strip():
        return Trimmed("", Reason.EMPTY_REPLY)
    for rule, reason in _RULES:
        text = rule(text, site)
        if not text.strip():
            return Trimmed("", reason)
    # Only an end that is still the reply's own can be in the middle of something.
    own_end = text.rstrip() == body.rstrip() and reply.rstrip().endswith(body.rstrip())
    if site.cut_off and own_end and not (text := partial.whole(text)).strip():
        return Trimmed("", Reason.EMPTY_REPLY)
    text = _sound(_well_placed(text.rstrip(), site).rstrip(), site)
    return Trimmed(text) if text else Trimmed("", Reason.SYNTAX_ERROR)


def trim(text: str, prefix: str, suffix: str) -> str:
    """`trimmed` for a place about which nothing more is known; an empty result means nothing is worth showing."""
    return trimmed(text, Site(prefix, suffix)).text
