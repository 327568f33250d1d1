"""The edit format: found exactly once, or refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import hunks, reply
from hybrid_lsp.errors import ReplyRejected

CODE = """\
def f(x):
    if x:
        print(x)
        return 1
    print(x)
    return 2"""


def hunk(search: str, replace: str) -> str:
    middle = f"{replace}\n" if replace else ""
    return f"<<<<<<< SEARCH\n{search}\n=======\n{middle}>>>>>>> REPLACE"


@pytest.mark.parametrize(
    ("text", "new"),
    [
        (hunk("        return 1", "        return 3"), CODE.replace("return 1", "return 3")),
        (f"Sure:\n\n{hunk('    return 2', '')}\n\nDone.", CODE.replace("\n    return 2", "")),
        (f"```python\n{hunk('    return 2', '    return 4')}\n```", CODE.replace("return 2", "return 4")),
        (hunk("return 2", "return 4"), CODE.replace("return 2", "return 4")),  # shifted
        (hunk("if x:\n    print(x)", "if x:\n    log(x)"), CODE.replace("        print", "        log", 1)),
        (
            hunk("  print(x)\n  return 2", "  return 2\n\n  # end"),
            CODE.replace("    print(x)\n    return 2", "    return 2\n\n    # end"),
        ),
        (
            hunk("    return 2", "    return 4") + "\n" + hunk("def f(x):", "def f(x):\n    # new"),
            CODE.replace("return 2", "return 4").replace("def f(x):", "def f(x):\n    # new"),
        ),
    ],
    ids=["exact", "deleted", "fenced", "shifted", "shifted-block", "narrower", "two"],
)
def test_hunks_that_fit(text: str, new: str) -> None:
    assert reply.new_code(text, CODE) == new


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (hunk("print(x)", "log(x)"), "2 times: `print\\(x\\)`"),
        (hunk("    return 9", "x"), "do not stand in the code: `return 9`"),
        (hunk("if x:\n        print(x)", "x"), "do not stand"),  # not one shift for all lines
        (hunk("    return 2 ", "x"), "do not stand"),  # no other white space is forgiven
        (hunk("        print(x)\n    return 2", "x"), "do not stand"),
        (hunk("", "x"), "searches for nothing"),
        ("<<<<<<< SEARCH\n    return 2\n=======\nx", "not closed"),
        ("<<<<<<< SEARCH\n    return 2\n>>>>>>> REPLACE", "no `=======`"),
        ("<<<<<<< SEARCH\na\n<<<<<<< SEARCH\nb\n=======\n>>>>>>> REPLACE", "no `=======`"),
        (hunk("    return 2", "a\n=======\nb"), "more than one `=======`"),
        (hunk("    print(x)\n    return 2", "y") + "\n" + hunk("    return 2", "z"), "same lines"),
    ],
)
def test_hunks_that_do_not(text: str, reason: str) -> None:
    with pytest.raises(ReplyRejected, match=reason) as caught:
        reply.new_code(text, CODE)
    assert caught.value.raw == text


def test_code_that_shows_hunks_is_replaced_whole() -> None:
    code = f'DOC = """\n{hunk("a", "b")}\n"""'
    assert reply.new_code(f"```\n{code.replace('b', 'c')}\n```", code) == code.replace("b", "c")


LINES = st.lists(st.sampled_from(["a", "b", "    a", "    b", "\tc", "", "d e"]), min_size=1, max_size=12)


@given(LINES, st.data())
def test_a_hunk_changes_the_lines_it_names_and_no_others(lines: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start + 1, len(lines)))
    search, replace = lines[start:end], data.draw(st.lists(st.sampled_from(["x", "    y", ""]), max_size=3))
    windows = [lines[at : at + len(search)] for at in range(len(lines) - len(search) + 1)]
    edit = hunks.Hunk(tuple(search), tuple(replace))
    if not any(line.strip() for line in search) or windows.count(search) > 1:
        with pytest.raises(ReplyRejected):
            hunks.apply("\n".join(lines), [edit])
        return
    assert hunks.apply("\n".join(lines), [edit]).split("\n") == (lines[:start] + replace + lines[end:] or [""])


@given(st.text(alphabet="<=> SEARCHREPLACE\n`a", max_size=80))
def test_any_reply_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(ReplyRejected):
        assert isinstance(reply.new_code(text, CODE), str)
