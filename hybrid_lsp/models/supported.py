"""The models that are known to work, as data: each is served in a test as transformers serves it, token by token.

`hybrid_lsp.models.families` has their prompt formats, `weights.architectures` their networks; this is where the two
meet, and what `docs/models.md` is written from.
"""

from __future__ import annotations

import attrs

from hybrid_lsp.models import families
from hybrid_lsp.models.families import Control, Family, Slot


@attrs.frozen
class Supported:
    """Models of one kind: `test` is the row of `tests/tiny_families.py` that proves them.

    `architecture` is the class in transformers, `ggml` the architecture in GGUF ("": not read from there), `torch`
    whether only torch runs it, `real` whether real weights of it were served too.
    """

    name: str
    family: str
    architecture: str
    ggml: str
    test: str
    torch: bool = False
    real: bool = False

    @property
    def format(self) -> Family:
        """Its prompt format."""
        found = families.named(self.family)
        assert found is not None
        return found


_LLAMA, _BIGCODE = "LlamaForCausalLM", "GPTBigCodeForCausalLM"

SUPPORTED = (
    Supported("Qwen2.5-Coder", "qwen-coder", "Qwen2ForCausalLM", "qwen2", "qwen2.5-coder", real=True),
    Supported("Qwen3", "qwen-coder", "Qwen3ForCausalLM", "qwen3", "qwen3-coder"),
    Supported(
        "Qwen3-Coder (mixture of experts)", "qwen-coder", "Qwen3MoeForCausalLM", "", "qwen3-coder-moe", torch=True
    ),
    Supported("DeepSeek-Coder", "deepseek-coder", _LLAMA, "llama", "deepseek-coder"),
    Supported("Code Llama", "codellama", _LLAMA, "llama", "codellama"),
    Supported("StarCoder", "starcoder", _BIGCODE, "starcoder", "starcoder"),
    Supported("SantaCoder", "santacoder", _BIGCODE, "", "santacoder"),
    Supported("StarCoder2", "starcoder2", "Starcoder2ForCausalLM", "starcoder2", "starcoder2"),
    Supported("CodeGemma", "codegemma", "GemmaForCausalLM", "gemma", "codegemma"),
    Supported("Granite Code", "starcoder", _LLAMA, "llama", "granite-code"),
    Supported("Mellum", "mellum", _LLAMA, "llama", "mellum"),
    Supported("Codestral", "codestral", "MistralForCausalLM", "llama", "codestral"),
    Supported("Mistral 7B", "plain", "MistralForCausalLM", "llama", "mistral-7b"),
    Supported("Llama 3", "plain", _LLAMA, "llama", "llama-3"),
    Supported("Phi-2", "plain", "PhiForCausalLM", "phi2", "phi-2"),
    Supported("TinyLlama", "plain", _LLAMA, "llama", "tinyllama"),
    Supported("StableLM", "plain", "StableLmForCausalLM", "stablelm", "stablelm"),
    Supported("SmolLM2", "plain", _LLAMA, "llama", "smollm2", real=True),
)


def table() -> str:
    """The models as a Markdown table."""
    heads = ("Model", "Fills in", "Stops at", "From GGUF", "From safetensors", "Real weights", "Test")
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for each in SUPPORTED:
        cells = (cell.replace("|", "\\|") for cell in _cells(each))  # control tokens have the sign of a column in them
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cells(model: Supported) -> tuple[str, ...]:
    return (
        model.name,
        f"`{_written(model.format)}`" if model.format.fills_in else "no: goes on from the prefix alone",
        ", ".join(f"`{token}`" for token in model.format.ends) or "its own end tokens",
        f"yes (`{model.ggml}`)" if model.ggml else "no",
        "as it is, by torch" if model.torch else "yes",
        "yes" if model.real else "",
        f"`{model.test}`",
    )


def _written(family: Family) -> str:
    """A prompt with the slots in words."""
    parts = (
        part.written if isinstance(part, Control) else f" {part.value} " if isinstance(part, Slot) else part
        for part in family.layout
    )
    return " ".join("".join(parts).split())
