"""Prompt formats of the code models, as data: which control tokens they were trained with, and in which order.

A layout is a row of control tokens and slots. Where a family was trained both ways, the suffix comes first (SPM):
the text before the cursor then stands last, and while the user types only its end is new to the model.

Control tokens have two spellings for some families: as the vocabulary has them (`▁<PRE>`) and as they are written
in the text of a prompt (`<PRE> `), which is what an OpenAI-compatible server reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from enum import Enum

import attrs

from hybrid_lsp.types import ContextFile

MAX_STOPS = 4
"""vLLM and OpenAI reject a request with more stop strings."""


CURRENT = "current"
"""The edited file's name in a prompt where nobody tells it."""


class Slot(Enum):
    """Where the user's text goes in a layout."""

    PREFIX = "prefix"
    SUFFIX = "suffix"
    FILES = "files"
    FILENAME = "filename"
    TEXT = "text"


PREFIX, SUFFIX, FILES, FILENAME, TEXT = Slot


@attrs.frozen
class Control:
    """A control token: its name in the vocabulary, and how it is written in a prompt's text."""

    token: str
    written: str


Part = Slot | Control | str
"""One part of a layout; a plain `str` is ordinary text that belongs to the format (a line end after a file name)."""


def _control(token: str, written: str | None = None) -> Control:
    return Control(token, token if written is None else written)


@attrs.frozen
class Family:
    """One prompt format.

    `layout` is the FIM prompt (empty: the model was not trained for FIM), `file` one neighbouring file inside it
    (empty: neighbouring files are left out), `before_files` and `after_files` what frames them where there are any,
    `ends` the control tokens that end a reply, `stop` their written forms for servers that do not know them
    (at most 4), `start` what every prompt begins with, `names` patterns of model names, `marks` further tokens that
    must be in a vocabulary for it to be of this family. `most_suffix` is the longest suffix, in tokens, that the model
    was trained with (0: as long as there is room).
    """

    name: str
    layout: tuple[Part, ...] = ()
    file: tuple[Part, ...] = ()
    before_files: tuple[Part, ...] = ()
    after_files: tuple[Part, ...] = ()
    ends: tuple[str, ...] = ()
    stop: tuple[str, ...] = attrs.field(default=(), validator=attrs.validators.max_len(MAX_STOPS))
    start: str = ""
    names: tuple[str, ...] = ()
    marks: tuple[str, ...] = ()
    most_suffix: int = 0

    @property
    def fills_in(self) -> bool:
        """Whether the model was trained to fill in the middle."""
        return bool(self.layout)

    @property
    def suffix_first(self) -> bool:
        """SPM: the suffix stands before the prefix."""
        return self.fills_in and self.layout.index(SUFFIX) < self.layout.index(PREFIX)

    @property
    def controls(self) -> frozenset[str]:
        """Every control token of the format, as the vocabulary names them."""
        inside = {part.token for part in self._parts if isinstance(part, Control)}
        return frozenset(inside | set(self.ends) | set(self.marks) | ({self.start} if self.start else set()))

    @property
    def written_controls(self) -> frozenset[str]:
        """The spellings that would become control tokens if they stood in the text of a prompt."""
        inside = {part.written.strip() for part in self._parts if isinstance(part, Control)}
        return frozenset(inside | set(self.ends) | set(self.stop) | ({self.start} if self.start else set()))

    @property
    def _parts(self) -> tuple[Part, ...]:
        return (*self.layout, *self.file, *self.before_files, *self.after_files)

    @property
    def required(self) -> frozenset[str]:
        """The control tokens without which a vocabulary is not of this family."""
        inside = {part.token for part in self.layout if isinstance(part, Control)}
        return frozenset(inside | set(self.marks))


def _row(*parts: str | Slot) -> tuple[Part, ...]:
    """A layout in which every text is a control token spelled the same everywhere."""
    return tuple(part if isinstance(part, Slot) else _control(part) for part in parts)


_PIPED = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
_PLAIN = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")


def _psm(prefix: str, suffix: str, middle: str) -> tuple[Part, ...]:
    return _row(FILES, prefix, PREFIX, suffix, SUFFIX, middle)


def _spm(prefix: str, suffix: str, middle: str) -> tuple[Part, ...]:
    """Suffix first as in the FIM paper's second variant: the middle goes on where the prefix ends."""
    return _row(FILES, prefix, suffix, SUFFIX, middle, PREFIX)


def _file(token: str) -> tuple[Part, ...]:
    return (_control(token), FILENAME, "\n", TEXT, "\n")


