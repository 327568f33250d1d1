"""What others depend on in a piece of code: the names that it defines, how each is called, and how each is marked.

In Python signatures are compared without annotations; in other languages heads are compared as they are written, and
new names may be added, since what is public is said in too many ways. Marks are what stands before a definition and
changes what it is: decorators, attributes.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from hybrid_lsp.actions import heads
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document, Span

Signatures = dict[str, tuple[str, ...]]
"""Dotted names, each with the signatures of its definitions in order."""

_COMPONENTS = frozenset({"vue", "svelte", "astro", "html"})
_SECTION = re.compile(r"(?m)^<(script|template|style)\b")


def complaint(whole: Document, span: Span, old: Document, new: Document) -> str | None:
    """What others would miss: public names and signatures, and private ones that the rest of the file uses.

    `old` and `new` are the same piece of `whole` before and after `span` of it is replaced.
    """
    before, after = defined(old, fields=True), defined(new, fields=True)
    for name, signatures in before.items():
        if after.get(name) == signatures or not _needed(whole, span, name):
            continue
        if name not in after:
            return f"The code no longer defines `{name}`, which is public or used elsewhere in the file."
        return f"The code changes `{name}`: {_shown(signatures)} became {_shown(after[name])}."
    if old.language != "python":
        return None
    added = [name for name in after if name not in before and symbols.is_public(name)]
    return f"The code adds the public name `{added[0]}`; a name that begins with `_` may be added." if added else None


def changed(old: Document, new: Document) -> tuple[str, ...]:
    """What becomes of public names, in sentences for the user."""
    before, after = (
        {name: how for name, how in defined(each, fields=True).items() if symbols.is_public(name)}
        for each in (old, new)
    )
    told = (
        ("Public names that are gone", [name for name in before if name not in after]),
        ("New public names", [name for name in after if name not in before]),
        ("Changed signatures", [name for name in before if name in after and before[name] != after[name]]),
    )
    return tuple(f"{title}: {', '.join(f'`{name}`' for name in names)}." for title, names in told if names)


def lost_marks(old: Document, new: Document) -> str | None:
    """Which decorator or attribute is gone, of a name that both define."""
    after = marks(new)
    for name, before in marks(old).items():
        if missing := Counter(before) - Counter(after.get(name, ())):
            return f"The code loses `{next(iter(missing))}` of `{name}`: keep decorators and attributes as they are."
    return None


def changed_marks(old: Document, new: Document) -> tuple[str, ...]:
    """Which decorators and attributes come and go, in sentences for the user."""
    before, after = marks(old), marks(new)
    kept = [name for name in {**before, **after} if name in defined(old) and name in defined(new)]
    told = (
        ("Lost decorators or attributes", before, after),
        ("New decorators or attributes", after, before),
    )
    found = (
        (title, [f"`{mark}` of `{name}`" for name in kept for mark in Counter(one[name]) - Counter(other[name])])
        for title, one, other in told
    )
    return tuple(f"{title}: {', '.join(listed)}." for title, listed in found if listed)


def changed_annotations(old: Document, new: Document) -> tuple[str, ...]:
    """The names of Python whose annotations differ, in a sentence for the user."""
    before, after = annotated(old), annotated(new)
    listed = [name for name in before if name in after and before[name] != after[name]]
    return (f"Changed annotations: {', '.join(f'`{name}`' for name in listed)}.",) if listed else ()


def annotated(document: Document) -> Signatures:
    """The annotations of each name in Python, in the order of the text."""
    found: Signatures = {}
    for each in symbols.definitions(document):
        found[each.name] = (*found.get(each.name, ()), *each.annotations)
    return found


def marks(document: Document) -> defaultdict[str, tuple[str, ...]]:
    """The decorators and attributes of each name, without white space; those that are part of a head are not here."""
    found = defaultdict[str, tuple[str, ...]](tuple)
    if document.language == "python":
        pairs = ((each.name, each.decorators) for each in symbols.definitions(document))
    else:
        pairs = ((each.name, each.marks) for each in heads.of(document))
    for name, above in pairs:
        found[name] += above
    return found


def defined(document: Document, *, fields: bool = False) -> Signatures:
    """The names that a piece of code defines outside of its functions; none in a language without a grammar.

    With `fields` those within types that are defined by a name of their own (Go) as well.
    """
    found: Signatures = {}
    if document.language == "python":
        pairs: Iterator[tuple[str, str]] = ((each.name, each.signature) for each in symbols.definitions(document))
    else:
        definitions = heads.of(document, fields=fields)
        pairs = ((each.name, each.head) for each in definitions) if definitions else _sections(document)
    for name, signature in pairs:
        found[name] = (*found.get(name, ()), signature)
    return found


def _sections(document: Document) -> Iterator[tuple[str, str]]:
    """The outermost elements of a component's file: to lose its script is to lose all names in it."""
    if document.language in _COMPONENTS:
        yield from ((f"<{match[1]}>", "") for match in _SECTION.finditer(document.text))


def _needed(document: Document, span: Span, name: str) -> bool:
    if symbols.is_public(name):
        return True
    word = re.compile(rf"(?<!\w){re.escape(name.rsplit('.', 1)[-1])}(?!\w)")
    return bool(word.search(document.text, 0, span.start) or word.search(document.text, span.end))


def _shown(signatures: tuple[str, ...]) -> str:
    return " and ".join(f"`{each}`" for each in signatures if each) or "a plain name"
