"""The state of one client's connection, and how it is wired from the settings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from lsprotocol import types as lsp

from hybrid_lsp import __version__
from hybrid_lsp import config as settings
from hybrid_lsp.actions.custom import read as read_custom
from hybrid_lsp.actions.pipeline import ACTIONS, ActionPipeline
from hybrid_lsp.backends.base import Backend, Closeable, Warmable
from hybrid_lsp.completion.acceptance import Acceptance
from hybrid_lsp.completion.cascade import Lighter
from hybrid_lsp.completion.confidence import judge_for, judge_of
from hybrid_lsp.completion.gate import Pause
from hybrid_lsp.completion.latest import Latest
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.surroundings import Surroundings
from hybrid_lsp.config import Config, Layer, ModelConfig
from hybrid_lsp.context.globs import Globs, TooMuchWork, paths_behind
from hybrid_lsp.context.privacy import Privacy
from hybrid_lsp.document import Document
from hybrid_lsp.errors import HybridLspError
from hybrid_lsp.metrics.events import Event
from hybrid_lsp.metrics.ledger import Ledger
from hybrid_lsp.metrics.store import MetricsStore
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.store import EMBEDDED
from hybrid_lsp.paths import config_file, metrics_file, state_dir
from hybrid_lsp.routing.router import Router
from hybrid_lsp.routing.wiring import Told, make_router
from hybrid_lsp.server.aftermath import Aftermath
from hybrid_lsp.server.capabilities import Abilities
from hybrid_lsp.server.documents import Documents, path_of
from hybrid_lsp.server.notebooks import Notebooks
from hybrid_lsp.server.runs import Runs
from hybrid_lsp.server.tell import Tell, start_logging
from hybrid_lsp.types import Reason, Suggestion, Tier, TierName

if TYPE_CHECKING:
    from hybrid_lsp.backends.launcher import Launcher

SECTION = "hybrid-lsp"
"""The section of the editor's settings that is ours."""
FOLLOW_S = 1.0
"""How often the user's settings file is looked at."""


