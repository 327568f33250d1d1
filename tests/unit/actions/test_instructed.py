"""Actions with a text of the user's: a question, a change."""

from __future__ import annotations

import pytest
from action_bench import Bench, block, no_model, python

from hybrid_lsp.actions.base import EditOutcome, NothingOutcome, TextOutcome
from hybrid_lsp.actions.pipeline import MAX_INSTRUCTION_CHARS
from hybrid_lsp.errors import ActionError

SOURCE = "def add(a, b):\n    return a + b\n\n\ndef use():\n    return add(1, 2)\n"
SECRET = "AKIA" + "QYLPMN5HHHFPZAM2"


async def test_a_question_is_answered_with_the_facts_at_hand() -> None:
    bench = Bench()
    done = await bench.run("ask", "It **adds**.", document=python(SOURCE), at="a + b", instruction=" What does it do? ")
    assert isinstance(done, TextOutcome)
    assert done.markdown == "It **adds**."
    assert "The question: What does it do?\n" in bench.prompt()
    assert "Called in this file from: `use`" in bench.prompt()


async def test_a_change_says_which_public_names_it_changes() -> None:
    bench = Bench()
    reply = block("def plus(a, b):\n    return a + b")
    done = await bench.run("edit", reply, document=python(SOURCE), at="a + b", instruction="Call it plus.")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply().startswith("def plus(a, b):\n")
    assert done.notes == ("Public names that are gone: `add`.", "New public names: `plus`.")
    assert "`plus`" in done.edit.description
    assert "The developer asks: Call it plus.\n" in bench.prompt()


async def test_a_changed_signature_is_told_too() -> None:
    reply = block("def add(a, b, c=0):\n    return a + b + c")
    done = await Bench().run("edit", reply, document=python(SOURCE), at="a + b", instruction="Add c.")
    assert done.notes == ("Changed signatures: `add`.",)


async def test_code_can_be_written_where_there_is_none() -> None:
    document = python("import os\n\n\n\n")
    done = await Bench().run(
        "edit", block("def new():\n    return 1"), document=document, at="\n\n\n", instruction="New."
    )
    assert isinstance(done, EditOutcome)
    assert "def new():\n    return 1" in done.edit.apply()
    empty = await Bench().run("edit", block("x = 1"), document=python(""), instruction="New.")
    assert isinstance(empty, EditOutcome)
    assert empty.edit.apply() == "x = 1"


async def test_broken_syntax_is_refused_here_as_well() -> None:
    reply = block("def add(a, b:\n    return a + b")
    done = await Bench().run("edit", reply, reply, document=python(SOURCE), at="a + b", instruction="Break it.")
    assert isinstance(done, NothingOutcome)
    assert "syntax error" in done.label


@pytest.mark.parametrize("name", ["ask", "edit"])
async def test_without_a_text_or_a_model_there_is_nothing(name: str) -> None:
    with pytest.raises(ActionError, match="needs an instruction"):
        await Bench().run(name, document=python(SOURCE), instruction=" ")
    with pytest.raises(ActionError, match="longer than 10,000"):
        await Bench().run(name, document=python(SOURCE), instruction="x" * (MAX_INSTRUCTION_CHARS + 1))
    done = await no_model().run(name, document=python(SOURCE), instruction="Do it.")
    assert isinstance(done, NothingOutcome)


async def test_a_secret_in_the_users_text_stays_here() -> None:
    bench = Bench()
    await bench.run("ask", "Yes.", document=python(SOURCE), instruction=f"Is {SECRET} a key?")
    assert SECRET not in bench.prompt()
