"""Whether the lighter of two models is worth asking first."""

from __future__ import annotations

import pytest

from hybrid_lsp.completion.pace import WORTH, Pace


@pytest.mark.parametrize(
    ("lighter", "heavier", "stands", "at_once"),
    [
        (80, 150, True, True),
        (80, 80 * WORTH + 1, True, False),
        (80, 150, False, False),  # it would have to read a new prompt
        (None, 150, True, False),
        (80, None, True, False),
    ],
)
def test_a_heavier_model_is_asked_at_once_where_it_is_nearly_as_quick(
    lighter: float | None, heavier: float | None, stands: bool, at_once: bool
) -> None:
    pace = Pace()
    if lighter is not None:
        pace.lighter(lighter)
    if heavier is not None:
        pace.heavier(heavier, stood=True)
    assert pace.at_once(stands=stands) is at_once


def test_what_took_long_because_a_prompt_was_new_says_nothing_of_the_next_key() -> None:
    pace = Pace()
    pace.lighter(80)
    pace.heavier(100, stood=True)
    for _ in range(20):
        pace.heavier(5000, stood=False)
    assert pace.at_once(stands=True)


def test_a_machine_that_becomes_busy_is_followed() -> None:
    pace = Pace()
    pace.lighter(80)
    for elapsed_ms, at_once in ((100, True), (900, False)):
        for _ in range(20):
            pace.heavier(elapsed_ms, stood=True)
        assert pace.at_once(stands=True) is at_once
