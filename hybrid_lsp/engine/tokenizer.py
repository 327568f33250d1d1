"""Text to tokens and back. Text from the user never becomes a control token, and no half character comes out."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tokenizers

from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.models.families import Family
from hybrid_lsp.models.healing import Healer

_REPLACEMENT = "\ufffd"
_BRACKETED = re.compile(r"\s*[<\[].+[>\]]\s*")


class Tokenizer:
    """The tokenizer of one model, used by one thread at a time.

    `ends` are the tokens that can only mean that a reply is over, `begins` the one that every text of the model began
    with in its training ("": none).
    """

    def __init__(self, description: dict[str, Any], controls: frozenset[str]) -> None:
        added = description.get("added_tokens") or []
        ends = {token["content"] for token in added if token.get("special")} | controls
        for token in added:
            # Some families leave their FIM tokens "not special"; only special ones can be switched off in a text.
            token["special"] = bool(_BRACKETED.fullmatch(token["content"])) or token["content"] in ends
        self._inner = tokenizers.Tokenizer.from_str(json.dumps(description))
        self._inner.no_truncation()
        self._inner.no_padding()
        self.vocabulary: dict[str, int] = self._inner.get_vocab(with_added_tokens=True)
        self.ends = sorted(self.vocabulary[token] for token in ends if token in self.vocabulary)
        self.begins = self._first_of_all()
        special = {token["content"] for token in added if token["special"]} | controls
        self._controls = {self.vocabulary[token] for token in special if token in self.vocabulary}
        self.control_spellings = sorted(token["content"] for token in added if token["special"])

    @classmethod
    def load(cls, folder: Path, family: Family) -> Tokenizer:
        """Raises ModelBroken where tokenizer.json cannot be used."""
        return cls.from_description(read_description(folder), family, folder)

    @classmethod
    def from_description(cls, description: dict[str, Any], family: Family, folder: Path) -> Tokenizer:
        try:
            tokenizer = cls(description, family.controls)
        except Exception as error:  # the Rust library raises bare Exceptions
            raise ModelBroken(f"{folder}/tokenizer.json cannot be used: {error}", "Copy the file again.") from error
        missing = sorted(token for token in family.required if token not in tokenizer.vocabulary)
        if missing:
            raise ModelBroken(
                f"The model in {folder} lacks the tokens {', '.join(missing)} of the family {family.name}.",
                "Correct `family` in your settings, or leave it at `auto`.",
            )
        return tokenizer

    def encode(self, text: str) -> list[int]:
        """The user's text. What spells a control token stays text."""
        self._inner.encode_special_tokens = True
        ids = self._encode(text)
        # A vocabulary could hold a control token as an ordinary piece as well; then it is left out.
        return [token for token in ids if token not in self._controls]

    def encode_format(self, text: str) -> list[int]:
        """Text of a prompt format, in which control tokens are meant."""
        self._inner.encode_special_tokens = False
        return self._encode(text)

    def control(self, token: str) -> int:
        """The id of a control token that the family requires."""
        return self.vocabulary[token]

    def healer(self, family: Family, *, trained: bool) -> Healer:
        """What holds the first tokens of a reply to the text before the cursor that a token may have been cut in."""
        return Healer(self._inner, family.controls, trained)

    def written(self) -> tuple[str, int]:
        """As the JSON of a tokenizer.json, and how many tokens there are."""
        return self._inner.to_str(), self._inner.get_vocab_size(with_added_tokens=True)

    def decode(self, ids: list[int]) -> str:
        text: str = self._inner.decode(ids, skip_special_tokens=False)
        return text

    def _first_of_all(self) -> str:
        """What the tokenizer itself puts before a text."""
        text, whole = self._inner.encode("a", add_special_tokens=False), self._inner.encode("a")
        begun = len(whole.ids) == len(text.ids) + 1 and whole.ids[1:] == text.ids
        return str(whole.tokens[0]) if begun else ""

    def _encode(self, text: str) -> list[int]:
        # A lone surrogate (half a character cut by an editor) is no text to the Rust library.
        sound = text.encode("utf-8", "replace").decode("utf-8")
        ids: list[int] = self._inner.encode(sound, add_special_tokens=False).ids
        return ids


def read_description(folder: Path) -> dict[str, Any]:
    """tokenizer.json as a mapping. Raises ModelBroken."""
    path = folder / "tokenizer.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        added = description.get("added_tokens") or []
        if not all(isinstance(token["content"], str) for token in added):
            raise TypeError("added_tokens")
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise ModelBroken(f"{path} cannot be read: {error}.", "Copy the file again.") from error
    return dict(description)


def vocabulary_of(description: dict[str, Any]) -> set[str]:
    """The control tokens and, where it is a mapping, the vocabulary of a tokenizer.json."""
    words = description.get("model", {}).get("vocab", {})
    added = {token["content"] for token in description.get("added_tokens") or []}
    return added | set(words if isinstance(words, dict) else (entry[0] for entry in words))


_LONGEST_CHARACTER = 4
"""Bytes of UTF-8 in one character, hence the most tokens that a character can be spread over."""


class Detokenizer:
    """Tokens to text, one at a time.

    A token may end inside a character (a byte-level token, a byte fallback); the text then waits for the next one.
    Only a short window of tokens is decoded at each step. It begins with a token that was shown already, at first
    the last of the prompt, because some tokenizers write a space only between tokens.
    """

    def __init__(self, tokenizer: Tokenizer, prompt: Sequence[int] = ()) -> None:
        self._tokenizer = tokenizer
        self._begin(list(prompt))

    def feed(self, token_id: int) -> str:
        """The text that became certain with this token; may be empty."""
        self._window.append(token_id)
        text = self._tokenizer.decode(self._window)
        certain = text.rstrip(_REPLACEMENT)
        new = certain[len(self._shown) :]
        if len(certain) == len(text):
            self._begin(self._window)
        else:
            self._shown += new
        return new

    def _begin(self, shown: list[int]) -> None:
        """Start a window with the fewest of the tokens shown that are whole characters."""
        for size in range(1, min(len(shown), _LONGEST_CHARACTER + 1) + 1):
            text = self._tokenizer.decode(shown[-size:])
            if text and _REPLACEMENT not in text:
                self._window, self._shown = shown[-size:], text
                return
        self._window, self._shown = [], ""
