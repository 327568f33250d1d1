"""What is looked at before a task is given to a model: numbers that are cheap to have, and that can be told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

from hybrid_lsp.analysis.syntax import Facts
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.facts import facts_of
from hybrid_lsp.types import Finding

CHARS_A_TOKEN = 3.5
"""Of code, in the tokenizers of today's code models."""
_MOST_CHARS = 60_000
_MOST_REFERENCES = 99
_MOST_NAMES = 20
_MOST_FILES, _MOST_FILE_CHARS = 12, 100_000
"""References are looked for in so many other open files, in so much of each."""
_HARD = re.compile(
    r"(?i)\b(?:refactor|redesign|architect\w*|concurren\w*|thread\w*|async\w*|deadlock|race|lock\w*|parallel\w*|"
    r"algorithm\w*|complexit\w*|prove|generic\w*|recurs\w*|memory|performance|migrat\w*|rewrite|port|protocol|"
    r"security|crypto\w*|numeric\w*|optimi[sz]\w*|edge cases?)\b"
)
_EASY = re.compile(
    r"(?i)\b(?:rename|typo|comment|docstring|log\w*|print|import|format|spell\w*|wording|message|constant|"
    r"type hints?|annotat\w*|sort|blank|indent\w*)\b"
)


@attrs.frozen
class Features:
    """One task: the `action`'s name, the `output` it makes, the `language` id, and how much there is to it.

    `complexity` is McCabe's cyclomatic complexity of the code, `references` how often other open files name what it
    defines, `findings` what static analysis reports in it, `words` the length of the user's instruction; `hard_words`
    and `easy_words` of it speak of hard and of easy work. `has_static_fix`: static analysis may know the answer.
    """

    action: str
    output: str = "edit"
    language: str = ""
    code_tokens: int = 0
    complexity: int = 1
    definitions: int = 0
    references: int = 0
    findings: int = 0
    words: int = 0
    hard_words: int = 0
    easy_words: int = 0
    has_static_fix: bool = False


def sketch(action: str, output: str, document: Document, span: Span, *, has_static_fix: bool = False) -> Features:
    """The features that cost nothing: a list of actions shows who would do each."""
    tokens = _tokens(span)
    return Features(action, output, document.language, tokens, has_static_fix=has_static_fix)


def of_task(
    sketched: Features,
    document: Document,
    span: Span,
    instruction: str = "",
    findings: Sequence[Finding] = (),
    others: Iterable[Document] = (),
) -> Features:
    """All features of a task; parses the code and reads a little of the `others`: not for the event loop."""
    words = instruction.split()
    found = facts_of(document, span) if span.end - span.start <= _MOST_CHARS else None
    names = list(_names(found)) if found else []
    return attrs.evolve(
        sketched,
        complexity=found.complexity if found else 1,
        definitions=len(names),
        references=_references(names, others),
        findings=len(findings),
        words=len(words),
        hard_words=len(_HARD.findall(instruction)),
        easy_words=len(_EASY.findall(instruction)),
    )


def _tokens(span: Span) -> int:
    return round((span.end - span.start) / CHARS_A_TOKEN)


def _names(found: Facts) -> Iterator[str]:
    if found.name:
        yield found.name
    for member in found.members:
        yield from _names(member)


def _references(names: Sequence[str], others: Iterable[Document]) -> int:
    wanted = [re.escape(each.rpartition(".")[2]) for each in names[:_MOST_NAMES] if each]
    if not wanted:
        return 0
    anywhere = re.compile(rf"\b(?:{'|'.join(wanted)})\b")
    count = 0
    for _, other in zip(range(_MOST_FILES), others, strict=False):
        count += sum(1 for _ in anywhere.finditer(other.text, 0, _MOST_FILE_CHARS))
    return min(count, _MOST_REFERENCES)
