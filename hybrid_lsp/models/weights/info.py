"""What somebody's weights are, told by their headers: nothing of their size is read."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import ModelBroken, ModelMissing
from hybrid_lsp.models import families
from hybrid_lsp.models.folders import Kind, context_of, first_line, read_json
from hybrid_lsp.models.weights import architectures, ct2, gguf, safetensors, vocabulary
from hybrid_lsp.models.weights.architectures import NotOurs, size_int8

_AGAIN = "Copy the file again."
_BLOB = re.compile(r"sha256[-:][0-9a-f]{16,}")


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
    about its sizes, or holds what is not read: pickled weights, an unknown format, a program of its own).
    """
    try:
        return _of(path)
    except FACTS as error:
        raise misfit(path, error) from error


FACTS = (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError)
"""What comes of a fact of another kind than the format has there (a text for a number, a list of one for a mapping)."""


def misfit(path: Path, error: Exception) -> ModelBroken:
    """The error for facts about a model that are not what they should be."""
    return ModelBroken(
        f"What {path} says about its model cannot be used: {type(error).__name__}: {first_line(error)}.", _AGAIN
    )


def _of(path: Path) -> WeightsInfo:
    if path.is_dir():
        return _of_ct2(path) if (path / "model.bin").is_file() else _of_transformers(path)
    if not path.exists():
        raise ModelMissing(f"There is nothing at {path}.", "Give a GGUF file, or a folder with a model.")
    if path.suffix in (".bin", ".pt", ".pth", ".ckpt"):
        raise ModelBroken(
            f"{path} holds pickled weights, and reading a pickle can run any program.",
            "Get the model's .safetensors, or a GGUF file of it.",
        )
    if path.suffix == ".safetensors":
        raise ModelBroken(f"{path} is only the weights of a model.", f"Give their folder, {path.parent}.")
    return _of_gguf(path)


def _of_gguf(path: Path) -> WeightsInfo:
    file = gguf.read(path)
    network = architectures.of_gguf(file)
    words = vocabulary.read(file)
    known = file.metadata
    name = path.name.removesuffix(".gguf")
    if _BLOB.fullmatch(name):
        name = str(known.get("general.name") or name)
    hint = "-".join([name, *(str(known.get(f"general.{key}", "")) for key in ("basename", "name"))]).replace(" ", "-")
    family = families.detect("auto", hint, set(words.tokens))
    return WeightsInfo(
        path=path,
        kind=Kind.GGUF,
        name=name,
        architecture=file.architecture,
        parameters=sum(math.prod(place.shape) for place in file.places.values()),
        quantisation=_quantisation(file),
        context=network.context,
        family=family.name,
        licence=str(known.get("general.license", "")),
        fills_in=family.fills_in,
        has_chat=bool(vocabulary.chat_template(file)),
        size=path.stat().st_size,
        size_int8=size_int8(network, tied="output.weight" not in architectures.named_tensors(file, network)),
        torch_free=True,
    )


def _quantisation(file: gguf.GgufFile) -> str:
    """The file's own word for it, or the number format of most of its weights."""
    from gguf.constants import GGMLQuantizationType, LlamaFileType

    try:
        return LlamaFileType(file.metadata["general.file_type"]).name.removeprefix("MOSTLY_").removeprefix("ALL_")
    except (KeyError, ValueError):
        weights: Counter[int] = Counter()
        for place in file.places.values():
            weights[place.kind] += math.prod(place.shape)
        return GGMLQuantizationType(weights.most_common(1)[0][0]).name if weights else ""


def _of_transformers(folder: Path) -> WeightsInfo:
    places = safetensors.places(safetensors.files_of(folder))
    if not (folder / "config.json").is_file():
        raise ModelMissing(f"In the model folder {folder} is missing: config.json.", "Copy the model's config.json.")
    config = read_json(folder / "config.json")
    parameters = sum(math.prod(place.shape) for place in places.values())
    try:
        network = architectures.of_transformers(config, str(folder))
        tied = bool(config.get("tie_word_embeddings")) or not {"lm_head.weight"} & places.keys()
        kind, context, int8 = Kind.SAFETENSORS, network.context, size_int8(network, tied)
        tokens, _ = tokens_of(folder)
    except NotOurs as error:
        if config.get("auto_map"):
            raise ModelBroken(
                f"{folder} needs a program that the model brings along (`auto_map`), which is never run.",
                "Choose a model of an architecture that is known, or serve a GGUF file of it with llama-server.",
            ) from error
        kind, context, int8, tokens = Kind.TRANSFORMERS, context_of(config), parameters, _tokens_if_any(folder)
    formats = Counter(place.kind for place in places.values() for _ in range(1))
    family = families.detect("auto", folder.name, set(tokens))
    classes = config.get("architectures") or [""]
    return WeightsInfo(
        path=folder,
        kind=kind,
        name=folder.name,
        architecture=str(classes[0]),
        parameters=parameters,
        quantisation=formats.most_common(1)[0][0] if formats else "",
        context=context,
        family=family.name,
        licence=_licence(folder),
        fills_in=family.fills_in,
        has_chat=_has_chat(folder),
        size=_size(folder),
        size_int8=int8,
        torch_free=kind is Kind.SAFETENSORS,
    )


