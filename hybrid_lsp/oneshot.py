"""One suggestion for one place in a file, without an editor: `hybrid-lsp complete FILE:LINE:COL`."""

from __future__ import annotations

import asyncio
import errno
import sys
from pathlib import Path

from hybrid_lsp import config as settings
from hybrid_lsp.backends.base import Closeable
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.completion.confidence import judge_for
from hybrid_lsp.completion.habits import Habits
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.query import Answer, Query
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.document import Document
from hybrid_lsp.errors import ConfigError, DocumentRejected
from hybrid_lsp.paths import read_plain
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Tier

_LANGUAGES = {".py": "python", ".pyi": "python", ".js": "javascript", ".ts": "typescript", ".rs": "rust", ".go": "go"}


def complete(place: str) -> int:
    """Print the suggestion; status 1 and the reason on stderr when there is none."""
    layers, problems = settings.user_layers()
    config, more = settings.load(layers)
    for problem in problems + more:
        print(f"hybrid-lsp: setting {problem}", file=sys.stderr)
    document, offset = _read(place, config.files.max_bytes)
    answer = asyncio.run(_ask(document, offset, config))
    if not answer.suggestions:
        print(f"nothing: {answer.reason}. {answer.detail}", file=sys.stderr)
        return 1
    print(answer.suggestions[0].text)
    return 0


def _read(place: str, max_bytes: int) -> tuple[Document, int]:
    name, line, column = _parse(place)
    path = Path(name).resolve()
    try:
        data = read_plain(path, max_bytes)
    except OSError as error:
        if error.errno == errno.EFBIG:
            remedy = "Raise files.max_bytes to read it."
            raise DocumentRejected(f"{path.name} has more than {max_bytes / 1e6:g} MB.", remedy) from error
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", "Name a file that exists.") from error
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentRejected(f"{path.name} is not UTF-8 text.", "Only text files get suggestions.") from error
    language = _LANGUAGES.get(path.suffix, "plaintext")
    document = Document(path.as_uri(), text, language=language, path=path)
    return document, document.offset(line - 1, column - 1)


def _parse(place: str) -> tuple[str, int, int]:
    name, *numbers = place.rsplit(":", 2)
    if len(numbers) != 2 or not all(number.isdigit() and int(number) > 0 for number in numbers):
        raise ConfigError(f"`{place}` is not a place in a file.", "Write FILE:LINE:COL, both numbers from 1.")
    return name, int(numbers[0]), int(numbers[1])


async def _ask(document: Document, offset: int, config: settings.Config) -> Answer:
    backend = make_backend(config.small, config.engine, Tier.SMALL)
    pipeline = CompletionPipeline(
        Router({Tier.SMALL: backend} if backend else {}),
        Privacy(config.privacy).document_reason,
        judge_for(config),
        habits=Habits.once(),
    )
    try:
        return await pipeline.complete(Query(document, offset, invoked=True), config)
    finally:
        if isinstance(backend, Closeable):
            await backend.aclose()
