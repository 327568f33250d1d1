"""Files to training samples: a cursor where an editor's cursor stands, and fill-in-the-middle around it.

Layouts (Bavarian et al. 2022, "Efficient Training of Language Models to Fill in the Middle"; SPM in its second
variant, where prefix and middle are contiguous, so that what is typed only appends):

    SPM  <|fim_prefix|><|fim_suffix|>{suffix}<|fim_middle|>{prefix}{middle}<|endoftext|>
    PSM  <|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>{middle}<|endoftext|>

Prefix, suffix and middle are tokenised one by one: a cursor in the middle of a word cuts it as it does in the editor.
Everything is drawn from a seed and a chunk's number, so a resumed run sees exactly what it would have seen.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from attrs import define
from tokenizers import Tokenizer

from hybrid_lsp.models import healing
from hybrid_lsp.training import tokenizer as tok

DOCSTRING = re.compile(r'"""[\s\S]*?"""|\'\'\'[\s\S]*?\'\'\'')
MAX_PROSE = 0.6  # of a stretch; the network is to write code, and its capacity is small
SEGMENT = 1400  # characters: an epoch draws one sample from each stretch of this length
PREFIX_CHARS, SUFFIX_CHARS = 3.2, 5.0  # characters read a token of room: enough, and not much too much
SPM_SHARE = 0.82
SUFFIX_TOKENS = (64, 160)  # drawn between; the server asks for about 128
FULL_WINDOW = 0.6  # of the samples fill the window; the rest is shorter, as a slow machine's budget makes it
MIN_WINDOW = 96
MIDDLE_WEIGHT = 5.0  # of the loss; the other tokens have 1
MAX_MIDDLE = 0.4  # of the window

EMPTY_SUFFIX, CUT_SUFFIX = 0.1, 0.1  # the file ends at the cursor, or with the cursor's block

SNAPPED = 0.8  # of the cursors inside a line stand before a piece; the rest cuts words, for servers that do not heal

OPENERS, CLOSERS = "([{", ")]}"

Tokens = list[int]
Draw = np.random.Generator


@define(frozen=True)
class Hole:
    """What is hidden at a cursor: text = prefix + middle + suffix, unless the suffix was shortened on purpose."""

    prefix: str
    middle: str
    suffix: str


def line_bounds(text: str, at: int) -> tuple[int, int]:
    """The start and the end (before its newline) of the line that holds an offset."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    return start, len(text) if end < 0 else end


def indent_of(line: str) -> int:
    """How many blanks a line starts with."""
    return len(line) - len(line.lstrip(" \t"))


def block_end(text: str, at: int) -> int:
    """Where the block of the cursor's line ends: before the first line that is indented less (or, at the top level,
    before the first empty line)."""
    start, end = line_bounds(text, at)
    depth = indent_of(text[start:end])
    position = end
    while position < len(text):
        _, end = line_bounds(text, position + 1)
        line = text[position + 1 : end]
        if indent_of(line) < depth if line.strip() else depth == 0:
            break
        position = end
    return len(text[:position].rstrip()) if position > at else at


def unfinished(text: str, at: int) -> str:
    """The suffix of a file that is being written: nothing below the cursor's block."""
    return text[at : max(at, block_end(text, at))]


def rest_of_line(text: str, at: int, draw: Draw) -> tuple[int, int]:
    """From a random column, in a word or between two, to the end of the line."""
    start, end = line_bounds(text, at)
    first = start + indent_of(text[start:end])
    return snapped(text, int(draw.integers(min(first + 1, end), end + 1)), draw), end


def snapped(text: str, at: int, draw: Draw) -> int:
    """Mostly, where the piece at a cursor starts: when serving, that piece is healed (see `healing`)."""
    if draw.random() >= SNAPPED:
        return at
    line = text.rfind("\n", 0, at) + 1
    return len(healing.split(text[line:at])[0]) + line


def next_line(text: str, at: int, draw: Draw) -> tuple[int, int]:
    """A whole line, after its indentation."""
    start, end = line_bounds(text, at)
    return start + indent_of(text[start:end]), end


def next_lines(text: str, at: int, draw: Draw) -> tuple[int, int]:
    """The next lines, or the rest of the block; from the line's start or from its end, where Enter was not yet hit."""
    start, end = line_bounds(text, at)
    begin = start + indent_of(text[start:end]) if draw.random() < 0.6 else end
    last = block_end(text, at) if draw.random() < 0.5 else len(text)
    for _ in range(int(draw.integers(1, 4))):
        if end >= last:
            break
        _, end = line_bounds(text, end + 1)
    return begin, max(begin, min(end, max(last, begin)))


