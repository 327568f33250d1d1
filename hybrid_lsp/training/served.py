"""The model as it is served: prompts, greedy lines with their log-probabilities, in batches, by CTranslate2."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from attrs import define, field
from tokenizers import Tokenizer

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.models import healing, windows
from hybrid_lsp.training import fim
from hybrid_lsp.training import tokenizer as tok

MAX_NEW = 40  # tokens of a line
BLOCK_NEW = 80  # of several
SUFFIX_TOKENS = 128
PREFIX_CHARS, SUFFIX_CHARS = 4000, 1200  # read before tokenising
# Prompts at once. What one has more than the batch's shortest is computed token by token: 16 cost 2.5 times as much.
BATCH = 1


@define(frozen=True)
class Line:
    """A rest of a line as written."""

    text: str
    log_probs: list[float]  # nats, one a token, with the one that ended the line
    finished: bool  # whether the line ended, or only the room


@define
class Network:
    """A converted folder, loaded."""

    folder: Path
    threads: int = 2
    heals: bool = True  # as a server that heals the piece before the cursor
    tokenizer: Tokenizer = field(init=False)
    layout: fim.Layout = field(init=False)
    healer: healing.Healer = field(init=False)
    context: int = field(init=False)
    generator: Any = field(init=False)  # ctranslate2.Generator, which is untyped

    def __attrs_post_init__(self) -> None:
        if not (self.folder / "model.bin").exists():
            raise TrainingError(f"{self.folder} holds no converted model.", "Run hybrid_lsp.training.convert first.")
        self.tokenizer = tok.load(self.folder)
        self.layout = fim.Layout.of(self.tokenizer)
        self.healer = healing.Healer(self.tokenizer, frozenset(tok.SPECIALS))
        self.context = json.loads((self.folder / "family.json").read_text())["context"]
        self.generator = ctranslate2.Generator(str(self.folder), intra_threads=self.threads)

    def prompts(self, pairs: Sequence[tuple[str, str]], new: int = MAX_NEW) -> list[list[int]]:
        """Suffix-first prompts of (prefix, suffix) pairs, with room for so many new tokens."""
        parts = [part for prefix, suffix in pairs for part in (prefix[-PREFIX_CHARS:], suffix[:SUFFIX_CHARS])]
        ids = list(tok.encode(self.tokenizer, parts))
        return [self._prompt(prefix, suffix, new) for prefix, suffix in zip(ids[::2], ids[1::2], strict=True)]

    def _prompt(self, prefix: list[int], suffix: list[int], new: int) -> list[int]:
        """As the engine shares out the room."""
        room = windows.room(self.context, new)
        free = room - 3  # the layout's own tokens
        newlines = self.layout.newlines
        before, after = windows.fit(prefix, suffix, free, SUFFIX_TOKENS, lambda at: prefix[at] in newlines)
        return self.layout.prompt(before, after, room)

    def lines(self, pairs: Sequence[tuple[str, str]]) -> list[Line]:
        """Greedy rests of the cursor's line."""
        cuts = [healing.split(prefix) if self.heals else (prefix, "") for prefix, _ in pairs]
        prompts = self.prompts([(head, suffix) for (head, _), (_, suffix) in zip(cuts, pairs, strict=True)])
        order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
        found: dict[int, Line] = {}
        for start in range(0, len(order), BATCH):
            chosen = order[start : start + BATCH]
            lines = self._batch([prompts[i] for i in chosen], [cuts[i][1] for i in chosen])
            found |= zip(chosen, lines, strict=True)
        return [found[index] for index in range(len(prompts))]

    def blocks(self, pairs: Sequence[tuple[str, str]]) -> list[list[Line]]:
        """Greedy lines from a line's start on, as many as there is room for; the first is the rest of that line."""
        found: list[list[Line]] = []
        for start in range(0, len(pairs), BATCH):
            prompts = self.prompts(pairs[start : start + BATCH], BLOCK_NEW)
            written: list[tuple[list[int], list[float]]] = [([], []) for _ in prompts]
            self._write(prompts, written, {self.layout.end}, BLOCK_NEW)
            found += [self._split(*each) for each in written]
        return found

    def _split(self, tokens: list[int], log_probs: list[float]) -> list[Line]:
        """What was written as lines: a token with newlines ends one, and begins the next with its indentation."""
        lines, text = [Line("", [], finished=False)], list[int]()
        for token, log_prob in zip(tokens, log_probs, strict=False):
            lines[-1].log_probs.append(log_prob)
            if token not in self.layout.newlines:
                text.append(token)
                continue
            begun, *others = self.tokenizer.decode([token]).split("\n")
            lines[-1] = Line(lines[-1].text + self.tokenizer.decode(text) + begun, lines[-1].log_probs, finished=True)
            lines += [Line(other, [], finished=other is not others[-1]) for other in others]
            text = []
        last = lines[-1]
        rest = log_probs[len(tokens) :]
        return [*lines[:-1], Line(last.text + self.tokenizer.decode(text), last.log_probs + rest, finished=bool(rest))]

    def _batch(self, prompts: list[list[int]], stems: list[str]) -> list[Line]:
        """Spell the stems, then write on."""
        written = self._spell(prompts, stems)
        begun = [prompt + tokens for prompt, (tokens, _) in zip(prompts, written, strict=True)]
        # What spelt the stem counts, as in the engine.
        left = MAX_NEW - max(len(tokens) for tokens, _ in written)
        self._write(begun, written, {self.layout.end, *self.layout.newlines}, left)
        return [self._line(tokens, log_probs, stem) for (tokens, log_probs), stem in zip(written, stems, strict=True)]

    def _line(self, tokens: list[int], log_probs: list[float], stem: str) -> Line:
        text = self.tokenizer.decode(tokens)
        return Line(text[len(stem) :] if text.startswith(stem) else "", log_probs, len(log_probs) > len(tokens))

    def _spell(self, prompts: list[list[int]], stems: list[str]) -> list[tuple[list[int], list[float]]]:
        """Tokens that spell the stems, and perhaps more, with their log-probabilities among those that do."""
        written: list[tuple[list[int], list[float]]] = [([], []) for _ in prompts]
        rests = [self.healer.spell(stem) for stem in stems]
        while waiting := [index for index, rest in enumerate(rests) if rest]:
            results = self.generator.generate_batch(
                self._names([prompts[index] + written[index][0] for index in waiting]),
                max_length=1,
                return_logits_vocab=True,
                include_prompt_in_result=False,
            )
            for index, result in zip(waiting, results, strict=True):
                # Behind a longer prompt than the batch's shortest there are the logits of its last tokens as well.
                token, log_prob, rests[index] = self.healer.step(rests[index], np.array(result.logits[0][-1]))
                written[index][0].append(token)
                written[index][1].append(log_prob)
        return written

    def _write(
        self, prompts: list[list[int]], written: list[tuple[list[int], list[float]]], ends: set[int], most: int
    ) -> None:
        """Greedy tokens up to one of `ends`, added to what is written, whose log-probabilities hold that end's too."""

        def note(step: Any) -> bool:
            written[step.batch_id][1].append(step.log_prob)
            if step.token_id not in ends:
                written[step.batch_id][0].append(step.token_id)
            return False

        self.generator.generate_batch(
            self._names(prompts),
            max_length=most,
            end_token=sorted(ends),
            return_end_token=True,
            return_scores=True,  # fills the steps' log_prob
            include_prompt_in_result=False,
            callback=note,
        )

    def _names(self, rows: Sequence[Sequence[int]]) -> list[list[str]]:
        return [[str(self.tokenizer.id_to_token(token)) for token in row] for row in rows]

    def bits_per_byte(self, texts: Sequence[str]) -> float:
        """Of plain text, each read from its start and at most a context long."""
        nats, size = 0.0, 0
        windows = [ids[: self.context] for ids in tok.encode(self.tokenizer, list(texts)) if len(ids) > 1]
        for start in range(0, len(windows), BATCH):
            part = windows[start : start + BATCH]
            for window, result in zip(part, self.generator.score_batch(self._names(part)), strict=True):
                nats -= sum(result.log_probs)
                size += len(self.tokenizer.decode(window[1:]).encode())
        return nats / math.log(2) / max(1, size)
