"""The doctor on a healthy machine, and on machines in which a test has broken one thing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import psutil
import pytest

from hybrid_lsp import cli
from hybrid_lsp.catalogue import machine
from hybrid_lsp.catalogue.machine import Machine
from hybrid_lsp.doctor import installation
from hybrid_lsp.models import store
from hybrid_lsp.paths import config_file, models_dir, state_dir

NONE = "[small]\nbackend = 'none'\n"


@attrs.frozen
class Examined:
    status: int
    findings: list[dict[str, str]]

    def of(self, area: str) -> dict[str, str]:
        """The first finding of an area that is not well, or its first one."""
        found = [each for each in self.findings if each["area"] == area]
        return next((each for each in found if each["state"] != "ok"), found[0])


Examine = Callable[..., Examined]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No editors of this machine, and its program on the PATH; engines end with the test."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "hybrid-lsp").symlink_to(Path(sys.executable).with_name("hybrid-lsp"))
    monkeypatch.setenv("PATH", str(bin_folder))
    yield
    for process in psutil.Process().children():
        process.terminate()


@pytest.fixture
def examine(capsys: pytest.CaptureFixture[str]) -> Examine:
    """Run the command with these settings, by default without a model, which is the quickest."""

    def run(settings: str = NONE) -> Examined:
        if settings:
            config_file().write_text(settings, encoding="utf-8")
        status = cli.main(["doctor", "--json"])
        body = json.loads(capsys.readouterr().out)
        assert body["ok"] == (status == 0)
        for each in body["findings"]:
            assert (each["state"] == "ok") == (not each["remedy"]), each
        return Examined(status, body["findings"])

    return run


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str, str], None]:
    """Put a program on the PATH that prints something."""

    def put(name: str, prints: str) -> None:
        path = tmp_path / "bin" / name
        path.write_text(
            f"#!/bin/sh\ncase \"$*\" in *headless*) echo no;; *) echo '{prints}';; esac\n", encoding="utf-8"
        )
        path.chmod(0o755)

    return put


@pytest.fixture
def server() -> Iterator[Callable[[int, Any], str]]:
    """A model server that answers each request so; returns its address."""
    servers = []

    def start(status: int, body: Any) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_: Any) -> None:
                """Not into the tests' output."""

        made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(made)
        threading.Thread(target=made.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{made.server_address[1]}/v1"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


def openai(url: str, **more: str) -> str:
    lines = {"backend": "openai", "base_url": url, "model": "coder", **more}
    return NONE + "[large]\n" + "".join(f"{name} = '{value}'\n" for name, value in lines.items())


def test_a_healthy_machine(examine: Examine) -> None:
    """With the real engine, which is asked for a suggestion."""
    found = examine(settings="")
    assert found.status == 0, found.findings
    assert {each["area"] for each in found.findings} >= {
        *("Python", "packages", "command", "folders", "sockets", "settings", "models", "memory", "engine", "editors")
    }
    assert "answered in" in found.of("engine")["message"]


def test_a_person_reads_lines_with_what_mends_it(capsys: pytest.CaptureFixture[str]) -> None:
    config_file().write_text("[small]\nbackend = 'gpt'\n" + NONE.replace("[small]\n", ""), encoding="utf-8")
    assert cli.main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert "✗ settings" in out
    assert "→ Correct it" in out
    assert "wrong, " in out


# -- seeded faults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("[small\n", "cannot be read"),
        ("[small]\nthreads = 'two'\nbackend = 'none'\n", "small.threads"),
        ("x = 1\n", "x"),
    ],
)
def test_settings_that_are_wrong(examine: Examine, settings: str, says: str) -> None:
    found = examine(settings + ("" if "small" in settings else NONE))
    assert found.status == 1
    assert says in found.of("settings")["message"]
    assert str(config_file()) in found.of("settings")["remedy"]


def test_a_model_that_is_not_there(examine: Examine) -> None:
    found = examine("[small]\nmodel = 'qwen2.5-coder-0.5b'\n")
    assert found.status == 1
    assert found.of("models")["remedy"] == "Run: hybrid-lsp models pull qwen2.5-coder-0.5b"


def test_a_model_whose_weights_are_broken(examine: Examine) -> None:
    """Only the engine can tell."""
    folder = models_dir() / "broken"
    shutil.copytree(store.embedded_dir(), folder)
    (folder / "model.bin").write_bytes((folder / "model.bin").read_bytes()[:1000])
    found = examine("[small]\nmodel = 'broken'\n")
    assert found.status == 1
    assert found.of("models")["state"] == "ok"
    assert "does not load" in found.of("engine")["message"]


def test_a_model_that_is_too_large(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "this_machine", lambda: Machine(1_000_000, 1_000_000, 1e11, 1e10))
    found = examine("[large]\nbackend = 'engine'\nmodel = 'embedded'\n" + NONE)
    assert found.status == 1
    assert "this machine has" in found.of("memory")["message"]
    assert "models list" in found.of("memory")["remedy"]


