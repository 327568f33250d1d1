"""Settings that are none, from every side: each is told and skipped, and ghost text goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_origin

import pytest
from conftest import URI, capabilities, until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inside import CONVERTER
from scripted import Script, scripted_server
from wire import Wire, wired

from hybrid_lsp import config

HUGE = 10**400
NESTED = "[" * 300 + "]" * 300
FILES: dict[str, str | bytes] = {
    "nested without end": "x = " + "[" * 4000,
    "tables nested without end": "x = " + "{a=" * 4000,
    "nested deeply": f"[completion]\ndisabled_globs = {NESTED}",
    "a number of 5,000 digits": "[completion]\ndebounce_ms = " + "9" * 5000,
    "a large number": f"[completion]\ndebounce_ms = {HUGE}\nmin_confidence = {HUGE}",
    "no number": "[completion]\nmin_confidence = nan\ndebounce_ms = nan",
    "endless": "[completion]\nmin_confidence = inf\ndebounce_ms = -inf",
    "no UTF-8": b"[completion]\nenabled = \xff\xfe\n",
    "a key twice": "[completion]\ndebounce_ms = 1\ndebounce_ms = 2\n",
    "a table twice": "[completion]\n[completion]\n",
    "a NUL": "[completion]\0\n",
    "too large": "#" * 200_000,
    "a value where a table belongs": "completion = 3\nsmall = []\n",
    "keys that are not known": "".join(f"key{number} = 1\n" for number in range(3000)),
    "dates": "[completion]\nenabled = 2024-01-01\ndebounce_ms = 12:00:00\n",
}
PLACES: dict[str, Callable[[Path], object]] = {
    "a folder": lambda file: file.mkdir(),
    "a device without end": lambda file: file.symlink_to("/dev/zero"),
    "the server's input": lambda file: file.symlink_to("/dev/stdin"),
    "a pipe": lambda file: os.mkfifo(file),
    "a link to itself": lambda file: file.symlink_to(file),
}


def write_user_file(script: Script) -> None:
    text = f'[small]\nbackend = "openai"\nbase_url = "{script.url}"\nmodel = "tiny"\n'
    Path(os.environ["HYBRID_LSP_CONFIG"]).write_text(text, encoding="utf-8")


@asynccontextmanager
async def opened(script: Script, initial: Any = None, root: Path | None = None) -> AsyncIterator[Wire]:
    """A window with the scripted model, which the user's file names, and one document."""
    write_user_file(script)
    async with wired() as wire:
        params = {
            "processId": None,
            "rootUri": root.as_uri() if root else None,
            "capabilities": CONVERTER.unstructure(capabilities(full=False)),
            "initializationOptions": initial,
        }
        assert "result" in await wire.ask("initialize", params)
        wire.notify("initialized", {})
        item = {"uri": URI, "languageId": "python", "version": 1, "text": "def total(items):\n    "}
        wire.notify("textDocument/didOpen", {"textDocument": item})
        yield wire
        assert (await wire.ask("shutdown"))["result"] is None


async def shown(wire: Wire, script: Script) -> str:
    """The ghost text, by hand."""
    script.replies = ["return sum(items)"] * 3
    place = {"line": 1, "character": 4}
    asked = {"textDocument": {"uri": URI}, "position": place, "context": {"triggerKind": 1}}
    (item,) = (await wire.ask("textDocument/inlineCompletion", asked))["result"]["items"]
    return str(item["insertText"])


def told(wire: Wire) -> str:
    methods = ("window/showMessage", "window/logMessage")
    return "\n".join(each["params"]["message"] for each in wire.received if each.get("method") in methods)


def change(wire: Wire, values: Any) -> None:
    wire.notify("workspace/didChangeConfiguration", {"settings": values})


@pytest.mark.fault("a workspace's `.hybrid-lsp.toml` is no TOML, no UTF-8, without end")
@pytest.mark.parametrize("kind", FILES)
async def test_a_file_of_the_workspace_is_told_and_skipped(kind: str, tmp_path: Path, script: Script) -> None:
    content = FILES[kind]
    (tmp_path / config.WORKSPACE_FILE).write_bytes(content if isinstance(content, bytes) else content.encode())
    async with opened(script, root=tmp_path) as wire:
        assert await shown(wire, script) == "return sum(items)"
        await until(lambda: config.WORKSPACE_FILE in told(wire))
        assert len(told(wire)) < 5000


