"""The typing path with a scripted model: what is asked, what is shown, and why there is nothing."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.completion import deep
from hybrid_lsp.completion import work as work_module
from hybrid_lsp.completion.confidence import Copies, Judge, judge_of
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.debounce import Rhythm
from hybrid_lsp.completion.deep import HOLE
from hybrid_lsp.completion.generate import Generation
from hybrid_lsp.completion.lines import Line
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Answer, Query, Selected
from hybrid_lsp.completion.suggest import COPY, Presenter
from hybrid_lsp.completion.surroundings import Surroundings
from hybrid_lsp.completion.trim import Site
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import BackendFailed, BackendTimeout, BackendUnavailable
from hybrid_lsp.models.confidence import HISTORY, LITTLE, Calibrator, Confidence
from hybrid_lsp.routing.candidates import Candidate
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Chat, Finish, Infill, Reason, Tier

CURSOR = "‸"


@pytest.fixture(autouse=True)
def never_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a model is late, and what there is by then is shown: that is tested where it is meant."""
    monkeypatch.setattr(work_module, "SHOWN_WITHIN_S", 1e6)


def flat(probability: float, features: int) -> Calibrator:
    """A calibrator that gives every suggestion the same probability."""
    return Calibrator(
        [0.0] * features, [1.0] * features, [math.log(probability / (1 - probability))] + [0.0] * features
    )


def judge(copy: float = 0.01, network: float = 0.9, threshold: float = 0.5) -> Judge:
    calibrators = {
        "copy": flat(copy, 9),
        "network": flat(network, 9),
        "copy beside": flat(copy, 14),
        "network beside": flat(network, 14),
    }
    return Judge(Confidence(calibrators, threshold), knows_network=True)


def query(marked: str, **changes: Any) -> Query:
    offset = marked.index(CURSOR)
    text = marked.replace(CURSOR, "")
    return Query(Document("file:///a.py", text, language=changes.pop("language", "python")), offset, **changes)


async def complete(
    marked: str,
    *replies: FakeReply | str,
    judge_: Judge | None = None,
    config: CompletionConfig | None = None,
    backend: FakeBackend | None = None,
    **changes: Any,
) -> tuple[Answer, FakeBackend]:
    fake = backend or FakeBackend()
    fake.enqueue(replies)
    pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None, judge_ or Judge())
    settings = Config(completion=config or CompletionConfig(debounce_ms=0))
    return await pipeline.complete(query(marked, **changes), settings), fake


