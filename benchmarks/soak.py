"""`python -m benchmarks.soak`: editors type on one engine for minutes, while faults drawn at random befall it.

Every request must have its one answer, none of the windows may starve, and neither the time to an answer nor memory
nor open files may grow. Times are compared within the run alone, of the windows that nobody ended, and without what
fell into a disturbance: the time from a fault of the engine until it answers again, which is told by itself. Everything
runs on this machine, in folders of its own. Status 1 when something is not as it must be.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import psutil

from benchmarks import place, prompts
from benchmarks.wire import Client
from hybrid_lsp.backends.launcher import EngineSpec, Places

SETTINGS = {"completion": {"min_confidence": 0.0}}
STEADY = 2
"""Of so many windows less than all, the processes are never ended: on these growth is measured."""
PAUSES_S = (0.06, 0.3)
ANSWER_S = 30.0
"""An answer that has not come by then does not come."""
UNFAIR, GROWN = 3.0, 2.0
"""So many times the middle window's p95 no window's may be, and so many times the first third's the last third's."""
UNFELT_MS = 100.0
"""A difference that nobody feels, beside these ratios."""


@attrs.define(eq=False)
class Window:
    """An editor that types on and on; `gone` are the clients of its servers that were ended."""

    number: int
    chance: random.Random
    client: Client
    gone: list[Client] = attrs.field(factory=list)
    version: int = 1

    @property
    def uri(self) -> str:
        return f"file:///soak/window_{self.number}.py"

    @property
    def clients(self) -> list[Client]:
        return [*self.gone, self.client]

    def open(self) -> None:
        item = {"uri": self.uri, "languageId": "python", "version": self.version, "text": ""}
        self.client.notify("textDocument/didOpen", {"textDocument": item})

    async def type(self, until: float) -> None:
        """Write source code, a character a keystroke, and ask behind each, whether the last was answered or not."""
        lines = prompts.source().splitlines()
        while True:
            self._replace_all("\n".join(self.chance.sample(lines, 40)) + "\n")
            for line in range(40, 60):
                for column, character in enumerate(self.chance.choice(lines)[:60]):
                    if time.monotonic() >= until:
                        return
                    self._put(line, column, character)
                    await asyncio.sleep(self.chance.uniform(*PAUSES_S))
                self._put(line, 60, "\n")

    async def ask(self) -> Any:
        """By hand, at the start of the file."""
        return await asyncio.wait_for(
            self.client.request("textDocument/inlineCompletion", self._place(0, 0, 1)), ANSWER_S
        )

    async def reopen(self) -> None:
        """The editor starts again, its server having been ended."""
        await self.client.process.wait()
        self.gone.append(self.client)
        self.client = await Client.start(SETTINGS)
        self.version += 1
        self.open()

    def _put(self, line: int, column: int, character: str) -> None:
        at = {"line": line, "character": column}
        self._change({"range": {"start": at, "end": at}, "text": character})
        self.client.request("textDocument/inlineCompletion", self._place(line, column + 1, 2))

    def _replace_all(self, text: str) -> None:
        self._change({"text": text})

    def _change(self, change: dict[str, Any]) -> None:
        self.version += 1
        document = {"uri": self.uri, "version": self.version}
        self.client.notify("textDocument/didChange", {"textDocument": document, "contentChanges": [change]})

    def _place(self, line: int, character: int, trigger: int) -> dict[str, Any]:
        position = {"line": line, "character": character}
        return {"textDocument": {"uri": self.uri}, "position": position, "context": {"triggerKind": trigger}}


@attrs.define
class Faults:
    """What befalls the engine and the windows, drawn at random."""

    windows: Sequence[Window]
    folder: Path
    chance: random.Random
    drawn: Counter[str] = attrs.field(factory=Counter)
    disturbed: list[tuple[float, float]] = attrs.field(factory=list)
    """From when to when the engine did not serve as it should."""

    async def befall(self, until: float, pause_s: float) -> None:
        of_engine: dict[str, Callable[[], Any]] = {
            "engine killed": lambda: self._signal(signal.SIGKILL),
            "engine stopped": lambda: self._signal(signal.SIGSTOP),
            "engine told to end": lambda: self._signal(signal.SIGTERM),
            "socket removed": lambda: self._places.socket.unlink(missing_ok=True),
            "lock removed": lambda: self._places.lock.unlink(missing_ok=True),
        }
        others: dict[str, Callable[[], Any]] = {
            "metrics overwritten": lambda: (self.folder / "state" / "metrics.sqlite3").write_bytes(b"x" * 8192),
            "logs removed": self._without_logs,
            "headers that are none": lambda: self._say(b"Content-Length: abc\r\n\r\n{}"),
            "JSON that is none": lambda: self._say(b"content-length: 3\n\n{{{"),
            "window killed": lambda: self._reopened(signal.SIGKILL),
            "window told to end": lambda: self._reopened(signal.SIGTERM),
        }
        while time.monotonic() + pause_s < until:
            await asyncio.sleep(pause_s)
            kind = self.chance.choice(sorted(of_engine | others))
            self.drawn[kind] += 1
            began = time.monotonic()
            if asyncio.iscoroutine(work := (of_engine | others)[kind]()):
                await work
            if kind in of_engine:
                await self._served_again()
                self.disturbed.append((began, time.monotonic()))

    @property
    def _places(self) -> Places:
        return Places.of(EngineSpec("embedded"))

    def _signal(self, number: int) -> None:
        for process in engines(self.folder):
            process.send_signal(number)

    async def _served_again(self) -> None:
        """Wait until a window that is never ended is answered."""
        with contextlib.suppress(TimeoutError):  # then a request was never answered, which is reported
            await self.chance.choice(self.windows[:-STEADY]).ask()

    def _without_logs(self) -> None:
        for file in (self.folder / "state" / "logs").glob("*"):
            file.unlink()

    def _say(self, data: bytes) -> None:
        self.chance.choice(self.windows).client.raw(data)

    async def _reopened(self, number: int) -> None:
        window = self.chance.choice(self.windows[-STEADY:])
        window.client.process.send_signal(number)
        await window.reopen()


def engines(folder: Path) -> list[psutil.Process]:
    """The engines whose sockets are in this folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if "hybrid_lsp.engine" in command and str(folder) in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


