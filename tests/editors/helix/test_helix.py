"""Helix: a client without inline completion, whose screen stands still while it waits for a resolve.

The large model's replies are written here; all else is real.
"""

from __future__ import annotations

from pathlib import Path

from conftest import Edit
from helix import BACKSPACE, ENTER, ESCAPE, TAB, Helix
from history import recorded
from leftovers import servers
from sample import BETTER, CODE, MODEL_BETTER, STATIC_BETTER
from scripted import Script

SURE = "[completion]\nmin_confidence = 0.0\n"
STATIC = '[small]\nbackend = "none"\n'
SHOWN = 'system("ls'
LINE_6, LINE_11, MENU = "6gg", "11gg", " a"


async def written(helix: Helix) -> None:
    await helix.keys(ESCAPE, f":write{ENTER}")
    await helix.until_drawn("written")


def saved(file: Path) -> str:
    return file.read_text(encoding="utf-8")


async def choose(helix: Helix, title: str, steps: int) -> None:
    """Open the menu of actions, in which a title is so many steps down from the first."""
    await helix.keys(*MENU)
    await helix.until_drawn(title)
    await helix.keys(*[TAB] * steps, ENTER)


async def test_ghost_text_is_in_the_menu_and_is_taken(edit: Edit, file: Path) -> None:
    async with edit(CODE, SURE) as helix:
        (server,) = servers(helix.pid)
        await helix.keys(LINE_11, "o", *"os.sys")
        # Helix asks once a key, and a model that is still being loaded has no answer to that.
        while not await helix.draws(SHOWN, within_s=5):
            await helix.keys(BACKSPACE, "s")
        await helix.keys(TAB)
        await helix.until_drawn("hybrid-lsp (")
        await helix.keys(ENTER)
        await written(helix)
    before, line, after = (CODE.splitlines()[:11], saved(file).splitlines()[11], CODE.splitlines()[11:])
    assert saved(file).splitlines() == [*before, line, *after]
    # The rest of it is the model's to choose.
    assert line.startswith(f"    os.{SHOWN}")
    assert line.endswith("command)")
    # That it was taken is known, though Helix runs no command of an item; and no server is left.
    server.wait(30)
    assert recorded("SELECT kind FROM inline_accepted") == [("full",)]


async def test_actions_without_a_model(edit: Edit, file: Path) -> None:
    async with edit(CODE, STATIC) as helix:
        await helix.keys(LINE_6)
        await choose(helix, "Explain this code (static)", 3)
        await helix.until_drawn("Cyclomatic complexity")
        await helix.keys(f":buffer-previous{ENTER}", LINE_11)
        await choose(helix, "Review security (static)", 4)
        await helix.until_drawn("Starting a process with a shell")
        await helix.keys(LINE_6)
        await choose(helix, "Optimize this code (static)", 0)
        await helix.until_drawn("[+]")
        await written(helix)
    assert saved(file) == STATIC_BETTER


async def test_a_model_writes_an_edit(edit: Edit, script: Script, file: Path) -> None:
    script.replies = [f"```python\n{BETTER}```"]
    settings = f'{STATIC}[large]\nbackend = "openai"\nbase_url = "{script.url}"\nmodel = "scripted"\n'
    async with edit(CODE, settings) as helix:
        await helix.keys(LINE_6)
        await choose(helix, "Optimize this code (large)", 1)
        await helix.until_drawn("Large model openai:scripted.")
        await helix.until_drawn("[+]")
        await written(helix)
    assert saved(file) == MODEL_BETTER
