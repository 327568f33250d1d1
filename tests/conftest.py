"""What all tests share: folders of their own, so that no test touches the user's settings, sockets or metrics."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from amounts import often
from hypothesis import HealthCheck, settings

SHARED_DATA = Path(__file__).parent.parent.parent / "shared" / "data"

# Threads that wait for each other while all are busy: beside other work torch took twenty times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# A shared machine pauses now and then: a slow example is no failure.
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=often(100)
)
settings.load_profile("default")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what it leaves in the background so, and processes of the tests would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if SHARED_DATA.exists() or os.environ.get("CI"):
        return
    skip = pytest.mark.skip(reason="reads ../shared/data, which a clone alone does not have")
    for item in items:
        if item.get_closest_marker("shared_data"):
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The user's folders, empty ones; the runtime folder is short, since a socket's path may have 103 bytes."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HYBRID_LSP_CONFIG", str(home / "config.toml"))
    monkeypatch.setenv("HYBRID_LSP_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("HYBRID_LSP_MODELS_DIR", str(home / "models"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")  # nobody, whatever runs on this machine
    with tempfile.TemporaryDirectory(prefix="hl-") as runtime:
        monkeypatch.setenv("HYBRID_LSP_RUNTIME_DIR", runtime)
        yield


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Processes are started whose lines are not counted: others' programs, or ours that are killed in the end.

    Coverage would trace these too, at twice their cost. What it is told by is returned, for a process that counts.
    """
    taken = {
        name: os.environ[name] for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG") if name in os.environ
    }
    for name in taken:
        monkeypatch.delenv(name)
    return taken


@pytest.fixture
def no_proxy_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no proxy, and no certificates of its own."""
    proxies = (f"{each}_proxy" for each in ("http", "https", "all", "no"))
    for name in (*(each for proxy in proxies for each in (proxy, proxy.upper())), "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def shared_data() -> Path:
    return SHARED_DATA
