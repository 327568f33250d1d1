"""What a model answers is told from what it thinks, whatever marks it puts around that and however they are cut."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import ASK_CHAT, HEAD, answer_of, answering, chunks, collect, event, misbehaving

from hybrid_lsp.backends.marks import SENTENCES, TAGS
from hybrid_lsp.backends.reasoning import Splitter, always_thinks
from hybrid_lsp.errors import BackendRefused, BackendTimeout
from hybrid_lsp.types import Chat, Finish, Infill, Kind, Message, Request

FENCED = "```python\ny = 2\n```"
DRAFT = "```python\nx = 1\n```"
REPLIES = {
    "tags": (f"<think>\nPerhaps:\n{DRAFT}\nNo.\n</think>\n\n{FENCED}", FENCED),
    "closed only": (f"Perhaps:\n{DRAFT}\nNo.\n</think>\n\n{FENCED}", FENCED),
    "closed only, glued": ("Perhaps so.</think>It is so.", "It is so."),
    "closed only, after a sentence": ("Perhaps so. </think>\nIt is so.", "It is so."),
    "closed only, empty": ("</think>\n\nIt is so.", "It is so."),
    "closed in an open fence": (f"```python\nx = 1\n</think>\n\n{FENCED}", FENCED),
    "closed behind a fence": (f"{DRAFT}</think>{FENCED}", FENCED),
    "closed twice": ("<think>one</think>\nor two\n</think>\nIt is so.", "It is so."),
    "capitals": ("<Think>\nhm\n</THINK>\nIt is so.", "It is so."),
    "empty": ("<think>\n\n</think>\n\nIt is so.", "It is so."),
    "indented": ("<think>hm</think>\n\n    return x", "    return x"),
    "again in the middle": ("It is\n<think>\nis it?\n</think>\nso.", "It is\nso."),
    "wrapped": ("<think>hm</think><answer>It is so.</answer>", "It is so."),
    "wrapped as a solution": (
        "<|begin_of_thought|>hm<|end_of_thought|>\n\n<|begin_of_solution|>It is so.<|end_of_solution|>",
        "It is so.",
    ),
    "harmony": (
        f"<|channel|>analysis<|message|>{DRAFT}<|end|><|start|>assistant<|channel|>final<|message|>{FENCED}<|return|>",
        FENCED,
    ),
    "harmony with a role": (
        (
            "<|start|>assistant<|channel|>analysis<|message|>hm<|end|>"
            "<|start|>assistant<|channel|>commentary<|message|>I look.<|end|>"
            "<|start|>assistant<|channel|>final <|constrain|>json<|message|>{}"
        ),
        "{}",
    ),
    "harmony opened by the template": (
        "We need to think.<|end|><|start|>assistant<|channel|>final<|message|>It is so.",
        "It is so.",
    ),
    "harmony without its tokens": ("analysisWe need to think.assistantfinalIt is so.", "It is so."),
    "a header that never ends": ("<|channel|>final" + "x" * 300, ""),
}
SPOKEN_OF = [
    "Models write `<think>` and `</think>` around it.\n",
    "They write <think> before and </think> after that.\n",
    "A block such as <think>hm</think>. It is left out.\n",
    "The block ends with </think>\nand the text follows.\n",
    '```python\nre.sub(r"<think>.*?</think>", "", text)\n```',
    "```python\nEND = '</think>'\n```\n",
    "````markdown\n```xml\n<a></think>b\n```\n````\n",
    "The token '<|channel|>' begins a message.",
    "analysis of it: nothing to say",
    "<reasoner.h> is included.",
    "<ReasonCode> is what it takes.",
    "<details>\n<summary>x</summary>\ny</details>",
    "<div>\n  is a block",
    "a < b and c [ d",
    "[THIN] <thin <|chan",
]


def parts(splitter: Splitter, text: str, cuts: list[int]) -> tuple[str, str]:
    """The answer and the thoughts in a text that comes in parts."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    found = [each for start, end in itertools.pairwise(places) for each in splitter.feed(text[start:end])]
    answer, thought = "", ""
    for segment in [*found, *splitter.end()]:
        if segment.kind is Kind.RETRACTION:
            answer, thought = "", thought + answer
        elif segment.kind is Kind.THOUGHT:
            thought += segment.text
        else:
            answer += segment.text
    return answer, thought


def split(text: str, size: int, prompt: str = "", *, chat: bool = True, opened: bool = False) -> str:
    return parts(Splitter(prompt, chat=chat, opened=opened), text, list(range(size, len(text), size)))[0]


WORDS = "harmony without its tokens"
"""Its marks are words, which come whole as tokens do: they are told where their first two letters come together."""


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("name", REPLIES)
def test_the_answer_is_told_from_the_thought(name: str, size: int) -> None:
    text, answer = REPLIES[name]
    if name == WORDS and size < 3:
        return
    assert split(text, size) == answer


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("marks", [*TAGS, *SENTENCES], ids=lambda marks: marks.opens)
def test_every_mark_in_use(marks: Any, size: int) -> None:
    size = max(size, 2) if marks.opens == "analysis" else size
    assert split(f"{marks.opens}{'W' if marks.follows else ' '}hm\n{marks.closes}\nIt is so.", size) == "It is so."


