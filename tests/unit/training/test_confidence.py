import json
import math
import random

import pytest

from hybrid_lsp.models import copying
from hybrid_lsp.models.confidence import NEVER, Confidence, Suggestion, beside, copied, copied_across, generated, shared
from hybrid_lsp.training import calibration


def test_a_calibrator_learns_a_known_probability():
    dice = random.Random(0)
    xs = [[dice.gauss(0, 1), dice.gauss(0, 1)] for _ in range(4000)]
    truth = [1 / (1 + math.exp(-(1.5 * x[0] - 0.5))) for x in xs]
    fitted = calibration.fit(xs, [dice.random() < p for p in truth])
    errors = [abs(fitted.probability(x) - p) for x, p in zip(xs, truth, strict=True)]
    assert sum(errors) / len(errors) < 0.03


def test_a_feature_far_out_says_no_more_than_one_at_the_edge():
    fitted = calibration.fit([[0.0], [1.0], [2.0], [3.0]], [False, False, True, True])
    assert fitted.probability([1e9]) == fitted.probability([1e6])


def test_a_source_that_never_spoke_is_never_sure():
    assert calibration.fit([], []).probability([]) < 0.001


def test_the_threshold_is_the_smallest_that_keeps_the_precision():
    sure = [0.9, 0.8, 0.7, 0.6, 0.5]
    assert calibration.threshold(sure, [True, True, False, True, False], 0.75) == 0.6
    assert calibration.threshold(sure, [False] * 5, 0.5) > 1


def test_a_network_line_has_features_and_an_empty_one_none():
    line = generated("foo(bar) ", [-0.1, -0.3, -0.2], True, "foo = 1\n")
    assert line.text == "foo(bar)"
    assert line.log_prob == pytest.approx(-0.6)
    assert line.features[-1] == 0.5  # one of its two names stands above
    assert generated("   ", [-0.1], True, "") == Suggestion()


def suggestions(count, dice):
    """Copies that are right when likely, networks that are right when the copy is not."""
    found = {"copy": [], "network": []}
    right = {"copy": [], "network": []}
    for _ in range(count):
        p = dice.random()
        hit = dice.random() < p
        found["copy"].append(
            copied(copying.Copy("a", math.log(p + 0.01), 1, 3, math.log(p + 0.01), math.log(p + 0.01), 1.0, 5))
        )
        found["network"].append(generated("b", [math.log(1.01 - p)], True, ""))
        right["copy"].append(hit)
        right["network"].append(not hit)
    return found, right


def test_both_together_choose_the_likelier_and_survive_saving(tmp_path):
    found, right = suggestions(1500, random.Random(1))
    confidence = calibration.fit_confidence(found, right, 0.7)
    chosen = [confidence.best(*pair) for pair in zip(found["copy"], found["network"], strict=True)]
    hits = [
        right["copy" if best is copy else "network"][at]
        for at, ((best, _), copy) in enumerate(zip(chosen, found["copy"], strict=True))
    ]
    assert sum(hits) > 1.2 * max(sum(right["copy"]), sum(right["network"]))
    path = tmp_path / "confidence.json"
    path.write_text(json.dumps(confidence.as_dict()))
    again = Confidence.load(path)
    assert again.threshold == pytest.approx(confidence.threshold, abs=1e-3)
    assert again.best(found["copy"][0], found["network"][0])[1] == pytest.approx(chosen[0][1], abs=1e-3)


def with_other_files(dice):
    """The sources of before, and lines of other files that are right where the file's own are unlikely."""
    found, right = suggestions(1500, dice)
    found["across"], right["across"] = [], []
    for own, hit in zip(found["copy"], right["copy"], strict=True):
        likely = math.exp(own.log_prob) < 0.4
        found["across"].append(copied_across(copying.Copy("c", -0.1 if likely else -3.0, 1, 6), own))
        right["across"].append(likely and not hit)
    return found, right


def test_other_files_have_a_say_where_the_file_itself_is_not_sure(tmp_path):
    found, right = with_other_files(random.Random(3))
    single = {name: found[name] for name in ("copy", "network")}
    before = calibration.fit_confidence(single, right, 0.7)
    confidence = calibration.fit_across(before, found, right, 0.6)
    assert confidence.across_threshold < 1
    assert {name: confidence.calibrators[name] for name in before.calibrators} == before.calibrators
    assert confidence.threshold == before.threshold
    pairs = list(zip(found["copy"], found["across"], strict=True))
    chosen = [confidence.copy(*pair)[0] for pair in pairs]
    hits = [right["across" if s is a else "copy"][at] for at, (s, (_, a)) in enumerate(zip(chosen, pairs, strict=True))]
    assert sum(hits) > 1.2 * sum(right["copy"])
    for own, other in pairs:
        if not confidence.looks_across(own):
            assert confidence.copy(own, other)[0] is own
    path = tmp_path / "confidence.json"
    path.write_text(json.dumps(confidence.as_dict()))
    assert Confidence.load(path).across_threshold == pytest.approx(confidence.across_threshold, abs=1e-3)


def test_the_best_of_three_is_one_of_them_and_not_less_likely_than_of_two():
    found, right = with_other_files(random.Random(4))
    single = {name: found[name] for name in ("copy", "network")}
    confidence = calibration.fit_across(calibration.fit_confidence(single, right, 0.7), found, right, 0.6)
    across = 0
    for copy, network, other in zip(found["copy"], found["network"], found["across"], strict=True):
        two, three = confidence.best(copy, network), confidence.best(copy, network, other)
        assert three[1] >= two[1]
        assert three == two or three[0] is other
        across += three[0] is other
        assert confidence.best(copy, network, Suggestion()) == two
    assert across > 0


def test_a_file_without_numbers_for_other_files_leaves_them_out(tmp_path):
    found, right = with_other_files(random.Random(5))
    single = {name: found[name] for name in ("copy", "network")}
    known = calibration.fit_confidence(single, right, 0.7).as_dict()
    del known["across_threshold"]
    path = tmp_path / "confidence.json"
    path.write_text(json.dumps(known))
    confidence = Confidence.load(path)
    assert confidence.across_threshold == NEVER
    own, other, network = found["copy"][0], found["across"][0], found["network"][0]
    assert not confidence.looks_across(own)
    assert confidence.copy(own, other) == (own, confidence.alone("copy", own))
    assert confidence.best(own, network, other) == confidence.best(own, network)


def test_a_line_of_another_file_is_seen_in_the_light_of_the_files_own():
    own = copied(copying.Copy("abc", -0.1, 1, 3))
    other = copied_across(copying.Copy("abd", -0.2, 1, 3), own)
    assert other.features == beside(copied(copying.Copy("abd", -0.2, 1, 3)), own)
    assert copied_across(copying.Copy(), own) == Suggestion()


def test_silence_has_no_confidence():
    found, right = suggestions(200, random.Random(2))
    confidence = calibration.fit_confidence(found, right, 0.5)
    assert confidence.alone("copy", Suggestion()) == 0.0
    assert confidence.best(Suggestion(), Suggestion()) == (Suggestion(), 0.0)
    assert confidence.best(found["copy"][0], Suggestion())[0] is found["copy"][0]


def test_features_beside_another_source():
    one, other = generated("abc()", [-0.1], True, ""), generated("abd()", [-0.2], True, "")
    assert len(beside(one, other)) == len(one.features) + 5
    assert shared("abc", "abd") == 2
    assert shared("ab", "abd") == 2
