"""Files that no one writes and everybody has: one endless line, brackets ten thousand deep, text that is all errors.

What counts is how long the event loop stands still while one types there, in seconds of computing of its own thread:
whatever takes longer on a busy machine is the machine's affair.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs

from benchmarks.report import Report
from hybrid_lsp.backends.fake import FakeBackend
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Query
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Tier

MOST_MS = 50.0
KEYS = "ab("
_REPLIES = ("value)", "value", "value, other)\nmore\n")
_MINIFIED = "function f(a,b){return a+b*(c[1]||{x:1})};"

FILES = {
    "comment.c": ("c", "int a; " + "/*" * 40_000 + "\n"),
    "branches.js": ("javascript", "if (a) { b(); }" + " else if (a) { b(); }\n" * 2000),
    "quotes.py": ("python", "x = " + '"' * 90_000 + "\n"),
    "minified.js": ("javascript", _MINIFIED * 23_000),
    "deep.json": ("json", "[" * 20_000 + "]" * 20_000),
    "deep.js": ("javascript", "x = " + "(" * 20_000 + "1" + ")" * 20_000 + ";\n"),
    "deep.py": ("python", "x = " + "[" * 5000 + "]" * 5000 + "\n"),
    "nested.py": ("python", "".join("    " * depth + "if a:\n" for depth in range(400))),
    "long.py": ("python", "def f(a):\n    return a + 1\n\n" * 34_000),
    "tabs.py": ("python", "def f(a):\r\n\treturn a + 1\r\n\r\n" * 30_000),
    "errors.py": ("python", "x = = ) (\n" * 90_000),
    "brackets.md": ("markdown", "(((['" * 150_000),
    "references.rs": ("rust", "fn f() { let a = " + "&" * 30_000 + "b; }\n"),
    "heredocs.sh": ("shellscript", "cat <<A\n" * 100_000),
    "words.rb": ("ruby", "%w(" * 20_000),
    "templates.cpp": ("cpp", "a<" * 20_000),
    "members.php": ("php", "<?php " + "$a->b[" * 10_000),
    "numbers.json": ("json", '{"a": [' + "1," * 480_000 + "1]}"),
    "blanks.txt": ("plaintext", " " * 900_000),
    "lines.ini": ("ini", "\n" * 900_000),
    "astral.ts": ("typescript", "x = '" + "📦" * 200_000 + "'\n"),
    "astral.go": ("go", "// 📦\nvar 名 = 1\n" * 45_000),
    "returns.txt": ("plaintext", "\r" * 450_000 + "\r\n" * 200_000),
    "mixed.py": ("python", "def f(a):\r    return a\r\n\n" * 30_000),
    "tabbed.py": ("python", "if a:\n\tb = 1\t# c\n" * 45_000),
    "docstring.py": ("python", 'def f():\n    """' + "Words of a text that never ends.\n" * 27_000),
    "comment.py": ("python", "# " + "word " * 180_000),
    "blocks.js": ("javascript", "if (a) {\n" * 20_000 + "}\n" * 20_000),
    "backticks.ts": ("typescript", "`${" * 200_000),
    "elements.html": ("html", "<div><p>" * 110_000),
    "deep.xml": ("xml", "<a>\n" * 110_000 + "</a>\n" * 110_000),
    "rules.css": ("css", "a{b:c;d:url(x)}" * 60_000),
    "deep.yaml": ("yaml", "".join("  " * depth + "a:\n" for depth in range(900))),
    "groups.tex": ("latex", "\\a{" * 220_000),
    "word.rs": ("rust", "a" * 900_000),
    "words.txt": ("plaintext", " ".join(f"w{number}" for number in range(130_000))),
    "rows.csv": ("csv", "1,2,3,4,5,6,7,8\n" * 60_000),
    "strings.json": ("json", "{" + ",".join(f'"k{number}": "v"' for number in range(60_000)) + "}"),
    "base64.svelte": ("svelte", "<script>\nlet x = '" + "QUJD" * 220_000 + "';\n</script>\n"),
    "inserts.sql": ("sql", "INSERT INTO t VALUES ('a', 'it''s', 1);\n" * 22_000),
    "levels.lua": ("lua", "f(function() " * 60_000),
    "classes.java": ("java", "class A { void f() { g(1); } }\n" * 30_000),
    "elses.c": ("c", "if (a) b(); else " * 55_000),
    "lambdas.py": ("python", "x = " + "lambda: " * 100_000 + "1\n"),
    "names.cs": ("csharp", "a." * 400_000),
}
"""The language and the text of each."""
_GROWN = 1_990_000
"""Bytes, a little below `files.max_bytes`, up to which each is repeated for a second go."""


@attrs.define
class Watch:
    """Knows the longest time of computing between two turns of the loop, in milliseconds."""

    longest_ms: float = 0.0
    _last: float = attrs.field(factory=time.thread_time)
    _running: bool = True

    def tick(self) -> None:
        now = time.thread_time()
        self.longest_ms = max(self.longest_ms, (now - self._last) * 1000)
        self._last = now
        if self._running:
            asyncio.get_running_loop().call_soon(self.tick)

    def stop(self) -> None:
        self._running = False


async def run(report: Report) -> None:
    """Make the folder, and type in the middle of each file."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        found = {file: await typed(folder / file) for file in FILES}
        found |= {f"{file} grown": await typed(folder / file, grown=True) for file in FILES}
    worst = max(found, key=found.__getitem__)
    report.add(
        "hostile files",
        f"longest stop of the event loop, {len(FILES)} files, small and large",
        found[worst],
        "ms",
        most=MOST_MS,
    )
    slowest = sorted(found, key=found.__getitem__, reverse=True)[:5]
    report.notes.append("hostile files, the slowest: " + ", ".join(f"{name} {found[name]:.0f} ms" for name in slowest))


async def typed(path: Path, *, grown: bool = False) -> float:
    """Make one of the files, as it is or `grown` as large as files may be, and open it; type some keys in its middle,
    asking after each. The longest stop in ms."""
    fake = FakeBackend()
    fake.enqueue(_REPLIES * 2 * (len(KEYS) + 1))
    typing = CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None)
    language, text = FILES[path.name]
    text *= _GROWN // len(text.encode()) if grown else 1
    path.write_text(text, encoding="utf-8", newline="")  # noqa: ASYNC240 (nothing else runs yet)
    document = Document(path.as_uri(), text, language=language, path=path)
    config = Config(completion=CompletionConfig(debounce_ms=0, speculate=False))
    # What every first request loads is loaded before.
    await typing.complete(Query(Document("file:///warm", "x = ", language=language), 4), config)
    watch, offset = Watch(), len(document.text) // 2
    watch.tick()
    typing.opened(document)
    for key in KEYS:
        await asyncio.sleep(0)
        newer = document.replace(Span(offset, offset), key)
        offset += 1
        typing.changed(document, newer)
        document = newer
        for invoked in (False, True):
            await asyncio.sleep(0)
            await typing.complete(Query(document, offset, invoked), config)
    watch.stop()
    await asyncio.sleep(0)
    typing.surroundings.trees.settle()
    typing.close()
    return watch.longest_ms
