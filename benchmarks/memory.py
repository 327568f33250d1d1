"""Memory of engine and server over many requests."""

from __future__ import annotations

from benchmarks import place, prompts
from benchmarks.report import Report
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.document import Span
from hybrid_lsp.server.editor import Editor

WARM_UP = 100
"""Requests after which everything that is loaded at first use is loaded."""
LINES = 400
"""Of a file that is edited; its length stays the same, so that only what is kept can grow."""


async def run(report: Report, requests: int) -> None:
    """Each request is for another text, so that each is generated and each has something to keep."""
    with place.own_folders() as folder:
        editor = Editor()
        await editor.start(folder)
        text = "\n".join(prompts.source().splitlines()[:LINES]) + "\n"
        editor.open(folder / "a.py", text)
        async with place.engine(EngineSpec("embedded")) as engine:
            props = await engine.props()
            await _ask_often(editor, WARM_UP, 0)
            before = place.resident_mb(props["pid"]), place.resident_mb(editor.server_pid)
            await _ask_often(editor, requests, WARM_UP)
            after = place.resident_mb(props["pid"]), place.resident_mb(editor.server_pid)
            counters = await engine.counters()
        await editor.stop()
    report.add("memory", "requests", requests)
    report.add("memory", "generations", counters["generations_started"])
    report.add("memory", "engine at first", before[0], "MB")
    report.add("memory", "engine's growth", after[0] - before[0], "MB", most=150)
    report.add("memory", "server at first", before[1], "MB")
    report.add("memory", "server's growth", after[1] - before[1], "MB", most=150)


async def _ask_often(editor: Editor, requests: int, first: int) -> None:
    """Write a line at some place, ask there by hand, and take it out again."""
    for number in range(first, first + requests):
        document = editor.document
        start = document.line_starts[(number * 37) % (document.line_count - 1)]
        line = f"value_{number} = self."
        editor.replace(Span(start, start), line + "\n")
        editor.cursor = start + len(line)
        await editor.ghost_text(invoked=True)
        editor.replace(Span(start, start + len(line) + 1), "")
