"""The process that converts: `python -m hybrid_lsp.models.weights.worker SOURCE TARGET QUANTIZATION`.

It reads and writes one tensor at a time; what it says to whoever started it is in `conversion`.
"""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import DiskFull, HybridLspError, ModelBroken, ModelError
from hybrid_lsp.models.folders import FAMILY_FILE, Kind, first_line, read_json
from hybrid_lsp.models.weights import architectures, gguf, info, safetensors, vocabulary
from hybrid_lsp.models.weights.architectures import Network
from hybrid_lsp.models.weights.tensors import Tensor, Tensors

COPIED = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
)
TORCH = "pip install 'hybrid-lsp[torch]'"
_TELL_S = 0.2


def main(argv: list[str]) -> int:
    source, target, quantization = Path(argv[0]), Path(argv[1]), argv[2]
    if hasattr(os, "nice"):
        os.nice(10)  # somebody types meanwhile
    try:
        _convert(source, target, quantization)
    except HybridLspError as error:
        # Only the classes of `errors` are known to who reads this.
        kind = type(error).__name__ if type(error).__module__ == HybridLspError.__module__ else ModelError.__name__
        _say(error=kind, message=error.message, remedy=error.remedy)
        return 1
    except BrokenPipeError:
        shutil.rmtree(target, ignore_errors=True)  # who asked is gone
        return 1
    except OSError as error:
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        kind = DiskFull.__name__ if full else ModelError.__name__
        _say(error=kind, message=f"The model cannot be written: {error.strerror or error}.", remedy="Make room there.")
        return 1
    _say(done=True)
    return 0


def _say(**told: Any) -> None:
    print(json.dumps(told), flush=True)


@attrs.define
class _Progress:
    """Tells how much of all elements has been written, a few times a second."""

    total: int
    done: int = 0
    _told: float = 0.0

    def __call__(self, elements: int) -> None:
        self.done += elements
        now = time.monotonic()
        if now - self._told >= _TELL_S:
            self._told = now
            _say(share=min(0.99, self.done / max(1, self.total)), what="converting the weights")


def _convert(source: Path, target: Path, quantization: str) -> None:
    facts = info.inspect(source)
    _say(share=0.0, what="reading the vocabulary")
    try:
        _write(facts, target, quantization)
    except info.FACTS as error:
        raise info.misfit(source, error) from error
    told = {"name": facts.name, "family": facts.family, "context": facts.context, "licence": facts.licence}
    _write_json(target / FAMILY_FILE, {**told, "source": str(facts.kind), "quantisation": facts.quantisation})


def _write(facts: info.WeightsInfo, target: Path, quantization: str) -> None:
    source = facts.path
    if facts.kind is Kind.CT2:
        _copy(source, target)
    elif facts.kind is Kind.GGUF:
        _convert_gguf(source, target, quantization)
    elif facts.kind is Kind.SAFETENSORS:
        _convert_safetensors(source, target, quantization)
    else:
        _convert_with_torch(source, target, quantization)


def _copy(source: Path, target: Path) -> None:
    for path in source.iterdir():
        if path.is_file() and path.name != FAMILY_FILE:
            shutil.copyfile(path, target / path.name)


def _convert_gguf(source: Path, target: Path, quantization: str) -> None:
    file = gguf.read(source)
    network = architectures.of_gguf(file)
    words = vocabulary.read(file)
    vocabulary.save(words, target)
    specials = {"bos_token": words.special("bos"), "eos_token": words.special("eos"), "unk_token": words.unknown}
    _save(target, network, architectures.named_tensors(file, network), words.tokens, specials, quantization)


def _convert_safetensors(source: Path, target: Path, quantization: str) -> None:
    config = read_json(source / "config.json")
    network = architectures.of_transformers(config, str(source))
    found = safetensors.tensors(safetensors.places(safetensors.files_of(source)))
    tensors = architectures.named_as_gguf(network.architecture, found, network)
    if config.get("tie_word_embeddings"):
        tensors.pop("output.weight", None)
    for name in COPIED:
        if (source / name).is_file():
            shutil.copyfile(source / name, target / name)
    tokens, specials = info.tokens_of(source)
    _save(target, network, tensors, tokens, specials, quantization)


def _save(
    target: Path,
    network: Network,
    tensors: dict[str, Tensor],
    tokens: list[str],
    specials: dict[str, str | None],
    quantization: str,
) -> None:
    # CTranslate2 loads torch wherever it is installed, which is slow and takes memory; nothing here needs it.
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]
    from hybrid_lsp.models.weights import spec as specs

    tied = "output.weight" not in tensors
    total = network.parameters + (0 if tied else network.vocabulary * network.width)
    spec = specs.build(network, Tensors(tensors, "the model"), quantization == "int8", _Progress(total))
    spec.register_vocabulary(_named(tokens, network.vocabulary))
    for name, token in specials.items():
        setattr(spec.config, name, token if token is not None else "")
    spec.validate()
    if tied:
        specs.tie(spec)
    spec.save(str(target))


def _named(tokens: list[str], size: int) -> list[str]:
    """A name for each row of the embedding; a vocabulary is often padded to a round number of them."""
    if len(tokens) > size:
        raise ModelBroken(
            f"The vocabulary has {len(tokens)} tokens and the weights are for {size}.",
            "Its files may not belong together: get them again.",
        )
    return [*tokens, *(f"<extra_id_{index}>" for index in range(size - len(tokens)))]


def _convert_with_torch(source: Path, target: Path, quantization: str) -> None:
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("torch") is None:
        raise ModelError(f"Converting {source} needs transformers and torch.", TORCH)
    from ctranslate2.converters import TransformersConverter

    _say(share=0.0, what="converting with torch")
    present = [name for name in COPIED if (source / name).is_file()]
    try:
        # Code that a model brings along is never run.
        TransformersConverter(str(source), copy_files=present, low_cpu_mem_usage=True, trust_remote_code=False).convert(
            str(target), quantization=quantization, force=True
        )
    except (ValueError, OSError, KeyError, RuntimeError, AttributeError) as error:
        raise ModelBroken(
            f"{source} cannot be converted to CTranslate2: {first_line(error)}",
            "Use the folder as it is: the engine then runs it with torch.",
        ) from error


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
