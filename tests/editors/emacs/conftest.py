"""Emacs set up exactly as docs/clients.md says, with the real server and the real engine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import install_emacs
import pytest
from emacs import Emacs, quoted, running
from scripted import Script

ROOT = Path(__file__).parent.parent.parent.parent
GUIDE = ROOT / "docs" / "clients.md"
Edit = Callable[..., AbstractAsyncContextManager[Emacs]]


@pytest.fixture(scope="session")
def program() -> Path:
    found = install_emacs.find()
    if found is None:
        pytest.fail("there is no Emacs with eglot: run `make test-editors`, which installs it")
    return found


@pytest.fixture(scope="session")
def init_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the guide tells a user to write into theirs."""
    found = re.search(r"```elisp\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    path = tmp_path_factory.mktemp("emacs") / "init.el"
    path.write_text(found[1], encoding="utf-8")
    return path


@pytest.fixture
def edit(program: Path, engine_folder: str, init_file: Path, tmp_path: Path) -> Edit:
    """Edit a file: `async with edit(text, settings) as emacs`, the settings as the user's own file has them."""

    settings_file, path = Path(os.environ["HYBRID_LSP_CONFIG"]), tmp_path / "shop.py"

    def write(text: str, settings: str) -> None:
        path.write_text(text, encoding="utf-8")
        settings_file.write_text(settings, encoding="utf-8")

    @asynccontextmanager
    async def editing(text: str, settings: str = "") -> AsyncIterator[Emacs]:
        write(text, settings)
        env = os.environ | {"HYBRID_LSP_RUNTIME_DIR": engine_folder, "HOME": str(tmp_path)}
        # The server is found on the PATH, as when its environment is active.
        env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
        async with running(program, init_file, env=env, cwd=tmp_path) as emacs:
            await emacs.eval(f"(hl-open {quoted(str(path))})")
            yield emacs

    return editing


def large(script: Script) -> str:
    """Settings with the scripted model as the large one, and no small one."""
    return f"""\
[small]
backend = "none"
[large]
backend = "openai"
base_url = "{script.url}"
model = "scripted"
timeout_s = 30
"""
