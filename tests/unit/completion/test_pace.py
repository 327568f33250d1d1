"""Whether the lighter of two models is worth asking first."""

from __future__ import annotations

import pytest

from hybrid_lsp.completion.pace import WORTH, Pace


@pytest.mark.parametrize(
    ("lighter", "heavier", "quick"),
    [(80, 150, True), (80, 80 * WORTH + 1, False), (None, 150, False), (80, None, False)],
)
def test_a_heavier_model_is_quick_by_what_the_lighter_one_takes(
    lighter: float | None, heavier: float | None, quick: bool
) -> None:
    pace = Pace()
    if lighter is not None:
        pace.lighter(lighter)
    if heavier is not None:
        pace.heavier(heavier, stood=True)
    assert pace.quick is quick


def test_what_took_long_because_a_prompt_was_new_says_nothing_of_the_next_key() -> None:
    pace = Pace()
    pace.lighter(80)
    pace.heavier(100, stood=True)
    for _ in range(20):
        pace.heavier(5000, stood=False)
    assert pace.quick


def test_a_machine_that_becomes_busy_is_followed() -> None:
    pace = Pace()
    pace.lighter(80)
    for elapsed_ms, quick in ((100, True), (900, False)):
        for _ in range(20):
            pace.heavier(elapsed_ms, stood=True)
        assert pace.quick is quick
