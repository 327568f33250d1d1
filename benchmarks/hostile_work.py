"""Synchronous work over texts and files that a workspace may hold to make the server stand still.

CPU time of one call in this process, so that other work on the machine does not count. What runs on the event loop is
held to 50 ms; what runs in a thread of its own is told beside it. The typing path has a benchmark of its own.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks.report import Report
from hybrid_lsp import config as settings
from hybrid_lsp.actions import explain
from hybrid_lsp.actions.base import ActionContext
from hybrid_lsp.actions.edits import minimal
from hybrid_lsp.context import symbols
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.context.secrets.redaction import conceal
from hybrid_lsp.document import Document, Span
from hybrid_lsp.server.findings import carried
from hybrid_lsp.types import Finding, Severity

MOST_MS = 50.0
_CHARS = 60_000
_WINDOW = 6_000
TEXTS = {
    "brackets": "(" * _CHARS,
    "a chain of calls": "a" + ".b()" * (_CHARS // 4),
    "open strings": '"' * _CHARS,
    "deep blocks": "".join(" " * depth + "if a:\n" for depth in range(330)),
    "equal lines": "x = 1\n" * (_CHARS // 6),
    "names of secrets": "X_TOKEN=" * (_CHARS // 8),
    "beginnings of tokens": "sk-" * (_CHARS // 3),
    "words of secrets": '"pass",' * (_CHARS // 7),
    "heads of tables": "|password|a|\n" * (_CHARS // 13),
    "one long word": "a" * _CHARS,
}
IGNORES = {
    "stars": "*a*a*a*a*a*a*a*a*a*b\n" * 2000,
    "double stars": "**/a/**/a/**/a/**/b\n" * 2000,
    "sets": "*[ab][ab][ab][ab]*c*\n" * 2000,
    "25,000 lines": "".join(f"name-{number}/\n" for number in range(25_000)),
    "megabytes": "x\n" * 2_000_000,
}
SETTINGS = {
    "nested arrays": "x = " + "[" * 4000,
    "nested tables": "x = " + "{a=" * 4000,
    "a long number": "x = " + "9" * 90_000,
    "many keys": "".join(f"key{number} = 1\n" for number in range(8000)),
}


async def run(report: Report, repeats: int) -> None:
    """Every work over every text; the least of a few timings each."""
    with tempfile.TemporaryDirectory() as folder:
        for name, work, on_loop in (*_on_files(Path(folder)), *_on_texts()):
            took = min(_cpu_ms(work) for _ in range(min(3, repeats)))
            report.add("hostile", name, took, "ms", most=MOST_MS if on_loop else None)


def _cpu_ms(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1000


Work = tuple[str, Callable[[], object], bool]


def _on_files(folder: Path) -> Iterator[Work]:
    for name, text in IGNORES.items():
        root = folder / name
        (root / ".git").mkdir(parents=True)
        (root / ".gitignore").write_text(text)
        deep = root.joinpath(*["a" * 20] * 8, "a" * 200)
        yield f"ignore file, {name}", partial(_judge, root, deep), True
    for name, text in SETTINGS.items():
        file = folder / f"{name}.toml"
        file.write_text(text)
        yield f"settings, {name}", partial(_load, file), True
    for device in ("/dev/zero", "/dev/stdin"):
        if os.path.exists(device):  # noqa: PTH110
            yield f"settings, {device}", partial(settings.read_file, Path(device)), True


def _judge(root: Path, path: Path) -> object:
    return Privacy(home=root).reason(path)


def _load(file: Path) -> object:
    layer, _ = settings.read_file(file, workspace=True)
    return settings.load([layer] if layer else [])


def _on_texts() -> Iterator[Work]:
    for name, text in TEXTS.items():
        document = Document("file:///x.py", text, 1, "python")
        middle = Span(len(text) // 2, len(text) // 2 + 1)
        window = text[:_WINDOW]
        yield (
            f"secrets of a window, {name}",
            lambda window=window: conceal(window[:3000], window[3000:], cut=True),
            True,
        )
        yield f"selection, {name}", partial(symbols.widen, document, middle), True
        context = ActionContext(document, Span(0, len(text)))
        yield f"secrets of a prompt, {name} (thread)", partial(conceal, text), False
        yield f"facts, {name} (thread)", partial(explain.facts, context), False
    before, after = "a\n" + "x\n" * 290, "b\n" + "x\ny\n" * 145 + "z\n"
    old, new = (Document("file:///x.py", text, 1, "python") for text in (before, after))
    finding = Finding(Span(0, 1), "message", Severity.HINT, "code", "tool")
    yield "findings moved along", lambda: carried([finding], old, new), True
    yield "edits between equal lines (thread)", lambda: minimal(old, after), False
