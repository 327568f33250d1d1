"""Prompt formats: the data is consistent, the right one is found, and users' text stays text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.models import families
from hybrid_lsp.models.families import FAMILIES, Family
from hybrid_lsp.types import ContextFile

FILLING = [family for family in FAMILIES if family.fills_in]


def family(name: str) -> Family:
    found = families.named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B", "qwen-coder"),
        ("qwen2.5-coder:0.5b-base", "qwen-coder"),
        ("Qwen3-Coder-30B-A3B-Instruct", "qwen-coder"),
        ("deepseek-ai/deepseek-coder-1.3b-base", "deepseek-coder"),
        ("codellama:7b-code", "codellama"),
        ("bigcode/starcoder2-3b", "starcoder2"),
        ("bigcode/starcoderbase-1b", "starcoder"),
        ("bigcode/santacoder", "santacoder"),
        ("google/codegemma-2b", "codegemma"),
        ("codestral-latest", "codestral"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("ByteDance-Seed/Seed-Coder-8B-Base", "seed-coder"),
        ("embedded", "hybrid"),
        ("gpt-4o", "plain"),
    ],
)
def test_a_name_tells_the_family(model: str, expected: str) -> None:
    assert families.detect("auto", model).name == expected


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("hybrid", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
        ("qwen-coder", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
        ("deepseek-coder", "<｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
        ("codellama", "<PRE> <SUF>S <MID> P"),
        ("starcoder2", "<fim_prefix><fim_suffix>S<fim_middle>P"),
        ("santacoder", "<fim-prefix><fim-suffix>S<fim-middle>P"),
        ("codegemma", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        ("codestral", "[SUFFIX]S[PREFIX]P"),
        ("mellum", "<fim_suffix>S<fim_prefix>P<fim_middle>"),
        ("seed-coder", "<[fim-suffix]>S<[fim-prefix]>P<[fim-middle]>"),
        ("plain", "P"),
    ],
)
def test_the_prompt_of_each_family(layout: str, expected: str) -> None:
    assert families.render(family(layout), "P", "S") == expected


FILES = [ContextFile("a.py", "A"), ContextFile("b.py", "B")]


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (
            "qwen-coder",
            (
                "<|repo_name|>project\n<|file_sep|>a.py\nA\n<|file_sep|>b.py\nB\n<|file_sep|>c.py\n"
                "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"
            ),
        ),
        ("deepseek-coder", "<｜fim▁begin｜>#a.py\nA\n#b.py\nB\n#c.py\nP<｜fim▁hole｜>S<｜fim▁end｜>"),
        (
            "mellum",
            "<filename>a.py\nA\n<filename>b.py\nB\n<filename>c.py\n<fim_suffix>S<fim_prefix>P<fim_middle>",
        ),
        (
            "starcoder2",
            "<repo_name>project<file_sep>a.py\nA\n<file_sep>b.py\nB\n<file_sep><fim_prefix><fim_suffix>S<fim_middle>P",
        ),
        (
            "starcoder",
            (
                "<reponame>project<filename>a.py\nA\n<filename>b.py\nB\n<filename>c.py\n"
                "<fim_prefix><fim_suffix>S<fim_middle>P"
            ),
        ),
        (
            "codegemma",
            "a.py\nA\n<|file_separator|>b.py\nB\n<|file_separator|><|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>",
        ),
        ("codestral", "[SUFFIX]S[PREFIX]+++++ a.py\nA\n+++++ b.py\nB\n+++++ c.py\nP"),
        ("hybrid", "<|fim_prefix|><|fim_suffix|>S<|fim_middle|>P"),
        ("codellama", "<PRE> <SUF>S <MID> P"),
        ("santacoder", "<fim-prefix><fim-suffix>S<fim-middle>P"),
    ],
)
def test_the_prompt_with_neighbouring_files(layout: str, expected: str) -> None:
    assert families.render(family(layout), "P", "S", FILES, "c.py") == expected


def test_a_file_without_a_name_is_the_current_one() -> None:
    assert "<|file_sep|>current\n<|fim_prefix|>" in families.render(family("qwen-coder"), "P", "S", FILES)


@pytest.mark.parametrize("known", FILLING, ids=lambda known: known.name)
def test_every_family_is_found_by_its_own_vocabulary(known: Family) -> None:
    found = families.from_vocabulary(known.controls)
    assert found.required <= known.controls
    assert {families.PREFIX, families.SUFFIX} <= set(found.layout)


def test_a_name_is_not_believed_against_the_vocabulary() -> None:
    assert families.detect("auto", "my-qwen2.5-coder-without-fim", {"a", "b"}) is families.PLAIN


def test_the_setting_wins() -> None:
    assert families.detect("starcoder", "qwen2.5-coder").name == "starcoder"


@pytest.mark.parametrize("known", FILLING, ids=lambda known: known.name)
@given(data=st.data())
def test_no_text_of_the_user_spells_a_control_token(known: Family, data: st.DataObject) -> None:
    spelled = st.sampled_from(sorted(known.written_controls))
    text = "".join(data.draw(st.lists(spelled | st.text(max_size=3), max_size=6)))
    clean = families.without_controls(text, known.written_controls)
    assert not any(spelling in clean for spelling in known.written_controls)
    assert clean.replace("\u200b", "") == text.replace("\u200b", "")
