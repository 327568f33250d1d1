"""Which backends may answer a task, in order and with the reason in words, and the stream of the first that does."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing

import attrs

from hybrid_lsp.backends.base import Backend, Warmable
from hybrid_lsp.errors import BackendError, BackendRefused, BackendUnavailable
from hybrid_lsp.routing.accounts import Asked
from hybrid_lsp.routing.attempt import Attempt
from hybrid_lsp.routing.candidates import Candidate, Event, Patience, Task, instead
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.health import Health
from hybrid_lsp.routing.policy import COMPLETION, Link, Plan, Policy, Seconds, Step, chain_of, sentence
from hybrid_lsp.types import Request, Tier, TierName

_ANY_ACTION = Features("")
_DEEP = Features(COMPLETION, "completion")


@attrs.frozen
class Route:
    """Who may do a task, best first, and how that was decided (see `Plan`)."""

    candidates: tuple[Candidate, ...]
    features: Features = _ANY_ACTION
    sufficient: float | None = None

    @property
    def asks_a_model(self) -> bool:
        return any(each.backend is not None for each in self.candidates)

    @property
    def knows_static(self) -> bool:
        """Whether static analysis comes first because it may know the answer, and models after it."""
        return self.candidates[0].backend is None and len(self.candidates) > 1


class Router:
    """The backends of this process and what is known about their health.

    A tier that is not in `backends` is not configured; `small_chats` says whether the small model follows instructions,
    and so may run actions. `sizes` are billions of parameters by tier, `refusal` says why a tier may not be asked
    today, `on_asked` hears of each request that was made. `fillers` are the tiers whose models were taught to fill in.
    """

    def __init__(
        self,
        backends: Mapping[TierName, Backend],
        *,
        small_chats: bool = False,
        fillers: Collection[TierName] = (),
        health: Mapping[TierName, Health] | None = None,
        patience: Patience | None = None,
        clock: Callable[[], float] = time.monotonic,
        policy: Policy | None = None,
        sizes: Mapping[TierName, float] | None = None,
        refusal: Callable[[TierName], str] = lambda tier: "",
        on_asked: Callable[[Asked], None] = lambda asked: None,
    ) -> None:
        self.backends = dict(backends)
        self.patience = patience or Patience()
        self.policy = policy or Policy()
        self.on_asked = on_asked
        self._small_chats, self._fillers = small_chats, frozenset(fillers)
        self._sizes, self._refusal = dict(sizes or {}), refusal
        self._health = {tier: Health(clock=clock) for tier in backends} | dict(health or {})

    def health(self, tier: TierName) -> Health:
        """What is known about a tier's backend; KeyError where none is configured."""
        return self._health[tier]

    @property
    def chain(self) -> list[TierName]:
        """The models for actions, from light to heavy. A small model that cannot chat is none: nobody asked for one."""
        light = [Tier.SMALL] if self._small_chats and Tier.SMALL in self.backends else []
        others = [tier for tier in self.backends if tier not in (Tier.SMALL, Tier.LARGE)]
        heavy = [Tier.LARGE] if Tier.LARGE in self.backends else []
        return chain_of(self.policy.routing, [*light, *heavy, *others])

    def best(self, task: Task) -> TierName:
        """The heaviest configured tier of a task, whether it answers now or not."""
        if task is Task.COMPLETION:
            return Tier.SMALL if Tier.SMALL in self.backends else Tier.STATIC
        return next(reversed(self._heavy(task)), Tier.STATIC)

    def candidates(self, task: Task) -> list[Candidate]:
        """Who may answer now, best first. A backend that cools down is left out, and the next one says so."""
        if task is Task.ACTION:
            return list(self.route(_ANY_ACTION).candidates)
        if task is Task.DEEP_COMPLETION:
            steps = self._plan(_DEEP, self._heavy(task), lambda name: None).steps
            return [self._candidate(each, task) for each in steps if each.tier != Tier.STATIC]
        if Tier.SMALL not in self.backends or self._why_not(Tier.SMALL):
            return []
        name = self.backends[Tier.SMALL].name
        return [Candidate(Tier.SMALL, self.backends[Tier.SMALL], f"Small model {name}.", task=task)]

    def route(self, features: Features, seconds: Seconds = lambda name: None) -> Route:
        """Who may do an action now; `seconds` tells how long a model of a name is expected to take."""
        chain = self.chain
        plan = self._plan(features, chain, seconds)
        if Tier.LARGE not in chain and not any(each not in (Tier.SMALL, Tier.LARGE) for each in chain):
            plan = _unconfigured(plan)
        return Route(tuple(self._candidate(each, Task.ACTION) for each in plan.steps), features, plan.sufficient)

    def likely(self, features: Features, tier: TierName, probability: float) -> float | None:
        """How likely the answer of a tier, which passes all checks, is as good as the heaviest one's would be.

        `probability` is the mean one of its tokens, or what a calibrated judge says of it. None where nobody knows.
        """
        if not self.chain or math.isnan(probability):
            return None
        sizes = self._sizes.get(tier), self._sizes.get(self.chain[-1])
        return self.policy.sufficiency.ratio(features, *sizes, probability)

    def loading(self, task: Task) -> bool:
        """Whether the model of a task is being made ready: who waits for it then has a reason to."""
        backend: object = self.backends.get(self.best(task))
        return isinstance(backend, Warmable) and backend.loading

    def absence(self, task: Task) -> str:
        """Why `candidates` gives no model for a task, in words."""
        tier = self.best(task)
        if tier == Tier.STATIC:
            return sentence(_missing(Tier.SMALL if task is Task.COMPLETION else Tier.LARGE))
        if task is Task.ACTION and self.policy.of("") == Tier.STATIC:
            return "Your setting `routing.policies` asks for static analysis."
        return sentence(self._why_not(tier) or f"the {tier} model is not asked")

    def _heavy(self, task: Task) -> list[TierName]:
        """The tiers of a task other than while typing; a small model has said already what it knows."""
        return [each for each in self.chain if task is Task.ACTION or each != Tier.SMALL]

    def _plan(self, features: Features, tiers: Sequence[TierName], seconds: Seconds) -> Plan:
        links = [
            Link(tier, name, self._sizes.get(tier), self._why_not(tier), seconds(name))
            for tier, name in ((tier, self.backends[tier].name) for tier in tiers)
        ]
        return self.policy.plan(features, links)

    def _candidate(self, step: Step, task: Task) -> Candidate:
        backend, fills_in = self.backends.get(step.tier), step.tier in self._fillers
        return Candidate(step.tier, backend, step.reason, step.rises, task, fills_in)

    def _why_not(self, tier: TierName) -> str:
        """Why a configured tier may not be asked now; empty where it may."""
        return self._refusal(tier) if self._health[tier].allows else self._resting(tier)

    def _resting(self, tier: TierName) -> str:
        health = self._health[tier]
        error = f" ({health.last_error})" if health.last_error else ""
        return f"the {tier} model does not answer{error}; it is tried again in {health.retry_in_s:.0f} s"

    async def stream(
        self,
        candidates: Iterable[Candidate],
        request: Request,
        patience: Patience | None = None,
        *,
        run: str | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Ask one candidate after the other until one answers; `run` names what it is for in the accounts.

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
            attempt = Attempt(candidate, self._health.get(candidate.tier) or Health(), patience, self.on_asked, run)
            try:
                async with aclosing(attempt.run(request)) as events:
                    async for event in events:
                        yield event
                return
            except BackendError as error:
                failure = error
                why = f"The {candidate.tier} model {_did(error, spoke=attempt.spoke)} ({error})"
        raise failure or BackendUnavailable("No model may be asked.", "Set `large.backend` or `small.backend`.")


def _did(error: BackendError, *, spoke: bool) -> str:
    if isinstance(error, BackendRefused):
        return "gives no answer"
    return "broke off" if spoke else "does not answer"


def _unconfigured(plan: Plan) -> Plan:
    """The plan of who has no large model, which says so."""
    first = plan.steps[0]
    if " instead" in first.reason:
        return plan
    reason = sentence(f"{_missing(Tier.LARGE)}: {first.reason[:1].lower()}{first.reason[1:].removesuffix('.')} instead")
    return attrs.evolve(plan, steps=(attrs.evolve(first, reason=reason), *plan.steps[1:]))


def _missing(tier: Tier) -> str:
    return f"no {tier} model is configured (setting `{tier}.backend`)"
