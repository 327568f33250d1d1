"""A clock that is turned by hand, and what is due by it."""

from __future__ import annotations

from collections.abc import Callable

import attrs


@attrs.define
class Timer:
    at: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@attrs.define
class Clock:
    """`time` and `later` stand in for the event loop's."""

    now: float = 0.0
    timers: list[Timer] = attrs.field(factory=list)

    def time(self) -> float:
        return self.now

    def later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        self.timers.append(Timer(self.now + delay_s, call))
        return self.timers[-1]

    def wait(self, seconds: float) -> None:
        """Turn it on, and do what is due."""
        self.now += seconds
        for timer in [each for each in self.timers if each.at <= self.now and not each.cancelled]:
            self.timers.remove(timer)
            timer.call()
