"""Limits: who has too much open or has spent too much waits, for as long as he is told."""

from __future__ import annotations

from contextlib import ExitStack

import attrs
import pytest

from hybrid_lsp.cluster.accounts import Accounts, LimitReached
from hybrid_lsp.cluster.team import Limits, User

ADA = User("ada", Limits(at_once=2, tokens_a_minute=60))
BOB = User("bob", Limits(at_once=0, tokens_a_minute=0))


@attrs.define
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(clock: Clock) -> Accounts:
    return Accounts(clock)


def wait_of(accounts: Accounts, user: User) -> int:
    with pytest.raises(LimitReached) as caught, accounts.request(user):
        pass
    return caught.value.retry_after_s


def test_so_many_at_once(accounts: Accounts) -> None:
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(accounts.request(ADA))
        assert wait_of(accounts, ADA) == 1
        assert accounts.open("ada") == 2
        for _ in range(50):  # nobody else is held up, and without a limit nobody is
            stack.enter_context(accounts.request(BOB))
    assert (accounts.open("ada"), accounts.open("bob"), accounts.open("eve")) == (0, 0, 0)


def test_a_request_that_fails_is_no_longer_open(accounts: Accounts) -> None:
    with pytest.raises(KeyError), accounts.request(ADA):
        raise KeyError
    assert accounts.open("ada") == 0


def test_what_is_overdrawn_is_waited_for(accounts: Accounts, clock: Clock) -> None:
    with accounts.request(ADA):
        accounts.charge("ada", 90)
    wait_s = wait_of(accounts, ADA)
    assert wait_s == 31  # 30 tokens too many, one a second, and one to spend
    clock.now += wait_s - 1.5
    assert wait_of(accounts, ADA) >= 1
    clock.now += 1.5
    with accounts.request(ADA):
        pass


def test_a_quiet_hour_saves_no_more_than_a_minutes_tokens(accounts: Accounts, clock: Clock) -> None:
    with accounts.request(ADA):
        clock.now += 3600
    with accounts.request(ADA):
        accounts.charge("ada", 60)
    assert wait_of(accounts, ADA) == 1


def test_without_a_limit_nothing_is_too_much(accounts: Accounts) -> None:
    with accounts.request(BOB):
        accounts.charge("bob", 10**9)
    with accounts.request(BOB):
        pass
    accounts.charge("eve", 5)  # a bill for somebody who is no longer in the team