def inside_line(text: str, at: int, draw: Draw) -> tuple[int, int]:
    """A short span that ends inside its line: what is in the brackets, or some characters."""
    start, end = line_bounds(text, at)
    openers = [i for i in range(start, end) if text[i] in OPENERS]
    if openers and draw.random() < 0.7:
        begin = openers[int(draw.integers(len(openers)))] + 1
        close = closing(text, begin, end)
        begin = begin if draw.random() < 0.6 else int(draw.integers(begin, close + 1))
        return snapped(text, begin, draw), close
    begin = snapped(text, int(draw.integers(start, end + 1)), draw)
    return begin, min(end, begin + int(draw.integers(1, 24)))


def closing(text: str, begin: int, end: int) -> int:
    """Where the bracket opened just before `begin` closes in this line (or the line's end)."""
    depth = 1
    for position in range(begin, end):
        depth += (text[position] in OPENERS) - (text[position] in CLOSERS)
        if depth == 0:
            return position
    return end


Shape = Callable[[str, int, Draw], tuple[int, int]]
SHAPES: tuple[tuple[float, Shape | None], ...] = (
    (0.45, rest_of_line),
    (0.20, next_line),
    (0.15, next_lines),
    (0.10, inside_line),
    (0.10, None),  # no hole: plain left-to-right text
)
_CUTS = np.cumsum([share for share, _ in SHAPES])


def hole(text: str, at: int, draw: Draw) -> Hole | None:
    """A hole at or near an offset; None where this sample is plain text."""
    shape = SHAPES[min(int(np.searchsorted(_CUTS, draw.random(), "right")), len(SHAPES) - 1)][1]
    if shape is None:
        return None
    begin, end = shape(text, at, draw)
    return Hole(text[:begin], text[begin:end], suffix_of(text, end, draw))


def suffix_of(text: str, end: int, draw: Draw) -> str:
    """What stands after the hole: mostly the file, sometimes nothing or only the rest of the block."""
    kind = draw.random()
    if kind < EMPTY_SUFFIX:
        return text[end : line_bounds(text, end)[1]]
    return unfinished(text, end) if kind < EMPTY_SUFFIX + CUT_SUFFIX else text[end:]


def crop(prefix: Tokens, room: int, newlines: frozenset[int]) -> Tokens:
    """The last `room` tokens of a prefix, from a line's start where one is near."""
    if len(prefix) <= room:
        return prefix
    kept = prefix[len(prefix) - room :] if room > 0 else []
    start = next((i for i, token in enumerate(kept[:48]) if token in newlines), 0)
    return kept[start:]


@define(frozen=True)
class Layout:
    """Arranges tokens of prefix and suffix for the network; shared by training, evaluation and the server."""

    end: int
    fim_prefix: int
    fim_suffix: int
    fim_middle: int
    pad: int
    newlines: frozenset[int]

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Layout":
        """The layout in a tokenizer's ids."""
        ids = tok.special_ids(tokenizer)
        newlines = frozenset(tok.newline_ids(tokenizer))
        return cls(
            ids[tok.END], ids[tok.FIM_PREFIX], ids[tok.FIM_SUFFIX], ids[tok.FIM_MIDDLE], ids[tok.FIM_PAD], newlines
        )

    def prompt(self, prefix: Tokens, suffix: Tokens, room: int, *, spm: bool = True) -> Tokens:
        """At most `room` tokens, all before the middle; the prefix is cut on the left."""
        prefix = crop(prefix, room - len(suffix) - 3, self.newlines)
        if spm:
            return [self.fim_prefix, self.fim_suffix, *suffix, self.fim_middle, *prefix]
        return [self.fim_prefix, *prefix, self.fim_suffix, *suffix, self.fim_middle]


@define(frozen=True)
class Sample:
    """One training sequence."""

    tokens: Tokens
    middle: int  # how many tokens at the end are the middle with its end token; 0 for plain text


