"""Explain the selected code, in Markdown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import attrs

from hybrid_lsp.actions import prompts, reply
from hybrid_lsp.actions.answer import Answer
from hybrid_lsp.actions.base import ActionContext, By, Grounding, NothingOutcome, Outcome, TextOutcome
from hybrid_lsp.analysis.syntax import Facts
from hybrid_lsp.context import symbols
from hybrid_lsp.routing.facts import DESCRIBED, facts_of

_TASK = """\
Explain this code to a developer who knows the language and not this code. Write Markdown: first one or two sentences \
that say what it does and what for, then how it works, then what to watch out for (errors, edge cases, side effects, \
cost). Refer to names as they stand in the code. Say only what the code shows; where it does not show something, say \
that. Do not repeat the code. Use at most {words} words, fewer where the code is simple."""
_FEWEST_WORDS, _WORDS_A_LINE, _MOST_WORDS = 80, 6, 400
_TOKENS_A_WORD = 2
"""Generously, names in it being several tokens each."""
_CHARS_A_WORD = 6

_COMPLEXITY = ((5, "simple"), (10, "moderate"), (20, "high"))


@attrs.frozen
class Explain(Answer):
    """Text about a selection: what a model says, or else what the syntax tree shows."""

    name: str = "explain"
    title: str = "Explain this code"
    task: str = _TASK
    languages: frozenset[str] = DESCRIBED

    async def ground(self, context: ActionContext) -> Grounding:
        return await asyncio.to_thread(facts, context)

    def wording(self, context: ActionContext) -> str:
        return self.task.format(words=_words(context))

    def expected_chars(self, context: ActionContext) -> int:
        return _words(context) * _CHARS_A_WORD

    def most_tokens(self, context: ActionContext) -> int:
        return min(_words(context) * _TOKENS_A_WORD, context.config.actions.max_tokens)

    async def static(self, context: ActionContext, by: By) -> Outcome:
        facts = await asyncio.to_thread(_facts, context)
        if facts is None:
            return NothingOutcome(by, "Static analysis sees no function, class or the like here: select one.")
        if symbols.syntax_errors(context.document):
            by = by.noting("The file has a syntax error: some of this may be wrong.")
        return TextOutcome(by, "\n".join(_page(facts, context.document.language)) + "\n")


def _words(context: ActionContext) -> int:
    """How long an explanation of the code may be: as long as there are things to say."""
    lines = context.code.count("\n") + 1
    return min(_FEWEST_WORDS + _WORDS_A_LINE * lines, _MOST_WORDS)


def facts(context: ActionContext) -> Grounding:
    """What the syntax tree shows, as lines for a prompt."""
    found = _facts(context)
    return Grounding("\n".join(_lines(found)) if found else "")


def _facts(context: ActionContext) -> Facts | None:
    return facts_of(context.document, context.span)


def _page(facts: Facts, language: str) -> Iterator[str]:
    """The facts as Markdown."""
    yield f"## {_heading(facts)}"
    if facts.signature:
        yield from ("", prompts.fenced(facts.signature, language))
    if facts.docstring:
        yield from ("", *(f"> {line}".rstrip() for line in reply.harmless(facts.docstring).split("\n")))
    yield ""
    yield from (f"- {line}" for line in _lines(facts, signature=False))
    for member in facts.members:
        yield from ("", f"### {_heading(member)}", "", prompts.fenced(member.signature, language), "")
        yield from (f"- {line}" for line in _lines(member, signature=False))


def _heading(facts: Facts) -> str:
    lines = f"lines {facts.first_line} to {facts.last_line}" if facts.lines > 1 else f"line {facts.first_line}"
    return f"`{facts.name}`: a {facts.kind}, {lines}" if facts.name else f"Statements, {lines}"


def _lines(facts: Facts, *, signature: bool = True) -> Iterator[str]:
    """One fact a line, those that there are."""
    if signature and facts.signature:
        yield f"Signature: {_code([facts.signature])}"
    yield f"Cyclomatic complexity: {facts.complexity} ({_grade(facts.complexity)})"
    if facts.members:
        yield f"Defines: {_code(member.name for member in facts.members)}"
    named = (
        ("Decorated with", facts.decorators),
        ("Calls", facts.calls),
        ("Raises", facts.raises),
        ("Returns", facts.returns),
        ("Reads from outside", facts.reads),
        ("Changes beyond itself", facts.writes),
        ("Called in this file from", facts.called_from),
    )
    yield from (f"{title}: {_code(names)}" for title, names in named if names)
    if facts.yields:
        yield "It is a generator: it yields values one by one"


def _code(names: Iterable[str]) -> str:
    """Names as inline code; one that holds a backtick gets a longer mark."""
    return ", ".join(f"`` {name} ``" if "`" in name else f"`{name}`" for name in names)


def _grade(complexity: int) -> str:
    return next((word for limit, word in _COMPLEXITY if complexity <= limit), "very high")
