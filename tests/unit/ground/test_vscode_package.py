"""What the VS Code extension repeats of the server is what the server says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from hybrid_lsp import __version__
from hybrid_lsp.config import Trust, settings
from hybrid_lsp.server import commands
from hybrid_lsp.types import Reason

ROOT = Path(__file__).parent.parent.parent.parent
EXTENSION = ROOT / "editors" / "vscode"
MOST_IMAGE_BYTES = 200_000
sys.path.append(str(ROOT / "tools"))

from write_vscode_settings import with_settings  # noqa: E402


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    read: dict[str, Any] = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    return read


@pytest.fixture(scope="module")
def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((EXTENSION / "src").glob("*.ts")))


def test_the_settings_are_generated(package: dict[str, Any]) -> None:
    assert with_settings(package) == package, "run `python tools/write_vscode_settings.py`"


def test_a_workspace_cannot_set_what_it_must_not(package: dict[str, Any]) -> None:
    scopes = {
        name: values["scope"]
        for each in package["contributes"]["configuration"]
        for name, values in each["properties"].items()
    }
    for setting in settings():
        assert (scopes[f"hybrid-lsp.{setting.name}"] == "machine") == (setting.trust is Trust.NEVER), setting.name
    assert {scopes["hybrid-lsp.server.path"], scopes["hybrid-lsp.server.pythonPath"]} == {"machine"}


def test_the_versions_are_one(package: dict[str, Any]) -> None:
    assert package["version"] == __version__
    assert f"## {__version__}" in (EXTENSION / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_reason_has_words(sources: str) -> None:
    for reason in Reason:
        assert re.search(rf"^  '?{reason}'?: '", sources, re.MULTILINE), f"give `{reason}` words in src/words.ts"


def test_the_servers_commands_are_called_by_their_names(sources: str) -> None:
    for name in (commands.STATUS, commands.PAUSE, commands.RUN_ACTION, commands.DISMISS):
        assert f"'{name}'" in sources


def test_every_command_is_declared_and_made(package: dict[str, Any], sources: str) -> None:
    declared = {each["command"] for each in package["contributes"]["commands"]}
    used = set(re.findall(r"hybridLsp\.\w+", json.dumps(package["contributes"])))
    apart = {"hybridLsp.running", "hybridLsp.actions", "hybridLsp.start"}
    assert used - apart == declared
    plain = re.search(r"const PLAIN = \[(.*?)\]", sources)
    assert plain
    made = {f"hybridLsp.{name}" for name in re.findall(r"\w+", plain[1])} | set(
        re.findall(r"'(hybridLsp\.\w+)': ?(?:\(|async|deciding|connectModel)", sources)
    )
    assert declared == made


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((EXTENSION / "package-lock.json").read_text(encoding="utf-8"))
    for name, each in lock["packages"].items():
        assert "resolved" not in each, name
        assert not name or "integrity" in each, name


def test_the_licence_is_ours() -> None:
    assert (EXTENSION / "LICENSE").read_text(encoding="utf-8") == (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_the_pictures_are_there_and_small(package: dict[str, Any]) -> None:
    readme = (EXTENSION / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\.\./\.\./docs/images/([\w-]+\.png)", readme))
    named |= set(re.findall(r'"images/([\w-]+\.png)"', json.dumps(package)))
    assert named
    for name in named:
        assert (ROOT / "docs" / "images" / name).stat().st_size < MOST_IMAGE_BYTES, name
