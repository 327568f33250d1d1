"""Measure the configured small model on code, and use its own numbers from then on: `calibrate`.

The models are asked as the typing path asks them, for the rest of the cursor's line; what they are given of a file is
as long as a suggestion on this machine has time for.
"""

from __future__ import annotations

import sys
import sysconfig
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import attrs

from hybrid_lsp.backends.base import Backend, Closeable
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.completion.lines import split
from hybrid_lsp.config import Config
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.context.window import around
from hybrid_lsp.document import Document
from hybrid_lsp.errors import BackendError, ConfigError, TrainingError
from hybrid_lsp.models import calibrations
from hybrid_lsp.paths import digest, models_dir
from hybrid_lsp.training import calibrate as measuring
from hybrid_lsp.training.calibrate import Ask, Calibrated, Reply
from hybrid_lsp.training.cases import Case
from hybrid_lsp.training.corpus import TEST, VALIDATION, SourceFile
from hybrid_lsp.types import Infill, Piece, Request, Tier

POSITIONS = 300
CONTEXT_CHARS = 1500
"""As a slow machine's budget leaves it; a faster one reads more, and its model is right a little oftener."""
_MOST_FAILURES = 5


@attrs.frozen
class Options:
    """What to measure on: a folder of code (None: packages that are installed beside this program), how many
    positions, and where the rows are kept (None: with the user's models)."""

    corpus: Path | None = None
    positions: int = POSITIONS
    seed: int = 5
    context_chars: int = CONTEXT_CHARS
    raw: Path | None = None


async def calibrate(
    config: Config, options: Options, tell: Callable[[int, int], None] = lambda done, of: None
) -> Calibrated:
    """Measure the small model of these settings and write its numbers where the next start finds them.

    `tell` hears how many positions of how many are done. Cancelling loses nothing: the same call goes on from there.
    Raises ConfigError (no small model), BackendError (it does not answer), TrainingError (no code to measure on).
    """
    cases = measuring.positions(_files(config, options), options.positions, options.seed)
    start = calibrations.find("")
    network = make_backend(config.small, config.engine, Tier.SMALL)
    if network is None or start is None:
        raise ConfigError("No small model is configured.", "Set `small.backend` and `small.model`.")
    lighter = make_backend(config.lighter, config.engine, Tier.SMALL) if config.lighter else None
    try:
        rows = await measuring.measure(
            cases,
            _asking(network, options.context_chars),
            _asking(lighter, options.context_chars) if lighter else None,
            options.raw or _raw(config.small.model, options),
            tell,
        )
    finally:
        for backend in (network, lighter):
            if isinstance(backend, Closeable):
                await backend.aclose()
    found = measuring.calibrate(rows, start.confidence)
    calibrations.write(config.small.model, found.calibration)
    return found


def _raw(model: str, options: Options) -> Path:
    """Where the rows of this measurement are kept: other positions are another file."""
    where = str(options.corpus.resolve()) if options.corpus else ""
    name = digest(model, where, str(options.positions), str(options.seed), str(options.context_chars))
    return models_dir() / "confidence" / f"rows-{name}.jsonl"


def _files(config: Config, options: Options) -> list[SourceFile]:
    if options.corpus is None:
        return installed()
    folder = options.corpus.expanduser().resolve()
    if not folder.is_dir():
        raise TrainingError(f"There is no folder {folder}.", "Name a folder with source files.")
    privacy = Privacy(config.privacy)

    def may_read(path: Path, text: str) -> bool:
        document = Document(path.as_uri(), text, path=path)
        return privacy.document_reason(document, folder) is None

    return measuring.read(folder, may_read)


def installed() -> list[SourceFile]:
    """Packages that the embedded model has not read, as far as they are installed. Raises TrainingError."""
    folder = Path(sysconfig.get_paths()["purelib"])
    found = [
        attrs.evolve(file, package=name, path=f"{name}/{file.path}")
        for name in sorted(VALIDATION | TEST | {"attr"})
        if (folder / name).is_dir()
        for file in measuring.read(folder / name)
        if file.path.endswith(".py")
    ]
    if not found:
        raise TrainingError(f"In {sys.prefix} is no code to measure on.", "Name a folder: --corpus DIR.")
    return found


def _asking(backend: Backend, context_chars: int) -> Ask:
    """A backend as something to ask for the rest of a line; it may fail now and then, but not always."""
    failures: list[BackendError] = []

    async def ask(case: Case, language: str) -> Reply | None:
        document = Document("", case.prefix + case.suffix, language=language)
        window = around(document, len(case.prefix), context_chars)
        try:
            reply = await _reply(backend, window)
        except BackendError as error:
            failures.append(error)
            if len(failures) >= _MOST_FAILURES:
                raise
            return None
        failures.clear()
        return reply

    return ask


async def _reply(backend: Backend, window: Infill) -> Reply:
    started, pieces = time.perf_counter(), list[Piece]()
    request = Request(window, max_tokens=40, stop=("\n",))
    async with aclosing(backend.generate(request)) as coming:
        async for piece in coming:
            pieces.append(piece)
    line = split(pieces)[0]
    elapsed_ms = (time.perf_counter() - started) * 1000
    return Reply(line.text, tuple(line.log_probs), line.finished, elapsed_ms, _tokens(pieces))


def _tokens(pieces: Sequence[Piece]) -> int:
    return sum(piece.tokens for piece in pieces)
