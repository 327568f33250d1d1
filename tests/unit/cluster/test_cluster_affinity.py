"""Which replica is asked: the one that holds the prompt, unless it is much busier than others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.cluster.affinity import BLOCK, BUSIER, Holders, marks, text_of

TEXT = "".join(f"value_{number} = {number}\n" for number in range(200))
IDLE = {"a": 0, "b": 0, "c": 0}


def first(holders: Holders, wanted: tuple[bytes, ...], load: dict[str, int] = IDLE) -> str:
    return holders.ranked(wanted, load)[0]


def test_the_next_key_goes_where_the_last_went() -> None:
    holders, asked = Holders(), Counter[str]()
    for user in range(60):
        typed = f"# {user}\n{TEXT}"
        replica = first(holders, marks(str(user), typed))
        asked[replica] += 1
        holders.give(marks(str(user), typed), replica)
        for key in range(20):
            typed += "x" * (key + 1)
            assert first(holders, marks(str(user), typed)) == replica
    assert set(asked) == set(IDLE)  # and not everybody went to the same


def test_the_longer_beginning_counts() -> None:
    """Two windows of one user, each with its own file, and a replica for each."""
    holders = Holders()
    here, there = marks("ada", TEXT), marks("ada", "import os\n" + TEXT)
    holders.give(here, "a")
    holders.give(there, "b")
    for _ in range(3):
        assert first(holders, marks("ada", TEXT + "typed on")) == "a"
        assert first(holders, marks("ada", "import os\n" + TEXT + "typed on")) == "b"


def test_a_much_busier_holder_is_passed_over() -> None:
    holders, wanted = Holders(), marks("ada", TEXT)
    holders.give(wanted, "a")
    assert first(holders, wanted, {"a": BUSIER, "b": 0}) == "a"
    assert holders.ranked(wanted, {"a": BUSIER + 1, "b": 0}) == ["b", "a"]


def test_one_that_is_gone_is_not_missed() -> None:
    holders, wanted = Holders(), marks("ada", TEXT)
    holders.give(wanted, "gone")
    assert sorted(holders.ranked(wanted, IDLE)) == sorted(IDLE)
    assert holders.ranked(wanted, {}) == []


def test_whoever_is_new_goes_where_the_fewest_are() -> None:
    holders, asked = Holders(), Counter[str]()
    users = [marks(f"user {number}", "") for number in range(30)]
    for each in users:
        asked[first(holders, each)] += 1
        holders.give(each, first(holders, each))
    assert asked == {"a": 10, "b": 10, "c": 10}
    assert first(holders, marks("another", ""), IDLE | {"d": 0}) == "d"
    assert [first(holders, each, IDLE | {"d": 0}) for each in users].count("d") == 0  # and nobody moves for it


def test_no_more_is_remembered_than_there_is_room_for() -> None:
    holders = Holders(most=100)
    for number in range(50):
        holders.give(marks(str(number), TEXT), "a")
    assert len(holders._holders) == 100


def test_users_share_no_marks() -> None:
    assert not set(marks("ada", TEXT)) & set(marks("bob", TEXT))


@given(st.text(max_size=3 * BLOCK), st.text(max_size=2 * BLOCK))
def test_what_is_typed_on_has_the_marks_of_what_stood_before(text: str, more: str) -> None:
    before, after = marks("ada", text), marks("ada", text + more)
    assert after[: len(before)] == before
    assert len(before) == 1 + len(text) // BLOCK


def test_the_text_of_each_protocol() -> None:
    assert text_of({"input_prefix": "a", "prompt": "b", "input_suffix": "c"}) == "ab"
    assert text_of({"prompt": "b", "suffix": "c"}) == "b"
    assert text_of({"messages": [{"content": "a"}, {"content": "b"}, 3]}) == "a\nb"
    assert text_of({"prompt": None, "messages": 3}) == ""