async def turns() -> None:
    """So many turns of the loop that whatever needs no time has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


def shown(answer: Answer) -> str:
    assert answer.reason is None
    return answer.suggestions[0].text


async def test_a_line_is_asked_for_and_shown_at_the_cursor() -> None:
    answer, fake = await complete("x = ‸\ny = 2\n", "1 + 2")
    assert shown(answer) == "1 + 2"
    assert answer.suggestions[0].span == Span(4, 4)
    assert (answer.tier, answer.model) == (Tier.SMALL, "fake")
    (request,) = fake.requests
    assert request.prompt == Infill("x = ", "\ny = 2\n")
    assert request.stop == ("\n",)


async def test_an_empty_line_gets_several_lines_as_far_as_the_model_is_sure() -> None:
    answer, fake = await complete("def f():\n    ‸\n", FakeReply("a = 1\n    b = 2\n    c = 3\n", logprob=-0.1))
    assert shown(answer) == "a = 1\n    b = 2\n    c = 3"
    assert fake.requests[0].stop == ("\n\n",)
    answer, _ = await complete("def f():\n    ‸\n", FakeReply("a = 1\n    b = 2\n    c = 3\n", logprob=-2.0))
    assert shown(answer) == "a = 1"


async def test_the_model_is_stopped_when_there_are_enough_lines() -> None:
    answer, fake = await complete("def f():\n    ‸\n", FakeReply("".join(f"line{n} = {n}\n    " for n in range(50))))
    assert shown(answer).count("\n") == 3
    assert fake.cancelled == 1
    assert fake.pieces < 20


async def test_multiline_can_be_switched_off() -> None:
    config = CompletionConfig(debounce_ms=0, multiline=False)
    answer, fake = await complete("def f():\n    ‸\n", "a = 1", config=config)
    assert shown(answer) == "a = 1"
    assert fake.requests[0].stop == ("\n",)


@pytest.mark.parametrize(("marked", "reply"), [("foo(a‸", ")"), ('x = "one‸', '"'), ("x = [a‸", " ]")])
async def test_a_lone_closer_is_shown_by_hand_only(marked: str, reply: str) -> None:
    unasked, _ = await complete(marked, reply)
    assert (unasked.suggestions, unasked.reason) == ((), Reason.EMPTY_REPLY)
    assert "closing sign" in unasked.detail
    by_hand, _ = await complete(marked, reply, invoked=True)
    assert [each.text for each in by_hand.suggestions] == [reply]


@pytest.mark.parametrize(
    ("marked", "reply", "reason"),
    [
        ("x = ‸", "", Reason.EMPTY_REPLY),
        ("foo(a‸)", ")", Reason.DUPLICATE_OF_SUFFIX),
        ("x = ‸", FakeReply(error=BackendFailed("died")), Reason.BACKEND_FAILED),
        ("x = ‸", FakeReply(error=BackendUnavailable("away")), Reason.NO_BACKEND),
        ("x = ‸", FakeReply(error=BackendTimeout("slow")), Reason.TIMEOUT),
    ],
)
async def test_nothing_has_a_reason(marked: str, reply: FakeReply | str, reason: Reason) -> None:
    answer, _ = await complete(marked, reply)
    assert answer.suggestions == ()
    assert answer.reason is reason


async def test_a_model_that_is_unsure_is_not_shown_but_by_hand() -> None:
    answer, _ = await complete("x = ‸", "maybe", judge_=judge(network=0.2))
    assert answer.reason is Reason.LOW_CONFIDENCE
    assert "20%" in answer.detail
    answer, _ = await complete("x = ‸", "maybe", judge_=judge(network=0.2), invoked=True)
    assert shown(answer) == "maybe"


async def test_the_users_threshold_wins() -> None:
    config = CompletionConfig(debounce_ms=0, min_confidence=0.1)
    answer, _ = await complete("x = ‸", "maybe", judge_=judge(network=0.2), config=config)
    assert shown(answer) == "maybe"


async def test_other_languages_need_more() -> None:
    answer, _ = await complete("x = ‸", "maybe", judge_=judge(network=0.6), language="klingon")
    assert answer.reason is Reason.LOW_CONFIDENCE


SPOT = 7
"""Features of a place in another language, beside the nine of a line."""


def elsewhere(copy: Calibrator, network: Calibrator) -> Judge:
    """A judge with numbers for other languages, whose usual ones believe the network alone."""
    usual = judge(copy=0.01, network=0.99)
    assert usual.confidence is not None
    usual.confidence.calibrators.update({"copy elsewhere": copy, "network elsewhere": network})
    return usual


REPEATED = "alpha beta gamma;\nalpha beta gamma;\nalpha be‸\n"


@pytest.mark.parametrize(
    ("copy", "network", "expected"), [(0.6, 0.4, "ta gamma;"), (0.4, 0.6, "te"), (0.7, 0.6, "ta gamma;")]
)
async def test_in_other_languages_their_own_numbers_decide(copy: float, network: float, expected: str) -> None:
    numbers = elsewhere(flat(copy, 9 + SPOT), flat(network, 9 + SPOT))
    answer, _ = await complete(REPEATED, "te", judge_=numbers, language="klingon")
    assert shown(answer) == expected
    assert answer.suggestions[0].confidence == pytest.approx(max(copy, network))


async def test_there_nothing_is_shown_that_is_oftener_wrong() -> None:
    numbers = elsewhere(flat(0.45, 9 + SPOT), flat(0.4, 9 + SPOT))
    answer, _ = await complete(REPEATED, "te", judge_=numbers, language="klingon")
    assert answer.reason is Reason.LOW_CONFIDENCE
    assert "45% likely; 55% are needed" in answer.detail
    by_hand, _ = await complete(REPEATED, "te", judge_=numbers, language="klingon", invoked=True)
    assert by_hand.suggestions


@pytest.mark.parametrize(
    ("feature", "marked"),
    [
        pytest.param(11, 'x = 1\n"al‸', id="in a string"),
        pytest.param(12, "x = 1\n# al‸", id="in a comment"),
        pytest.param(13, "x = 1\nal‸", id="within a word"),
    ],
)
async def test_what_is_known_of_a_place_there(feature: int, marked: str) -> None:
    """A calibrator that believes a network only where the one feature holds."""
    weights = [-9.0] + [0.0] * (9 + SPOT)
    weights[1 + feature] = 18.0
    only = Calibrator([0.0] * (9 + SPOT), [1.0] * (9 + SPOT), weights)
    numbers = elsewhere(flat(0.01, 9 + SPOT), only)
    answer, _ = await complete(marked, "phabet", judge_=numbers, language="ruby")
    assert shown(answer) == "phabet"
    answer, _ = await complete("x = 1\nx + ‸", "phabet", judge_=numbers, language="ruby")
    assert answer.reason is Reason.LOW_CONFIDENCE


@pytest.mark.parametrize(("language", "looked"), [("python", 0), ("klingon", 1)])
async def test_a_place_is_looked_up_before_the_pause_only_where_its_numbers_need_it(
    language: str, looked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that another follows at once pays for no syntax tree."""
    found = Surroundings.site
    sites: list[Site] = []

    def site(surroundings: Surroundings, cursor: Cursor, **how: Any) -> Site:
        sites.append(found(surroundings, cursor, **how))
        return sites[-1]

    monkeypatch.setattr(Surroundings, "site", site)
    monkeypatch.setattr(Rhythm, "wait_s", lambda *args, **how: 600.0)
    numbers = elsewhere(flat(0.6, 9 + SPOT), flat(0.6, 9 + SPOT))
    task = asyncio.ensure_future(complete(REPEATED, "te", judge_=numbers, language=language))
    await turns()
    assert len(sites) == looked
    task.cancel()
    await asyncio.wait([task])