@pytest.mark.fault("a workspace's `.hybrid-lsp.toml` is a folder, a device, a pipe, a link to itself")
@pytest.mark.skipif(sys.platform == "win32", reason="no such devices there")
@pytest.mark.parametrize("kind", PLACES)
async def test_what_is_no_file_is_told_and_skipped(kind: str, tmp_path: Path, script: Script) -> None:
    PLACES[kind](tmp_path / config.WORKSPACE_FILE)
    async with opened(script, root=tmp_path) as wire:
        assert await shown(wire, script) == "return sum(items)"
        await until(lambda: config.WORKSPACE_FILE in told(wire))


NO_TABLES = [
    5,
    "x",
    True,
    [1],
    [[]],
    1.5,
    {"hybrid-lsp": 5},
    {"hybrid-lsp": [1]},
    {"completion": 5},
    {"workspace": "x"},
]
NOTHING = [None, [], {}, "", {"hybrid-lsp": None}, {"hybrid-lsp": []}, {"workspace": None}]
TOO_MUCH = {"completion": {"disabled_globs": [[]], "debounce_ms": HUGE, "min_confidence": HUGE, "\ud800": 1}}


@pytest.mark.fault("`initializationOptions` and pushed settings that are no table")
@pytest.mark.parametrize("values", [*NO_TABLES, TOO_MUCH], ids=lambda values: str(values)[:30])
async def test_what_a_client_sends_is_told_and_skipped(values: Any, script: Script) -> None:
    async with opened(script, values) as wire:
        assert await shown(wire, script) == "return sum(items)"
        await until(lambda: "initializationOptions" in told(wire) or "the workspace's settings" in told(wire))
    async with opened(script) as wire:
        change(wire, values)
        assert await shown(wire, script) == "return sum(items)"
        await until(lambda: "the editor's settings" in told(wire) or "the workspace's settings" in told(wire))


@pytest.mark.parametrize("values", NOTHING, ids=str)
async def test_nothing_is_no_mistake(values: Any, script: Script) -> None:
    async with opened(script, values) as wire:
        change(wire, values)
        assert await shown(wire, script) == "return sum(items)"
        assert told(wire) == ""


RIGHT: dict[Any, Any] = {bool: bool, int: int, float: int | float, str: str}
anything = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 2**31, 2**63, -(2**70), HUGE, 1.5, -0.0, 1e308, 1e-320]),
    st.text(max_size=8),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.lists(st.integers(), max_size=2), max_size=2),
)


def is_of(kind: Any, value: Any) -> bool:
    if (origin := get_origin(kind)) in (list, dict):
        return isinstance(value, origin)
    right = str if origin is not None else RIGHT[kind]
    return isinstance(value, right) and (kind is bool or not isinstance(value, bool))


def put(values: dict[str, Any], name: str, value: Any) -> None:
    """A setting, `section.key` or a section of its own, into a layer."""
    section, _, key = name.partition(".")
    if key:
        values.setdefault(section, {})[key] = value
    else:
        values[section] = value


def misfits() -> st.SearchStrategy[dict[str, Any]]:
    """Some settings, each with a value that is of another type than its own."""

    def misfit(setting: config.Setting) -> st.SearchStrategy[tuple[str, Any]]:
        wrong = anything.filter(lambda value: not is_of(setting.type, value))
        return st.tuples(st.just(setting.name), wrong)

    def nested(chosen: list[tuple[str, Any]]) -> dict[str, dict[str, Any]]:
        values: dict[str, Any] = {}
        for name, value in chosen:
            put(values, name, value)
        return values

    one = st.sampled_from(list(config.settings())).flatmap(misfit)
    return st.lists(one, min_size=1, max_size=8).map(nested)


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.fault("a setting of a wrong type, each of them")
def test_values_of_wrong_types_change_nothing(loop: asyncio.Runner) -> None:
    script = Script()
    serving = scripted_server(script)
    loop.run(serving.__aenter__())
    window = opened(script)
    wire = loop.run(window.__aenter__())

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(misfits())
    def told_and_skipped(values: dict[str, dict[str, Any]]) -> None:
        assert config.load([config.Layer("a test", values)])[0] == config.Config()
        change(wire, values)
        assert loop.run(shown(wire, script)) == "return sum(items)"

    told_and_skipped()
    loop.run(window.__aexit__(None, None, None))
    loop.run(serving.__aexit__(None, None, None))


@pytest.mark.parametrize(
    "value", [None, HUGE, float("nan"), float("inf"), b"x", object()], ids=lambda value: str(value)[:9]
)
def test_every_setting_refuses_what_is_not_its_type(value: Any) -> None:
    for setting in config.settings():
        values: dict[str, Any] = {}
        put(values, setting.name, value)
        loaded, (problem,) = config.load([config.Layer("a test", values)])
        assert loaded == config.Config()
        assert setting.name in str(problem)
        assert len(str(problem)) < 500