@pytest.mark.parametrize("size", [1, 4, 1000])
@pytest.mark.parametrize("text", SPOKEN_OF)
def test_who_speaks_of_marks_does_not_think(text: str, size: int) -> None:
    assert split(text, size) == text


def test_marks_that_stand_in_the_code_at_hand_may_be_quoted() -> None:
    reply = "It cuts at the end.</think>It is so.\n"
    assert split(reply, 3, prompt="text.split('</think>')") == reply
    assert split("hm\n</think>\nIt is so.", 3, prompt="text.split('</think>')") == "It is so."
    assert split("say <|channel|>x<|message|>", 3, prompt="'<|channel|>'") == "say <|channel|>x<|message|>"


@given(st.text(alphabet="abc <>/`\n'[]|#x", max_size=60), st.lists(st.integers(0, 99), max_size=5))
def test_a_text_without_marks_comes_out_as_it_is(text: str, cuts: list[int]) -> None:
    assert parts(Splitter("", chat=True), text, cuts) == (text if text.strip() else "", "")


@given(st.sampled_from(sorted(set(REPLIES) - {WORDS})), st.lists(st.integers(0, 500), max_size=8))
def test_cuts_change_nothing(name: str, cuts: list[int]) -> None:
    text, answer = REPLIES[name]
    assert parts(Splitter("", chat=True), text, cuts)[0] == answer


@pytest.mark.parametrize("size", [5, 100_000])
@pytest.mark.parametrize("text", ["<thin" * 20_000, "x</think>" + " " * 90_000 + "x", " " * 100_000 + "x"])
def test_what_could_still_become_a_mark_is_not_kept_for_ever(text: str, size: int) -> None:
    splitter = Splitter("", chat=True)
    for start in range(0, len(text), size):
        splitter.feed(text[start : start + size])
        assert len(splitter._text) <= 2500


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hm\n</think>\n\nIt is so.", "It is so."),
        ("<think>\nhm\n</think>\nIt is so.", "It is so."),
        ("It is so.", "It is so."),
        ("<think>\nhm", ""),
        ("", ""),
    ],
)
def test_a_reply_that_is_taken_to_begin_within_reasoning(text: str, answer: str) -> None:
    splitter = Splitter("", chat=True, opened=True)
    assert parts(splitter, text, [1, 5, 9])[0] == answer
    assert splitter.unmarked is (answer == text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("<think>\nhm\n</think>\n  return x", "  return x"),
        ("<think>\nhm", ""),
        ("<think>' in text", "<think>' in text"),
        ("hm\n</think>\nx", "hm\n</think>\nx"),
        ("<|channel|>x", "<|channel|>x"),
        ("Here is my thought process: x", "Here is my thought process: x"),
    ],
)
def test_filled_in_code_has_reasoning_at_its_beginning_or_none(text: str, answer: str) -> None:
    assert split(text, 3, chat=False) == answer


def test_names_that_tell() -> None:
    assert all(map(always_thinks, ["deepseek-ai/DeepSeek-R1", "deepseek-r1:7b", "qwq", "Qwen3-4B-Thinking-2507"]))
    assert not any(map(always_thinks, ["qwen2.5-coder:7b", "gpt-4o", "", "r10", "thinkingcap"]))


# -- over the wire ---------------------------------------------------------------------------------------------------


def streamed(text: str, size: int = 3) -> bytes:
    return chunks(*(text[start : start + size] for start in range(0, len(text), size)))


@pytest.mark.parametrize("name", [name for name in REPLIES if REPLIES[name][1]])
async def test_a_stream_with_marks(name: str) -> None:
    text, answer = REPLIES[name]
    async with answering(streamed(text)) as (backend, _):
        pieces = await collect(backend, ASK_CHAT)
    assert answer_of(pieces) == answer
    assert pieces[-1].finish is Finish.STOP
    assert any(piece.kind is not Kind.ANSWER for piece in pieces) is (name not in ("empty", "closed only, empty"))
    assert all(not piece.text for piece in pieces if piece.kind is not Kind.ANSWER)
    assert sum(piece.tokens for piece in pieces) <= len(text) // 3 + 1


FIELDS: dict[str, list[Any]] = {
    "reasoning_content": [{"reasoning_content": f"Perhaps {DRAFT}"}, {"reasoning_content": " no."}, FENCED],
    "reasoning": [{"content": "", "reasoning": DRAFT}, {"content": FENCED}],
    "parts": [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": DRAFT}]}]},
        {"content": [{"type": "text", "text": FENCED}]},
    ],
    "both": [{"reasoning_content": DRAFT, "content": FENCED}],
}


