"""Parsing, exit statuses, and what a user reads when something is wrong."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from hybrid_lsp import __version__, cli
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.server import app
from hybrid_lsp.server.hybrid import HybridServer

Capture = pytest.CaptureFixture[str]


def test_the_version(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"hybrid-lsp {__version__}\n"


@pytest.mark.parametrize("arguments", [[], ["dance"], ["serve", "--loud"], ["complete"]])
def test_what_is_no_command(capsys: Capture, arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: hybrid-lsp" in capsys.readouterr().err


def test_the_help_names_every_command(capsys: Capture) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    out = capsys.readouterr().out
    for name in ("serve", "complete", "demo", "stats", "settings", "engine", "train", "evaluate"):
        assert f"    {name} " in out


def test_an_error_that_a_user_can_act_on_is_one_line(capsys: Capture) -> None:
    assert cli.main(["serve", "--tcp", "0.0.0.0:7000"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("hybrid-lsp: 0.0.0.0 can be reached from other machines")
    assert "--allow-remote" in err
    assert err.count("\n") == 1


def _raise(error: BaseException) -> Callable[..., Any]:
    def command(*_: Any, **__: Any) -> int:
        raise error

    return command


def test_control_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "serve", _raise(KeyboardInterrupt()))
    assert cli.main(["serve"]) == 130


def test_without_an_argument_list_the_process_has_one(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setattr(sys, "argv", ["hybrid-lsp", "settings"])
    assert cli.main() == 0
    assert "completion.enabled" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["engine", "train", "evaluate"])
def test_commands_with_options_of_their_own_get_them(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    seen: list[list[str]] = []

    def command(arguments: list[str]) -> int:
        seen.append(arguments)
        return 3

    monkeypatch.setitem(cli._HANDED_ON, name, command)
    assert cli.main([name, "--help", "x"]) == 3
    assert seen == [["--help", "x"]]


def test_training_without_its_packages_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setitem(sys.modules, "hybrid_lsp.training.train", None)
    assert cli.main(["train"]) == 2
    assert "pip install 'hybrid-lsp[train]'" in capsys.readouterr().err


# -- serve -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:7000", ("127.0.0.1", 7000)),
        ("[::1]:7000", ("::1", 7000)),
        (":7000", ("127.0.0.1", 7000)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert app.parse_address(text) == address


@pytest.mark.parametrize("text", ["7000", "localhost", "localhost:", "localhost:x", "a:65536", "a:-1", ""])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="HOST:PORT"):
        app.parse_address(text)


@pytest.fixture
def listened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int, bool]]:
    """What was listened on, and whether strangers were to be served."""
    addresses: list[tuple[str, int, bool]] = []

    def serve_tcp(server: HybridServer, host: str, port: int, listening: Any, *, strangers: bool) -> None:
        addresses.append((host, port, strangers))
        server.protocol._shutdown = True

    monkeypatch.setattr(app.transport, "serve_tcp", serve_tcp)
    return addresses


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_loopback_needs_no_leave(listened: list[tuple[str, int, bool]], host: str) -> None:
    assert cli.main(["serve", "--tcp", f"{host}:7000"]) == 0
    assert listened == [(host.strip("[]"), 7000, False)]


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.168.0.5", "example.org"])
def test_other_addresses_need_leave(listened: list[tuple[str, int, bool]], host: str) -> None:
    assert cli.main(["serve", "--tcp", f"{host}:7000"]) == 2
    assert listened == []
    assert cli.main(["serve", "--tcp", f"{host}:7000", "--allow-remote"]) == 0
    assert listened == [(host.strip("[]"), 7000, True)]


def test_a_port_that_is_taken_is_told(capsys: Capture) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.main(["serve", "--tcp", f"127.0.0.1:{taken.getsockname()[1]}"]) == 2
    err = capsys.readouterr().err
    assert "cannot be listened on" in err
    assert "Choose another." in err
    assert threading.active_count() < 20
