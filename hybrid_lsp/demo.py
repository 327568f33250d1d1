"""`hybrid-lsp demo`: the real server over stdio, typed into and asked for actions, shown in the terminal."""

from __future__ import annotations

import asyncio
import difflib
import tempfile
import time
from pathlib import Path
from typing import Any

import attrs
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from hybrid_lsp.document import Span
from hybrid_lsp.errors import ConfigError
from hybrid_lsp.metrics.report import percentile
from hybrid_lsp.server.editor import Choice, Editor, Problem, Shown

KEY_S = 0.05
"""Seconds between two keys: a quick typist."""
_RUN = ("Explain", "Optimize", "Review security of the whole file")
"""The actions that are shown, by how their titles begin."""
READING_S = 0.9
"""Seconds for which a suggestion stands before it is taken or typed over."""
PAUSE = "¦"
"""Where the typist pauses in a scene."""
_LINES_AROUND = 6


@attrs.frozen
class Scene:
    """What is typed after `anchor`; the typist takes a suggestion that is what they were about to write."""

    title: str
    anchor: str
    text: str


SCENES = (
    Scene(
        "a method like the others",
        "                found.append(item)\n        return found\n",
        "\n    def rename(self, number: str, name: str)¦ -> None:\n"
        "        if number¦ not in self.items:\n"
        "            ¦raise UnknownItem(number)\n"
        "        self.items[¦number].name = name\n"
        '        logger.¦info("renamed %s", number)\n',
    ),
    Scene(
        "another one",
        "        return self.items.pop(number)\n",
        "\n    def cheap(self, limit: float) ¦-> list[Item]:\n"
        "        found = ¦[]\n"
        "        for item in ¦self.items.values():\n"
        "            if item.price ¦< limit:\n"
        "                found.¦append(item)\n"
        "        return ¦found\n",
    ),
    Scene(
        "saving what is loaded",
        "                self.add(Item(**row))\n",
        "\n    def save(self)¦ -> None:\n"
        '        with open(self.¦path, "w", encoding=¦"utf-8") as stream:\n'
        "            json.dump(¦[vars(item) for item in self.items.values()], stream)\n",
    ),
)


@attrs.define
class Tally:
    """What the demo counted."""

    keys: int = 0
    accepted_characters: int = 0
    shown: int = 0
    accepted: int = 0
    empty: int = 0
    latencies_ms: list[float] = attrs.field(factory=list)


def run(record: Path | None = None, *, pause: bool = True) -> int:
    """Show it; with `record` also write what was shown to a text file. Status 1 when nothing was suggested."""
    console = Console(record=record is not None, width=100 if record else None)
    tally = asyncio.run(Demo(console, pause).play())
    if record is not None:
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(console.export_text(), encoding="utf-8")
    return 0 if tally.shown else 1


def example() -> Path:
    """The file that is typed into: beside the package in a checkout, inside it in an installation."""
    package = Path(__file__).parent
    for folder in (package.parent / "examples", package / "examples"):
        if (folder / "inventory.py").exists():
            return folder / "inventory.py"
    raise ConfigError("The example file is missing.", "Reinstall hybrid-lsp.")


