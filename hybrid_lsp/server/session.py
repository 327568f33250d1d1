"""The state of one client's connection, and how it is wired from the settings."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any

import attrs
from lsprotocol import types as lsp

from hybrid_lsp import __version__
from hybrid_lsp import config as settings
from hybrid_lsp.actions.pipeline import ActionPipeline
from hybrid_lsp.backends.base import Backend, Closeable, Warmable
from hybrid_lsp.backends.factory import make_backend
from hybrid_lsp.completion.confidence import thresholds
from hybrid_lsp.completion.latest import Latest
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.config import Config, Layer
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.document import Document
from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.metrics.events import AcceptKind, Event, InlineAccepted
from hybrid_lsp.metrics.store import MetricsStore
from hybrid_lsp.paths import state_dir
from hybrid_lsp.routing.router import Router
from hybrid_lsp.server.capabilities import Abilities
from hybrid_lsp.server.documents import Documents, path_of
from hybrid_lsp.server.tell import Tell, start_logging
from hybrid_lsp.types import Finding, Reason, Suggestion, Tier

SECTION = "hybrid-lsp"
"""The section of the editor's settings that is ours."""

_REMEMBERED = 256


class Session:
    """Settings, documents, models and metrics of one editor window.

    `configure` wires everything from the settings, and again when they change; until then there are only defaults.
    """

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.latest = Latest()
        self.config = Config()
        self.abilities = Abilities.of(lsp.ClientCapabilities())
        self.running: dict[tuple[str, str], asyncio.Task[Any]] = {}
        self.documents = Documents(self.config.files.max_bytes)
        self.findings: dict[str, tuple[Finding, ...]] = {}
        self._roots: list[Path] = []
        self._initial: Mapping[str, Any] = {}
        self._editor: Mapping[str, Any] = {}
        self._metrics: MetricsStore | None = None
        self._shown: OrderedDict[str, Suggestion] = OrderedDict()
        self._background: set[asyncio.Task[None]] = set()
        self.log_file: Path | None = None
        self.backends: dict[Tier, Backend] = {}
        self._wire()

    def start(self, params: lsp.InitializeParams, encoding: lsp.PositionEncodingKind | str) -> None:
        """Read what `initialize` says, and wire."""
        self.abilities = Abilities.of(params.capabilities)
        self.tell.learn(params.capabilities)
        self.documents.encoding = encoding
        folders = [folder.uri for folder in params.workspace_folders or []] or [params.root_uri or ""]
        self._roots = [path for uri in folders if (path := path_of(uri))]
        self._initial = _section(params.initialization_options)
        self.log_file = start_logging(state_dir() / "logs")
        self.configure()

    def configure(self, editor: Any | None = None) -> None:
        """Read all layers again, with the editor's newest section, and wire anew when something differs."""
        if editor is not None:
            self._editor = _section(editor)
        layers, problems = settings.user_layers()
        layers += [Layer("initializationOptions", self._initial), Layer("the editor's settings", self._editor)]
        for root in self._roots:
            layer, found = settings.read_file(root / settings.WORKSPACE_FILE, workspace=True)
            layers += [layer] if layer else []
            problems += found
        before, (self.config, more) = self.config, settings.load(layers)
        if self.config != before:
            self._wire()
        for problem in problems + more:
            self.tell.warn(f"Setting {problem}")

    def leave_alone(self, document: Document) -> Reason | None:
        """Why a file stays out of every prompt (ignored by git, holds secrets), or None."""
        root = next((root for root in self._roots if document.path and document.path.is_relative_to(root)), None)
        return self.privacy.document_reason(document, root)

    def warm(self) -> None:
        """Start the typing model's engine ahead of the first request; failing is told, and tried again then."""
        backend: object = self.backends.get(Tier.SMALL)
        if self.config.completion.enabled and isinstance(backend, Warmable):
            self._spawn(self._warm(backend))

    def record(self, event: Event) -> None:
        if self._metrics is not None:
            self._metrics.record(event)

    def remember_shown(self, suggestion: Suggestion) -> None:
        """So that an accept, which names only the id, can be counted with its length."""
        self._shown[suggestion.id] = suggestion
        while len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    def accepted(self, suggestion_id: str, kind: AcceptKind, characters: int | None = None) -> bool:
        """Count an accept; False for a suggestion that is not known (any more)."""
        suggestion = self._shown.get(suggestion_id)
        if suggestion is None:
            return False
        taken = len(suggestion.text) if characters is None else characters
        self.record(InlineAccepted(suggestion_id, kind, taken))
        return True

    def describe(self) -> dict[str, Any]:
        """The status as plain values: what a status bar, a health check or a bug report shows."""
        return {
            "version": __version__,
            **attrs.asdict(self.tell.status),
            "models": {str(tier): backend.name for tier, backend in self.backends.items()},
            "log": str(self.log_file) if self.log_file else None,
        }

    async def close(self) -> None:
        """Let the models go (engines end by themselves when nobody asks) and write the metrics."""
        await asyncio.gather(*(_close(backend) for backend in self.backends.values()))
        if self._metrics is not None:
            await asyncio.to_thread(self._metrics.close)

    def _wire(self) -> None:
        for backend in self.backends.values():
            self._spawn(_close(backend))
        logging.getLogger("hybrid_lsp").setLevel(self.config.log.level.upper())
        self.documents.max_bytes = self.config.files.max_bytes
        self.backends = {tier: made for tier in (Tier.SMALL, Tier.LARGE) if (made := self._backend(tier))}
        self.privacy = Privacy(self.config.privacy)
        self.router = Router(self.backends)
        self.completion = CompletionPipeline(self.router, self.leave_alone, thresholds(self.config))
        self.actions = ActionPipeline(self.router, self.config, self.leave_alone)
        if self.config.metrics.enabled and self._metrics is None:
            self._metrics = MetricsStore(state_dir() / "metrics.sqlite3", self.config.metrics.keep_days)

    def _backend(self, tier: Tier) -> Backend | None:
        model = self.config.small if tier is Tier.SMALL else self.config.large
        try:
            return make_backend(model, self.config.engine, tier)
        except HybridLspError as error:
            self.tell.warn(str(error))
            return None

    async def _warm(self, backend: Warmable) -> None:
        self.tell.show_status(busy=True, message="The model is loading.")
        try:
            await backend.warm()
        except HybridLspError as error:
            self.tell.warn(str(error))
            self.tell.show_status(kind="Error", busy=False, message=str(error))
        else:
            self.tell.show_status(kind="Normal", busy=False, message="")

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _section(values: Any) -> Mapping[str, Any]:
    """The settings that a client sent, which may be wrapped in our section's name, or be nothing at all."""
    if isinstance(values, Mapping) and isinstance(values.get(SECTION), Mapping):
        values = values[SECTION]
    return values if isinstance(values, Mapping) else {}


async def _close(backend: Backend) -> None:
    if isinstance(backend, Closeable):
        await backend.aclose()