@attrs.frozen
class Held:
    """What the steady windows hold: the most memory of one, in MB, and the most open files of one."""

    memory_mb: float
    files: int

    @classmethod
    def of(cls, windows: Sequence[Window]) -> Held:
        processes = [psutil.Process(window.client.process.pid) for window in windows[:-STEADY]]
        memory = max(process.memory_info().rss for process in processes) / 1e6
        return cls(memory, max(process.num_fds() for process in processes))


@attrs.define
class Finding:
    """A figure of the report, and whether it is as it must be (None: it is only told)."""

    name: str
    value: str
    met: bool | None = None


async def soak(options: argparse.Namespace) -> list[Finding]:
    """Run it; returns what is to be reported."""
    chance = random.Random(options.seed)  # noqa: S311 (what is drawn can be drawn again)
    with place.own_folders() as folder:
        windows = [
            Window(number, random.Random(options.seed + number), await Client.start(SETTINGS))  # noqa: S311
            for number in range(options.editors)
        ]
        for window in windows:
            window.open()
            await window.ask()
        began, until = time.monotonic(), time.monotonic() + options.minutes * 60
        faults = Faults(windows, folder, chance)
        typing = [asyncio.create_task(window.type(until)) for window in windows]
        befalling = asyncio.create_task(faults.befall(until, options.pause_s))
        await asyncio.sleep(options.minutes * 60 / 6)  # all is loaded that is loaded at first use
        first = Held.of(windows)
        await asyncio.gather(*typing, befalling)
        await _quiet(windows)
        recovered = [await _is_served(window) for window in windows]
        last, running = Held.of(windows), await _left_running(folder)
        errors = [await window.client.end() for window in windows]
        return _findings(options, windows, faults, (first, last), (began, until), recovered, running, errors)


async def _quiet(windows: Sequence[Window]) -> None:
    """Wait for the last answers."""
    given_up = time.monotonic() + ANSWER_S
    while any(window.client.unanswered for window in windows) and time.monotonic() < given_up:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _is_served(window: Window) -> bool:
    try:
        return bool((await window.ask()).get("result"))
    except (TimeoutError, asyncio.CancelledError):  # no answer, or its server is gone
        return False


async def _left_running(folder: Path) -> int:
    """How many engines there are once those without a socket have ended."""
    given_up = time.monotonic() + ANSWER_S
    while len(found := engines(folder)) > 1 and time.monotonic() < given_up:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    return len(found)


