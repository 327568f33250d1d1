"""Measures of suggestions against what was written."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

COVERAGES = tuple(range(5, 101, 5))  # per cent of positions at which something is shown
RESAMPLES = 400

Floats = npt.NDArray[np.float64]


def edit_similarity(a: str, b: str) -> float:
    """1 - Levenshtein distance / the longer length."""
    if not a or not b:
        return float(a == b)
    other = np.frombuffer(b.encode("utf-32-le"), np.uint32)
    steps = np.arange(len(b) + 1)
    row = steps.copy()
    for number, char in enumerate(a, 1):
        new = np.minimum(row[1:] + 1, row[:-1] + (other != ord(char)))
        new = np.concatenate(([number], new))
        row = np.minimum.accumulate(new - steps) + steps  # insertions
    return 1.0 - float(row[-1]) / max(len(a), len(b))


def wilson(hits: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not count:
        return 0.0, 1.0
    z, p = 1.96, hits / count
    middle = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * ((p * (1 - p) + z * z / (4 * count)) / count) ** 0.5 / (1 + z * z / count)
    return max(0.0, middle - half), min(1.0, middle + half)


def curve(confidence: Floats, right: Floats) -> Floats:
    """Precision when only the most confident suggestions are shown: one value for each of COVERAGES."""
    order = np.argsort(-confidence, kind="stable")
    hits = right[order].cumsum()
    counts = np.maximum(1, np.array(COVERAGES) * len(right) // 100)
    return np.asarray(hits[counts - 1] / counts)


def paired(first: tuple[Floats, Floats], second: tuple[Floats, Floats], seed: int = 0) -> dict[str, list[float]]:
    """The gain of the first source over the second at each coverage, with a paired bootstrap's 95 % interval.

    Each source is (confidence, right), over the same positions.
    """
    draw = np.random.default_rng(seed)
    gains = np.empty((RESAMPLES, len(COVERAGES)))
    for number in range(RESAMPLES):
        chosen = draw.integers(0, len(first[0]), len(first[0]))
        gains[number] = curve(first[0][chosen], first[1][chosen]) - curve(second[0][chosen], second[1][chosen])
    low, high = np.quantile(gains, (0.025, 0.975), axis=0)
    return {"gain": _rounded(curve(*first) - curve(*second)), "low": _rounded(low), "high": _rounded(high)}


def _rounded(values: Sequence[float] | Floats) -> list[float]:
    return [round(float(value), 4) for value in values]
