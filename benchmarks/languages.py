"""How much is shown while typing in other languages than Python, and how much of that is right.

The texts are those at hand: this project's clients, the recordings in ../shared/data, C headers of this Python, and
what a folder holds that is named.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import attrs

from benchmarks import place, traces
from benchmarks.report import Report
from benchmarks.typed import WAYS, drawn, typed
from hybrid_lsp.training.calibrate import LANGUAGES

_CLOSING = WAYS[1]
_ROOT = Path(__file__).parent.parent
_IDS = {suffix: language for suffix, language in LANGUAGES.items() if language != "python"} | {
    ".css": "css",
    ".el": "emacs-lisp",
    ".html": "html",
    ".md": "markdown",
    ".pl": "perl",
    ".pm": "perl",
    ".svelte": "svelte",
    ".vue": "vue",
}
LEAST = 50.0
"""Of a hundred shown, so many are exact at least, in every language."""
_FEW = 8
"""Shown of a language below which their share says nothing."""
_MOST_FILES, _LARGEST = 60, 100_000
_SKIPPED = frozenset({"node_modules", ".git", "dist", "out"})


def texts(folder: Path | None = None) -> dict[str, dict[str, str]]:
    """Texts by file suffix and name."""
    found: dict[str, dict[str, str]] = {
        ".rs": {"rustcode": traces.load("rustcode").end},
        ".md": {"json-crdt-patch": traces.load("json-crdt-patch").end},
    }
    headers = Path(sysconfig.get_paths()["include"])
    for root in (_ROOT / "editors", headers, *([folder] if folder else [])):
        for path, text in _files(root):
            mine = found.setdefault(path.suffix, {})
            if len(mine) < _MOST_FILES:
                mine[str(path)] = text
    return found


def _files(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        if path.suffix in _IDS and not _SKIPPED & set(inside) and path.is_file() and path.stat().st_size < _LARGEST:
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


async def run(report: Report, count: int, folder: Path | None = None) -> None:
    """Type at so many places of each language in an editor that closes pairs; print the shares."""
    for suffix, mine in sorted(texts(folder).items()):
        name = f"typing, {_IDS[suffix]} ({suffix})"
        chosen = [attrs.evolve(each, language=_IDS[suffix], suffix=suffix) for each in drawn(mine, count)]
        if not chosen:
            report.notes.append(f"{name}: there is no place to ask at.")
            continue
        with place.own_folders() as own:
            found = await typed(own, chosen, _CLOSING)
        report.add(name, "shown of the places", 100 * found.shown / found.asked, "%")
        if found.shown:
            held = LEAST if found.shown >= _FEW else None
            report.add(name, f"exact of {found.shown} shown", 100 * found.exact / found.shown, "%", least=held)