async def test_numbers_for_other_languages_change_nothing_in_python() -> None:
    answer, _ = await complete("x = ‸", "maybe", judge_=elsewhere(flat(0.01, 9 + SPOT), flat(0.01, 9 + SPOT)))
    assert shown(answer) == "maybe"


@pytest.mark.parametrize(
    "marked", ["# the sum of ‸\nx = 1\n", 'def total(x):\n    """The sum of ‸\n    """\n    return x\n']
)
async def test_prose_needs_more_than_code(marked: str) -> None:
    answer, _ = await complete(marked, "all items", judge_=judge(network=0.85))
    assert answer.reason is Reason.LOW_CONFIDENCE
    answer, _ = await complete(marked, "all items", judge_=judge(network=0.97))
    assert shown(answer) == "all items"
    answer, _ = await complete("x = ‸", "all_items", judge_=judge(network=0.6))
    assert shown(answer) == "all_items"


async def test_quotes_that_only_open_a_docstring_are_shown_by_hand_alone() -> None:
    marked, sure = 'def total(x):\n    ""‸\n', judge(network=0.99)
    answer, _ = await complete(marked, '"', judge_=sure)
    assert answer.reason is Reason.LOW_CONFIDENCE
    answer, _ = await complete(marked, '"', judge_=sure, invoked=True)
    assert shown(answer) == '"'


async def test_a_backend_without_probabilities_is_not_held_back() -> None:
    answer, _ = await complete("x = ‸", FakeReply("maybe", logprob=math.nan))
    assert shown(answer) == "maybe"
    assert math.isnan(answer.suggestions[0].confidence)


ENOUGH = "\n" * LITTLE
"""Text above a cursor from which on what is copied has a say."""
LIKE = ENOUGH + "    if number not in self.items:\n        raise UnknownItem(number)\n    if number‸\n"


async def test_a_sure_copy_asks_no_model_and_waits_for_nothing() -> None:
    config = CompletionConfig(debounce_ms=5000)
    answer, fake = await complete(LIKE, judge_=judge(copy=0.95), config=config)
    assert shown(answer) == " not in self.items:"
    assert (answer.tier, answer.model) == (Tier.STATIC, COPY)
    assert fake.requests == []


async def test_in_a_file_with_little_text_above_the_network_decides() -> None:
    short, measured = LIKE.removeprefix(ENOUGH), judge(copy=0.95, network=0.6)
    assert measured.confidence is not None
    measured.confidence.calibrators[HISTORY] = Calibrator([0.0] * 3, [1.0] * 3, [0.0, 1.0, 0.0, 0.0])
    answer, fake = await complete(short, " in other:", judge_=measured)
    assert (shown(answer), answer.model, len(fake.requests)) == (" in other:", "fake", 1)
    answer, fake = await complete(LIKE, judge_=measured)
    assert (shown(answer), fake.requests) == (" not in self.items:", [])
    answer, fake = await complete(short, judge_=measured, language="ruby")  # where nothing was measured
    assert (shown(answer), fake.requests) == (" not in self.items:", [])