def segments(texts: Sequence[str]) -> npt.NDArray[np.int32]:
    """All (file, start) stretches of a corpus, but those that are mostly docstring: shape (n, 2)."""
    rows: list[tuple[int, int]] = []
    for index, text in enumerate(texts):
        prose = np.zeros(len(text) + 1, np.int32)
        for match in DOCSTRING.finditer(text):
            prose[match.start() + 1 : match.end() + 1] = 1
        prose = prose.cumsum(dtype=np.int32)
        for start in range(0, max(1, len(text) - 200), SEGMENT):
            stop = min(start + SEGMENT, len(text))
            if prose[stop] - prose[start] <= MAX_PROSE * (stop - start):
                rows.append((index, start))
    return np.array(rows, np.int32).reshape(-1, 2)


@define(frozen=True)
class _Plan:
    """One sample before tokenising."""

    window: int
    suffix_room: int
    spm: bool
    hole: Hole | None
    text: str  # of plain samples


def _plan(text: str, start: int, context: int, draw: Draw) -> _Plan:
    """Draw one sample in a stretch of a file."""
    window = context if draw.random() < FULL_WINDOW else int(draw.integers(min(MIN_WINDOW, context), context + 1))
    room = min(int(draw.integers(SUFFIX_TOKENS[0], SUFFIX_TOKENS[1] + 1)), window // 3)
    at = min(start + int(draw.integers(SEGMENT)), len(text) - 1)
    drawn = hole(text, at, draw)
    if drawn is None:
        begin = line_bounds(text, start)[0]
        return _Plan(window, room, False, None, text[begin : begin + int(window * SUFFIX_CHARS)])
    cut = Hole(
        drawn.prefix[-int(window * PREFIX_CHARS * 1.8) :],
        drawn.middle[: int(window * SUFFIX_CHARS)],
        drawn.suffix[: int(room * SUFFIX_CHARS)],
    )
    return _Plan(window, room, bool(draw.random() < SPM_SHARE), cut, "")


def samples(
    texts: Sequence[str],
    stretches: npt.NDArray[np.int32],
    tokenizer: Tokenizer,
    layout: Layout,
    context: int,
    draw: Draw,
) -> Iterator[Sample]:
    """One sample of each stretch."""
    plans = [_plan(texts[file], int(start), context, draw) for file, start in stretches]
    parts = [part for p in plans for part in ((p.hole.suffix, p.hole.prefix, p.hole.middle) if p.hole else (p.text,))]
    ids = tok.encode(tokenizer, parts)
    for plan in plans:
        if plan.hole is None:
            yield Sample(next(ids)[: plan.window], 0)
        else:
            yield _arrange(plan, next(ids), next(ids), next(ids), layout)


def _arrange(plan: _Plan, suffix: Tokens, prefix: Tokens, middle: Tokens, layout: Layout) -> Sample:
    """A sample from its tokens, cut to its window."""
    most = int(plan.window * MAX_MIDDLE)
    # A middle that was cut has no end: teaching one there would teach to stop anywhere.
    ending = [*middle, layout.end] if len(middle) < most else middle[:most]
    prompt = layout.prompt(prefix, suffix[: plan.suffix_room], plan.window - len(ending), spm=plan.spm)
    return Sample(prompt + ending, len(ending))


def pack(
    drawn: Sequence[Sample], context: int, pad: int, weight: float = MIDDLE_WEIGHT
) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.float32]]:
    """Rows of `context` + 1 tokens (inputs and targets overlap by one) and the weight of each as a target.

    Best fit, decreasing: short samples share a row, one after another, and no sample is cut. Positions run on, and
    later samples of a row may look at earlier ones; most rows hold one sample, as when serving.
    """
    length = context + 1
    bins: list[list[Sample]] = []
    open_bins: dict[int, list[int]] = {}  # room left -> rows
    for sample in sorted(drawn, key=lambda s: len(s.tokens), reverse=True):
        size = len(sample.tokens)
        fitting = min((room for room in open_bins if room >= size and open_bins[room]), default=None)
        if fitting is None:
            bins.append([])
            row, fitting = len(bins) - 1, length
        else:
            row = open_bins[fitting].pop()
        bins[row].append(sample)
        open_bins.setdefault(fitting - size, []).append(row)
    tokens = np.full((len(bins), length), pad, np.uint16)
    weights = np.zeros((len(bins), length), np.float32)
    for row, members in enumerate(bins):
        at = 0
        for sample in members:
            stop = at + len(sample.tokens)
            tokens[row, at:stop] = sample.tokens
            weights[row, at + 1 : stop] = 1.0  # nothing foresees a sample's first token
            weights[row, stop - sample.middle : stop] = weight
            at = stop
    return tokens, weights
