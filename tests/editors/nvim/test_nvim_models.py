"""Models from Neovim: a list, a pull that asks and is used at once, cancelling, and what the command completes."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from conftest import PLUGIN, START, Edit, Opening

sys.path.append(str(Path(__file__).parent.parent.parent))

from hub import Hub, serving

from hybrid_lsp.models import store
from hybrid_lsp.paths import models_dir, state_dir

REPO, NAME = "owner/Tiny-Coder", "tiny-coder"
SERVES = "(vim.lsp.get_clients({ name = 'hybrid_lsp' })[1]:request_sync('workspace/executeCommand', "
SERVES += "{ command = 'hybrid-lsp.status' }, 5000, 0).result.models.small) == wanted"
"""Holds when that model is the small one."""
MESSAGES = "vim.api.nvim_exec2('messages', { output = true }).output:find(wanted, 1, true)"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that has the embedded model under another name, ready to be served."""
    files = {each.name: each.read_bytes() for each in store.embedded_dir().iterdir() if each.is_file()}
    with serving(Hub({REPO: files})) as served:
        yield served


@pytest.fixture
def bare(bare: Opening, hub: Hub) -> Opening:
    env = bare.env | {"HF_ENDPOINT": hub.url}
    for name in ("HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "HF_TOKEN"):
        env.pop(name, None)
    return attrs.evolve(bare, env=env)


def is_pulled() -> bool:
    return (models_dir() / NAME).exists()


def make_quick() -> None:
    """The record of a machine that can run a larger model."""
    state_dir().mkdir(parents=True, exist_ok=True)
    speeds = '{"speeds": {"here": {"operations": 1e13, "bandwidth": 1e11}}}'
    (state_dir() / "machine.json").write_text(speeds, encoding="utf-8")


async def test_the_list_is_shown_and_names_are_completed(edit: Edit) -> None:
    async with edit("x = 1\n") as neovim:
        await neovim.command("HybridLsp models list")
        await neovim.until_screen(lambda screen: "qwen2.5-coder-0.5b" in screen.text)
        complete = "vim.fn.getcompletion('HybridLsp models ' .. wanted, 'cmdline')"
        assert await neovim.lua(f"local wanted = ... return {complete}", "p") == ["pull"]
        assert await neovim.lua(f"local wanted = ... return {complete}", "use e") == ["embedded"]
        assert "qwen2.5-coder-0.5b" in await neovim.lua(f"local wanted = ... return {complete}", "pull ")
        assert await neovim.lua(f"local wanted = ... return {complete}", "use embedded s") == ["small"]


async def test_a_pull_is_used_at_once(edit: Edit) -> None:
    async with edit("x = 1\n") as neovim:
        await neovim.until(SERVES, "engine:embedded")
        await neovim.command(f"HybridLsp models pull {REPO} small")
        await neovim.until(SERVES, f"engine:{NAME}")
        await neovim.until(MESSAGES, f"{NAME} serves the small tier now")


async def test_a_pull_without_a_tier_asks_first(edit: Edit) -> None:
    async with edit("x = 1\n") as neovim:
        # As a plugin of the user's does it, and as Neovim's own menu would: the first button.
        await neovim.lua("vim.ui.select = function(items, options, done) Asked = options.prompt done(items[1], 1) end")
        await neovim.command(f"HybridLsp models pull {REPO}")
        assert "Licence: apache-2.0" in await neovim.until("Asked")
        await neovim.until(SERVES, f"engine:{NAME}")


async def test_a_calibration_on_a_folder_is_cancelled_and_goes_on(edit: Edit, tmp_path: Path) -> None:
    code = tmp_path / "own code"
    code.mkdir()
    (code / "shop.py").write_text("def total(items):\n    return sum(item.price for item in items)\n\n\n" * 40)

    def rows() -> int:
        found = [path.read_text() for path in (models_dir() / "confidence").glob("rows-*.jsonl")]
        return sum(text.count("\n") for text in found)

    async with edit("x = 1\n") as neovim:
        await neovim.until(SERVES, "engine:embedded")
        complete = "return vim.fn.getcompletion('HybridLsp models calibrate embedded ' .. ..., 'cmdline')"
        assert await neovim.lua(complete, f"{tmp_path}/own") == [f"{code}/"]
        await neovim.command(f"HybridLsp models calibrate embedded {code}")
        while rows() < 3:
            await asyncio.sleep(0.05)
        await neovim.command("HybridLsp cancel")
        await neovim.until(MESSAGES, "Cancelled.")
        noted = rows()
        assert 3 <= noted < 300
        await neovim.command(f"HybridLsp models calibrate embedded {code}")
        while rows() < noted + 3:
            await asyncio.sleep(0.05)
        await neovim.command("HybridLsp cancel")


async def test_a_pull_is_cancelled(edit: Edit, hub: Hub) -> None:
    hub.gate = threading.Event()
    async with edit("x = 1\n") as neovim:
        await neovim.command(f"HybridLsp models pull {REPO} small")
        assert await asyncio.to_thread(hub.halfway.wait, 60)
        await neovim.command("HybridLsp cancel")
        await neovim.until(MESSAGES, "Cancelled.")
        await neovim.until(SERVES, "engine:embedded")
    assert not is_pulled()


@pytest.mark.parametrize(
    ("typed", "says"), [("dance", "choose one of bench"), ("pull", "name a model"), ("use nothing-like-it", "no model")]
)
async def test_what_is_no_order_is_told(edit: Edit, typed: str, says: str) -> None:
    async with edit("x = 1\n") as neovim:
        # As a plugin of the user's shows messages, ours and the server's.
        await neovim.lua("Told = '' vim.notify = function(text) Told = Told .. text end")
        await neovim.command(f"HybridLsp models {typed}")
        await neovim.until(f"Told:find(wanted, 1, true) or {MESSAGES}", says)


async def test_the_first_question_stops_nobody(bare: Opening) -> None:
    """It is a message with the command in it; and it comes once."""
    (bare.folder / "shop.py").write_text("x = 1\n", encoding="utf-8")
    make_quick()
    env = {name: value for name, value in bare.env.items() if name != "HYBRID_LSP_MODELS_OFFER"}
    for times in (1, 0):
        async with bare("--cmd", f"set rtp^={PLUGIN}", env=env) as neovim:
            await neovim.lua("require('hybrid_lsp').setup {}")
            await neovim.command(f"edit {bare.folder / 'shop.py'}")
            await neovim.until(START)
            if times:
                await neovim.until(MESSAGES, "hybrid-lsp models pull")
            await neovim.until(SERVES, "engine:embedded")
            found = await neovim.lua("return vim.api.nvim_exec2('messages', { output = true }).output")
            assert found.count("Get it?") == times
