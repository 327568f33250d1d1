from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import attrs
import pytest
from lsprotocol import types as lsp
from virtual import runner

from hybrid_lsp.server import tell
from hybrid_lsp.server.tell import Tell, start_logging


class Server:
    """Keeps what a real one would send."""

    def __init__(self) -> None:
        self.shown: list[lsp.ShowMessageParams] = []
        self.logged: list[lsp.LogMessageParams] = []
        self.notified: list[tuple[str, Any]] = []
        self.protocol = self

    def window_show_message(self, params: lsp.ShowMessageParams) -> None:
        self.shown.append(params)

    def window_log_message(self, params: lsp.LogMessageParams) -> None:
        self.logged.append(params)

    def notify(self, method: str, params: Any) -> None:
        self.notified.append((method, params))


@pytest.fixture
def server() -> Server:
    return Server()


def telling(server: Server, **ours: bool) -> Tell:
    made = Tell(server)  # type: ignore[arg-type]
    made.learn(lsp.ClientCapabilities(experimental={"hybridLsp": ours}))
    return made


async def test_a_warning_pops_up_once_and_an_answer_each_time(server: Server) -> None:
    made = telling(server)
    for _ in range(2):
        made.warn("Set it.")
        made.answer("Done.")
        made.info("Note.")
    assert [each.message for each in server.shown] == ["Set it.", "Done.", "Done."]
    assert [each.message for each in server.logged] == ["Note.", "Note."]


@pytest.mark.fault("many things to tell at once")
def test_many_warnings_at_once_are_two_pop_ups(server: Server) -> None:
    made = telling(server)

    async def warn() -> None:
        for number in range(21):
            made.warn(f"Setting {number}.")
        assert [each.message for each in server.shown] == ["Setting 0."]
        await asyncio.sleep(tell._GATHER_S * 1.5)
        made.warn("Soon after.")
        await asyncio.sleep(tell._GATHER_S * 3)
        made.warn("Much later.")

    with runner() as virtual:
        virtual.run(warn())
    gathered = ["Setting 1.", "Setting 2.", "Setting 3.", "And 17 more: the server's log has them all."]
    assert server.shown[1].message.split("\n") == gathered
    assert [each.message for each in server.shown[2:]] == ["Soon after.", "Much later."]


async def test_what_somebody_else_wrote_is_told_shortened(server: Server) -> None:
    made = telling(server)
    made.warn("x" * 100_000)
    assert len(server.shown[0].message) < 3000


def test_the_status_is_sent_when_it_differs(server: Server) -> None:
    made = telling(server, status=True)
    made.show_status(busy=True)
    made.show_status(busy=True)
    made.show_status(busy=False, message="x")
    assert [(method, body["busy"]) for method, body in server.notified] == [
        ("didChangeStatus", True),
        ("didChangeStatus", False),
    ]
    assert server.notified[-1][1] == attrs.asdict(made.status)


@pytest.mark.parametrize(
    "experimental", [None, 5, {"hybridLsp": True}, {"hybridLsp": {"status": False}}, {"other": {}}]
)
def test_clients_that_do_not_ask_get_none_of_our_notifications(server: Server, experimental: Any) -> None:
    made = Tell(server)  # type: ignore[arg-type]
    made.learn(lsp.ClientCapabilities(experimental=experimental))
    made.show_status(busy=True)
    made.stream("1", "Explain", "text", done=True)
    assert server.notified == []
    assert made.status.busy


@pytest.fixture
def quiet() -> Any:
    """Logging as it was, after a test that set it up."""
    levels = {name: logging.getLogger(name).level for name in ("pygls", "httpx", "hybrid_lsp")}
    yield
    tell.log.handlers.clear()
    tell.log.propagate = True
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_the_log_is_appended_to_and_rotated_when_it_is_large(tmp_path: Path, quiet: None) -> None:
    path = start_logging(tmp_path)
    assert path == tmp_path / "server.log"
    tell.log.warning("first")
    tell.log.handlers[0].close()
    start_logging(tmp_path)
    tell.log.warning("second")
    tell.log.handlers[0].close()
    assert [line.rpartition(": ")[2] for line in path.read_text().splitlines()] == ["first", "second"]
    path.write_text("x" * (tell._LOG_BYTES + 1))
    start_logging(tmp_path)
    tell.log.handlers[0].close()
    assert path.read_text() == ""
    assert (tmp_path / "server.old.log").stat().st_size == tell._LOG_BYTES + 1


def test_without_a_place_for_the_log_that_is_said(
    tmp_path: Path, quiet: None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert start_logging(tmp_path / "file" / "logs") is None
    assert "No log is kept" in capsys.readouterr().err