@pytest.mark.parametrize(("above", "reason", "prose"), [(1000, Reason.LOW_CONFIDENCE, 90), (3000, None, 60)])
async def test_a_probability_is_weighed_by_the_text_above(above: int, reason: Reason | None, prose: int) -> None:
    by_size = Calibrator([0.0, math.log1p(2000) / 8, 0.0], [1.0] * 3, [0.0, 0.0, 40.0, 0.0])
    judge_ = judge(network=0.58, threshold=0.55)
    assert judge_.confidence is not None
    judge_.confidence.calibrators[HISTORY] = by_size
    answer, _ = await complete("\n" * above + "x = ‸\n", "1 + 2", judge_=judge_)
    assert answer.reason is reason
    answer, _ = await complete("\n" * above + "# a number‸\n", " of things", judge_=judge_)
    assert answer.detail == f"The best suggestion is 58% likely; {prose}% are needed."  # of prose it says nothing


@pytest.mark.parametrize(("above", "needed"), [(0, 75), (1400, 75), (1500, 55)])
async def test_in_a_file_that_has_only_begun_more_is_needed(above: int, needed: int) -> None:
    judge_ = judge(network=0.5, threshold=0.55)
    assert judge_.confidence is not None
    judge_.confidence.early_threshold = 0.75
    answer, _ = await complete("\n" * above + "x = ‸\n", "1 + 2", judge_=judge_)
    assert answer.detail == f"The best suggestion is 50% likely; {needed}% are needed."


@pytest.mark.parametrize(("language", "text", "model"), [("python", " in other:", "fake"), ("ruby", "", COPY)])
async def test_in_a_language_it_never_learnt_a_network_must_be_surer(language: str, text: str, model: str) -> None:
    numbers = judge(copy=0.75, network=0.8)  # in Ruby that is worth 0.7
    answer, _ = await complete(LIKE, " in other:", judge_=numbers, language=language)
    assert (shown(answer), answer.model) == (text or " not in self.items:", model)
    answer, _ = await complete(LIKE, " in other:", judge_=judge(copy=0.1, network=0.7), language=language)
    assert [each.text for each in answer.suggestions] == ([text] if text else [])


async def test_the_likelier_source_is_shown() -> None:
    answer, _ = await complete(LIKE, " in other:", judge_=judge(copy=0.6, network=0.9))
    assert shown(answer) == " in other:"
    answer, _ = await complete(LIKE, " in other:", judge_=judge(copy=0.8, network=0.7))
    assert shown(answer) == " not in self.items:"
    assert answer.model == COPY


@pytest.mark.parametrize(("likely", "draft"), [(0.4, " not in self.items:"), (0.1, "")])
async def test_a_likely_line_is_drafted_for_the_model_to_confirm(likely: float, draft: str) -> None:
    _, fake = await complete(LIKE, " in other:", judge_=judge(copy=likely))
    assert fake.requests[0].draft == draft


async def test_a_secret_is_never_drafted() -> None:
    key = "ghp_" + "x9Kq2LmW7vTz4RbN8sYd3HcF6jGp1QaE5uXo"
    _, fake = await complete(f'token = "{key}"\nother = 1\ntoken = ‸\n', "1", judge_=judge(copy=0.4))
    assert fake.requests[0].draft == ""


async def test_without_a_model_the_copy_has_to_do() -> None:
    answer, _ = await complete(LIKE, FakeReply(error=BackendFailed("died")), judge_=judge(copy=0.6))
    assert shown(answer) == " not in self.items:"
    assert answer.detail == "died"
    pipeline = CompletionPipeline(Router({}), lambda document: None, judge(copy=0.6))
    assert shown(await pipeline.complete(query(LIKE), Config())) == " not in self.items:"
    pipeline = CompletionPipeline(Router({}), lambda document: None, judge(copy=0.1))
    answer = await pipeline.complete(query(LIKE), Config())
    assert answer.reason is Reason.NO_BACKEND
    assert "small.backend" in answer.detail


async def test_secrets_are_replaced_for_the_model_and_put_back_in_its_reply() -> None:
    secret = "ghp_" + "x9Kq2LmW7vTz4RbN8sYd3HcF6jGp1QaE5uXo"
    answer, fake = await complete(f'token = "{secret}"\nother = ‸\n', 'REDACTED_SECRET_1 + "x"')
    prompt = fake.requests[0].prompt
    assert isinstance(prompt, Infill)
    assert secret not in prompt.prefix
    assert shown(answer) == f'{secret} + "x"'


