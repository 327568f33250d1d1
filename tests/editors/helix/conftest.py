"""Helix set up exactly as docs/clients.md says, with the real server and the real engine."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import install_helix
import pytest
from helix import Helix, running

ROOT = Path(__file__).parent.parent.parent.parent
GUIDE = ROOT / "docs" / "clients.md"
Edit = Callable[..., AbstractAsyncContextManager[Helix]]


@pytest.fixture(scope="session")
def program() -> Path:
    found = install_helix.find()
    if found is None:
        pytest.fail("there is no Helix: run `make test-editors`, which installs it")
    return found


@pytest.fixture
def env(engine_folder: str, tmp_path: Path) -> dict[str, str]:
    """What Helix is started with: folders of its own, the guide's languages.toml, and the server on the PATH."""
    found = re.search(r"```toml\n(\[language-server.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    languages = tmp_path / "config" / "helix" / "languages.toml"
    languages.parent.mkdir(parents=True)
    languages.write_text(found[1], encoding="utf-8")
    env = os.environ | {"HYBRID_LSP_RUNTIME_DIR": engine_folder, "HOME": str(tmp_path)}
    env |= {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return env | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The file that is edited."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder / "shop.py"


@pytest.fixture
def edit(program: Path, env: dict[str, str], file: Path, tmp_path: Path) -> Edit:
    """Edit a text: `async with edit(text, settings) as helix`, the settings as the user's own file has them."""
    settings_file = Path(os.environ["HYBRID_LSP_CONFIG"])

    def write(text: str, settings: str) -> None:
        file.write_text(text, encoding="utf-8")
        settings_file.write_text(settings, encoding="utf-8")

    @asynccontextmanager
    async def editing(text: str, settings: str = "") -> AsyncIterator[Helix]:
        write(text, settings)
        async with running(program, file, env=env, log=tmp_path / "helix.log") as helix:
            yield helix

    return editing
