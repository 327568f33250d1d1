"""What ends a generation, looked at after each token."""

from __future__ import annotations

import itertools
import threading

import pytest
import tiny_model
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.engine.base import Sampling
from hybrid_lsp.engine.generation import Chunk, Counters, Generation, Limits, StopType, Summary
from hybrid_lsp.engine.service import BadRequest, Job, Rates
from hybrid_lsp.types import Infill, Message

WORDS = tiny_model.tokenizer()
END = WORDS.control(tiny_model.END)


def generate(
    tokens: list[int],
    limits: Limits | None = None,
    max_tokens: int = 100,
    cancel_after: int | None = None,
    way_after: int | None = None,
) -> tuple[str, list[Chunk], Summary, Counters]:
    chunks: list[Chunk] = []
    counters = Counters()
    seconds = itertools.count()
    cancel, make_way = threading.Event(), threading.Event()

    def emit(chunk: Chunk) -> None:
        chunks.append(chunk)
        if len(chunks) == cancel_after:
            cancel.set()
        if len(chunks) == way_after:
            make_way.set()

    if cancel_after == 0:
        cancel.set()
    if way_after == 0:
        make_way.set()
    run = Generation(
        tokenizer=WORDS,
        prompt=[1],
        limits=limits or Limits(),
        ends=frozenset(WORDS.ends),
        emit=emit,
        cancel=cancel,
        counters=counters,
        make_way=make_way,
        clock=lambda: float(next(seconds)),
    )
    summary = run.run(tiny_model.ScriptedModel(tokens), Sampling(max_tokens))
    return "".join(chunk.text for chunk in chunks), chunks, summary, counters


@given(st.text(st.sampled_from("alph betgm"), max_size=40), st.sampled_from(["bet", "a b", "ph", "m"]))
def test_a_stop_string_is_found_however_the_tokens_cut_it(text: str, stop: str) -> None:
    shown, _, summary, _ = generate([*WORDS.encode(text), END], Limits(stop=(stop,)))
    assert shown == text.split(stop)[0]
    assert summary.stop_type is (StopType.WORD if stop in text else StopType.EOS)
    assert summary.stop_word == (stop if stop in text else "")


def test_the_model_ends_it() -> None:
    shown, chunks, summary, counters = generate([*WORDS.encode("alpha"), END, *WORDS.encode("more")])
    assert shown == "alpha"
    assert summary.stop_type is StopType.EOS
    assert summary.tokens == sum(len(chunk.tokens) for chunk in chunks) == counters.tokens_decoded


def test_any_control_token_ends_it() -> None:
    shown, _, summary, _ = generate([*WORDS.encode("a"), WORDS.control("<|fim_prefix|>"), *WORDS.encode("b")])
    assert (shown, summary.stop_type) == ("a", StopType.EOS)


def test_the_most_tokens_end_it() -> None:
    shown, _, summary, _ = generate(WORDS.encode("0123456789"), max_tokens=4)
    assert (shown, summary.stop_type, summary.tokens) == ("0123", StopType.LIMIT, 4)


def test_what_was_held_back_for_a_stop_comes_at_the_end() -> None:
    shown, _, _, _ = generate([*WORDS.encode("a\n"), END], Limits(stop=("\n\n",)))
    assert shown == "a\n"


def test_a_character_cut_by_the_end_is_not_shown() -> None:
    shown, _, _, _ = generate(WORDS.encode("a\U0001f600"), max_tokens=3)
    assert shown == "a"


def test_the_budget_counts_from_the_first_token() -> None:
    # The clock of these tests goes on by a second at each look.
    shown, _, summary, _ = generate(WORDS.encode("0123456789"), Limits(budget_ms=3000))
    assert (shown, summary.stop_type) == ("0123", StopType.TIME)


def test_a_first_line_that_is_too_unlikely_ends_it() -> None:
    # Each token of these tests costs half a nat.
    shown, _, summary, _ = generate(WORDS.encode("0123456789"), Limits(least=-1.2))
    assert (shown, summary.stop_type) == ("012", StopType.UNLIKELY)
    shown, _, summary, _ = generate([*WORDS.encode("01"), END], Limits(least=-1.2))
    assert (shown, summary.stop_type) == ("01", StopType.EOS)
    shown, _, summary, _ = generate([*WORDS.encode("0\n123456789"), END], Limits(least=-1.2))
    assert (shown, summary.stop_type) == ("0\n123456789", StopType.EOS)


def test_no_token_is_asked_for() -> None:
    shown, _, summary, counters = generate(WORDS.encode("abc"), max_tokens=0)
    assert (shown, summary.tokens, counters.tokens_decoded) == ("", 0, 0)


