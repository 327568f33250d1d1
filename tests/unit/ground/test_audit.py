"""The audit of dependencies: a weakness fails it, a service that is not there does not."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

_PATH = Path(__file__).parents[3] / "tools" / "audit.py"


@pytest.fixture
def audit() -> Any:
    spec = importlib.util.spec_from_file_location("audit", _PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUND = {"name": "one", "version": "1", "vulns": []}
WEAK = {"name": "two", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "three", "skip_reason": "not found"}


def test_a_weakness_is_named_with_its_mended_version(audit: Any) -> None:
    lines, weak = audit.report([SOUND, WEAK, UNKNOWN])
    assert weak == 1
    assert lines[0] == "WEAK: two 2: PYSEC-1, mended in 2.1"
    assert "three" in lines[1]
    assert lines[-1] == "2 packages audited, 1 with a known weakness."


FOUND = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}]}'


@pytest.mark.parametrize(("said", "status"), [("", 0), ('{"dependencies": []}', 0), (FOUND, 1)])
def test_the_status_is_that_of_what_was_found(
    audit: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], said: str, status: int
) -> None:
    done = subprocess.CompletedProcess([], 1, stdout=said, stderr="")
    monkeypatch.setattr(audit.subprocess, "run", lambda *args, **kwargs: done)
    assert audit.main() == status
    assert ("NOT AUDITED" in capsys.readouterr().out) is (not said)
