"""Fits `confidence`: logistic regression (Platt 1999) by Newton's method with a small ridge."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from hybrid_lsp.models.confidence import SATURATION, Calibrator, Confidence, Suggestion, beside

# A suggestion that is shown is this likely itself. By the precision aimed at alone, those shown are right often enough
# together, but only where as many are sure as in the code measured: in exercises and tests fewer are.
LEAST = 0.6
RIDGE = 1.0
STEPS = 30

Floats = npt.NDArray[np.float64]


def fit(features: Sequence[Sequence[float]], right: Sequence[bool], start: Calibrator | None = None) -> Calibrator:
    """To suggestions of which it is known whether they are right. features: (n, k).

    With few of them the numbers stay near those of `start`, a calibrator for a like source (the mode of the posterior
    probability, where the ridge is that of a normal distribution around them).
    """
    if not features:
        return start or Calibrator([], [], [-10.0])  # a source that never spoke is never sure
    x = np.asarray(features, np.float64)
    mean, scale = (np.asarray(start.mean), np.asarray(start.scale)) if start else (x.mean(0), x.std(0) + 1e-6)
    x = np.hstack([np.ones((len(x), 1)), np.clip((x - mean) / scale, -SATURATION, SATURATION)])
    weights = _newton(x, np.asarray(right, np.float64), np.asarray(start.weights) if start else None)
    return Calibrator(mean.tolist(), scale.tolist(), weights.tolist())


def _newton(x: Floats, y: Floats, start: Floats | None = None) -> Floats:
    """Weights of the largest likelihood, with a ridge on all but the intercept, towards `start` or nothing."""
    ridge = np.diag([1e-3] + [RIDGE] * (x.shape[1] - 1))
    weights = around = np.zeros(x.shape[1]) if start is None else start

    def loss(w: Floats) -> float:
        score = x @ w
        return float(np.logaddexp(0, score).sum() - y @ score + (w - around) @ ridge @ (w - around) / 2)

    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge
        step = np.linalg.solve(hessian, x.T @ (y - p) - ridge @ (weights - around))
        # From far away a whole step may go too far.
        while loss(weights + step) > loss(weights) and np.abs(step).max() > 1e-9:
            step = step / 2
        weights = weights + step
    return weights


def threshold(probabilities: Sequence[float], right: Sequence[bool], precision: float) -> float:
    """The smallest probability from which on suggestions are right at least so often; above 1 where none is."""
    order = np.argsort(-np.asarray(probabilities), kind="stable")
    hits = np.asarray(right, np.float64)[order].cumsum() / np.arange(1, len(order) + 1)
    good = np.flatnonzero(hits >= precision)
    return float(np.asarray(probabilities)[order[good[-1]]]) if len(good) else 1.01


def fit_confidence(found: dict[str, list[Suggestion]], right: dict[str, list[bool]], precision: float) -> Confidence:
    """Calibrators of all sources, alone and (copy and network) beside each other, and the threshold of the best."""
    calibrators = {name: _fit([s.features for s in found[name]], found[name], right[name]) for name in found}
    for name, other in (("copy", "network"), ("network", "copy")):
        features = [beside(own, rival) for own, rival in zip(found[name], found[other], strict=True)]
        calibrators[f"{name} beside"] = _fit(features, found[name], right[name])
    confidence = Confidence(calibrators)
    sure, hits = [], []
    for at, (copy, network) in enumerate(zip(found["copy"], found["network"], strict=True)):
        best, probability = confidence.best(copy, network)
        sure.append(probability)
        hits.append(right["copy" if best is copy else "network"][at])
    confidence.threshold = max(LEAST, threshold(sure, hits, precision))
    return confidence


def fit_across(
    confidence: Confidence, found: dict[str, list[Suggestion]], right: dict[str, list[bool]], precision: float
) -> Confidence:
    """The same numbers, and those for lines of other files (`across`); what was fitted before is not changed."""
    across, rivals = found["across"], found["network"]
    calibrators = {
        "across": _fit([s.features for s in across], across, right["across"]),
        "across beside": _fit(
            [beside(own, rival) for own, rival in zip(across, rivals, strict=True)], across, right["across"]
        ),
    }
    sure = [calibrators["across"].probability(s.features) if s.text else 0.0 for s in across]
    enough = threshold(sure, right["across"], precision)
    return Confidence({**confidence.calibrators, **calibrators}, confidence.threshold, enough)


def _fit(features: Sequence[list[float]], suggestions: Sequence[Suggestion], right: Sequence[bool]) -> Calibrator:
    """Only suggestions with text have a confidence."""
    spoken = [index for index, suggestion in enumerate(suggestions) if suggestion.text]
    return fit([features[i] for i in spoken], [right[i] for i in spoken])
