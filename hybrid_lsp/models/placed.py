"""How likely a suggestion is right where it stands: the kind of place in the line, and the kind of file.

What the sources say of a suggestion (`confidence`) was fitted on library code. Elsewhere the same words mean less, so
their probability is corrected by a second logistic regression over what is known of the place. Standard library only.
"""

import math
import re

from attrs import define

NEAR_CHARS = 3000
"""Of the text before the cursor by which the kind of file is known."""
_HEAD_CHARS = 3000
_CERTAIN = 1 - 1e-6
_PROSE_AT = 6
_TEST_PATH = re.compile(r"(?i)(?:^|[/\\_.-])(?:tests?|specs?|testing|conftest)(?=[/\\_.-]|$)")
_TESTS = re.compile(r"\b(?:assert\w*|pytest|unittest|expect|describe|it|t\.(?:Error|Fatal)f?|TEST(?:_F)?)\b")
_SCRIPT = re.compile(r"\A#!|__name__ ==|\bargparse\b|\bsys\.argv\b|\bprocess\.argv\b")
_IMPORT = re.compile(r"(?m)^\s*(?:import|from|use|using|#\s*include|require|package)\b|\brequire\(")
_DEFINES = re.compile(r"\b(?:def|class|function|func|fn|interface|struct|impl)\b")
_LOOPS = re.compile(r"\b(?:for|while|if|elif|else|return)\b")
_SHORT_NAMES = re.compile(r"\b[a-z]\b")
_NAMES = re.compile(r"\b[A-Za-z_]\w*")
_AFTER_VALUE = re.compile(r"(?:=|\breturn|\byield|\bassert|\bin|\bif|\bnot|\band|\bor)\s*\Z")
_PROSE = re.compile(r"\s*(?:#|//|\*|--\s|;;|<!--)")
_OPENERS = re.compile(r"[(\[{]")
_CLOSERS = re.compile(r"[)\]}]")


@define(frozen=True)
class Spot:
    """What is known of the place of a suggestion: about 0 to 1 each."""

    features: tuple[float, ...] = ()


def spot(prefix: str, suffix: str, path: str = "") -> Spot:
    """The place between two texts, in the file of a path (or a URI)."""
    line = prefix[prefix.rfind("\n", max(0, len(prefix) - NEAR_CHARS)) + 1 :][-NEAR_CHARS:]
    before, last = line.rstrip(), prefix[-1:]
    inside = len(_OPENERS.findall(line)) > len(_CLOSERS.findall(line))
    in_word = last.isalnum() or last == "_"
    here = (
        float(not before),
        float(before.endswith((".", "->", "::"))),
        float(inside and bool(before) and before[-1] in "(,[{"),
        float(inside),
        float(bool(_AFTER_VALUE.search(line))),
        float(in_word),
        float(bool(_PROSE.match(line)) or _in_docstring(prefix[-NEAR_CHARS:])),
        min(1.0, (len(line) - len(line.lstrip())) / 16),
        float(not suffix.strip()),
        math.log1p(len(line.lstrip())) / 4,
    )
    return Spot((*here, *_kind(prefix, suffix, path)))


def _in_docstring(near: str) -> bool:
    return near.count('"""') % 2 == 1


def _kind(prefix: str, suffix: str, path: str) -> tuple[float, ...]:
    """The kind of file: a test, a script, many imports, much control, short names, its length."""
    near = prefix[-NEAR_CHARS:] + suffix[:NEAR_CHARS]
    head = prefix[:_HEAD_CHARS]
    lines = max(1, near.count("\n"))
    names = len(_NAMES.findall(near))
    tested = len(_TESTS.findall(near)) / lines
    return (
        float(bool(_TEST_PATH.search(path))),
        min(1.0, 5 * tested),
        float(bool(_SCRIPT.search(head) or _SCRIPT.search(suffix[-_HEAD_CHARS:]))),
        min(1.0, len(_IMPORT.findall(head)) / 10),
        min(1.0, 5 * len(_DEFINES.findall(near)) / lines),
        min(1.0, 3 * len(_LOOPS.findall(near)) / lines),
        len(_SHORT_NAMES.findall(near)) / max(1, names),
        math.log1p(len(prefix)) / 12,
        math.log1p(len(suffix)) / 12,
    )


def shifted(probability: float, by: float) -> float:
    """A probability whose log-odds are more by so much."""
    probability = min(_CERTAIN, max(1 - _CERTAIN, probability))
    return 1 / (1 + math.exp(-math.log(probability / (1 - probability)) - by))


def features(sure: float, text: str, from_copy: bool, place: Spot) -> list[float]:
    """What the correction knows of a suggestion: its probability as the sources see it, what it is, where it stands."""
    sure = min(_CERTAIN, max(1 - _CERTAIN, sure))
    logit = math.log(sure / (1 - sure))
    size = math.log1p(len(text)) / 4
    words = len(_NAMES.findall(text)) / 8
    prose = place.features[_PROSE_AT] if place.features else 0.0
    return [
        logit / 4,
        float(from_copy),
        float(from_copy) * logit / 4,
        size,
        min(1.0, words),
        float(bool(text) and text.rstrip()[-1:] in ":;{})],"),
        prose * logit / 4,
        float(not text.strip("\"' ")),
        *place.features,
    ]
