"""An engine is there when it answers: sockets that are gone, another's or held by one that is silent."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import attrs
import psutil
import pytest
import tiny_model
from conftest import Serve, until

from hybrid_lsp.backends import engine, launcher, liveness
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.http import Endpoint
from hybrid_lsp.backends.launcher import EngineSpec, Launcher, Places
from hybrid_lsp.backends.liveness import Sign
from hybrid_lsp.engine import listening
from hybrid_lsp.engine.app import create_app
from hybrid_lsp.errors import BackendFailed, SocketUnavailable
from hybrid_lsp.types import Infill, Piece, Request, Tier

Engines = Callable[[], list[psutil.Process]]
ASK = Request(Infill("def add(a, b):\n    return", "\n"), max_tokens=8)


@pytest.fixture
def spec(tiny: Path) -> EngineSpec:
    return EngineSpec(str(tiny / "ct2"), threads=1, idle_exit_minutes=5)


@pytest.fixture
async def backend(spec: EngineSpec, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EngineBackend]:
    monkeypatch.setitem(launcher._SIGN_S, Tier.SMALL, 0.5)
    monkeypatch.setattr(engine, "SILENCE_S", 0.2)
    backend = EngineBackend(spec, Launcher())
    yield backend
    await backend.aclose()


async def collect(backend: EngineBackend, request: Request = ASK) -> list[Piece]:
    return [piece async for piece in backend.generate(request)]


async def hear(backend: EngineBackend, heard: list[Piece]) -> None:
    async for piece in backend.generate(ASK):
        heard.append(piece)  # noqa: PERF401 # each as it comes


async def only(engines: Engines) -> psutil.Process:
    """The one engine, once others have ended."""
    await until(lambda: len(engines()) == 1)
    return engines()[0]


@pytest.mark.fault("the engine's socket is removed")
async def test_an_engine_whose_socket_is_removed_is_followed_by_another(
    backend: EngineBackend, spec: EngineSpec, engines: Engines
) -> None:
    await backend.warm()
    old = await only(engines)
    Places.of(spec).socket.unlink()
    await Launcher().ensure(spec)  # another window
    await until(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE)
    assert (await only(engines)).pid != old.pid
    assert Places.of(spec).socket.is_socket()
    assert (await collect(backend))[-1].finish is not None


@pytest.mark.fault("an older engine ends after another has taken its place")
async def test_an_engine_on_its_way_out_leaves_anothers_socket(spec: EngineSpec, engines: Engines) -> None:
    place = Places.of(spec).socket
    await Launcher().ensure(spec)
    old = await only(engines)
    old.suspend()
    with listening.on_path(place, replace=True) as ours:
        old.resume()
        old.terminate()
        await until(lambda: not engines())
        assert ours is not None
        assert ours.file is not None
        assert ours.file.stands
    assert not place.exists()


@pytest.mark.fault("the socket is removed in the middle of an answer")
async def test_what_it_answers_when_its_socket_is_replaced_is_still_heard(
    backend: EngineBackend, spec: EngineSpec, engines: Engines
) -> None:
    stream = backend.generate(Request(Infill("x = "), max_tokens=64))
    await anext(stream)
    Places.of(spec).socket.unlink()
    assert [piece async for piece in stream][-1].finish is not None
    await until(lambda: not engines())


@pytest.mark.fault("the engine is stopped, or has no memory to go on")
@pytest.mark.parametrize("tcp", [False, True])
async def test_a_stopped_engine_is_replaced_and_ended(
    tcp: bool, backend: EngineBackend, spec: EngineSpec, engines: Engines
) -> None:
    backend.launcher.tcp = tcp
    await backend.warm()
    old = await only(engines)
    old.suspend()
    assert (await collect(backend))[-1].finish is not None
    assert (await only(engines)).pid != old.pid
    await backend.aclose()
    (await only(engines)).suspend()
    await Launcher(tcp=tcp).ensure(spec)  # a window that has not spoken to it yet
    assert len({each.pid for each in engines()} - {old.pid}) == 1


@pytest.mark.fault("the engine falls silent in the middle of an answer")
async def test_an_engine_that_stops_in_the_middle_fails(
    served: Serve, spec: EngineSpec, gate: threading.Semaphore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENCE_S", 0.2)
    heard: list[Piece] = []

    class Dying(Launcher):
        """It lives until its first piece has come, however long a busy machine takes for that."""

        async def ensure(self, spec: EngineSpec) -> Endpoint:
            return endpoint

        async def lives(self, spec: EngineSpec) -> bool:
            return not heard

    async with served(create_app(lambda: tiny_model.scripted_engine("alpha beta gamma", gate))) as endpoint:
        async with endpoint.client() as client:
            while (await client.get("/health")).status_code != 200:
                await asyncio.sleep(0.01)
        backend = EngineBackend(spec, Dying())
        gate.release(2)
        with pytest.raises(BackendFailed, match="does not answer any more"):
            await hear(backend, heard)
        gate.release(1000)
        await backend.aclose()


async def test_a_long_silence_of_an_engine_that_lives_is_waited_for(
    backend: EngineBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SILENCE_S", 0.001)
    assert (await collect(backend))[-1].finish is not None


@pytest.mark.fault("a killed engine has left its socket")
async def test_an_owner_lock_is_no_engine(backend: EngineBackend, spec: EngineSpec) -> None:
    """What is left of a killed engine: a socket nobody listens at."""
    place = Places.of(spec).socket
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(place))
    assert (await collect(backend))[-1].finish is not None


@pytest.mark.fault("another program has got the engine's port")
async def test_the_signs(spec: EngineSpec, tmp_path: Path) -> None:
    async def say(status: bytes) -> Sign:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            if status:
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                await writer.drain()
            else:
                await reader.read()
            writer.close()

        place = Places.of(spec).socket
        async with await asyncio.start_unix_server(answer, str(place)):
            sign = await liveness.look(Endpoint("http://localhost", uds=place), 0.3)
            assert liveness.pid_at(place) == os.getpid()
        place.unlink()
        return sign

    found = [await say(each) for each in (b"200 OK", b"503 Busy", b"404 No", b"")]
    assert found == [Sign.READY, Sign.LOADING, Sign.ABSENT, Sign.SILENT]
    assert await liveness.look(None, 1) is Sign.ABSENT
    assert liveness.pid_at(tmp_path / "none") is None
    assert liveness.pid_in(tmp_path / "none") is None


async def test_only_engines_are_killed() -> None:
    other = await asyncio.create_subprocess_exec("sleep", "60")
    liveness.kill(other.pid)
    liveness.kill(None)
    liveness.kill(os.getpid())
    liveness.kill(2**22 + 1)
    assert other.returncode is None
    other.send_signal(signal.SIGKILL)
    await other.wait()


@pytest.mark.fault("`--socket` names a file")
def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(SocketUnavailable, match="no socket"), listening.on_path(file):
        pass
    assert file.read_text() == "mine"


def test_a_file_is_known_by_what_it_is_and_not_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "socket"
    file.touch()
    own = listening.OwnFile.of(file)
    other = tmp_path / "other"
    other.touch()
    assert own.stands
    other.replace(file)
    assert not own.stands
    own.remove()
    assert file.exists()
    mine = listening.OwnFile.of(file)
    mine.remove()
    mine.remove()
    assert not file.exists()
    assert attrs.evolve(own, path=file).stands is False
