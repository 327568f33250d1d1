"""Which backends may answer a task, in order and with the reason in words, and the stream of the first that does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import aclosing
from enum import StrEnum

import attrs

from hybrid_lsp.backends.base import Backend, Warmable, let_go
from hybrid_lsp.errors import BackendError, BackendRefused, BackendTimeout, BackendUnavailable
from hybrid_lsp.routing.health import Health
from hybrid_lsp.types import Kind, Piece, Request, Tier


class Task(StrEnum):
    """What is asked for."""

    COMPLETION = "completion"
    DEEP_COMPLETION = "deep-completion"
    """A completion that was asked for by hand, which the small model is not sure of."""
    ACTION = "action"


_TIERS = {
    Task.COMPLETION: (Tier.SMALL,),
    Task.DEEP_COMPLETION: (Tier.LARGE,),
    Task.ACTION: (Tier.LARGE, Tier.SMALL, Tier.STATIC),
}
_AFTER_BACKEND_S = 5.0
_SETTING = {Tier.SMALL: "small.backend", Tier.LARGE: "large.backend"}


@attrs.frozen
class Patience:
    """How long a backend may be silent, in seconds.

    An absent or killed backend does not wait for any of these: its connection is refused or breaks, and the next
    candidate is asked at once. A live model that is slow to start is told apart by not being given up:

    `notice_s`: after so long without a piece the caller gets a `Waiting`, to show a static answer meanwhile; with what
    that takes to work out, it is there within 1.5 s.
    `first_piece_s`: time for loading a cold model and reading the prompt; a 7B model on a CPU takes a minute or two.
    `quiet_s`: longest pause between two pieces once they flow; a thought is a piece too.
    """

    notice_s: float = 1.0
    first_piece_s: float = 120.0
    quiet_s: float = 30.0

    @classmethod
    def beside(cls, timeout_s: float) -> Patience:
        """That with a backend which limits its whole reply itself: it is the one to say that it is too slow."""
        return cls(first_piece_s=max(cls().first_piece_s, timeout_s + _AFTER_BACKEND_S))


@attrs.frozen
class Candidate:
    """Who may answer: `backend` is None for the static tier. `reason` is a sentence for the user."""

    tier: Tier
    backend: Backend | None
    reason: str

    @property
    def name(self) -> str:
        return self.backend.name if self.backend else str(self.tier)


@attrs.frozen
class Waiting:
    """The candidate is alive as far as is known and has said nothing for `seconds`."""

    candidate: Candidate
    seconds: float


Event = Candidate | Waiting | Piece
"""What a stream yields: a Candidate each time another one is asked, then its pieces."""


class Router:
    """The backends of this process and what is known about their health.

    A tier that is not in `backends` is not configured; `small_chats` says whether the small model follows
    instructions, and so may run actions.
    """

    def __init__(
        self,
        backends: Mapping[Tier, Backend],
        *,
        small_chats: bool = False,
        health: Mapping[Tier, Health] | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.backends = dict(backends)
        self.patience = patience or Patience()
        self._small_chats = small_chats
        self._health = {tier: Health(clock=clock) for tier in backends} | dict(health or {})

    def health(self, tier: Tier) -> Health:
        """What is known about a tier's backend; KeyError where none is configured."""
        return self._health[tier]

    def configured(self, tier: Tier) -> bool:
        """Whether a tier has a backend; the static tier needs none."""
        return tier is Tier.STATIC or tier in self.backends

    def best(self, task: Task) -> Tier:
        """The first configured tier of a task, whether it answers now or not."""
        return next((tier for tier in self._tiers(task) if self.configured(tier)), Tier.STATIC)

    def candidates(self, task: Task) -> list[Candidate]:
        """Who may answer now, best first. A backend that cools down is left out, and the next one says so."""
        found: list[Candidate] = []
        passed: list[str] = []
        for tier in self._tiers(task):
            backend = self.backends.get(tier)
            if tier is Tier.STATIC:
                found.append(Candidate(tier, None, _because(passed, "static analysis")))
            elif backend is None:
                passed.append(f"no {tier} model is configured (setting `{_SETTING[tier]}`)")
            elif not self._health[tier].allows:
                passed.append(self._resting(tier))
            else:
                found.append(Candidate(tier, backend, _because(passed, f"{tier} model {backend.name}")))
        return found

    def loading(self, task: Task) -> bool:
        """Whether the model of a task is being made ready: who waits for it then has a reason to."""
        backend: object = self.backends.get(_TIERS[task][0])
        return isinstance(backend, Warmable) and backend.loading

    def absence(self, task: Task) -> str:
        """Why `candidates` gives no model for a task, in words."""
        tier = _TIERS[task][0]
        if tier not in self.backends:
            return f"No {tier} model is configured (setting `{_SETTING[tier]}`)."
        return _sentence(self._resting(tier))

    def _tiers(self, task: Task) -> list[Tier]:
        """The tiers that may serve a task. A small model that cannot chat is not spoken of: nobody asked for one."""
        mute = task is Task.ACTION and not self._small_chats
        return [tier for tier in _TIERS[task] if not (mute and tier is Tier.SMALL)]

    def _resting(self, tier: Tier) -> str:
        health = self._health[tier]
        error = f" ({health.last_error})" if health.last_error else ""
        return f"the {tier} model does not answer{error}; it is tried again in {health.retry_in_s:.0f} s"

    async def stream(
        self, candidates: Iterable[Candidate], request: Request, patience: Patience | None = None
    ) -> AsyncGenerator[Event, None]:
        """Ask one candidate after the other until one answers.

        A candidate that fails is followed by the next, whose reason says what happened: pieces that came before a
        Candidate are void. A static candidate ends the stream: its work is the caller's. Close the generator to
        cancel; the model stops then.

        Raises BackendError: the last candidate failed.
        """
        patience = patience or self.patience
        failure: BackendError | None = None
        why = ""
        for listed in candidates:
            candidate = instead(listed, why) if why else listed
            yield candidate
            if candidate.backend is None:
                return
            attempt = _Attempt(candidate, self._health.get(candidate.tier) or Health(), patience)
            try:
                async with aclosing(attempt.run(request)) as events:
                    async for event in events:
                        yield event
                return
            except BackendError as error:
                failure = error
                why = f"The {candidate.tier} model {_did(error, spoke=attempt.spoke)} ({error})"
        raise failure or BackendUnavailable("No model may be asked.", "Set `large.backend` or `small.backend`.")


