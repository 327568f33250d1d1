"""Actions with a text of the user's: a question, a change."""

from __future__ import annotations

import asyncio
import re

import pytest
from action_bench import Bench, block, no_model, python

from hybrid_lsp.actions.base import EditOutcome, NothingOutcome, TextOutcome
from hybrid_lsp.actions.pipeline import MAX_INSTRUCTION_CHARS
from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.errors import ActionError
from hybrid_lsp.types import Chat

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


SAME, CHANGED = block("def add(a, b):\n    return a + b"), block("def add(a, b):\n    return b + a")


def add(bench: Bench, *replies: str, instruction: str = "Turn the sum round."):
    return bench.run("edit", *replies, document=python(SOURCE), at="a + b", instruction=instruction)


async def test_an_edit_that_changes_nothing_is_asked_for_once_more_by_another_prompt() -> None:
    bench = Bench()
    done = await add(bench, SAME, CHANGED)
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == SOURCE.replace("a + b", "b + a")
    assert bench.backend is not None
    first, second = (request.prompt for request in bench.backend.requests)
    assert isinstance(first, Chat)
    assert isinstance(second, Chat)
    # No conversation: the model's own copy would be copied again. The code stands first, the task behind it.
    assert [each.role for each in second.messages] == ["system", "user"]
    assert second.messages[0] == first.messages[0]
    text = second.messages[1].content
    assert text.startswith("Code:\n```python\ndef add(a, b):\n    return a + b\n```\n\n")
    assert text.index("return a + b") < text.index("The developer asks: Turn the sum round.")
    assert text.endswith(
        "The code above does not do so yet: it has to change. Write the whole code with this change in one fenced "
        "code block."
    )
    begun = [each.message for each in bench.seen if not each.tokens]
    assert [each.partition(" It takes")[0] for each in begun] == [
        "Large model big.",
        "The code came back as it was, and is asked for once more. Large model big.",
    ]
    assert done.by.trail is not None
    assert done.by.trail.refused == 1
    # Of both replies; the last is not read behind its block.
    assert bench.backend.pieces // 2 < done.by.trail.tokens <= bench.backend.pieces


async def test_a_model_that_changes_nothing_twice_is_not_asked_a_third_time() -> None:
    bench = Bench()
    done = await add(bench, SAME, SAME)
    assert isinstance(done, NothingOutcome)
    assert "gave the code back as it was, twice. Say it in other words" in done.label
    assert bench.backend is not None
    assert len(bench.backend.requests) == 2
    assert done.by.raw == ""
    assert done.by.trail is not None
    assert done.by.trail.refused == 2


async def test_what_is_wrong_in_the_second_reply_is_said_and_not_asked_about() -> None:
    bench = Bench()
    done = await add(bench, SAME, block("def add(a, b:\n    return b"))
    assert isinstance(done, NothingOutcome)
    assert "syntax error" in done.label
    assert bench.backend is not None
    assert len(bench.backend.requests) == 2


async def test_a_reply_that_was_refused_and_then_changes_nothing_is_the_last_one() -> None:
    bench = Bench()
    done = await add(bench, "No.", SAME)
    assert isinstance(done, NothingOutcome)
    assert bench.backend is not None
    assert len(bench.backend.requests) == 2
    assert "sees nothing to change" in done.label


async def test_a_secret_stays_here_when_an_edit_is_asked_for_again() -> None:
    bench, text = Bench(), f"def key():\n    return '{SECRET}'\n"
    document = python(text)
    await bench.run("edit", "No.", document=document, at="return", instruction="Upper case.")
    placeholder = re.search(r"\S*REDACTED\w*", bench.prompt().split("return '")[1])
    assert placeholder is not None
    hidden = f"def key():\n    return '{placeholder[0].rstrip(chr(39))}'"
    bench = Bench()
    done = await bench.run(
        "edit",
        block(hidden),
        block(hidden.replace("return", "return 1 and")),
        document=document,
        at="return",
        instruction="Upper case.",
    )
    assert SECRET not in bench.prompt(1)
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == text.replace("return", "return 1 and")


async def test_long_code_is_asked_for_again_in_changes() -> None:
    bench, lines = Bench(), "".join(f"    a += {number}\n" for number in range(100))
    document = python(f"def long(a):\n{lines}    return a\n")
    hunk = "<<<<<<< SEARCH\n    return a\n=======\n    return {}\n>>>>>>> REPLACE"
    done = await bench.run(
        "edit", hunk.format("a"), hunk.format("-a"), document=document, at="return", instruction="Negate it."
    )
    assert isinstance(done, EditOutcome)
    assert "it has to change. Reply with the changes only" in bench.prompt(1)
    assert done.edit.apply().endswith("    return -a\n")


async def test_the_second_question_can_be_ended() -> None:
    bench, enough = Bench(), asyncio.Event()
    assert bench.backend is not None
    bench.backend.enqueue([SAME, FakeReply(CHANGED, hold=asyncio.Event())])
    running = asyncio.create_task(
        bench.run("edit", document=python(SOURCE), at="a + b", instruction="Turn it round.", enough=enough)
    )
    while len(bench.backend.requests) < 2:
        await asyncio.sleep(0)
    enough.set()
    done = await running
    assert isinstance(done, NothingOutcome)
    assert "not waited for" in done.label
    assert (len(bench.backend.requests), bench.backend.cancelled) == (2, 1)
