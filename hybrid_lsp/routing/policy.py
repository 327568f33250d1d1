"""Who is asked to do a task, in which order and why: a pure function of the task, the models and the user's wishes.

`auto` begins with the lightest model that will likely do as well as the heaviest (`sufficiency.py`), goes up where an
answer does not pass, and down where nobody heavier can be asked. The idea is that of routers between a weak and a
strong model (Ong et al., RouteLLM, 2024), of cascades that judge an answer before they ask on (Chen et al., FrugalGPT,
2023), with features that can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from hybrid_lsp.config import RoutingConfig
from hybrid_lsp.routing.features import Features
from hybrid_lsp.routing.sufficiency import Sufficiency
from hybrid_lsp.types import Tier, TierName

AUTO = "auto"
DEFAULT = "default"
COMPLETION = "completion"
"""The task of a suggestion that was asked for by hand, among the names of actions."""


@attrs.frozen
class Link:
    """A model in the chain from light to heavy.

    `billions` of parameters, as far as its name tells (None: not at all). `refusal` says why it may not be asked now.
    `seconds` are those that its answer is expected to take, None where it was not measured yet.
    """

    tier: TierName
    name: str
    billions: float | None
    refusal: str = ""
    seconds: float | None = None

    @property
    def title(self) -> str:
        return f"{self.tier} model {self.name}"


@attrs.frozen
class Step:
    """One who may be asked: `reason` is a sentence for the user. `rises`: it is heavier than the one before it."""

    tier: TierName
    reason: str
    rises: bool = False


@attrs.frozen
class Plan:
    """The steps, the first first; static analysis is the last of them, or the first where it knows the answer.

    `sufficient` is how likely the first model will do as well as the heaviest, None where there was nothing to choose.
    """

    steps: tuple[Step, ...]
    sufficient: float | None = None

    @property
    def chosen(self) -> TierName:
        return self.steps[0].tier


@attrs.frozen
class Policy:
    """The user's wishes, and what is known of models."""

    routing: RoutingConfig = attrs.field(factory=RoutingConfig)
    sufficiency: Sufficiency = attrs.field(factory=Sufficiency.measured)

    def of(self, action: str) -> str:
        """`auto`, or the name of the tier that the user wants for an action."""
        policies: Mapping[str, str] = self.routing.policies
        return policies.get(action) or policies.get(DEFAULT) or AUTO

    def threshold(self, action: str) -> float:
        return float(self.routing.thresholds.get(action, self.routing.threshold))

    def problems(self, tiers: Sequence[TierName], actions: Sequence[str]) -> list[str]:
        """What in the user's wishes names nobody, in words."""
        known = {AUTO, Tier.STATIC.value, *tiers}
        found = [
            f"routing.policies: `{action}` is to be done by `{wanted}`, which is no backend of yours; {_listed(known)}"
            for action, wanted in self.routing.policies.items()
            if wanted not in known
        ]
        named = {*actions, DEFAULT, COMPLETION}
        for setting, mapping in (("policies", self.routing.policies), ("thresholds", self.routing.thresholds)):
            strangers = [each for each in mapping if each not in named]
            found += [f"routing.{setting}: there is no action `{each}`; {_listed(named)}" for each in strangers]
        strangers = [each for each in self.routing.chain if each not in tiers]
        return found + [f"routing.chain: `{each}` is no backend of yours; {_listed(tiers)}" for each in strangers]

    def plan(self, task: Features, chain: Sequence[Link]) -> Plan:
        """The order for a task, of the models from light to heavy."""
        wanted = self.of(task.action)
        if wanted == Tier.STATIC:
            return Plan((_static(["setting `routing.policies`"], ""),))
        passed = [each.refusal for each in chain if each.refusal]
        able = [each for each in chain if not each.refusal]
        if wanted != AUTO and any(each.tier == wanted for each in chain):
            return self._wished(wanted, chain, able)
        if not able:
            return Plan((_static(passed, "instead"),))
        plan = self._auto(task, able, passed)
        if task.has_static_fix:
            first = Step(Tier.STATIC, "Static analysis: it knows a fix for this.")
            return attrs.evolve(plan, steps=(first, *plan.steps))
        return plan

    def doubt(self, task: Features, likely: float | None) -> str:
        """Why an answer of a lighter model, which passes all checks, is not taken, in words; nothing where it is.

        `likely`: how likely it is as good as the heaviest model's.
        """
        least = self.threshold(task.action)
        return (
            ""
            if likely is None or likely >= least
            else f"{likely:.0%} as likely right as the heaviest, under {least:.0%}"
        )

    def _wished(self, wanted: TierName, chain: Sequence[Link], able: Sequence[Link]) -> Plan:
        """The model that the user names, then lighter ones: nobody heavier than what was wished for."""
        names = [each.tier for each in chain]
        at = names.index(wanted)
        passed = [each.refusal for each in chain[at : at + 1] if each.refusal]
        lighter = [each for each in reversed(able) if names.index(each.tier) <= at]
        why = "" if passed else "setting `routing.policies`"
        return Plan(_down(lighter, passed, why))

    def _auto(self, task: Features, able: Sequence[Link], passed: list[str]) -> Plan:
        quick = [each for each in able if each.seconds is None or each.seconds <= self.routing.slow_s]
        slow = [each for each in able if each not in quick]
        if slow and quick:
            passed = [*passed, *(f"the {each.tier} model would need about {each.seconds:.0f} s" for each in slow)]
        choice = quick or able
        heaviest = choice[-1]
        chosen, likely, why = self._judged(task, choice) if len(choice) > 1 else (heaviest, None, "")
        at = choice.index(chosen)
        above = [Step(each.tier, sentence(each.title), rises=True) for each in choice[at + 1 :]]
        below = [*reversed(choice[:at]), *(each for each in reversed(able) if each not in choice)]
        return Plan((_step(chosen, passed, why), *above, *_falling(below)), likely)

    def _judged(self, task: Features, choice: Sequence[Link]) -> tuple[Link, float | None, str]:
        """The lightest model that will do, how likely it (where none: the best lighter one) will, and that in words."""
        *lighter, heaviest = choice
        least, best = self.threshold(task.action), None
        for each in lighter:
            likely = self.sufficiency.ratio(task, each.billions, heaviest.billions)
            if likely is None:
                continue
            if likely >= least < 1:
                return each, likely, f"it does as well as the {heaviest.tier} one in {likely:.0%} of such tasks"
            best = max(likely, best or 0.0)
        if best is None or least == 1:
            return heaviest, best, ""
        return heaviest, best, f"a lighter one would do as well in {best:.0%} of such tasks only"


