"""A model's reply as lines, each with the log-probabilities of its tokens and of the one that ended it."""

from __future__ import annotations

import math
from collections.abc import Iterable

import attrs

from hybrid_lsp.types import Finish, Piece


@attrs.define
class Line:
    """One line of a reply. `log_probs` are in nats, one a token; `finished` says that the model ended it."""

    text: str = ""
    log_probs: list[float] = attrs.field(factory=list)
    finished: bool = False

    @property
    def mean(self) -> float:
        """The geometric mean probability of its tokens, 0 to 1; NaN without tokens or where they have none."""
        return math.exp(sum(self.log_probs) / len(self.log_probs)) if self.log_probs else math.nan


def split(pieces: Iterable[Piece]) -> list[Line]:
    """The lines of a reply, at least one. A token with a newline in it ends a line and begins the next."""
    lines = [Line()]
    for piece in pieces:
        # A piece of several tokens says only their sum.
        lines[-1].log_probs += [piece.logprob / max(1, piece.tokens)] * piece.tokens
        first, *others = piece.text.split("\n")
        lines[-1].text += first
        for text in others:
            lines[-1].finished = True
            lines.append(Line(text))
        if piece.finish is Finish.STOP:
            lines[-1].finished = True
    return lines
