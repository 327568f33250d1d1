"""The marks that models were trained to write around their reasoning, their answers and their turns, as data."""

from __future__ import annotations

import attrs


@attrs.frozen
class Marks:
    """What opens reasoning and what closes it; `follows` is what must come after the opening one."""

    opens: str
    closes: str
    follows: str = ""


TAGS = (
    Marks("<think>", "</think>"),  # DeepSeek, Qwen, GLM, MiniMax, Nemotron, Phi
    Marks("<thinking>", "</thinking>"),
    Marks("<thought>", "</thought>"),  # Gemini, EXAONE
    Marks("<thoughts>", "</thoughts>"),
    Marks("<reasoning>", "</reasoning>"),
    Marks("<antThinking>", "</antThinking>"),
    Marks("<scratchpad>", "</scratchpad>"),
    Marks("&lt;think&gt;", "&lt;/think&gt;"),  # servers that make it fit for a page
    Marks("<mm:think>", "</mm:think>"),  # MiniMax
    Marks("<seed:think>", "</seed:think>"),  # Seed-OSS
    Marks("<longcat_think>", "</longcat_think>"),
    Marks("[THINK]", "[/THINK]"),  # Magistral
    Marks("[THINKING]", "[/THINKING]"),
    Marks("<|think|>", "<|/think|>"),
    Marks("<|thinking|>", "<|/thinking|>"),
    Marks("◁think▷", "◁/think▷"),  # Kimi
    Marks("<|begin_of_thought|>", "<|end_of_thought|>"),  # OpenThinker, Sky-T1
    Marks("<|START_THINKING|>", "<|END_THINKING|>"),  # Command A
    Marks("<|inner_prefix|>", "<|inner_suffix|>"),  # Apertus
    Marks("<|channel>thought", "<channel|>"),  # Gemma
    Marks("<unused94>thought", "<unused95>"),  # MedGemma
)
SENTENCES = (
    Marks("Here is my thought process:", "Here is my response:"),  # Granite
    Marks("Here's my thought process:", "Here's my response:"),
    Marks("Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]"),  # Apriel
    # gpt-oss where the server has left out the control tokens.
    Marks("analysis", "assistantfinal", follows=r"[A-Z]"),
)
"""Words in place of marks: they count at the beginning of a reply only."""
WHOLE_WORDS = ("analysis", "assistantfinal")
"""Marks that come as whole tokens: a text is not held back because it ends in their first letter."""
WRAPPERS = (
    Marks("<answer>", "</answer>"),
    Marks("<response>", "</response>"),
    Marks("<output>", "</output>"),
    Marks("<solution>", "</solution>"),
    Marks("<final>", "</final>"),
    Marks("<final_answer>", "</final_answer>"),
    Marks("<|begin_of_box|>", "<|end_of_box|>"),  # GLM
    Marks("<|begin_of_solution|>", "<|end_of_solution|>"),
    Marks("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    Marks("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),
)
"""What some models put around the answer, once they have thought."""

TURN_HEADS = (
    "<|im_start|>assistant",  # ChatML: Qwen, SmolLM
    "<|start_header_id|>assistant<|end_header_id|>",  # Llama 3
    "<start_of_turn>model",  # Gemma
    "<|assistant|>",  # Phi, GLM
    "<｜Assistant｜>",  # noqa: RUF001 (DeepSeek)
)
"""What begins a model's turn; some write it once more."""
TURN_ENDS = (
    *("<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>", "<|EOT|>"),
    *("<|eot|>", "<|END_OF_TURN_TOKEN|>", "<｜end▁of▁sentence｜>", "<|im_start|>", "<start_of_turn>", "<eos>"),  # noqa: RUF001
    "<|start_header_id|>",
)
"""What ends a turn where the server does not know it; what comes after is no answer any more."""
LAST_END = "</s>"
"""The same, which is also a tag of HTML: it counts at the very end only."""