class Session:
    """Settings, documents, models and metrics of one editor window.

    `start` reads what the client says of itself; `configure`, called just after the reply to `initialize` has gone
    out, wires everything from the settings, and again when they change. No request is taken before.
    """

    privacy: Privacy
    router: Router
    completion: CompletionPipeline
    _disabled: Globs
    actions: ActionPipeline

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.latest = Latest()
        self.pause = Pause()
        self.config = Config()
        self.abilities = Abilities.of(lsp.ClientCapabilities())
        self.runs = Runs()
        self.documents = Documents(self.config.files.max_bytes)
        self.notebooks = Notebooks(self.documents.get)
        self.log_file: Path | None = None
        self.backends: dict[TierName, Backend] = {}
        self.lighter: Backend | None = None
        self._wired_from: Config | None = None
        self._client = ""
        self._roots: list[Path] = []
        self._initial: Any = None
        self._file: list[Layer] = []
        self._editor: Any = None
        self._launcher: Launcher | None = None
        self._metrics: MetricsStore | None = None
        self._ledger: Ledger | None = None
        self.aftermath = Aftermath(self.record, self.documents.get)
        self.acceptance = Acceptance(self.record, self.documents.get, lambda: asyncio.get_running_loop().time())
        self._background: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None

    def start(self, params: lsp.InitializeParams, encoding: lsp.PositionEncodingKind | str) -> None:
        """Read what `initialize` says."""
        self._client = params.client_info.name if params.client_info else ""
        self.abilities = Abilities.of(params.capabilities, self._client)
        self.tell.learn(params.capabilities)
        self.documents.encoding = encoding
        folders = [folder.uri for folder in params.workspace_folders or []] or [params.root_uri or ""]
        self._roots = _paths(folders)
        self._initial = _section(params.initialization_options)
        self.log_file = start_logging(state_dir() / "logs")

    def change_folders(self, added: Iterable[str], removed: Iterable[str]) -> None:
        """The editor opened and closed workspace folders, whose own settings count."""
        gone = _paths(removed)
        self._roots = [root for root in self._roots if root not in gone] + _paths(added)
        self.configure()

    def configure(self, editor: Any | None = None) -> None:
        """Read all layers again, with the editor's newest section, and wire anew when something differs."""
        if editor is not None:
            self._editor = _section(editor)
        problems = self._read_settings()
        if self.config != self._wired_from:
            self._wire_or_default()
        for problem in problems:
            self.tell.warn(f"Setting {problem}")

    def _read_settings(self) -> list[settings.Problem]:
        """Take the settings of all layers; returns what was not taken of them."""
        layers, problems = self._layers()
        for root in self._roots:
            layer, found = settings.read_file(root / settings.WORKSPACE_FILE, workspace=True)
            layers += [layer] if layer else []
            problems += found
        self.config, more = settings.load(layers)
        return problems + more

    def _wire_or_default(self) -> None:
        """No settings leave a window without an answer to its requests."""
        try:
            self._wire()
        except Exception as error:  # a defect of ours: what it is stands in the log
            logging.getLogger(__name__).exception("These settings cannot be wired.")
            self.tell.warn(f"The settings cannot be used ({type(error).__name__}): the defaults hold.")
            self.config = Config()
            self._wire()

    @property
    def lists_completions(self) -> bool:
        """Whether to answer `textDocument/completion`: asked before the editor's own settings can be known.

        Not of a client that asks for inline completions: one file of settings serves all editors.
        """
        wanted = settings.load(self._layers()[0])[0].completion.in_list
        return wanted and not self.abilities.completes_inline

    def follow_settings(self) -> None:
        """Have changes of the user's file count at once: `hybrid-lsp models use` and people write it."""
        if self._following is None:
            self._following = asyncio.ensure_future(self._follow(config_file()))

    async def _follow(self, file: Path) -> None:
        """Look at the file once a second, which costs some microseconds; a file that is being written waits."""
        known = seen = _stamp(file)
        while True:
            await asyncio.sleep(FOLLOW_S)
            before, seen = seen, _stamp(file)
            if seen == known or seen != before:
                continue
            known = seen
            self.reconfigure()

    def reconfigure(self, *, anew: bool = False) -> None:
        """Read the settings again, and with `anew` all that models say of themselves; one that is new is loaded ahead
        of the first request."""
        before = self.config.small
        if anew:
            self._wired_from = None
        self.configure()
        if self.config.small != before:
            self.warm()

    @property
    def may_offer_a_model(self) -> bool:
        """Whether a person sits there who can be asked, and only the embedded model serves."""
        small = self.config.small
        embedded = small.backend == "engine" and small.model == EMBEDDED
        return embedded and self.tell.wants_offer and self.config.models.offer and self.config.completion.enabled

    def _layers(self) -> tuple[list[Layer], list[settings.Problem]]:
        layers, problems = settings.user_layers()
        mine = [layer for layer in layers if layer.source == str(config_file())]
        if mine or not problems:
            self._file = mine
        else:  # it is broken, as while it is edited: what was read last goes on counting
            layers = self._file + layers
        layers += _client_layers("initializationOptions", self._initial)
        layers += _client_layers("the editor's settings", self._editor)
        return layers, problems

    def leave_alone(self, document: Document) -> Reason | None:
        """Why a file stays out of every prompt (ignored by git, holds secrets), or None."""
        return self.privacy.document_reason(document, self.root_of(document))

    @property
    def roots(self) -> tuple[Path, ...]:
        """The workspace's folders."""
        return tuple(self._roots)

    def root_of(self, document: Document) -> Path | None:
        """The workspace folder that holds a file."""
        places = [document.path] if document.path else [Path(each) for each in paths_behind(document.uri)]
        return next((root for root in self._roots for each in places if each.is_relative_to(root)), None)

    def offers_none(self, document: Document) -> Reason | None:
        """Why the typing path leaves a file alone, or None."""
        try:
            if self._disabled.names(document, self.root_of(document)):
                return Reason.GLOB_DISABLED
        except TooMuchWork:
            self.tell.warn("Setting completion.disabled_globs: there are too many patterns. Nothing is offered.")
            return Reason.GLOB_DISABLED
        return self.leave_alone(document)

    def opened(self, document: Document) -> None:
        """A document was opened."""
        self.notebooks.cell_opened(document.uri)
        self.aftermath.opened(document)
        self.completion.opened(self.notebooks.seen(document))

    def changed(self, old: Document, new: Document) -> None:
        """The user has edited a document."""
        self.completion.changed(self.notebooks.seen(old), self.notebooks.seen(new))
        changes = self.documents.changes_since(old)
        self.acceptance.changed(old, new, changes)
        self.aftermath.changed(old, new, changes)

    def stop_typing(self, uri: str) -> None:
        """End all inline work on a document: it was closed, or an action starts."""
        self.latest.cancel(uri)
        self.completion.cancel(uri)

    def closed(self, uri: str) -> None:
        """A document was closed."""
        self.stop_typing(uri)
        self.completion.closed(uri)
        self.unwatched(uri)
        self.notebooks.cell_closed(uri)
        self.documents.close(uri)

    def unwatched(self, uri: str) -> None:
        """A document's text is not known any more: what becomes of what was put into it is not either."""
        self.acceptance.closed(uri)
        self.aftermath.closed(uri)

    def set_pause(self, *, paused: bool, language: str | None) -> None:
        """Pause inline completion in this window, or go on."""
        self.pause.set(paused=paused, language=language)
        if paused:
            self.completion.close()
        self.tell.show_status(kind=self._calm)

    @property
    def _calm(self) -> str:
        """The kind of status while nothing is wrong."""
        return "Inactive" if self.pause.everything else "Normal"

    def warm(self) -> None:
        """Start the typing models' engines ahead of the first request; failing is told, and tried again then."""
        if not self.config.completion.enabled:
            return
        backends: tuple[object, ...] = (self.lighter, self.backends.get(Tier.SMALL))
        for backend in backends:
            if isinstance(backend, Warmable):
                self.spawn(self._warm(backend))

    def record(self, event: Event) -> None:
        if self._metrics is not None:
            self._metrics.record(event)

    def remember_shown(self, document: Document, suggestion: Suggestion) -> None:
        """A suggestion for this version goes out: follow what becomes of it."""
        self.acceptance.shown(suggestion, document, self.documents.changes_since(document))

    def describe(self) -> dict[str, Any]:
        """The status as plain values: what a status bar, a health check or a bug report shows."""
        return {
            "version": __version__,
            **attrs.asdict(self.tell.status),
            "paused": self.pause.everything,
            "pausedLanguages": sorted(self.pause.languages),
            # Where the confidence of the typing model was measured; elsewhere it must be surer.
            "languages": sorted(self.completion.judge.measured_languages),
            "models": {str(tier): backend.name for tier, backend in self.backends.items()},
            # Asked before the small one.
            "lighter": self.lighter.name if self.lighter else None,
            "log": str(self.log_file) if self.log_file else None,
        }

    async def close(self) -> None:
        """Let the models go (engines end by themselves when nobody asks) and write the metrics."""
        if self._following is not None:
            self._following.cancel()
        self.completion.close()
        self.acceptance.close()
        self.aftermath.close()
        await asyncio.gather(*(_close(backend) for backend in self._all_backends))
        await asyncio.to_thread(self.flush)

    def flush(self) -> None:
        """Write the metrics; nothing is recorded after that."""
        metrics, self._metrics = self._metrics, None
        if metrics is not None:
            metrics.close()
        if self._ledger is not None:
            self._ledger.close()

    def _wire(self) -> None:
        self._wired_from = self.config
        for backend in self._all_backends:
            self.spawn(_close(backend))
        logging.getLogger("hybrid_lsp").setLevel(self.config.log.level.upper())
        self.documents.max_bytes = self.config.files.max_bytes
        models = self.config.models_by_tier
        self.backends = {tier: made for tier, model in models.items() if (made := self._backend(tier, model))}
        lighter = self.config.lighter
        self.lighter = self._backend(Tier.SMALL, lighter) if lighter is not None else None
        self.privacy = Privacy(self.config.privacy, tell=self.tell.warn)
        for pattern in self.privacy.problems:
            self.tell.warn(f"Setting privacy.exclude_globs: `{pattern}` is no gitignore pattern; it excludes nothing.")
        self.router = make_router(self.config, self.backends, self._told)
        self._wire_completion()
        custom, problems = read_custom(self.config.actions.custom, [each.name for each in ACTIONS])
        actions = (*ACTIONS, *custom)
        problems += self.router.policy.problems(list(self.backends), [each.name for each in actions])
        for problem in problems:
            self.tell.warn(f"Setting {problem}")
        self.actions = ActionPipeline(self.router, self.config, self.leave_alone, actions, self.root_of, self._beside)
        if self.config.metrics.enabled and self._metrics is None:
            self._metrics = MetricsStore(metrics_file(), self.config.metrics.keep_days)

    @property
    def _told(self) -> Told:
        """Who hears of what models cost; the day's sums are kept where there is a limit to them."""
        limited = any(each.tokens_a_day or each.money_a_day for each in self.config.models_by_tier.values())
        if limited and self._ledger is None:
            self._ledger = Ledger(state_dir() / "spent.sqlite3")
        return Told(self.record, self.tell.warn, self._ledger or Ledger(None))

    def _beside(self, document: Document) -> Iterator[Document]:
        """The other open files that models may know of."""
        for each in self.documents:
            if each.uri != document.uri and self.leave_alone(each) is None:
                yield each

    def _wire_completion(self) -> None:
        if hasattr(self, "completion"):
            self.completion.close()
        self._disabled = Globs(self.config.completion.disabled_globs)
        for pattern in self._disabled.problems:
            self.tell.warn(f"Setting completion.disabled_globs: `{pattern}` is no gitignore pattern.")
        self.completion = CompletionPipeline(
            self.router,
            self.offers_none,
            judge_for(self.config),
            pause=self.pause,
            client_waits=self._client.casefold().startswith("neovim"),
            reads_files=self.config.small.model != EMBEDDED,
            lighter=self._lighter(),
            ignored=self.acceptance.ignored_in_a_row,
            shift=self.acceptance.experience.shift,
            surroundings=Surroundings(lambda document: self.leave_alone(document) is None, lambda: self.roots),
        )
        for document in self.documents:
            self.completion.opened(self.notebooks.seen(document))

    def _lighter(self) -> Lighter | None:
        """What is asked before the small model."""
        if self.lighter is None:
            return None
        contest = calibrations.contest(self.config.small.model)
        router = make_router(Config(), {Tier.SMALL: self.lighter}, self._told)
        return Lighter(router, judge_of(EMBEDDED), contest)

    @property
    def _all_backends(self) -> tuple[Backend, ...]:
        return (*self.backends.values(), *((self.lighter,) if self.lighter is not None else ()))

    def _backend(self, tier: TierName, model: ModelConfig) -> Backend | None:
        # httpx takes a sixth of the time in which the editor waits for `initialize`, which needs none of it.
        from hybrid_lsp.backends.factory import make_backend
        from hybrid_lsp.backends.launcher import Launcher

        # One for all tiers and settings: it remembers which engines die of starting.
        self._launcher = self._launcher or Launcher()
        self._launcher.start_timeout_s = self.config.engine.start_timeout_s
        try:
            return make_backend(model, self.config.engine, tier, self._launcher)
        except HybridLspError as error:
            self.tell.warn(str(error))
            return None

    async def _warm(self, backend: Warmable) -> None:
        # What was said of the last request stays: it is what the user wants to know.
        self.tell.show_status(busy=True, message=self.tell.status.message or _LOADING)
        try:
            await backend.warm()
        except HybridLspError as error:
            self.tell.warn(str(error))
            self.tell.show_status(kind="Error", busy=False, message=str(error))
        else:
            said = self.tell.status.message
            self.tell.show_status(kind=self._calm, busy=False, message="" if said == _LOADING else said)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the requests, to its end."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


_LOADING = "The model is loading."


def _section(values: Any) -> Any:
    """The settings that a client sent, which may be wrapped in our section's name, or be nothing at all."""
    return values[SECTION] if isinstance(values, Mapping) and SECTION in values else values


def _client_layers(source: str, values: Any) -> list[Layer]:
    """What a client sent. What the workspace says in the editor's settings, a client that can tell puts under
    `workspace`: it counts no more than the workspace's own file."""
    if not isinstance(values, Mapping):  # an empty list is an empty table of Lua
        return [Layer(source, values)] if values else []
    layers = [Layer(source, {name: each for name, each in values.items() if name != "workspace"})]
    if theirs := values.get("workspace"):
        layers.append(Layer("the workspace's settings", theirs, workspace=True))
    return layers


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file does, behind a link too; None where there is none."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _paths(uris: Iterable[str]) -> list[Path]:
    return [path for uri in uris if (path := path_of(uri))]


async def _close(backend: Backend) -> None:
    if isinstance(backend, Closeable):
        await backend.aclose()