class Demo:
    """One showing."""

    def __init__(self, console: Console, pause: bool) -> None:
        self._console = console
        self._pause = pause
        self._editor = Editor()
        self._tally = Tally()
        self._waiting: asyncio.Task[Shown] | None = None

    async def play(self) -> Tally:
        with tempfile.TemporaryDirectory(prefix="hybrid-lsp-demo-") as folder:
            await self._start(Path(folder))
            for scene in SCENES:
                await self._type_scene(scene)
            await self._run_actions()
            await self._editor.stop()
        self._summarize()
        return self._tally

    async def _start(self, folder: Path) -> None:
        source = example()
        started = time.perf_counter()
        result = await self._editor.start(folder)
        self._console.rule(f"hybrid-lsp: the real server, typing into examples/{source.name}")
        name = result.server_info.name if result.server_info else "the server"
        self._say(f"{name} was ready after {(time.perf_counter() - started) * 1000:.0f} ms; it starts its model…")
        self._editor.open(folder / source.name, source.read_text(encoding="utf-8"))
        self._editor.cursor = len(self._editor.document.text)
        first = await self._editor.ghost_text(invoked=True)
        self._say(f"…whose first answer came after {first.latency_ms:.0f} ms, loading included.")

    async def _type_scene(self, scene: Scene) -> None:
        self._console.print()
        self._say(f"[bold]Typing {scene.title}[/bold]")
        at = self._editor.document.text.index(scene.anchor) + len(scene.anchor)
        self._editor.cursor = at
        with Live(console=self._console, refresh_per_second=20, transient=True) as live:
            left = scene.text
            while left:
                left = await self._type_until_pause(left, live)
                left = await self._look(left, live)
        await self._cancel()

    async def _type_until_pause(self, left: str, live: Live) -> str:
        """Key by key, asking after each as an editor does; returns what is still to be typed."""
        while left and not left.startswith(PAUSE):
            await self._cancel()
            self._editor.type(left[0])
            self._tally.keys += 1
            left = left[1:]
            self._waiting = asyncio.create_task(self._editor.ghost_text())
            live.update(self._view(""))
            await asyncio.sleep(KEY_S if self._pause else 0.01)
        return left.removeprefix(PAUSE)

    async def _cancel(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.cancel()
            await asyncio.gather(self._waiting, return_exceptions=True)
        self._waiting = None

    async def _look(self, left: str, live: Live) -> str:
        """Wait for the ghost text at a pause; take it when it is what was meant, and return what is left then."""
        if self._waiting is None or not left:
            return left
        shown = await self._waiting
        self._waiting = None
        if not shown.text:
            self._tally.empty += 1
            return left
        self._tally.shown += 1
        self._tally.latencies_ms.append(shown.latency_ms)
        meant = left.replace(PAUSE, "")
        taken = meant.startswith(shown.text)
        live.update(self._view(shown.text))
        self._print_suggestion(shown, taken=taken)
        await asyncio.sleep(READING_S if self._pause else 0)
        if not taken:
            return left
        self._tally.accepted += 1
        self._tally.accepted_characters += len(shown.text)
        await self._editor.accept(shown)
        return _without(left, len(shown.text))

    def _print_suggestion(self, shown: Shown, *, taken: bool) -> None:
        document, cursor = self._editor.document, self._editor.cursor
        line, column = document.position(cursor)
        before = document.line(line)[:column].lstrip()
        row = Text()
        row.append(f"{shown.latency_ms:5.0f} ms  ", style="cyan")
        row.append(before)
        row.append(f"⟦{shown.text}⟧", style="green" if taken else "yellow")
        row.append("   Tab" if taken else "   typed on", style="dim")
        self._console.print(row)

    def _view(self, ghost: str) -> RenderableType:
        document, cursor = self._editor.document, self._editor.cursor
        line, _ = document.position(cursor)
        first = max(0, line - _LINES_AROUND)
        last = min(document.line_count, line + _LINES_AROUND)
        start, end = document.offset(first, 0), document.offset(last, 0)
        code = Syntax("", "python", theme="ansi_dark").highlight(document.text[start:cursor])
        code.right_crop(1)  # the newline that highlighting adds
        text = Text.assemble(code, Text("▏", style="blink"), Text(ghost, style="dim italic"))
        text.append_text(Syntax("", "python", theme="ansi_dark").highlight(document.text[cursor:end]))
        return Panel(text, title="inventory.py", border_style="blue")

    async def _run_actions(self) -> None:
        started = time.perf_counter()
        choices = await self._editor.actions(self._method())
        took = (time.perf_counter() - started) * 1000
        titles = ", ".join(choice.title for choice in choices)
        self._console.print()
        self._say(f"[bold]Actions on the selected method[/bold], listed in {took:.0f} ms: {titles}")
        for beginning in _RUN:
            await self._run_action(next(choice for choice in choices if choice.title.startswith(beginning)))

    def _method(self) -> Span:
        """The method that is selected: `report`, with its last line."""
        text = self._editor.document.text
        start = text.index("    def report(")
        last_line = '        return "\\n".join(lines)\n'
        return Span(start, text.index(last_line, start) + len(last_line))

    async def _run_action(self, choice: Choice) -> None:
        before = self._editor.document.text
        started = time.perf_counter()
        answer = await self._editor.choose(choice)
        took = (time.perf_counter() - started) * 1000
        shown = await self._shown(answer, before)
        self._console.print(Panel(shown, title=f"{choice.title}: {took:.0f} ms", border_style="magenta"))
        await asyncio.sleep(READING_S if self._pause else 0)

    async def _shown(self, answer: dict[str, Any], before: str) -> RenderableType:
        label = Text(answer.get("label", ""), style="dim")
        if answer["kind"] == "text":
            return Group(Markdown(answer["markdown"]), label)
        if answer["kind"] == "findings":
            return Group(self._problems(await self._editor.next_problems()), label)
        if answer["kind"] == "edit":
            return _diff(before, self._editor.document.text)
        return Text(answer.get("message", "It failed; the log says why."))

    def _problems(self, problems: list[Problem]) -> Table:
        table = Table(box=None)
        for heading in ("line", "severity", "rule", "finding"):
            table.add_column(heading)
        for each in problems:
            table.add_row(str(each.line), each.severity, each.code, each.message)
        return table

    def _summarize(self) -> None:
        tally = self._tally
        tally.latencies_ms.sort()
        table = Table(title="Counted", show_header=False)
        p50, p95 = percentile(tally.latencies_ms, 0.5), percentile(tally.latencies_ms, 0.95)
        table.add_row("keys typed", str(tally.keys))
        table.add_row("suggestions at a pause", f"{tally.shown} shown, {tally.empty} times nothing")
        table.add_row("taken as they were", f"{tally.accepted} of {tally.shown}")
        table.add_row("characters not typed", str(tally.accepted_characters))
        cancelled, settled = self._editor.cancelled, self._editor.settled
        table.add_row("requests the next key made void", f"{cancelled}, answered as cancelled: {settled}")
        if p50 is not None and p95 is not None:
            table.add_row("latency of what was shown", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms, debounce included")
        self._console.print(table)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False)


def _diff(before: str, after: str) -> Syntax:
    """What an edit changed."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=1, lineterm="")
    return Syntax("\n".join(lines), "diff", theme="ansi_dark", background_color="default")


def _without(left: str, count: int) -> str:
    """What is left of a scene after `count` characters of it were taken; pauses inside them are passed."""
    while count:
        if left[0] != PAUSE:
            count -= 1
        left = left[1:]
    return left.removeprefix(PAUSE)