async def test_what_the_editor_has_selected_counts_as_typed() -> None:
    selected = Selected(Span(4, 6), "append")
    answer, fake = await complete("abc.ap‸\n", "(1)", selected=selected)
    prompt = fake.requests[0].prompt
    assert isinstance(prompt, Infill)
    assert prompt.prefix == "abc.append"
    assert shown(answer) == "append(1)"
    assert answer.suggestions[0].span == Span(4, 6)


async def test_cancelling_stops_the_model() -> None:
    fake = FakeBackend()
    task = asyncio.create_task(complete("x = ‸", FakeReply("never", hold=asyncio.Event()), backend=fake))
    while not fake.requests:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert fake.cancelled == 1


async def test_a_reply_cut_at_its_limit_is_shown_as_far_as_it_goes() -> None:
    answer, _ = await complete("x = ‸", FakeReply("alpha(beta, gam", finish=Finish.LENGTH))
    assert shown(answer) == "alpha(beta,"


@pytest.mark.parametrize(
    ("changes", "text", "reason"),
    [
        ({"enabled": False}, "x = ‸", Reason.DISABLED),
        ({"disabled_languages": ["python"]}, "x = ‸", Reason.LANGUAGE_DISABLED),
        ({}, "\0 = ‸", Reason.BINARY),
        ({}, "x‸y", Reason.MID_WORD),
    ],
)
async def test_the_gate(changes: dict[str, Any], text: str, reason: Reason) -> None:
    answer, fake = await complete(text, config=attrs.evolve(CompletionConfig(debounce_ms=0), **changes))
    assert answer.reason is reason
    assert fake.requests == []


async def test_a_file_that_must_be_left_alone_is() -> None:
    pipeline = CompletionPipeline(Router({}), lambda document: Reason.SECRET_FILE)
    answer = await pipeline.complete(query("KEY=‸"), Config())
    assert answer.reason is Reason.SECRET_FILE


async def test_typing_into_a_suggestion_asks_no_model() -> None:
    fake = FakeBackend()
    fake.enqueue(["foo(bar)"])
    pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None)
    config = Config(completion=CompletionConfig(debounce_ms=0))
    first = await pipeline.complete(query("x = ‸\n"), config)
    assert shown(first) == "foo(bar)"
    slow = Config(completion=CompletionConfig(debounce_ms=5000))
    second = await pipeline.complete(query("x = foo(‸\n"), slow)
    assert shown(second) == "bar)"
    assert second.reused
    assert second.suggestions[0].id == first.suggestions[0].id
    assert len(fake.requests) == 1


async def test_a_known_suggestion_fits_what_the_editor_has_selected() -> None:
    fake = FakeBackend()
    fake.enqueue(["(1)"])
    pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None)
    config = Config(completion=CompletionConfig(debounce_ms=0))
    await pipeline.complete(query("abc.append‸\n"), config)
    answer = await pipeline.complete(query("abc.ap‸\n", selected=Selected(Span(4, 6), "append")), config)
    assert shown(answer) == "append(1)"
    assert answer.suggestions[0].span == Span(4, 6)
    assert len(fake.requests) == 1


async def test_after_a_line_that_opens_a_block_its_body_is_offered() -> None:
    answer, _ = await complete("def double(x):‸\n", "\n    return 2 * x\n", judge_=judge())
    assert shown(answer) == "\n    return 2 * x"


async def test_a_body_that_the_model_is_unsure_of_is_not_offered() -> None:
    reply = FakeReply("\n    return 2 * x\n", logprob=-2.0, chunk=1)
    answer, _ = await complete("def double(x):‸\n", reply, judge_=judge())
    assert answer.reason is Reason.LOW_CONFIDENCE


BLOCK = "total = 0\n    for x in y:\n        total += x\n    return total\n\n\nabc = 1\n" + "more = 2\n" * 50
IN_BODY = "def add(y):\n    ‸\n\n\nabc = 1\n"


