import os
import stat
import sys
import tempfile
from pathlib import Path

import pytest

from hybrid_lsp import paths
from hybrid_lsp.errors import SocketUnavailable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes and Unix sockets")


def test_the_runtime_folder_is_private(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(folder))
    assert stat.S_IMODE(paths.runtime_dir().stat().st_mode) == 0o700


def test_a_runtime_folder_that_is_a_link_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "run").symlink_to(tmp_path / "theirs")
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path / "run"))
    with pytest.raises(SocketUnavailable, match="HYBRID_LSP_RUNTIME_DIR"):
        paths.runtime_dir()


def test_a_runtime_folder_that_cannot_be_made_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path / "file" / "run"))
    with pytest.raises(SocketUnavailable, match="Set HYBRID_LSP_RUNTIME_DIR"):
        paths.runtime_dir()


@pytest.mark.fault("the runtime folder's name is too long for a socket")
def test_a_folder_whose_name_is_too_long_has_a_short_one_in_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    with tempfile.TemporaryDirectory(prefix="hl-") as short:
        monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: short)
        place = paths.socket_path("engine.sock")
        assert place == paths.socket_path("engine.sock")
        assert place.parent.parent == Path(short)
        assert place.parent.stat().st_mode & 0o077 == 0
        monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path / ("y" * 100)))
        assert paths.socket_path("engine.sock") != place


def test_a_name_that_is_too_long_everywhere_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(SocketUnavailable, match="shorter"):
        paths.socket_path("x" * 104)


def test_without_a_run_folder_the_temporary_one_serves(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HYBRID_LSP_RUNTIME_DIR")
    monkeypatch.setattr(paths.platformdirs, "user_runtime_path", lambda app: tmp_path / "absent" / app)
    monkeypatch.setattr(paths.tempfile, "gettempdir", lambda: str(tmp_path))
    assert paths.runtime_dir() == tmp_path / f"hybrid-lsp-{os.getuid()}"


def test_the_users_folders_have_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONFIG", "STATE_DIR", "MODELS_DIR"):
        monkeypatch.delenv(f"HYBRID_LSP_{name}")
    assert paths.config_file().name == "config.toml"
    assert "hybrid-lsp" in str(paths.state_dir())
    assert paths.models_dir().name == "models"