def _of_ct2(folder: Path) -> WeightsInfo:
    names = ("config.json", "tokenizer.json")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ModelMissing(f"In the model folder {folder} are missing: {', '.join(missing)}.", "Copy these files too.")
    facts = read_json(folder / "family.json") if (folder / "family.json").is_file() else {}
    config = read_json(folder / "config.json")
    weights = ct2.Weights(folder / "model.bin")
    found = [(math.prod(weights.shape(name)), weights.size(name)) for name in weights.own]
    tokens, _ = tokens_of(folder)
    family = families.named(str(facts.get("family", ""))) or families.detect("auto", folder.name, set(tokens))
    parameters, size = sum(count for count, _ in found), sum(size for _, size in found)
    return WeightsInfo(
        path=folder,
        kind=Kind.CT2,
        name=str(facts.get("name") or folder.name),
        architecture="",
        parameters=parameters,
        quantisation={1: "INT8", 2: "FLOAT16"}.get(round(size / max(1, parameters)), "FLOAT32"),
        context=context_of(facts) if facts.get("context") else context_of(config),
        family=family.name,
        licence=str(facts.get("licence", "")),
        fills_in=family.fills_in,
        has_chat=_has_chat(folder),
        size=_size(folder),
        size_int8=_size(folder),
        torch_free=True,
    )


def tokens_of(folder: Path) -> tuple[list[str], dict[str, str | None]]:
    """The tokens by id of a folder with a tokenizer.json, and which of them begin, end, and stand for the unknown.

    Raises ModelMissing or ModelBroken.
    """
    if not (folder / "tokenizer.json").is_file():
        raise ModelMissing(
            f"In the model folder {folder} is missing: tokenizer.json.",
            "Copy it there; transformers makes it: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)",
        )
    description = read_json(folder / "tokenizer.json")
    try:
        tokens = _by_id(description)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ModelBroken(f"{folder / 'tokenizer.json'} cannot be used.", _AGAIN) from error
    path = folder / "tokenizer_config.json"
    config = read_json(path) if path.is_file() else {}
    known, specials = set(tokens), {}
    for key in ("bos_token", "eos_token", "unk_token"):
        value = config.get(key)
        value = value.get("content") if isinstance(value, dict) else value
        specials[key] = value if value in known else None
    return tokens, specials


_MOST_TOKENS = 4_000_000


def _by_id(description: dict[str, Any]) -> list[str]:
    words = description["model"]["vocab"]
    numbered = dict(words) if isinstance(words, dict) else {entry[0]: index for index, entry in enumerate(words)}
    numbered |= {token["content"]: token["id"] for token in description.get("added_tokens") or []}
    names = {int(index): str(token) for token, index in numbered.items()}
    if not names or min(names) < 0 or max(names) >= _MOST_TOKENS:
        raise ValueError("ids")
    return [names.get(index, f"<unused_id_{index}>") for index in range(max(names) + 1)]


def _tokens_if_any(folder: Path) -> list[str]:
    return tokens_of(folder)[0] if (folder / "tokenizer.json").is_file() else []


def _has_chat(folder: Path) -> bool:
    if (folder / "chat_template.jinja").is_file():
        return True
    path = folder / "tokenizer_config.json"
    return path.is_file() and bool(read_json(path).get("chat_template"))


def _licence(folder: Path) -> str:
    """As the head of the model's card names it."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    head = card.read_text(encoding="utf-8", errors="replace")[:4000].partition("---")[2].partition("\n---")[0]
    found: dict[str, str] = dict(re.findall(r"(?m)^(license|license_name):\s*[\"']?([\w.-]+)", head))
    return found.get("license_name") or found.get("license", "")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
