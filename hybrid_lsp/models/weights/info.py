"""What somebody's weights are, told by their headers: nothing of their size is read."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import attrs


class Kind(StrEnum):
    """What weights are stored as."""

    GGUF = "gguf"
    SAFETENSORS = "safetensors"
    CT2 = "ctranslate2"
    TRANSFORMERS = "transformers"
    """Safetensors of an architecture that only transformers knows."""


@attrs.frozen
class WeightsInfo:
    """What a file or a folder of weights holds.

    `architecture` as its own format names it (`qwen2`, `LlamaForCausalLM`), `parameters` their count, `quantisation` as
    llama.cpp names it (`Q4_K_M`), or the number format (`BF16`, `INT8`); `context` the window in tokens, `family` the
    prompt format (of `models.families`), `licence` as its maker names it or "", `size` bytes on the disk, `size_int8`
    bytes of the folder that `convert` makes (0: it makes none), `torch_free` whether it does so without torch.
    """

    path: Path
    kind: Kind
    name: str
    architecture: str
    parameters: int
    quantisation: str
    context: int
    family: str
    licence: str
    fills_in: bool
    has_chat: bool
    size: int
    size_int8: int
    torch_free: bool


def inspect(path: Path) -> WeightsInfo:
    """What a GGUF file, or a folder with safetensors or a CTranslate2 model, holds.

    Raises ModelMissing (nothing there, or files are missing) or ModelBroken (a file is no such file, is cut off, lies
    about its sizes, or holds what is not read: pickled weights, an unknown format).
    """
    raise NotImplementedError
