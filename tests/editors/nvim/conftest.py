"""Neovim with the plugin, the real server and the real engine; only what the large model says is written by tests."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import install_neovim
import pytest
from neovim import Neovim, running
from scripted import Script

ROOT = Path(__file__).parent.parent.parent.parent
PLUGIN = ROOT / "editors" / "nvim"

REPEATING = """\
def first(alpha, beta):
    return compute_total(alpha, beta, gamma_value, delta_value)


def second(alpha, beta):
    return compute_total(alpha, beta, gamma_value, delta_value)


def third(alpha, beta):
"""
TYPED, REST = "return compute_", "total(alpha, beta, gamma_value, delta_value)"
"""What is typed on a new line below that code, and what is sure to be suggested then."""

NO_MODELS = {"small": {"backend": "none"}}
START = "vim.lsp.get_clients({ name = 'hybrid_lsp', bufnr = 0 })[1] ~= nil"
"""Holds as soon as the server is attached to the current file, and can be asked."""
GHOSTLY = "highlight HybridLspGhost guifg=#7f7f7f gui=italic | highlight ComplHint guifg=#7f7f7e gui=italic"
"""Looks of their own, by which the screen tells ghost text, ours and Neovim's, from other text."""


@pytest.fixture(scope="session")
def program() -> Path:
    found = install_neovim.find()
    if found is None:
        pytest.fail("there is no Neovim 0.12: run `make test-editors`, which installs it")
    return found


@attrs.frozen
class Opening:
    """What a test starts Neovim with."""

    program: Path
    env: dict[str, str]
    folder: Path

    @asynccontextmanager
    async def __call__(
        self, *arguments: str, env: dict[str, str] | None = None, clean: bool = True
    ) -> AsyncIterator[Neovim]:
        """Neovim with nothing but these arguments, or with the configuration in its folder."""
        given = ["-n", "--clean", *arguments] if clean else ["-n", *arguments]
        async with running(self.program, *given, env=env or self.env, cwd=self.folder) as neovim:
            yield neovim


@pytest.fixture
def bare(program: Path, engine_folder: str, tmp_path: Path) -> Opening:
    """Neovim without the plugin, with folders of its own, in a workspace of its own."""
    home, folder = tmp_path / "home", tmp_path / "work"
    for each in (home, folder):
        each.mkdir()
    # No person sits there who could be asked whether to get a larger model.
    env = os.environ | {"HYBRID_LSP_RUNTIME_DIR": engine_folder, "HOME": str(home), "HYBRID_LSP_MODELS_OFFER": "false"}
    # How sure a model must be is not what is tested here.
    env["HYBRID_LSP_COMPLETION_MIN_CONFIDENCE"] = "0.01"
    env |= {f"XDG_{kind}_HOME": str(home / kind) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    # The server is found on the PATH, as when its environment is active.
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return Opening(program, env, folder)


Edit = Callable[..., AbstractAsyncContextManager[Neovim]]


@pytest.fixture
def edit(bare: Opening) -> Edit:
    """Edit a file with the plugin: `async with edit(text, options) as neovim`. The cursor is at its start."""

    @asynccontextmanager
    async def editing(
        text: str, options: dict[str, Any] | None = None, name: str = "shop.py", arguments: Sequence[str] = ()
    ) -> AsyncIterator[Neovim]:
        path = bare.folder / name
        path.write_text(text, encoding="utf-8")
        async with bare("--cmd", f"set rtp^={PLUGIN}", *arguments) as neovim:
            await neovim.command(GHOSTLY)
            await neovim.lua("require('hybrid_lsp').setup(...)", options or {})
            await neovim.command(f"edit {path}")
            await neovim.until(START)
            yield neovim

    return editing


def large(script: Script) -> dict[str, Any]:
    """Options with the scripted model as the large one, and no small one."""
    model = {"backend": "openai", "base_url": script.url, "model": "scripted", "timeout_s": 30}
    return {"settings": NO_MODELS | {"large": model}}
