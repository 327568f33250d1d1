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
from benchmarks.typed import SEED, WAYS, Place, Tally, drawn, typed
from hybrid_lsp.training.calibrate import LANGUAGES

CLOSING = WAYS[1]
_ROOT = Path(__file__).parent.parent
IDS = {suffix: language for suffix, language in LANGUAGES.items() if language != "python"} | {
    ".css": "css",
    ".el": "emacs-lisp",
    ".html": "html",
    ".md": "markdown",
    ".pl": "perl",
    ".pm": "perl",
    ".scss": "scss",
    ".svelte": "svelte",
    ".vim": "vim",
    ".vue": "vue",
    ".yaml": "yaml",
    ".yml": "yaml",
}
LEAST = 50.0
"""Of a hundred shown, so many are exact at least, in every language."""
_FEW = 20
"""Shown of a language below which their share says little: of so many as are likelier right than not, it is seldom less
than half that are."""
_SEEDS = (SEED, 99)
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
        for path, text in files(root):
            mine = found.setdefault(path.suffix, {})
            if len(mine) < _MOST_FILES:
                mine[str(path)] = text
    return found


def files(root: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root).parts
        if path.suffix in IDS and not _SKIPPED & set(inside) and path.is_file() and path.stat().st_size < _LARGEST:
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


async def run(report: Report, count: int, folder: Path | None = None) -> None:
    """Type at so many places of each language in an editor that closes pairs; print the shares."""
    every = Tally()
    for suffix, mine in sorted(texts(folder).items()):
        name, found = f"typing, {IDS[suffix]} ({suffix})", Tally()
        for seed in _SEEDS:
            chosen = drawn(mine, count // len(_SEEDS), seed)
            if chosen:
                found += await _typed([attrs.evolve(at, language=IDS[suffix], suffix=suffix) for at in chosen])
        if not found.asked:
            report.notes.append(f"{name}: there is no place to ask at.")
            continue
        _tell(report, name, found)
        every += found
    _tell(report, "typing, all of these languages", every)


async def _typed(chosen: list[Place]) -> Tally:
    with place.own_folders() as own:
        return await typed(own, chosen, CLOSING)


def _tell(report: Report, name: str, found: Tally) -> None:
    report.add(name, "shown of the places", 100 * found.shown / found.asked, "%")
    if found.shown:
        held = LEAST if found.shown >= _FEW else None
        report.add(name, f"exact of {found.shown} shown", 100 * found.exact / found.shown, "%", least=held)