def _findings(
    options: argparse.Namespace,
    windows: Sequence[Window],
    faults: Faults,
    held: tuple[Held, Held],
    span: tuple[float, float],
    recovered: list[bool],
    running: int,
    errors: list[str],
) -> list[Finding]:
    clients = [client for window in windows for client in window.clients]
    unanswered = sum(window.client.unanswered for window in windows)
    twice = sum(client.answered_twice for client in clients)
    quiet = [_quiet_answers(window, faults.disturbed) for window in windows[:-STEADY]]
    third = (span[1] - span[0]) / 3
    early = [ms for answers in quiet for at, ms in answers if at < span[0] + third]
    late = [ms for answers in quiet for at, ms in answers if at > span[1] - third]
    p95, p95s = [_p95(early), _p95(late)], sorted(_p95([ms for _, ms in answers]) for answers in quiet)
    middle = statistics.median(p95s)
    healed = sorted(end - start for start, end in faults.disturbed) or [0.0]
    shown = [sum(client.shown for client in window.clients) for window in windows]
    first, last = held
    return [
        Finding("editors, minutes, seed", f"{options.editors}, {options.minutes:g}, {options.seed}"),
        Finding("faults", ", ".join(f"{name} {count}" for name, count in sorted(faults.drawn.items()))),
        Finding("requests", f"{sum(client.asked for client in clients):,}"),
        Finding("never answered (by a server that lived)", str(unanswered), unanswered == 0),
        Finding("answered twice", str(twice), twice == 0),
        Finding("windows that are served in the end", f"{sum(recovered)} of {len(windows)}", all(recovered)),
        Finding("engines in the end", str(running), running == 1),
        Finding("answers with a suggestion, least and most of a window", f"{min(shown)}, {max(shown)}", min(shown) > 0),
        Finding(
            "seconds from a fault of the engine to an answer, middle and most",
            f"{statistics.median(healed):.1f}, {healed[-1]:.1f}",
            healed[-1] < ANSWER_S,
        ),
        Finding("p50 outside of these", f"{statistics.median(early + late or [0.0]):.0f} ms"),
        Finding(
            "p95 of a window, least, middle and most",
            f"{p95s[0]:.0f}, {middle:.0f}, {p95s[-1]:.0f} ms",
            p95s[-1] <= UNFAIR * middle + UNFELT_MS,
        ),
        Finding(
            "p95 in the first and the last third",
            f"{p95[0]:.0f}, {p95[1]:.0f} ms",
            p95[1] <= GROWN * p95[0] + UNFELT_MS,
        ),
        Finding(
            "memory of a server, after a sixth and in the end",
            f"{first.memory_mb:.0f}, {last.memory_mb:.0f} MB",
            last.memory_mb <= first.memory_mb + 50,
        ),
        Finding("open files of a server", f"{first.files}, {last.files}", last.files <= first.files + 10),
        Finding("bytes on stderr", str(sum(map(len, errors))), not any(errors)),
    ]


def _quiet_answers(window: Window, disturbed: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The moments and milliseconds of a window's answers that no fault of the engine fell into."""
    answers = [each for client in window.clients for each in client.latencies]
    return [(at, ms) for at, ms in answers if not any(at - ms / 1000 < end and start < at for start, end in disturbed)]


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1] if len(values) > 1 else 0.0


def _table(findings: Sequence[Finding]) -> str:
    marks = {True: "yes", False: "**no**", None: ""}
    rows = [f"| {each.name} | {each.value} | {marks[each.met]} |" for each in findings]
    return "\n".join(["| what | figure | as it must be |", "|---|---|---|", *rows])


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--editors", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2)), help="of what is drawn")
    parser.add_argument("--pause-s", type=float, default=6.0, help="seconds between two faults")
    parser.add_argument("--report", type=Path, help="a Markdown file whose table, between its marks, is replaced")
    options = parser.parse_args()
    if options.editors <= STEADY:
        parser.error(f"--editors must be more than {STEADY}: some are never ended, and on these growth is measured")
    findings = asyncio.run(soak(options))
    print(_table(findings))
    if options.report is not None:
        before, _, rest = options.report.read_text(encoding="utf-8").partition(_BEGIN)
        after = rest.partition(_END)[2]
        text = f"{before}{_BEGIN}\n{_table(findings)}\n{_END}{after}"
        options.report.write_text(text, encoding="utf-8")
    return int(any(finding.met is False for finding in findings))


_BEGIN, _END = "<!-- soak -->", "<!-- end of soak -->"

if __name__ == "__main__":
    raise SystemExit(main())