@pytest.mark.parametrize(
    ("logprob", "invoked", "lines"),
    [
        (-0.0001, False, 4),  # all four together are still likely
        (-0.03, False, 2),  # each is, but not all together
        (-0.03, True, 4),  # who asks by hand sees more
        (-2.0, False, 1),
        (-2.0, True, 1),
    ],
)
async def test_further_lines_are_shown_while_all_of_it_is_likely(logprob: float, invoked: bool, lines: int) -> None:
    reply = FakeReply(BLOCK, logprob=logprob, chunk=1)
    answer, fake = await complete(IN_BODY, reply, judge_=judge(), invoked=invoked)
    assert shown(answer).count("\n") + 1 == lines
    # What will not be shown is not written either.
    assert fake.pieces <= len("\n".join(BLOCK.split("\n")[: lines + 1])) + 1


async def test_a_network_without_numbers_is_believed_line_by_line() -> None:
    for logprob, lines in ((-0.4, 4), (-0.6, 1)):
        answer, _ = await complete(IN_BODY, FakeReply(BLOCK, logprob=logprob, chunk=1))
        assert shown(answer).count("\n") + 1 == lines


def falling(threshold: float = 0.5, copy: float = 0.01) -> Judge:
    """A judge to whom a network's line is the less likely the less its tokens are: 0.5 where their sum is -4 nats."""
    found = judge(copy=copy, threshold=threshold)
    assert found.confidence is not None
    weights = [3.0, 3.0, *[0.0] * 13]
    found.confidence.calibrators["network beside"] = Calibrator([0.0] * 14, [1.0] * 14, weights)
    return found


LONG = "one + two + three + four + five + six"


@pytest.mark.parametrize(
    ("logprob", "most_pieces"),
    [
        (-8.0, 1),  # already the first piece is too unlikely
        (-3.0, 2),
        (-0.05, 99),
    ],
)
async def test_a_line_that_can_no_longer_be_shown_is_not_written_to_its_end(logprob: float, most_pieces: int) -> None:
    answer, fake = await complete("x = ‸", FakeReply(LONG, logprob=logprob), judge_=falling())
    assert fake.pieces == min(most_pieces, len(LONG) // 4 + 2)
    assert fake.cancelled == (most_pieces < 99)
    assert answer.reason is (Reason.LOW_CONFIDENCE if most_pieces < 99 else None)


async def test_the_backend_is_told_how_likely_a_line_must_be() -> None:
    _, fake = await complete("x = ‸", FakeReply(LONG, logprob=-8.0), judge_=falling())
    assert -4.9 < fake.requests[0].least_logprob < -4  # never more than that
    _, fake = await complete("x = ‸", LONG, judge_=falling(), invoked=True)
    assert fake.requests[0].least_logprob == -math.inf
    _, fake = await complete("x = ‸", LONG)  # of which no numbers are known
    assert fake.requests[0].least_logprob == -math.inf


MEASURED = {name: judge_of(name) for name in ("embedded", "Qwen2.5-Coder-0.5B")}


@pytest.mark.parametrize("model", MEASURED)
@given(
    logprobs=st.lists(st.floats(-3, 0), min_size=1, max_size=12),
    above=st.sampled_from(["", "word = 1\n" * 400]),
    needed=st.floats(0.1, 0.9),
)
def test_what_would_be_shown_is_never_given_up(model: str, logprobs: list[float], above: str, needed: float) -> None:
    judged, prefix = MEASURED[model], f"{above}x = "
    cursor = Cursor(Document("file:///a.py", prefix, language="python"), len(prefix))
    presenter = Presenter(cursor, Site(prefix, ""), judged, needed, lambda each: judged.in_file(each, len(prefix)))
    line = Line("word " * len(logprobs), logprobs, finished=True)
    if presenter.corrected(judged.best(Copies(), line, prefix)) < needed:
        return
    assert sum(logprobs) >= presenter.least_logprob(Copies())
    for size in range(1, len(logprobs)):
        part = [Line("word " * size, logprobs[:size])]
        assert not presenter.hopeless(Generation(part, Candidate(Tier.SMALL, None, ""), size, 1.0, 1.0), Copies())


@pytest.mark.parametrize(("copy", "heard"), [(0.1, False), (0.4, True)])
async def test_where_a_copied_line_may_be_shown_the_model_is_heard_to_its_end(copy: float, heard: bool) -> None:
    _, fake = await complete(LIKE, " in other:", judge_=falling(copy=copy))
    assert (fake.requests[0].least_logprob == -math.inf) is heard


@pytest.mark.parametrize("changes", [{"invoked": True}, {"config": CompletionConfig(debounce_ms=0, min_confidence=0)}])
async def test_who_wants_to_see_everything_gets_the_whole_of_it(changes: dict[str, Any]) -> None:
    answer, fake = await complete("x = ‸", FakeReply(LONG, logprob=-8.0), judge_=falling(), **changes)
    assert shown(answer) == LONG
    assert fake.cancelled == 0


async def test_who_asks_by_hand_afterwards_gets_the_whole_of_it_too() -> None:
    fake = FakeBackend()
    fake.enqueue([FakeReply(LONG, logprob=-8.0)] * 2)
    pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None, falling())
    config = Config(completion=CompletionConfig(debounce_ms=0))
    assert (await pipeline.complete(query("x = ‸"), config)).reason is Reason.LOW_CONFIDENCE
    assert shown(await pipeline.complete(query("x = ‸", invoked=True), config)) == LONG