def _named(token: str) -> tuple[Part, ...]:
    """The head of the file that is edited, below the neighbouring ones."""
    return (_control(token), FILENAME, "\n")


def _repository(token: str, end: str = "") -> tuple[Part, ...]:
    """No user's folder is named in a prompt: any name says that what follows belongs together."""
    return (_control(token), f"project{end}")


PLAIN = Family(name="plain")
"""A model that was not trained to fill in: it continues the text before the cursor."""

SERVER = Family(name="server")
"""The server knows the format itself and takes `suffix` as a parameter of its own (Ollama, our engine)."""

FAMILIES: tuple[Family, ...] = (
    # Ours; a vocabulary alone cannot tell it from Qwen's, so only family.json or a setting names it.
    Family(
        name="hybrid",
        layout=_spm(*_PIPED),
        ends=("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
        stop=("<|endoftext|>", "<|file_sep|>"),
        marks=("<|fim_pad|>", "<|file_sep|>"),
        names=(r"hybrid-lsp", r"^embedded$"),
        most_suffix=128,
    ),
    Family(
        name="qwen-coder",
        # Trained prefix first, and as exact with the prefix last (`python -m benchmarks.orders`).
        layout=_spm(*_PIPED),
        # Hui et al., "Qwen2.5-Coder Technical Report", 2024: repository-level FIM.
        file=_file("<|file_sep|>"),
        before_files=_repository("<|repo_name|>", "\n"),
        after_files=_named("<|file_sep|>"),
        ends=("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>"),
        stop=("<|endoftext|>", "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>"),
        marks=("<|fim_pad|>", "<|file_sep|>"),
        names=(r"qwen[\d.]*[-_]?coder", r"qwen3[-_]coder"),
    ),
    Family(
        name="deepseek-coder",
        layout=_row("<｜fim▁begin｜>", FILES, PREFIX, "<｜fim▁hole｜>", SUFFIX, "<｜fim▁end｜>"),  # noqa: RUF001
        # Their repository-level prompts name each file in a comment; there is no token for it.
        file=("#", FILENAME, "\n", TEXT, "\n"),
        after_files=("#", FILENAME, "\n"),
        ends=("<｜end▁of▁sentence｜>", "<|EOT|>"),  # noqa: RUF001
        stop=("<｜end▁of▁sentence｜>", "<|EOT|>"),  # noqa: RUF001
        start="<｜begin▁of▁sentence｜>",  # noqa: RUF001
        names=(r"deepseek[-_]?coder", r"deepseek"),
    ),
    Family(
        name="codellama",
        layout=(
            _control("▁<PRE>", "<PRE> "),
            _control("▁<SUF>", "<SUF>"),
            SUFFIX,
            _control("▁<MID>", " <MID> "),
            PREFIX,
        ),
        ends=("</s>", "▁<EOT>"),
        stop=("</s>", "<EOT>"),
        start="<s>",
        names=(r"code[-_]?llama",),
    ),
    Family(
        name="mellum",
        layout=_row(FILES, "<fim_suffix>", SUFFIX, "<fim_prefix>", PREFIX, "<fim_middle>"),
        file=_file("<filename>"),
        after_files=_named("<filename>"),
        ends=("<|endoftext|>", "<filename>", "<reponame>"),
        stop=("<|endoftext|>", "<filename>"),
        names=(r"mellum",),
    ),
    Family(
        name="starcoder2",
        layout=_spm(*_PLAIN),
        # Lozhkov et al., "StarCoder 2 and The Stack v2", 2024, section 5.1.
        file=_file("<file_sep>"),
        before_files=_repository("<repo_name>"),
        after_files=(_control("<file_sep>"),),
        ends=("<|endoftext|>", "<file_sep>", "<repo_name>"),
        stop=("<|endoftext|>", "<file_sep>", "<repo_name>"),
        marks=("<file_sep>",),
        names=(r"starcoder2", r"starcoder-2"),
    ),
    Family(
        name="starcoder",
        layout=_spm(*_PLAIN),
        file=_file("<filename>"),
        before_files=_repository("<reponame>"),
        after_files=_named("<filename>"),
        ends=("<|endoftext|>", "<filename>", "<reponame>", "<fim_pad>"),
        stop=("<|endoftext|>", "<filename>", "<reponame>"),
        names=(r"starcoder", r"granite.*code", r"stable[-_]?code", r"refact"),
    ),
    Family(
        name="santacoder",
        layout=_spm("<fim-prefix>", "<fim-suffix>", "<fim-middle>"),
        ends=("<|endoftext|>", "<fim-pad>"),
        stop=("<|endoftext|>",),
        names=(r"santacoder",),
    ),
    Family(
        name="codegemma",
        layout=_psm(*_PIPED),
        file=(FILENAME, "\n", TEXT, "\n", _control("<|file_separator|>")),
        ends=("<eos>", "<|file_separator|>"),
        stop=("<eos>", "<|file_separator|>"),
        start="<bos>",
        marks=("<|file_separator|>",),
        names=(r"codegemma",),
    ),
    Family(
        name="codestral",
        layout=_row("[SUFFIX]", SUFFIX, "[PREFIX]", FILES, PREFIX),
        # As in its own clients: plain text above the prefix, there is no token for it.
        file=("+++++ ", FILENAME, "\n", TEXT, "\n"),
        after_files=("+++++ ", FILENAME, "\n"),
        ends=("</s>",),
        stop=("</s>", "[SUFFIX]", "[PREFIX]"),
        start="<s>",
        names=(r"codestral", r"devstral"),
    ),
    Family(
        name="seed-coder",
        layout=_row("<[fim-suffix]>", SUFFIX, "<[fim-prefix]>", PREFIX, "<[fim-middle]>"),
        ends=("<[end▁of▁sentence]>",),
        stop=("<[end▁of▁sentence]>",),
        names=(r"seed[-_]?coder",),
    ),
    PLAIN,
    SERVER,
)


def named(name: str) -> Family | None:
    """The family of that name, or None."""
    return next((family for family in FAMILIES if family.name == name), None)


def from_model_name(model: str) -> Family | None:
    """The family that a model's name tells (`Qwen/Qwen2.5-Coder-1.5B`, `codellama:7b-code`), or None."""
    lowered = model.lower()
    return next((family for family in FAMILIES if any(re.search(name, lowered) for name in family.names)), None)


def from_vocabulary(vocabulary: Collection[str]) -> Family:
    """The family whose control tokens are all in a vocabulary; the one with the most of them wins."""
    known = [family for family in FAMILIES if family.name != "hybrid" and family.fills_in]
    fitting = [family for family in known if all(token in vocabulary for token in family.required)]
    return max(fitting, key=lambda family: len(family.required), default=PLAIN)


def detect(setting: str, model: str, vocabulary: Collection[str] | None = None) -> Family:
    """The family of a model: as the setting says, else by its name, else by its vocabulary, else `plain`.

    A name alone is not believed against a vocabulary that lacks the tokens (fine-tunes drop them).
    """
    if setting not in ("", "auto") and (chosen := named(setting)) is not None:
        return chosen
    by_name = from_model_name(model)
    if vocabulary is None:
        return by_name or PLAIN
    if by_name is not None and all(token in vocabulary for token in by_name.required):
        return by_name
    return from_vocabulary(vocabulary)


def without_controls(text: str, controls: Iterable[str]) -> str:
    """Break every spelling of a control token, for servers that read the prompt as one text.

    A zero-width space goes into the spelling: the model sees almost the same text, and the server no token.
    """
    for spelling in sorted(controls, key=len, reverse=True):
        if spelling and spelling in text:
            half = max(1, len(spelling) // 2)
            text = text.replace(spelling, f"{spelling[:half]}\u200b{spelling[half:]}")
    return text


def render(family: Family, prefix: str, suffix: str, files: Iterable[ContextFile] = (), filename: str = "") -> str:
    """The FIM prompt as one text, for an OpenAI-compatible server's `/v1/completions`; `filename` is the edited file.

    The server adds what a prompt starts with (BOS) by itself.
    """

    def clean(text: str) -> str:
        return without_controls(text, family.written_controls)

    if not family.fills_in:
        return clean(prefix)
    neighbours = "".join(_render_file(family.file, file, clean) for file in files)
    if neighbours:
        here = ContextFile(filename or CURRENT, "")
        before, after = (_render_file(row, here, clean) for row in (family.before_files, family.after_files))
        neighbours = before + neighbours + after
    fill = {PREFIX: clean(prefix), SUFFIX: clean(suffix), FILES: neighbours}
    return "".join(_written(part, fill) for part in family.layout)


def _render_file(row: tuple[Part, ...], file: ContextFile, clean: Callable[[str], str]) -> str:
    fill = {FILENAME: clean(file.filename), TEXT: clean(file.text)}
    return "".join(_written(part, fill) for part in row)


def _written(part: Part, fill: dict[Slot, str]) -> str:
    if isinstance(part, Slot):
        return fill[part]
    return part.written if isinstance(part, Control) else part
