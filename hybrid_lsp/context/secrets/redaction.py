"""Texts without their secrets: each is a placeholder, which a reply may quote and which is turned back then."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from hybrid_lsp.context.secrets import assigned, calls, near, placed, tokens

MARK = "REDACTED_SECRET_"
_FINDERS = (
    tokens.tokens,
    placed.in_keys,
    placed.in_addresses,
    assigned.assigned,
    placed.in_headers,
    placed.in_logins,
    placed.in_commands,
    placed.in_rows,
    placed.by_look,
    near.in_sentences,
    near.in_comparisons,
    near.in_cryptography,
    near.in_tables,
    near.in_manifests,
    near.in_notes,
    calls.in_calls,
)
_LEAST_KNOWN = 6
"""A known secret of so many characters is one wherever it stands."""


@attrs.frozen
class Redaction:
    """A text whose secrets are placeholders, and the way back for a reply that quotes them."""

    text: str = attrs.field(repr=False)
    secrets: dict[str, str] = attrs.field(repr=False)
    """Placeholder to secret; one secret has one placeholder however often it stands there."""
    mark: str = MARK
    """How placeholders begin; no text that was concealed held it before."""

    @property
    def count(self) -> int:
        return len(self.secrets)

    def restore(self, text: str) -> str:
        """Put the secrets back, so that an edit does not overwrite them with placeholders."""
        # The longest placeholder first: `..._1` begins `..._10`.
        for placeholder in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(placeholder, self.secrets[placeholder])
        return text

    def again(self, text: str) -> str:
        """A further text of the same conversation, with the same placeholders and new ones for new secrets."""
        placeholders = {secret: placeholder for placeholder, secret in self.secrets.items()}
        (shown,) = _replaced([text], [list(spans(text))], placeholders, self.mark)
        self.secrets.update({placeholder: secret for secret, placeholder in placeholders.items()})
        return shown

    def left_in(self, text: str) -> bool:
        """Whether a restored text still holds a placeholder: one that stands for nothing."""
        return bool(self.secrets) and self.mark in text


def conceal(*texts: str, cut: bool = False) -> tuple[Redaction, ...]:
    """Each text with its secrets replaced, the same placeholder for the same secret in all of them.

    `cut`: the first two are one text, cut at the cursor; a secret around it is taken out of both.
    """
    mark = MARK
    while any(mark in text for text in texts):
        mark = "X" + mark
    placeholders: dict[str, str] = {}
    shown = _replaced(texts, _found(texts, cut=cut), placeholders, mark)
    back = {placeholder: secret for secret, placeholder in placeholders.items()}
    return tuple(Redaction(text, back, mark) for text in shown)


def redact(text: str) -> tuple[str, int]:
    """The text with placeholders for its secrets, and how many different secrets there were."""
    (found,) = conceal(text)
    return found.text, found.count


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where secrets stand, in order, none in another."""
    last = 0
    for start, end in sorted(
        {place for find in _FINDERS for place in find(text)}, key=lambda span: (span[0], -span[1])
    ):
        if end > last and start < end:
            yield max(start, last), end
            last = end


def _found(texts: tuple[str, ...], *, cut: bool) -> list[list[tuple[int, int]]]:
    if not cut:
        return [list(spans(text)) for text in texts]
    seam = len(texts[0])
    whole = list(spans(texts[0] + texts[1]))
    before = [(start, min(end, seam)) for start, end in whole if start < seam]
    after = [(max(start, seam) - seam, end - seam) for start, end in whole if end > seam]
    return [before, after, *(list(spans(text)) for text in texts[2:])]


def _replaced(
    texts: tuple[str, ...] | list[str], found: list[list[tuple[int, int]]], placeholders: dict[str, str], mark: str
) -> list[str]:
    for text, places in zip(texts, found, strict=True):
        for start, end in places:
            placeholders.setdefault(text[start:end], f"{mark}{len(placeholders) + 1}")
    known = [secret for secret in placeholders if len(secret) >= _LEAST_KNOWN and not secret.isalpha()]
    again = _anywhere(known) if known else None
    return [_swapped(text, places, placeholders, again) for text, places in zip(texts, found, strict=True)]


def _swapped(
    text: str, places: list[tuple[int, int]], placeholders: dict[str, str], again: re.Pattern[str] | None
) -> str:
    parts, last = [], 0
    for start, end in [*places, (len(text), len(text))]:
        between = text[last:start]
        parts.append(again.sub(lambda match: placeholders[match[0]], between) if again else between)
        parts.append(placeholders[text[start:end]] if start < end else "")
        last = end
    return "".join(parts)


def _anywhere(secrets: list[str]) -> re.Pattern[str]:
    """Known secrets wherever they stand as whole words, the longest first."""
    alternatives = "|".join(map(re.escape, sorted(secrets, key=len, reverse=True)))
    return re.compile(rf"(?<![A-Za-z0-9])(?:{alternatives})(?![A-Za-z0-9])")