@pytest.mark.parametrize(
    ("reply", "copy", "pieces"),
    [
        (" in other or nowhere:", 0.01, 1),
        (" not in self.items:", 0.01, 6),  # as the file goes on: two who say the same are oftener right
        (" in other or nowhere:", 0.6, 7),  # the copied line is shown, and the network has its say to the end
    ],
)
async def test_what_the_file_says_keeps_an_unlikely_line_going(reply: str, copy: float, pieces: int) -> None:
    _, fake = await complete(LIKE, FakeReply(reply, logprob=-8.0), judge_=falling(copy=copy))
    assert fake.pieces == pieces


async def test_a_network_without_numbers_is_heard_to_its_end() -> None:
    for logprob in (-8.0, math.nan):
        _, fake = await complete("x = ‸", FakeReply(LONG, logprob=logprob))
        assert fake.cancelled == 0


async def test_a_copied_line_needs_no_more_of_the_network() -> None:
    source = "def one(y):\n    total = 0\n\n\ndef two(y):\n    ‸\n"
    answer, fake = await complete(ENOUGH + source, FakeReply(BLOCK, chunk=1), judge_=judge(copy=0.8, network=0.6))
    assert (shown(answer), answer.model) == ("total = 0", "copy")
    assert fake.pieces <= len("total = 0\n") + 1


async def test_no_new_syntax_error_is_shown() -> None:
    answer, _ = await complete("x = ‸\ny = 2\n", "1 ]) = +")
    assert answer.reason is Reason.SYNTAX_ERROR


async def test_comments_can_be_left_out() -> None:
    config = CompletionConfig(debounce_ms=0, comments=False)
    answer, fake = await complete("# a comment ‸\n", "more", config=config)
    assert answer.reason is Reason.IN_COMMENT
    assert fake.requests == []


async def test_other_files_are_read_by_models_that_can_tell_them_apart() -> None:
    fake = FakeBackend()
    fake.enqueue(["area(2)", "area(2)"])
    other = Document("file:///b/shapes.py", "def area(radius):\n    return radius\n" * 3, language="python")
    for reads_files in (False, True):
        pipeline = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None, reads_files=reads_files)
        pipeline.opened(other)
        await pipeline.complete(query("area = 1\nx = ‸\n"), Config(completion=CompletionConfig(debounce_ms=0)))
        prompt = fake.requests[-1].prompt
        assert isinstance(prompt, Infill)
        assert bool(prompt.extra) is reads_files
    assert {file.filename for file in prompt.extra} == {"shapes.py"}


async def test_what_must_be_left_alone_is_no_neighbour() -> None:
    fake = FakeBackend()
    fake.enqueue(["area(2)"])
    surroundings = Surroundings(lambda document: "secret" not in document.uri)
    pipeline = CompletionPipeline(
        Router({Tier.SMALL: fake}), lambda document: None, reads_files=True, surroundings=surroundings
    )
    secret = Document("file:///b/secret.py", "def area(radius):\n    return radius\n" * 3, language="python")
    pipeline.opened(secret)
    pipeline.changed(secret, secret)
    assert surroundings.index.files == 0
    await pipeline.complete(query("area = 1\nx = ‸\n"), Config(completion=CompletionConfig(debounce_ms=0)))
    prompt = fake.requests[-1].prompt
    assert isinstance(prompt, Infill)
    assert prompt.extra == ()


