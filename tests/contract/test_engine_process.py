"""Real engine processes: shared, restarted, gone when idle; and what is said when a model cannot be had."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import attrs
import httpx
import jsonschema
import psutil
import pytest
from conftest import until

from hybrid_lsp.backends.endpoint import Endpoint
from hybrid_lsp.backends.engine import EngineBackend
from hybrid_lsp.backends.launcher import EngineSpec, Launcher, Places
from hybrid_lsp.engine import process, service
from hybrid_lsp.engine.generation import Chunk, StopType, Summary
from hybrid_lsp.errors import (
    BackendFailed,
    BackendUnavailable,
    ConfigError,
    EngineStartFailed,
    ModelBroken,
    ModelMissing,
    SocketUnavailable,
)
from hybrid_lsp.models import store, weights
from hybrid_lsp.types import Chat, Infill, Message, Piece, Request, Tier

Engines = Callable[[], list[psutil.Process]]
ASK = Request(Infill("def add(a, b):\n    return", "\n"), max_tokens=8)


@pytest.fixture
def spec(tiny: Path) -> EngineSpec:
    return EngineSpec(str(tiny / "ct2"), threads=1, idle_exit_minutes=5)


@pytest.fixture
async def backend(spec: EngineSpec, engines: Engines) -> AsyncIterator[EngineBackend]:
    backend = EngineBackend(spec, Launcher())
    yield backend
    await backend.aclose()


async def collect(backend: EngineBackend, request: Request = ASK) -> list[Piece]:
    return [piece async for piece in backend.generate(request)]


async def test_it_is_started_by_the_first_request_and_answers(backend: EngineBackend, spec: EngineSpec) -> None:
    pieces = await collect(backend)
    assert 0 < sum(piece.tokens for piece in pieces) <= 8
    assert pieces[-1].finish is not None
    assert (await collect(backend, Request(Chat((Message("user", "hi"),)), max_tokens=4)))[-1].finish is not None
    props = await backend.props()
    assert (props["model"], props["family"], props["library"], props["threads"]) == ("tiny", "hybrid", "ctranslate2", 1)
    assert props["decode_tokens_per_second"] > 0
    assert stat.S_IMODE(Places.of(spec).socket.stat().st_mode) == 0o600
    assert "return" not in Places.of(spec).log.read_text(encoding="utf-8")


async def test_three_launchers_at_once_share_one_process(spec: EngineSpec, engines: Engines) -> None:
    endpoints = await asyncio.gather(*(Launcher().ensure(spec) for _ in range(3)))
    assert len(set(endpoints)) == 1
    assert len(engines()) == 1


async def test_a_start_goes_on_though_who_asked_gives_up(spec: EngineSpec, engines: Engines) -> None:
    launcher = Launcher()
    first = asyncio.create_task(launcher.ensure(spec))
    await until(lambda: len(engines()) == 1)
    first.cancel()
    await launcher.ensure(spec)
    assert len(engines()) == 1


async def test_other_settings_are_another_engine(spec: EngineSpec) -> None:
    others = [attrs.evolve(spec, role=Tier.LARGE), attrs.evolve(spec, threads=2), attrs.evolve(spec, family="plain")]
    assert len({other.name for other in [spec, *others]}) == 4
    assert attrs.evolve(spec, idle_exit_minutes=1) == spec


async def test_killed_before_its_answer_begins_another_answers(backend: EngineBackend) -> None:
    before = (await backend.props())["pid"]
    stream = backend.generate(Request(Infill("x = "), max_tokens=200))
    os.kill(before, signal.SIGSTOP)  # so that nothing is answered, however fast it is
    first = asyncio.create_task(anext(stream))
    for _ in range(50):
        await asyncio.sleep(0)  # it is sent
    os.kill(before, signal.SIGKILL)
    with suppress(BackendFailed):  # where no connection had been kept, the request dies with its own
        await first
    await stream.aclose()
    assert (await collect(backend))[-1].finish is not None
    assert (await backend.props())["pid"] != before


async def test_killed_between_requests_nobody_notices(backend: EngineBackend, engines: Engines) -> None:
    await backend.warm()
    for running in engines():
        running.kill()
    assert (await collect(backend))[-1].finish is not None


async def test_closing_the_stream_stops_it_by_its_own_count(backend: EngineBackend) -> None:
    stream = backend.generate(Request(Infill("def f():"), max_tokens=200))
    await anext(stream)
    await stream.aclose()
    counters = (await backend.props())["counters"]
    assert counters["generations_started"] == 1
    assert counters["tokens_after_cancel"] <= 1


async def test_it_goes_when_idle_and_leaves_nothing(spec: EngineSpec, engines: Engines) -> None:
    launcher = Launcher()
    await launcher.ensure(attrs.evolve(spec, idle_exit_minutes=0.005))
    await until(lambda: not engines())
    places = Places.of(spec)
    assert not places.socket.exists()
    assert not places.error.exists()
    assert "nobody asked" in places.log.read_text(encoding="utf-8")


@pytest.mark.fault("the engine is told to end (SIGTERM, SIGINT, SIGHUP)")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
async def test_told_to_end_it_ends_in_order(spec: EngineSpec, engines: Engines, number: int) -> None:
    launcher = Launcher()
    await launcher.ensure(spec)
    engines()[0].send_signal(number)
    record = launcher._records[spec]
    assert record.child is not None
    child = record.child.process
    await until(lambda: child.returncode is not None)
    assert child.returncode == 0
    assert not Places.of(spec).socket.exists()


async def test_told_to_end_as_soon_as_it_listens_it_ends_in_order(spec: EngineSpec, engines: Engines) -> None:
    places = Places.of(spec)
    started = await asyncio.create_subprocess_exec(*Launcher().command(spec, places))
    await until(places.socket.exists)
    async with Endpoint("http://localhost", uds=places.socket).client() as client:
        await client.get("/health", timeout=60)  # loading or ready, it has its signal handlers by now
    started.terminate()
    assert await started.wait() == 0
    assert not places.socket.exists()


async def test_it_is_loading_also_when_who_asked_has_given_up(backend: EngineBackend) -> None:
    """The start goes on for the next one, who is to know that it has to wait."""
    assert not backend.loading
    asked = asyncio.ensure_future(collect(backend))
    await until(lambda: backend.loading)
    asked.cancel()
    await asyncio.wait([asked])
    assert backend.loading
    await collect(backend)
    assert not backend.loading


async def test_a_large_engine_lets_everything_else_go_first(spec: EngineSpec, engines: Engines) -> None:
    await Launcher().ensure(attrs.evolve(spec, role=Tier.LARGE))
    running = engines()[0]
    is_idle = hasattr(os, "SCHED_IDLE") and os.sched_getscheduler(running.pid) == os.SCHED_IDLE
    assert is_idle or running.nice() == 19


async def test_over_tcp_it_wants_its_token(spec: EngineSpec, engines: Engines) -> None:
    launcher = Launcher(tcp=True)
    backend = EngineBackend(spec, launcher)
    assert (await collect(backend))[-1].finish is not None
    await backend.aclose()
    endpoint = await launcher.ensure(spec)
    assert stat.S_IMODE(Places.of(spec).endpoint.stat().st_mode) == 0o600
    async with httpx.AsyncClient(base_url=endpoint.base_url) as stranger:
        assert (await stranger.get("/props")).status_code == 401


async def test_a_missing_model_is_told_by_its_launcher(engines: Engines, tmp_path: Path) -> None:
    backend = EngineBackend(EngineSpec(str(tmp_path / "nowhere")), Launcher())
    with pytest.raises(ModelMissing, match="nowhere"):
        await backend.warm()
    with pytest.raises(BackendUnavailable, match="nowhere") as caught:
        await collect(backend)
    assert "Correct `model`" in caught.value.remedy
    with pytest.raises(ModelMissing, match="tried again"):
        await backend.warm()
    assert not engines()


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model.bin", b"garbage", "does not load"),
        ("model.bin", b"", "does not load"),
        ("tokenizer.json", b"{", "tokenizer.json"),
        ("vocabulary.json", b"{", "vocabulary"),
        ("vocabulary.json", b"[]", "does not"),
        ("config.json", b"", "config.json"),
    ],
)
async def test_a_broken_model_is_told_by_its_launcher(
    tiny: Path, tmp_path: Path, engines: Engines, file: str, content: bytes, said: str
) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(tiny / "ct2", folder)
    (folder / file).write_bytes(content)
    with pytest.raises(ModelBroken, match=said):
        await Launcher().ensure(EngineSpec(str(folder)))


async def test_an_unknown_family_is_told_by_its_launcher(spec: EngineSpec, engines: Engines) -> None:
    with pytest.raises(ConfigError, match="no model family `cat`"):
        await Launcher().ensure(attrs.evolve(spec, family="cat"))


async def test_an_engine_that_dies_without_a_word(spec: EngineSpec, engines: Engines) -> None:
    now = [1000.0]
    launcher = Launcher(environ=os.environ | {"PYTHONPATH": "/nowhere", "PYTHONHOME": "/nowhere"}, clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(EngineStartFailed, match="ended with status") as caught:
            await launcher.ensure(spec)
        assert str(Places.of(spec).log) in caught.value.remedy
    with pytest.raises(EngineStartFailed, match="tried again in 1 s"):
        await launcher.ensure(spec)
    now[0] += 1.5
    with pytest.raises(EngineStartFailed, match="ended with status"):
        await launcher.ensure(spec)
    with pytest.raises(EngineStartFailed, match="tried again in 2 s"):
        await launcher.ensure(spec)
    launcher.environ = None
    now[0] += 2.5
    await launcher.ensure(spec)
    assert len(engines()) == 1


def test_the_socket_of_a_running_engine_is_not_taken(spec: EngineSpec, engines: Engines) -> None:
    asyncio.run(Launcher().ensure(spec))
    command = Launcher().command(spec, Places.of(spec))
    assert subprocess.run(command, check=False, timeout=60).returncode == 0
    assert len(engines()) == 1


def test_a_socket_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    options = process.EngineOptions("embedded", socket=tmp_path / "file" / "x.sock")
    with pytest.raises(SocketUnavailable, match="cannot be made"), process._listening(options):
        pass
    long = process.EngineOptions("embedded", socket=tmp_path / ("x" * 120))
    with pytest.raises(SocketUnavailable), process._listening(long):
        pass


async def test_a_busy_port_is_told() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    status = await asyncio.to_thread(_run, "--model", "embedded", "--port", str(port))
    server.close()
    await server.wait_closed()
    assert status == process.EXIT_SOCKET


def _run(*arguments: str) -> int:
    command = [sys.executable, "-m", "hybrid_lsp.engine.process", *arguments]
    root = Path(__file__).parent.parent.parent
    return subprocess.run(command, check=False, timeout=60, cwd=root).returncode


def test_a_model_that_does_not_load_leaves_its_reason(tmp_path: Path) -> None:
    error = tmp_path / "why.json"
    status = _run("--model", str(tmp_path / "nowhere"), "--port", "0", "--error-file", str(error))
    assert status == process.EXIT_MODEL
    assert json.loads(error.read_text()).keys() == {"kind", "message", "remedy"}


@pytest.mark.filterwarnings("ignore")
async def test_transformers_models_run_on_torch(tiny: Path) -> None:
    """The same weights give the same text in both libraries, token by token."""
    pytest.importorskip("torch")
    ours = await asyncio.to_thread(service.load, str(tiny / "ct2"), "hybrid", "float32", 1)
    theirs = await asyncio.to_thread(service.load, str(tiny / "hf"), "hybrid", "float32", 1)
    assert (theirs.model.library, theirs.context) == ("torch", 512)
    for prompt in ("def add(", "x" * 700):
        job = {"prompt": Infill(prompt, "tail"), "max_tokens": 12}
        first, second = [await _text(engine, job) for engine in (ours, theirs)]
        assert first[0][:1] == second[0][:1] or not first[0]
        assert second[1].tokens == 12
    sampled = {"prompt": "a", "max_tokens": 5, "temperature": 1.0, "top_k": 0, "top_p": 0.0}
    assert (await _text(theirs, sampled))[1].tokens == 5
    for engine in (ours, theirs):
        engine.close()


HELD = {
    "type": "object",
    "properties": {"kind": {"enum": ["error", "hint"]}, "line": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["kind", "line"],
    "additionalProperties": False,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", ["ct2", "hf"])
async def test_a_reply_is_held_to_its_schema(tiny: Path, library: str) -> None:
    """A network of random weights wants no JSON at all; it is led back at each token, in both libraries."""
    pytest.importorskip("torch")
    engine = await asyncio.to_thread(service.load, str(tiny / library), "hybrid", "auto", 1)
    job = {"prompt": (Message("user", "Which?"),), "max_tokens": 300, "schema": HELD}
    for temperature in (0.0, 1.0):
        text, summary = await _text(engine, job | {"temperature": temperature})
        jsonschema.validate(json.loads(text), HELD)
        assert summary.stop_type is StopType.EOS
    with pytest.raises(service.BadRequest, match="response_format"):
        await _text(engine, job | {"schema": {"type": "strange"}})
    # The next reply is free again.
    assert (await _text(engine, {"prompt": "a", "max_tokens": 5}))[1].tokens <= 5
    engine.close()


async def _text(engine: service.Engine, job: dict[str, object]) -> tuple[str, Summary]:
    items = [item async for item in engine.stream(service.Job(**job))]  # type: ignore[arg-type]
    assert isinstance(items[-1], Summary)
    return "".join(item.text for item in items if isinstance(item, Chunk)), items[-1]


def test_conversion_makes_a_folder_that_the_engine_loads(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "made"
    weights.convert(tiny / "hf", folder)
    assert store.resolve(str(folder)).kind is weights.Kind.CT2
    assert store.resolve(str(folder)).context == 512
    assert [path.name for path in folder.parent.iterdir() if path.is_dir()] == [folder.name]
    engine = service.load(str(folder), threads=1)
    assert engine.family.name == "qwen-coder"  # by its vocabulary: nothing says that it is ours
    engine.close()


def test_the_library_of_a_folder_is_not_a_choice(tiny: Path) -> None:
    with pytest.raises(ConfigError, match="torch"):
        service.load(str(tiny / "ct2"), library="torch")