def test_a_cancel_is_seen_at_the_next_token() -> None:
    shown, _, summary, counters = generate(WORDS.encode("0123456789"), cancel_after=3)
    assert (shown, summary.stop_type) == ("012", StopType.CANCELLED)
    assert (counters.tokens_after_cancel, counters.generations_cancelled) == (1, 1)


def test_what_is_cancelled_before_it_starts_decodes_nothing() -> None:
    _, _, summary, counters = generate(WORDS.encode("0123456789"), cancel_after=0)
    assert summary.stop_type is StopType.CANCELLED
    assert (counters.tokens_decoded, counters.generations_cancelled) == (0, 1)


def test_what_makes_way_ends_with_the_token_that_it_has() -> None:
    shown, _, summary, counters = generate(WORDS.encode("0123456789"), way_after=3)
    assert (shown, summary.stop_type) == ("012", StopType.PREEMPTED)
    assert (counters.generations_preempted, counters.generations_cancelled) == (1, 0)
    assert (counters.tokens_decoded, counters.tokens_after_cancel) == (3, 0)


def test_what_makes_way_before_it_starts_decodes_nothing() -> None:
    _, _, summary, counters = generate(WORDS.encode("0123456789"), way_after=0)
    assert (summary.stop_type, counters.tokens_decoded) == (StopType.PREEMPTED, 0)


async def ask(job: Job, text: str = "alpha") -> tuple[str, Summary, list[int]]:
    engine = tiny_model.scripted_engine(text)
    items = [item async for item in engine.stream(job)]
    engine.close()
    model = engine.model
    assert isinstance(model, tiny_model.ScriptedModel)
    assert model.closed
    summary = items.pop()
    assert isinstance(summary, Summary)
    return "".join(item.text for item in items if isinstance(item, Chunk)), summary, model.prompts[0]


async def test_the_prompt_is_cut_alike_for_all_usual_lengths_of_an_answer() -> None:
    cuts = [(await ask(Job(Infill("p" * 3000, "s" * 3000), max_tokens=wanted)))[2] for wanted in (0, 1, 40, 128)]
    assert all(prompt == cuts[0] for prompt in cuts)
    assert len(cuts[0]) == tiny_model.CONTEXT * 7 // 8


async def test_a_long_answer_has_its_room() -> None:
    text, summary, prompt = await ask(Job(Infill("p" * 3000, "s" * 3000), max_tokens=200))
    assert text == "alpha"
    assert len(prompt) == summary.prompt_tokens == tiny_model.CONTEXT - 200


async def test_half_of_the_window_is_the_texts() -> None:
    _, _, prompt = await ask(Job(Infill("p" * 3000), max_tokens=None))
    assert len(prompt) == tiny_model.CONTEXT // 2


async def test_a_prompt_that_does_not_fit_is_refused() -> None:
    for prompt in ("p" * 3000, (Message("user", "p" * 3000),)):
        with pytest.raises(BadRequest, match="window"):
            await ask(Job(prompt))


async def test_a_raw_prompt_may_be_a_format_and_an_empty_one_begins_a_document() -> None:
    _, _, prompt = await ask(Job("<|fim_prefix|>a"))
    assert prompt[0] == WORDS.control("<|fim_prefix|>")
    _, _, empty = await ask(Job(""))
    assert len(empty) == 1


async def test_a_job_cancelled_before_its_turn_never_starts() -> None:
    engine = tiny_model.scripted_engine("alpha")
    job = Job("x")
    job.cancel.set()
    assert [item async for item in engine.stream(job)] == []
    assert (engine.counters.requests_dropped, engine.counters.generations_started) == (1, 0)
    engine.close()


async def test_the_rates_are_measured() -> None:
    engine = tiny_model.scripted_engine("alpha beta gamma")
    engine.measure()
    assert engine.rates.prefill > 0
    assert engine.rates.decode > 0
    assert engine.counters == Counters()
    engine.close()


async def test_the_rates_follow_the_requests() -> None:
    """By what a whole prompt and a reply of some length took; little is learnt from one request."""
    engine = tiny_model.scripted_engine("alpha beta gamma")
    engine.rates = Rates(1.0, 1.0)
    async for _ in engine.stream(Job(Infill("p" * 300))):
        pass
    assert engine.rates.prefill > 1.0
    assert engine.rates.decode > 1.0
    assert engine.idle.tokens_a_second == engine.rates.prefill
    before = engine.rates
    async for _ in engine.stream(Job(Infill("p"), max_tokens=2)):
        pass
    assert engine.rates == before
    engine.close()
