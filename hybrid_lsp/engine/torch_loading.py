"""How a model of transformers is loaded: its number format, whole or quantised, and the devices that it lies on."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hybrid_lsp.errors import ConfigError, ModelBroken, ModelError

DTYPES = ("auto", "float32", "bfloat16", "float16")
QUANTISED = {"int8": 8, "int4": 4}
"""Formats of the weights that a package of its own computes with; what is computed stays as the model says."""
_QUANTISERS = {"bitsandbytes": "bitsandbytes", "optimum-quanto": "optimum.quanto"}
"""Packages and their modules; the first that is installed is taken."""
_WHOLE_DEVICES = ("cpu", "cuda", "mps", "xpu")


def libraries() -> tuple[Any, Any]:
    """torch and transformers. Raises ModelError."""
    try:
        import accelerate  # type: ignore[import-untyped]  # noqa: F401  # places and quantises for transformers
        import torch
        import transformers
    except ImportError as error:
        raise ModelError(
            f"This model needs torch, transformers and accelerate ({error.name} is missing).",
            "pip install 'hybrid-lsp[torch]'",
        ) from error
    return torch, transformers


def check(compute_type: str) -> None:
    """Raises ConfigError for a format that there is not, ModelError where what it needs is not installed."""
    if compute_type not in (*DTYPES, *QUANTISED):
        known = ", ".join((*DTYPES, *QUANTISED))
        raise ConfigError(f"On torch there is no compute type {compute_type}.", f"Choose one of {known}.")
    if compute_type in QUANTISED and _quantiser() is None:
        wanted = " or ".join(_QUANTISERS)
        raise ModelError(
            f"On torch the compute type {compute_type} needs a package that is not installed ({wanted}).",
            "pip install optimum-quanto, or set `compute_type` to `auto`.",
        )


def load(folder: Path, compute_type: str, device: str) -> Any:
    """The model, ready to be asked.

    `device` is one of torch's (`cpu`, `cuda:1`, `mps`); `auto` a GPU where there is one; `balanced` spreads the layers
    over all GPUs and, where they do not fit, the processor. Raises ConfigError, ModelError (a package is missing),
    ModelBroken.
    """
    check(compute_type)
    torch, transformers = libraries()
    options: dict[str, Any] = {"device_map": _placed(torch, device), "dtype": compute_type}
    if compute_type in QUANTISED:
        options |= {"quantization_config": _quantisation(torch, transformers, compute_type), "dtype": "auto"}
    try:
        # Code that a model brings along is never run.
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, **options
        )
    except Exception as error:  # transformers, safetensors and torch each raise their own
        first_line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelBroken(
            f"The model in {folder} does not load: {first_line}", "Copy its files again, or choose another model."
        ) from error
    return model.eval()


def _placed(torch: Any, device: str) -> str | dict[str, str]:
    """transformers' `device_map`."""
    if device == "balanced":
        return "auto"
    name = _best(torch) if device == "auto" else device
    kind, _, number = name.partition(":")
    if kind not in _WHOLE_DEVICES or (number and not number.isdigit()):
        known = ", ".join(("auto", "balanced", *_WHOLE_DEVICES))
        raise ConfigError(f"There is no device `{device}`.", f"Known are {known}, and `cuda:1` and its like.")
    if not _is_there(torch, kind, int(number or 0)):
        raise ConfigError(f"torch finds no device `{device}` on this machine.", "Set `device` to `auto` or to `cpu`.")
    return {"": name}


def _best(torch: Any) -> str:
    return next((kind for kind in ("cuda", "xpu", "mps") if _is_there(torch, kind, 0)), "cpu")


def _is_there(torch: Any, kind: str, number: int) -> bool:
    if kind in ("cpu", "mps"):
        return number == 0 and (kind == "cpu" or bool(torch.backends.mps.is_available()))
    found = getattr(torch, kind, None)
    return found is not None and bool(found.is_available()) and number < found.device_count()


def _quantiser() -> str | None:
    return next((name for name, module in _QUANTISERS.items() if _installed(module)), None)


def _installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # of a package in a package that is not there
        return False


def _quantisation(torch: Any, transformers: Any, compute_type: str) -> Any:
    bits = QUANTISED[compute_type]
    if _quantiser() == "bitsandbytes":
        return transformers.BitsAndBytesConfig(load_in_8bit=bits == 8, load_in_4bit=bits == 4)
    _compile_nothing(torch)
    return transformers.QuantoConfig(weights=compute_type)


def _compile_nothing(torch: Any) -> None:
    """Let torch take optimum-quanto's weights of four bits apart: by itself that package compiles C++ for it, minutes
    at a first answer, and fails on a machine without a compiler."""
    from optimum.quanto.library.extensions.extension import get_extension  # type: ignore[import-untyped]

    def unpack(packed: Any, bits: int) -> Any:
        """The values that lie in one byte, the lowest bits first: (rows, …) to (rows · 8 / bits, …), uint8."""
        return torch.cat([packed >> bits * at & 2**bits - 1 for at in range(8 // bits)])

    get_extension("quanto_cpp")._lib = SimpleNamespace(unpack=unpack)
