"""The tokenizer: byte-level BPE in which a newline and the indentation after it are one token.

Text never becomes a special token, even where it spells one: the specials are entries of the vocabulary that no merge
reaches (the file's `added_tokens` list, which matches text, is empty), so every program that reads tokenizer.json is
safe without setting anything. They are named as Qwen2.5-Coder names them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from hybrid_lsp.errors import TrainingError

END, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE = "<|endoftext|>", "<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"
FIM_PAD, REPO_NAME, FILE_SEP = "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"
SPECIALS = (END, FIM_PREFIX, FIM_SUFFIX, FIM_MIDDLE, FIM_PAD, REPO_NAME, FILE_SEP)  # ids 0 to 6

VOCABULARY = 8192  # a larger one spends a small network's parameters on rare words
MAX_TOKEN = 40  # characters; longer ones would be licence headers learnt by heart

PIECES = Regex(
    r"\r?\n[ \t]*"  # a newline with its indentation
    r"|[0-9]"  # digits one by one, so that numbers are spelt alike everywhere
    r"| ?[\p{L}_][\p{L}\p{M}_]*"  # words; an identifier's parts between digits
    r"| ?[^\s\p{L}0-9_]+"  # runs of punctuation
    r"|[^\S\r\n]+(?!\S)|\s"  # other white space; the last blank before a word goes to the word
)


def train(texts: Iterable[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """A tokenizer learnt from texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(PIECES, "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # all 256 bytes: every text round-trips
        max_token_length=MAX_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return _without_added(tokenizer)


def _without_added(tokenizer: Tokenizer) -> Tokenizer:
    """The same tokenizer, with specials only in the vocabulary: text that spells one stays text."""
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = []
    return Tokenizer.from_str(json.dumps(content))


def load(path: Path) -> Tokenizer:
    """The tokenizer of a folder (its tokenizer.json) or of a file."""
    file = path / "tokenizer.json" if path.is_dir() else path
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises plain Exception
        raise TrainingError(f"{file} is not a tokenizer: {error}.", "Train one, or name another folder.") from error


def special_ids(tokenizer: Tokenizer) -> dict[str, int]:
    """The ids of the special tokens, by name."""
    ids: dict[str, int] = {}
    for name in SPECIALS:
        found = tokenizer.token_to_id(name)
        if found is None:
            raise TrainingError(
                f"The tokenizer has no token {name}.", "Use a tokenizer with Qwen2.5-Coder's FIM tokens."
            )
        ids[name] = found
    return ids


def newline_ids(tokenizer: Tokenizer) -> list[int]:
    """The ids of all tokens with a newline in them: a one-line completion stops at the first."""
    newline = "Ċ"  # how ByteLevel writes the byte 10
    return sorted(index for token, index in tokenizer.get_vocab().items() if newline in token)


def encode(tokenizer: Tokenizer, texts: list[str]) -> Iterator[list[int]]:
    """Token ids of texts, in parallel."""
    return (encoding.ids for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False))
