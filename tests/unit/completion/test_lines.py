import math

from hybrid_lsp.completion.lines import split
from hybrid_lsp.types import Finish, Piece


def test_a_newline_ends_one_line_and_begins_the_next() -> None:
    pieces = [
        Piece("a", 1, -1.0),
        Piece("\n  b", 2, -4.0),
        Piece("c", 1, -1.0),
        Piece("", 1, -0.5, Finish.STOP),
    ]
    first, second = split(pieces)
    assert (first.text, first.log_probs, first.finished) == ("a", [-1.0, -2.0, -2.0], True)
    assert (second.text, second.log_probs, second.finished) == ("  bc", [-1.0, -0.5], True)


def test_a_line_cut_by_a_limit_is_not_finished() -> None:
    (line,) = split([Piece("a", 1, -1.0), Piece("", 0, 0.0, Finish.LENGTH)])
    assert not line.finished
    assert line.mean == math.exp(-1)


def test_an_empty_reply_is_one_empty_line() -> None:
    (line,) = split([])
    assert line.text == ""
    assert math.isnan(line.mean)
