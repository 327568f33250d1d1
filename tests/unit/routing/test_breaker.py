"""The circuit breaker, on a clock that the test turns."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.errors import BackendFailed
from hybrid_lsp.routing.health import Health, State

ERROR = BackendFailed("It died.")


@attrs.define
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def test_failures_open_it_and_time_lets_one_request_try() -> None:
    clock = Clock()
    health = Health(threshold=2, cool_down_s=4, clock=clock)
    health.failure(ERROR)
    assert health.state is State.CLOSED
    health.failure(ERROR)
    assert health.state is State.OPEN
    assert not health.allows
    assert health.retry_in_s == 4
    clock.now += 4
    assert health.state is State.HALF_OPEN
    assert health.allows
    health.begin()
    assert not health.allows


def test_a_success_closes_it() -> None:
    clock = Clock()
    health = Health(clock=clock)
    health.failure(ERROR)
    clock.now += 1
    health.begin()
    health.success()
    assert health.state is State.CLOSED
    assert health.last_error is None


def test_an_abandoned_trial_leaves_room_for_the_next() -> None:
    clock = Clock()
    health = Health(clock=clock)
    health.failure(ERROR)
    clock.now += 1
    health.begin()
    health.abandon()
    assert health.allows


@pytest.mark.parametrize(("failures", "wait"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (5000, 60)])
def test_each_failed_trial_doubles_the_wait(failures: int, wait: float) -> None:
    health = Health(cool_down_s=1, longest_s=60, clock=Clock())
    for _ in range(failures):
        health.failure(ERROR)
    assert health.retry_in_s == wait


@given(st.lists(st.sampled_from(["begin", "success", "failure", "abandon", "wait"])))
def test_it_never_stays_shut(steps: list[str]) -> None:
    clock = Clock()
    health = Health(clock=clock)
    for step in steps:
        if step == "wait":
            clock.now += 7
        elif step == "failure":
            health.failure(ERROR)
        else:
            getattr(health, step)()
    health.abandon()
    clock.now += 60
    assert health.allows
