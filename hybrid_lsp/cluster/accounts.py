"""What each user has open and has spent: requests at once, and tokens a minute as a bucket that refills.

A request is let in while anything is left, and paid for when it is known what it has cost: a long one may overdraw,
and the next ones wait until that is refilled.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from hybrid_lsp.cluster.team import Limits, User

_SOON_S = 1
_MINUTE_S = 60.0


class LimitReached(Exception):
    """The user must wait `retry_after_s` seconds; the message says why."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


@attrs.define
class _Account:
    left: float
    since: float
    open: int = 0


@attrs.define(eq=False)
class Accounts:
    """The accounts by the users' names; `clock` in seconds."""

    clock: Callable[[], float] = time.monotonic
    _accounts: dict[str, _Account] = attrs.field(factory=dict)

    @contextmanager
    def request(self, user: User) -> Iterator[None]:
        """Count a request while it lasts. Raises LimitReached."""
        account = self._refilled(user)
        self._check(user.limits, account)
        account.open += 1
        try:
            yield
        finally:
            account.open -= 1

    def charge(self, name: str, tokens: int) -> None:
        """A user's request has cost so many tokens."""
        if (account := self._accounts.get(name)) is not None:
            account.left -= tokens

    def open(self, name: str) -> int:
        """Requests that a user has open."""
        account = self._accounts.get(name)
        return account.open if account is not None else 0

    def _refilled(self, user: User) -> _Account:
        now, most = self.clock(), float(user.limits.tokens_a_minute)
        account = self._accounts.setdefault(user.name, _Account(most, now))
        account.left = min(most, account.left + (now - account.since) * most / _MINUTE_S)
        account.since = now
        return account

    def _check(self, limits: Limits, account: _Account) -> None:
        if limits.at_once and account.open >= limits.at_once:
            raise LimitReached(f"You have {account.open} requests open, which is your limit.", _SOON_S)
        if limits.tokens_a_minute and account.left <= 0:
            wait_s = math.floor(-account.left * _MINUTE_S / limits.tokens_a_minute) + 1
            raise LimitReached(f"You have spent your {limits.tokens_a_minute} tokens of this minute.", wait_s)
