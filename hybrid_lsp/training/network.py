"""Network sizes by name, and the network itself: Llama-shaped, because CTranslate2 and everybody else can run that."""

from typing import Any

import torch
from attrs import define, evolve
from transformers import LlamaConfig, LlamaForCausalLM

from hybrid_lsp.errors import TrainingError


@define(frozen=True)
class Preset:
    """One size of network and how it is trained."""

    hidden: int  # width of the residual stream
    layers: int
    heads: int  # of hidden // heads dimensions each
    kv_heads: int  # fewer than heads: a smaller KV cache and a faster decode (grouped-query attention)
    ffn: int  # width inside the SwiGLU block, about 8/3 of hidden
    vocabulary: int  # input and output embeddings are tied
    context: int  # tokens a row, and at most a prompt with its completion
    batch: int  # rows an optimizer step
    micro: int  # most rows at once; fewer where the memory holds no more
    muon_rate: float  # learning rate of the layers' matrices
    adam_rate: float  # learning rate of embeddings and norms
    decay: float  # share of the run in which the rates fall to 0
    weight_decay: float
    minutes: float  # how long by default


PRESETS = {
    # Rehearsals and tests: seconds.
    "tiny": Preset(64, 2, 2, 1, 176, 1024, 128, 8, 8, 0.02, 6e-3, 0.5, 0.0, 0.5),
    # Two hours on two server cores: about 40M tokens in bf16. 6.5M parameters.
    "cpu": Preset(256, 6, 4, 2, 704, 8192, 512, 16, 8, 0.02, 3e-3, 0.4, 0.05, 100.0),
    # Some 25 minutes on a data-centre GPU: several epochs. 27M parameters, 27 MB in int8.
    "gpu": Preset(512, 8, 8, 2, 1408, 8192, 1024, 128, 64, 0.02, 2e-3, 0.5, 0.1, 25.0),
}


def preset(name: str) -> Preset:
    """A preset by name."""
    if name not in PRESETS:
        raise TrainingError(f"There is no preset {name!r}.", f"Choose one of {', '.join(PRESETS)}.")
    return PRESETS[name]


def config_of(size: Preset, end: int, pad: int) -> LlamaConfig:
    """The architecture in the terms of transformers."""
    return LlamaConfig(
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.ffn,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.kv_heads,
        max_position_embeddings=size.context,
        tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        attention_dropout=0.0,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=pad,
        use_cache=False,
    )


def create(size: Preset, end: int, pad: int) -> Any:
    """A new network (LlamaForCausalLM; transformers is untyped)."""
    model = LlamaForCausalLM(config_of(size, end, pad))
    # The writers into the residual stream start smaller, by depth (GPT-2), so that its variance does not grow.
    with torch.no_grad():
        for layer in model.model.layers:
            for matrix in (layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight):
                matrix.mul_((2 * size.layers) ** -0.5)
    return model


def sized_as(model: Any, size: Preset) -> Preset:
    """A preset with the shape of an existing network, so that its own context is trained."""
    config = model.config
    return evolve(
        size,
        hidden=config.hidden_size,
        layers=config.num_hidden_layers,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        ffn=config.intermediate_size,
        vocabulary=config.vocab_size,
        context=config.max_position_embeddings,
    )


def token_losses(model: Any, tokens: torch.Tensor) -> torch.Tensor:
    """The loss of each target in nats: (rows, context). tokens: (rows, context + 1), targets overlap inputs by one."""
    logits = model(input_ids=tokens[:, :-1]).logits
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="none")
    return losses.view(len(tokens), -1)


def weighted_loss(model: Any, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """The sum of the losses, each times its target's weight. tokens, weights: (rows, context + 1)."""
    return (token_losses(model, tokens) * weights[:, 1:]).sum()
