"""The simulation counts right: nothing is lost, nobody does two things at once, and the choice of a replica matters."""

from __future__ import annotations

import pytest

from benchmarks import scaling
from benchmarks.scaling import Simulation

pytestmark = pytest.mark.shared_data


def test_it_says_the_same_each_time() -> None:
    first, second = (Simulation(3, 2).run(60.0) for _ in range(2))
    assert first == second
    assert first.keys > 100


@pytest.mark.parametrize("affine", [True, False])
def test_no_replica_works_more_than_there_is_time(*, affine: bool) -> None:
    crowded = Simulation(30, 2, affine=affine)
    found = crowded.run(60.0)
    assert 0.5 < crowded.busy <= 1.05  # what began before the count ends within it
    assert found.whole <= len(found.first_s) <= found.starts
    assert found.tokens == found.whole * scaling.TOKENS


def test_alone_it_does_not_matter_who_is_asked() -> None:
    assert Simulation(1, 1).run(120.0).starts == Simulation(1, 1, affine=False).run(120.0).starts


def test_who_holds_the_prompt_is_worth_asking() -> None:
    affine, anyone = (Simulation(12, 4, affine=each).run(120.0) for each in (True, False))
    assert affine.warm / affine.starts > 2 * anyone.warm / anyone.starts
    assert affine.whole > anyone.whole