class _Attempt:
    """One request to one backend, with its outcome noted in the backend's health."""

    def __init__(self, candidate: Candidate, health: Health, patience: Patience) -> None:
        assert candidate.backend is not None
        self._candidate, self._backend = candidate, candidate.backend
        self._health, self._patience = health, patience
        self.spoke = False

    async def run(self, request: Request) -> AsyncGenerator[Waiting | Piece, None]:
        self._health.begin()
        try:
            async with aclosing(self._backend.generate(request)) as pieces:
                async for event in self._events(pieces):
                    yield event
        except BackendRefused:
            self._health.success()
            raise
        except BackendError as error:
            self._health.failure(error)
            raise
        except (GeneratorExit, asyncio.CancelledError):
            # A model that was talking when it was cancelled is well.
            (self._health.success if self.spoke else self._health.abandon)()
            raise
        except BaseException:
            self._health.abandon()
            raise
        self._health.success()

    async def _events(self, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[Waiting | Piece, None]:
        what, longest_s = "no first word", self._patience.first_piece_s
        while True:
            upcoming = asyncio.ensure_future(anext(pieces, None))
            try:
                notice_s = min(self._patience.notice_s, longest_s)
                await asyncio.wait({upcoming}, timeout=notice_s)
                if not upcoming.done():
                    yield Waiting(self._candidate, notice_s)
                    await asyncio.wait({upcoming}, timeout=longest_s - notice_s)
                if not upcoming.done():
                    raise self._too_slow(what, longest_s)
                piece = upcoming.result()
            finally:
                await let_go(upcoming)
            if piece is None:
                return
            self.spoke = self.spoke or bool(piece.text) or piece.kind is not Kind.ANSWER
            yield piece
            what, longest_s = "it fell silent", self._patience.quiet_s

    def _too_slow(self, what: str, seconds: float) -> BackendTimeout:
        return BackendTimeout(
            f"{self._backend.name}: {what} within {seconds:g} s.", "Use a smaller model or a faster machine."
        )


def _did(error: BackendError, *, spoke: bool) -> str:
    if isinstance(error, BackendRefused):
        return "gives no answer"
    return "broke off" if spoke else "does not answer"


def _because(passed: list[str], choice: str) -> str:
    return _sentence(f"{'; '.join(passed)}: {choice} instead" if passed else choice)


def instead(candidate: Candidate, why: str) -> Candidate:
    """A candidate that takes the place of another; `why` is a sentence without its full stop."""
    choice = "static analysis" if candidate.backend is None else f"{candidate.tier} model {candidate.name}"
    return attrs.evolve(candidate, reason=f"{why}: {choice} instead.")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."