@pytest.mark.parametrize(("ignored", "seen"), [(0, True), (5, True), (12, False)])
async def test_who_ignores_many_sees_only_surer_ones(ignored: int, seen: bool) -> None:
    fake = FakeBackend()
    fake.enqueue(["maybe"])
    pipeline = CompletionPipeline(
        Router({Tier.SMALL: fake}), lambda document: None, judge(network=0.6), ignored=lambda uri: ignored
    )
    answer = await pipeline.complete(query("x = ‸"), Config(completion=CompletionConfig(debounce_ms=0)))
    assert bool(answer.suggestions) is seen


@pytest.mark.parametrize(
    ("large", "expected"),
    [("deep()", "deep()"), (FakeReply(error=BackendFailed("died")), "maybe"), ("```python\ndeep()\n```", "deep()")],
)
async def test_by_hand_the_large_model_is_asked_where_the_small_one_is_not_sure(
    large: FakeReply | str, expected: str
) -> None:
    small, big = FakeBackend("small"), FakeBackend("big")
    small.enqueue(["maybe"])
    big.enqueue([large])
    pipeline = CompletionPipeline(
        Router({Tier.SMALL: small, Tier.LARGE: big}), lambda document: None, judge(network=0.2)
    )
    answer = await pipeline.complete(query("x = ‸", invoked=True), Config())
    assert shown(answer) == expected
    assert answer.tier is (Tier.LARGE if expected == "deep()" else Tier.SMALL)
    (request,) = big.requests
    assert isinstance(request.prompt, Chat)
    assert request.prompt.messages[-1].content == f"x = {HOLE}"


async def test_a_large_model_that_fills_in_is_asked_as_the_small_one_is() -> None:
    small, big = FakeBackend("small"), FakeBackend("big")
    small.enqueue(["maybe"])
    big.enqueue(["deep()\nmore()\n"])
    router = Router({Tier.SMALL: small, Tier.LARGE: big}, fillers=[Tier.LARGE])
    pipeline = CompletionPipeline(router, lambda document: None, judge(network=0.2))
    answer = await pipeline.complete(query("x = ‸\ny = 2\n", invoked=True), Config())
    assert (shown(answer), answer.tier) == ("deep()", Tier.LARGE)
    (request,) = big.requests
    assert request.prompt == Infill("x = ", "\ny = 2\n")
    assert request.stop == ("\n",)
    assert request.time_budget_ms == deep.TIME_BUDGET_MS


async def test_a_further_model_is_asked_where_the_large_one_fails() -> None:
    small, big, cloud = FakeBackend("small"), FakeBackend("big"), FakeBackend("cloud")
    small.enqueue(["maybe"])
    big.enqueue(["deep()"])
    cloud.enqueue([FakeReply(error=BackendFailed("died"))])
    router = Router({Tier.SMALL: small, Tier.LARGE: big, "cloud": cloud}, fillers=[Tier.LARGE])
    pipeline = CompletionPipeline(router, lambda document: None, judge(network=0.2))
    answer = await pipeline.complete(query("x = ‸", invoked=True), Config())
    assert (shown(answer), answer.tier) == ("deep()", Tier.LARGE)
    assert isinstance(cloud.requests[0].prompt, Chat)
    assert isinstance(big.requests[0].prompt, Infill)


@pytest.mark.parametrize(("sure", "config"), [(0.9, CompletionConfig()), (0.2, CompletionConfig(escalate=False))])
async def test_the_large_model_is_not_asked_without_need_or_leave(sure: float, config: CompletionConfig) -> None:
    small, big = FakeBackend("small"), FakeBackend("big")
    small.enqueue(["maybe"])
    pipeline = CompletionPipeline(
        Router({Tier.SMALL: small, Tier.LARGE: big}), lambda document: None, judge(network=sure)
    )
    assert shown(await pipeline.complete(query("x = ‸", invoked=True), Config(completion=config))) == "maybe"
    assert big.requests == []


async def test_what_is_not_looked_at_is_said() -> None:
    answer, _ = await complete("x = ‸\n", "1")
    assert answer.left_out == ""
    answer, _ = await complete("x = " + "1, " * 1000 + "‸\n", "1")
    assert answer.suggestions
    assert "The line is longer than 1000 characters" in answer.left_out
    surroundings = Surroundings()
    surroundings.trees.gave_up = lambda document: True  # type: ignore[method-assign]
    pipeline = CompletionPipeline(Router({}), lambda document: None, surroundings=surroundings)
    answer = await pipeline.complete(query("x = ‸\n"), Config(completion=CompletionConfig(debounce_ms=0)))
    assert answer.reason is Reason.NO_BACKEND
    assert "not checked against its syntax" in answer.left_out