@pytest.mark.parametrize("name", FIELDS)
async def test_reasoning_in_fields(name: str) -> None:
    async with answering(chunks(*FIELDS[name])) as (backend, _):
        pieces = await collect(backend, ASK_CHAT)
    assert answer_of(pieces) == FENCED
    assert pieces[0].kind is Kind.THOUGHT


async def test_a_whole_body_with_reasoning() -> None:
    message = {"role": "assistant", "reasoning_content": DRAFT, "content": FENCED}
    body = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    async with answering(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body) as (backend, _):
        assert answer_of(await collect(backend, ASK_CHAT)) == FENCED


async def test_a_template_that_opens_the_reasoning_is_learnt_and_unlearnt() -> None:
    replies = [streamed("hm\n</think>\nOne."), streamed("hm\n</think>\nTwo."), streamed("Three."), streamed("Four.")]
    async with answering(lambda _: replies[len(server.asked) - 1]) as (backend, server):
        runs = [await collect(backend, ASK_CHAT) for _ in replies]
    assert [answer_of(pieces) for pieces in runs] == ["One.", "Two.", "Three.", "Four."]
    assert [any(piece.kind is Kind.RETRACTION for piece in pieces) for pieces in runs] == [True, False, False, False]
    # Nothing was shown that had to be taken back, once it was known; and the mistake is corrected.
    assert runs[1][0].kind is Kind.THOUGHT
    assert runs[3][0].kind is Kind.ANSWER


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (chunks({"reasoning_content": "hm"}), "only thought"),
        (chunks("<think>", "hm"), "only thought"),
        (chunks("<think>", "hm", finish="length"), "cut off while it still thought"),
        (chunks({"reasoning": "hm"}, {"content": " "}, finish="length"), "cut off while it still thought"),
        (chunks("hm", "\n</think>"), "only thought"),
    ],
)
async def test_nothing_but_thinking_is_no_answer(sent: bytes, said: str) -> None:
    async with answering(sent) as (backend, server):
        with pytest.raises(BackendRefused, match=said) as caught:
            await collect(backend, ASK_CHAT)
        assert "thinking_tokens" in caught.value.remedy
        assert len(server.asked) == 1  # not again in the same way


async def test_thinking_has_a_budget_beside_that_of_the_answer() -> None:
    thoughts = [{"reasoning_content": "hm "}] * 9
    async with answering(chunks(*thoughts, "It", " is", " so."), thinking_tokens=9) as (backend, server):
        assert answer_of(await collect(backend, ASK_CHAT)) == "It is so."
        assert server.bodies[0]["max_tokens"] == 50 + 9
    async with answering(chunks(*thoughts, "It is so."), thinking_tokens=8) as (backend, server):
        with pytest.raises(BackendRefused, match="more than 8 tokens"):
            await collect(backend, ASK_CHAT)
        await server.gone.wait()


async def test_the_answer_keeps_its_own_limit() -> None:
    short = Request(Chat((Message("user", "hi"),)), max_tokens=3)
    async with answering(chunks({"reasoning_content": "hm"}, "a", "b", "c", "d")) as (backend, _):
        pieces = await collect(backend, short)
    assert (answer_of(pieces), pieces[-1].finish) == ("abc", Finish.LENGTH)
    async with answering(chunks({"reasoning_content": "hm"}, "a", "b", "c")) as (backend, _):
        pieces = await collect(backend, short)
    assert (answer_of(pieces), pieces[-1].finish) == ("abc", Finish.STOP)


async def paced(writer: asyncio.StreamWriter, delta: dict[str, Any], times: int) -> None:
    writer.write(HEAD)
    for _ in range(times):
        writer.write(event({"choices": [{"delta": delta}]}))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(event({"choices": [{"delta": {"content": "well"}, "finish_reason": "stop"}]}))
    await writer.drain()


@pytest.mark.parametrize(("field", "lives"), [("reasoning_content", True), ("content", False)])
async def test_time_spent_thinking_does_not_count(field: str, *, lives: bool) -> None:
    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await paced(writer, {field: "hm "}, 12)

    async with misbehaving(behave, dialect="openai", timeout_s=0.4) as (backend, _):
        if lives:
            assert answer_of(await collect(backend, ASK_CHAT)) == "well"
        else:
            with pytest.raises(BackendTimeout):
                await collect(backend, ASK_CHAT)


async def test_a_thought_before_ghost_text_is_not_shown() -> None:
    body = event({"choices": [{"text": "<think>\nhm\n</think>\nreturn x", "finish_reason": "stop"}]})
    async with answering(HEAD + body) as (backend, _):
        assert answer_of(await collect(backend, Request(Infill("def f(x):\n    ")))) == "return x"


async def test_stop_strings_count_in_the_answer_alone() -> None:
    request = Request(Chat((Message("user", "hi"),)), stop=("END",))
    async with answering(chunks({"reasoning_content": "END"}, "<think>", "END</think>", "a END", " b")) as (backend, _):
        assert answer_of(await collect(backend, request)) == "a "