def chain_of(routing: RoutingConfig, tiers: Sequence[TierName]) -> list[TierName]:
    """The configured tiers from light to heavy, as the user orders them; what they do not name comes in between."""
    if not routing.chain:
        return list(tiers)
    named = [each for each in dict.fromkeys(routing.chain) if each in tiers]
    return [*(each for each in tiers if each not in named), *named]


def _down(models: Sequence[Link], passed: list[str], why: str) -> tuple[Step, ...]:
    if not models:
        return (_static(passed, "instead"),)
    return (_step(models[0], passed, why), *_falling(models[1:]))


def _falling(models: Sequence[Link]) -> tuple[Step, ...]:
    """Those who are asked where nobody better answers, and at last static analysis."""
    lower = [Step(each.tier, sentence(each.title)) for each in models]
    return (*lower, Step(Tier.STATIC, sentence("static analysis")))


def _step(link: Link, passed: list[str], why: str = "") -> Step:
    because = f" ({why})" if why else ""
    return Step(link.tier, sentence(f"{'; '.join(passed)}: {link.title} instead{because}" if passed else
                                     f"{link.title}{because}"))  # fmt: skip


def _static(passed: list[str], instead: str) -> Step:
    if not passed:
        return Step(Tier.STATIC, "Static analysis.")
    return Step(Tier.STATIC, sentence(f"{'; '.join(passed)}: static analysis {instead}".rstrip()))


def sentence(text: str) -> str:
    """A reason as it is told."""
    return text[:1].upper() + text[1:] + "."


def _listed(names: Sequence[str] | set[str]) -> str:
    return "known are " + ", ".join(f"`{each}`" for each in sorted(names))


Seconds = Callable[[str], float | None]
"""How long a backend of that name is expected to take for the task in question, in seconds; None: unknown."""