def test_a_runtime_folder_that_is_too_deep(examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", str(tmp_path / ("x" * 100)))
    found = examine()
    assert found.status == 1
    assert "HYBRID_LSP_RUNTIME_DIR" in found.of("sockets")["remedy"]


def test_a_runtime_folder_that_cannot_be_made(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", "/dev/null/run")
    assert examine().of("sockets")["state"] == "error"


@pytest.mark.parametrize("variable", ["HYBRID_LSP_STATE_DIR", "HYBRID_LSP_MODELS_DIR"])
def test_a_folder_that_cannot_be_written(examine: Examine, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "/dev/null/here")
    found = examine()
    assert found.status == 1
    assert variable in found.of("folders")["remedy"]


def test_a_disk_that_is_full(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "free_disk", lambda _: 1000)
    found = examine()
    assert found.status == 1
    assert "is full" in found.of("folders")["message"]


def test_a_database_that_is_damaged(examine: Examine) -> None:
    state_dir().mkdir(parents=True)
    (state_dir() / "metrics.sqlite3").write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    found = examine()
    assert found.status == 1
    assert "metrics.sqlite3" in found.of("metrics")["remedy"]


def test_nobody_at_a_server_s_address(examine: Examine) -> None:
    found = examine(openai("http://127.0.0.1:9/v1"))
    assert found.status == 1
    assert "does not answer" in found.of("backends")["message"]
    assert "curl http://127.0.0.1:9/v1/models" in found.of("backends")["remedy"]


def test_a_server_without_the_model(examine: Examine, server: Callable[[int, Any], str]) -> None:
    url = server(200, {"data": [{"id": "other"}, {"id": "another"}]})
    found = examine(openai(url))
    assert found.status == 1
    assert "has no model `coder`" in found.of("backends")["message"]
    assert "another, other" in found.of("backends")["remedy"]
    assert examine(openai(url, model="other")).of("backends")["state"] == "ok"


def test_a_key_that_is_not_set(
    examine: Examine, server: Callable[[int, Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    found = examine(openai(server(200, {"data": []}), api_key_env="MY_KEY"))
    assert found.status == 1
    assert "export MY_KEY=" in found.of("backends")["remedy"]
    monkeypatch.setenv("MY_KEY", "secret-value")
    found = examine(openai(server(401, {}), api_key_env="MY_KEY"))
    assert "refuses the API key" in found.of("backends")["message"]
    assert "secret-value" not in json.dumps(found.findings)
    assert "wants an API key" in examine(openai(server(401, {}))).of("backends")["message"]


def test_an_address_that_is_none(examine: Examine) -> None:
    found = examine(openai("localhost:1234"))
    assert found.status == 1
    assert "large.base_url" in found.of("backends")["message"]


def test_packages_that_are_missing_or_too_old(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "cattrs":
            raise importlib.metadata.PackageNotFoundError(name)
        return "0.1" if name == "attrs" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    found = examine()
    assert found.status == 1
    message = found.of("packages")["message"]
    assert "cattrs is missing" in message
    assert "attrs is 0.1, needed is" in message
    assert "pip install" in found.of("packages")["remedy"]


def test_a_package_that_does_not_run_here(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> Any:
        raise ImportError(f"{name}: GLIBC_2.99 not found\nand more")

    monkeypatch.setattr(installation.importlib, "import_module", refuse)
    found = examine()
    assert found.status == 1
    assert "GLIBC_2.99 not found" in found.of("packages")["message"]


def test_a_python_that_is_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4))
    (found,) = installation.python()
    assert found.state == "error"
    assert "3.10.4 is too old" in found.message


def test_a_program_that_is_not_on_the_path(examine: Examine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = examine()
    assert found.status == 0  # VS Code finds it all the same
    assert "export PATH=" in found.of("command")["remedy"]


def test_another_installation_on_the_path(examine: Examine, tmp_path: Path) -> None:
    (tmp_path / "bin" / "hybrid-lsp").unlink()
    (tmp_path / "bin" / "hybrid-lsp").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "bin" / "hybrid-lsp").chmod(0o755)
    assert "another installation" in examine().of("command")["message"]


@pytest.mark.parametrize(
    ("name", "prints", "says"),
    [
        ("nvim", "NVIM v0.9.5", "too old"),
        ("nvim", "NVIM v0.12.1", "does not have the plugin"),
        ("nvim", "what?", "does not say its version"),
        ("code", "ms-python.python", "does not have the extension"),
    ],
)
def test_an_editor_that_is_not_set_up(
    examine: Examine, program: Callable[[str, str], None], name: str, prints: str, says: str
) -> None:
    program(name, prints)
    found = examine()
    assert says in found.of("editors")["message"]
    assert found.status == 0


def test_editors_that_are_set_up(examine: Examine, program: Callable[[str, str], None]) -> None:
    program("code", "hybrid-lsp.hybrid-lsp")
    program("hx", "helix 25.07")
    messages = [each["message"] for each in examine().findings if each["area"] == "editors"]
    assert messages == ["code with the extension", "Helix: settings for it are in docs/clients.md"]


def test_a_check_that_fails_itself_hides_no_other(examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    def sockets() -> Iterator[Any]:
        raise ZeroDivisionError("never")
        yield

    monkeypatch.setattr(installation, "sockets", sockets)
    found = examine()
    assert found.status == 1
    assert "could not be looked at: ZeroDivisionError" in found.of("sockets")["message"]
    assert found.of("editors")
    assert os.environ["PATH"]
