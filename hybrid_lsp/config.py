"""Every setting, typed, with its default and its documentation: the one place that all others are made from.

A `Config` is read from layers of plain mappings, later ones winning: defaults, the user's TOML file, the environment,
`initializationOptions`, `workspace/configuration`, and last the workspace's own `.hybrid-lsp.toml`, of which only
harmless keys count (see `Trust`). A value of the wrong type becomes a `Problem`, told by name, and the value that
stood before it is kept: a typing mistake never stops the server.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

import attrs
import cattrs

from hybrid_lsp.ollama_host import ollama_url
from hybrid_lsp.paths import config_file, read_plain
from hybrid_lsp.types import Tier, TierName

ENV_PREFIX = "HYBRID_LSP_"
WORKSPACE_FILE = ".hybrid-lsp.toml"
_MOST_PROBLEMS = 10
MOST_BYTES = 50_000
"""A larger file of settings is not read: the parser of TOML takes 25 ms for so much, on the event loop."""


_NOT_A_WORKSPACES = "a workspace's own file may not set this; put it into your own settings"
MOST_BACKENDS = 20
"""So many further backends at most: each is a client with connections of its own."""


class Trust(StrEnum):
    """What a workspace's own file may do to a setting. A workspace is not the user."""

    NEVER = "never"
    """Only the user and the editor may set it (endpoints, keys, commands, models)."""
    EXTEND = "extend"
    """The workspace may add to the list."""
    LOWER = "lower"
    """The workspace may lower a number or switch something off."""


Check = Callable[[Any], str | None]


def setting(default: Any, doc: str, *, trust: Trust = Trust.NEVER, check: Check | None = None) -> Any:
    """A field with its documentation; `check` returns what is wrong with a value, or None."""
    metadata = {"doc": doc, "trust": trust, "check": check}
    if isinstance(default, list | dict):
        return attrs.field(factory=lambda: type(default)(default), metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


def _between(low: float, high: float) -> Check:
    return lambda value: None if low <= value <= high else f"must lie between {low:g} and {high:g}"


# Names of variables are written in capitals; keys have prefixes, or letters of both cases among their digits.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_KEY = re.compile(
    r"(?:sk|pk|rk|gsk|hf|xai|nvapi|ghp|pplx|AIza|AKIA|eyJ)[_-]?(?:live_|test_|proj_)?[A-Za-z0-9]{12,}"
    r"|(?=.*[a-z])(?=.*\d)[A-Za-z0-9]{20,}"
)


def _names_a_variable(value: str) -> str | None:
    """What is wrong with the name of a variable; a key that was put in its place is not told again."""
    if not value or (_NAME.fullmatch(value) and not _KEY.match(value)):
        return None
    return "must be the name of an environment variable that holds the key, such as `MY_KEY`, never the key itself"


_BACKEND_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_TAKEN_NAMES = ("auto", "static", "small", "large")


def _names_a_backend(name: object) -> str | None:
    """What is wrong with the NAME of `[backends.NAME]`."""
    if not isinstance(name, str) or not _BACKEND_NAME.fullmatch(name):
        return "the name of a backend is of small letters, digits, `-` and `_`, such as `cloud`"
    return f"`{name}` is taken: name the backend otherwise, such as `cloud`" if name in _TAKEN_NAMES else None


def _maps_to_probabilities(value: Mapping[str, Any]) -> str | None:
    wrong = [name for name, each in value.items() if type(each) not in (int, float) or not 0 <= each <= 1]
    return f"must give each action a number between 0 and 1, which `{wrong[0]}` has not" if wrong else None


def _maps_to_names(value: Mapping[str, Any]) -> str | None:
    wrong = [name for name, each in value.items() if not isinstance(each, str)]
    return f"must give each action the name of a backend, which `{wrong[0]}` has not" if wrong else None


def _names_a_header(value: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,63}", value) else "must be the name of an HTTP header"


@attrs.frozen
class CompletionConfig:
    """Ghost text while you type."""

    enabled: bool = setting(True, "Offer inline completions.", trust=Trust.LOWER)
    disabled_languages: list[str] = setting(
        [], "Language ids in which nothing is offered, for example `markdown`.", trust=Trust.EXTEND
    )
    disabled_globs: list[str] = setting(
        [],
        "Files in which nothing is offered, as gitignore patterns, for example `*.min.js` or `/generated/`.",
        trust=Trust.EXTEND,
    )
    comments: bool = setting(True, "Offer completions inside comments.", trust=Trust.LOWER)
    strings: bool = setting(True, "Offer completions inside texts (docstrings are always served).", trust=Trust.LOWER)
    debounce_ms: int = setting(
        -1,
        "Pause in typing, in milliseconds, before the model is asked; -1: follows your typing rhythm and the model's "
        "speed (none in Neovim, which waits itself).",
        check=_between(-1, 5000),
    )
    neighbours: bool = setting(
        True,
        "Give models that can tell files apart excerpts of other files: what is imported, what was edited last.",
        trust=Trust.LOWER,
    )
    in_list: bool = setting(
        False,
        "Also offer the suggestion in the editor's own completion list, for editors without inline completion (Helix, "
        "Emacs); set it in initializationOptions or your settings file.",
    )
    cascade: bool = setting(
        True,
        "Where another model on this machine is your small one: ask the embedded model first, and yours only where "
        "it is likelier to be right.",
        trust=Trust.LOWER,
    )
    speculate: bool = setting(
        True, "Work out, while you read a suggestion, what follows once it is accepted.", trust=Trust.LOWER
    )
    escalate: bool = setting(
        True,
        "Ask the large model when you ask for a suggestion by hand and the small one is not sure.",
        trust=Trust.LOWER,
    )
    max_tokens: int = setting(48, "Longest suggestion, in tokens.", trust=Trust.LOWER, check=_between(1, 1024))
    multiline: bool = setting(True, "Offer several lines where the cursor stands on an empty line.", trust=Trust.LOWER)
    time_budget_ms: int = setting(
        1000,
        "Longest time, in milliseconds, that a model may decode for one suggestion; what it has by then is shown.",
        trust=Trust.LOWER,
        check=_between(10, 60000),
    )
    context_chars: int = setting(
        6000,
        "Most characters around the cursor that are read for one suggestion; the engine keeps what fits the model.",
        trust=Trust.LOWER,
        check=_between(100, 1_000_000),
    )
    min_confidence: float = setting(
        -1.0,
        "Probability below which a suggestion is not shown, 0 to 1; -1: the threshold from the model's evaluation.",
        check=_between(-1.0, 1.0),
    )


@attrs.frozen
class ModelConfig:
    """One model and where it runs."""

    backend: Literal["none", "engine", "openai", "llamacpp", "ollama", "langchain"] = setting(
        "none",
        "`engine`: our own process on this machine; `openai`: any OpenAI-compatible server (vLLM, LM Studio, a cloud); "
        "`llamacpp`: llama-server's own `/infill`; `ollama`: Ollama's own protocol; `langchain`: a chat model of "
        "LangChain, for actions; `none`: no model.",
    )
    model: str = setting(
        "",
        "For `engine`: `embedded`, the name of a model that was pulled (`hybrid-lsp models`), or a folder with one; "
        "for `langchain` a text for its `init_chat_model`, such as `openai:gpt-4o-mini`; otherwise the name the server "
        "knows it by.",
    )
    base_url: str = setting(
        "",
        "Address of the server for `openai` and `llamacpp`, for example `http://localhost:8000/v1`; empty: for "
        "`ollama` what OLLAMA_HOST says, else `http://127.0.0.1:11434`, for `langchain` its provider's own.",
    )
    api_key_env: str = setting(
        "",
        "Name of the environment variable that holds the API key; the key itself is never written in settings.",
        check=_names_a_variable,
    )
    api_key_header: str = setting(
        "Authorization",
        "HTTP header that the key is sent in: `Authorization` (as `Bearer KEY`), or another, for example `api-key`.",
        check=_names_a_header,
    )
    parameters: dict[str, Any] = setting(
        {},
        'Parameters that are added to each request to a server, for example `{reasoning_effort = "low"}`; an empty '
        "text leaves out one that would be sent. What a server refuses by name is left out without that.",
    )
    family: str = setting(
        "auto", "Prompt format of the model (FIM tokens, chat template); `auto`: told by its name or its tokenizer."
    )
    compute_type: str = setting(
        "auto",
        "Number format that the engine computes in: `auto`, `int8`, `int8_float32`, `float32`, `bfloat16`; on torch "
        "also `float16` and `int4` (there `int8` and `int4` need bitsandbytes or optimum-quanto).",
    )
    device: str = setting(
        "auto",
        "Where a model on torch lies: `auto`: on a GPU where there is one; `balanced`: its layers over all GPUs, the "
        "rest on the processor; or `cpu`, `cuda:1`, `mps`. Models on other libraries compute on the processor.",
    )
    threads: int = setting(
        0, "Threads that the engine computes with; 0: chosen for this machine.", check=_between(0, 256)
    )
    timeout_s: float = setting(
        120.0,
        "Longest wait for a whole answer, in seconds; the time in which a model is seen to think is not counted.",
        check=_between(0.1, 3600),
    )
    thinking_tokens: int = setting(
        4096,
        "Most tokens in which a model may think before it answers, beside those of the answer; a longer thought is "
        "ended, and the next model asked.",
        check=_between(0, 1_000_000),
    )
    price_in: float = setting(
        -1.0,
        "Price of a million tokens that it reads, in your currency; -1: the list price where it is known (in US "
        "dollars), nothing for a model on this machine.",
        check=_between(-1, 1_000_000),
    )
    price_out: float = setting(
        -1.0, "Price of a million tokens that it writes; -1: as for `price_in`.", check=_between(-1, 1_000_000)
    )
    tokens_a_day: int = setting(
        0,
        "Most tokens, read and written, that it may cost a day; then the next model is asked. You are warned at 80 %. "
        "0: no limit.",
        check=_between(0, 10**12),
    )
    money_a_day: float = setting(
        0.0,
        "Most money that it may cost a day, by its prices; then the next model is asked. You are warned at 80 %. "
        "0: no limit.",
        check=_between(0, 1_000_000),
    )

    @property
    def address(self) -> str:
        """The address of the server; Ollama's is known without a setting."""
        runs_ollama = self.backend == "ollama" or (self.backend == "langchain" and self.model.startswith("ollama:"))
        return self.base_url or (ollama_url() if runs_ollama else "")

    @property
    def is_local(self) -> bool:
        """Whether it computes on this machine, beside the editor."""
        if self.backend == "engine":
            return True
        try:
            host = urlsplit(self.address).hostname
        except ValueError:
            return False  # no address; whoever connects says so
        return self.backend != "none" and host in ("localhost", "127.0.0.1", "::1")


def _small() -> ModelConfig:
    return ModelConfig(backend="engine", model="embedded", timeout_s=10.0)


@attrs.frozen
class EngineConfig:
    """The processes that hold the models."""

    idle_exit_minutes: float = setting(
        15.0,
        "An engine that nobody asked for so long, in minutes, ends and gives its memory back; the next request "
        "starts it again.",
        check=_between(0.01, 10080),
    )
    reuse_mb: float = setting(
        -1.0,
        "Memory in which an engine keeps your prompts computed, in megabytes, so that the next keystroke costs only "
        "what is new; -1: what suits the model and this machine; 0 keeps none: each keystroke costs a whole prompt.",
        check=_between(-1, 65536),
    )
    start_timeout_s: float = setting(
        60.0, "Longest wait for an engine to load its model, in seconds.", check=_between(0.5, 3600)
    )


@attrs.frozen
class RoutingConfig:
    """Which model an action is given to."""

    chain: list[str] = setting(
        [],
        "Your models for actions from the lightest to the heaviest, by their names in the settings; empty: `small`, "
        "`large`, then those of `backends` in their order.",
    )
    policies: dict[str, Any] = setting(
        {},
        "Who runs an action: `auto` (the lightest that will do), `static`, `small`, `large` or the name of a backend, "
        'for example `{explain = "small", security = "cloud"}`. `completion` stands for suggestions asked for by hand '
        "that the small model is not sure of, `default` for every action that is not named.",
        check=_maps_to_names,
    )
    threshold: float = setting(
        0.5,
        "How likely, 0 to 1, a lighter model's answer must be as good as the heaviest one's for the lighter one to be "
        "asked first, and, by how sure it then was of its words, for its edit to be taken; 1: always the heaviest, 0: "
        "always the lightest, and each edit that passes its checks.",
        check=_between(0, 1),
    )
    thresholds: dict[str, Any] = setting(
        {},
        "The same for single actions, for example `{fix = 0.6}`; `hybrid-lsp audit --apply` writes these.",
        check=_maps_to_probabilities,
    )
    slow_s: float = setting(
        180.0,
        "A model that would need longer than this for an answer, in seconds, by what was measured of it, is passed "
        "over for a lighter one.",
        check=_between(1, 3600),
    )


@attrs.frozen
class ModelsConfig:
    """Models that are fetched."""

    offer: bool = setting(
        True,
        "Ask once on this machine, in an editor with a person before it, whether to get a larger model than the "
        "embedded one.",
        trust=Trust.LOWER,
    )


@attrs.frozen
class ActionsConfig:
    """Code actions on a selection."""

    enabled: bool = setting(True, "Offer code actions.", trust=Trust.LOWER)
    max_tokens: int = setting(
        1024, "Longest reply of the large model, in tokens.", trust=Trust.LOWER, check=_between(16, 32768)
    )
    review_on_save: bool = setting(
        False, "Run the static security review each time a file is saved.", trust=Trust.LOWER
    )
    custom: list[Any] = setting(
        [],
        "Your own actions, tables of `name`, `title`, `prompt`, `kind`, `output` (`edit`, `text` or `findings`) and "
        "optionally `languages`.",
    )
    review_chars: int = setting(
        16_000,
        "Most characters of code that the large model is given at a time in a security review; longer code is "
        "reviewed in parts.",
        trust=Trust.LOWER,
        check=_between(1000, 60_000),
    )


@attrs.frozen
class VerifyConfig:
    """Your own tests, run on an edit before you see it."""

    command: list[str] = setting(
        [],
        'Command that runs your tests, for example `["pytest", "-q"]`. Each edit of an action is then tried by it, on '
        "a copy of the workspace's git files. It runs code that a model wrote, with your rights. Empty: no trial.",
    )
    timeout_s: float = setting(60.0, "Longest time for one run of the tests, in seconds.", check=_between(1, 3600))


@attrs.frozen
class PrivacyConfig:
    """What never reaches a prompt, a log or a metric."""

    respect_gitignore: bool = setting(True, "Leave files alone that git ignores.")
    exclude_globs: list[str] = setting(
        [],
        "Further files to leave alone, as gitignore patterns; `.env`, keys and credentials always are.",
        trust=Trust.EXTEND,
    )


@attrs.frozen
class FilesConfig:
    """Which files are read at all."""

    max_bytes: int = setting(
        2_000_000,
        "Files above this size, in bytes, are left alone: no suggestions, no actions.",
        trust=Trust.LOWER,
        check=_between(1000, 100_000_000),
    )


@attrs.frozen
class MetricsConfig:
    """Counts and latencies, kept on this machine, never with source text in them."""

    enabled: bool = setting(True, "Keep local metrics (`hybrid-lsp stats` shows them).", trust=Trust.LOWER)
    keep_days: int = setting(90, "Days after which metrics are deleted.", check=_between(1, 3650))


@attrs.frozen
class LogConfig:
    """The log file in the user's state folder."""

    level: Literal["error", "warning", "info", "debug"] = setting("info", "How much is logged.")


@attrs.frozen
class Config:
    """All settings."""

    completion: CompletionConfig = attrs.field(factory=CompletionConfig)
    small: ModelConfig = attrs.field(factory=_small)
    large: ModelConfig = attrs.field(factory=ModelConfig)
    backends: dict[str, ModelConfig] = setting(
        {},
        "Further models for actions by names of your own, each a table with the settings of `large`: "
        '`[backends.cloud]`, `backend = "openai"`, … See `routing.chain` for who is asked when.',
    )
    routing: RoutingConfig = attrs.field(factory=RoutingConfig)
    engine: EngineConfig = attrs.field(factory=EngineConfig)
    models: ModelsConfig = attrs.field(factory=ModelsConfig)
    actions: ActionsConfig = attrs.field(factory=ActionsConfig)
    verify: VerifyConfig = attrs.field(factory=VerifyConfig)
    files: FilesConfig = attrs.field(factory=FilesConfig)
    privacy: PrivacyConfig = attrs.field(factory=PrivacyConfig)
    metrics: MetricsConfig = attrs.field(factory=MetricsConfig)
    log: LogConfig = attrs.field(factory=LogConfig)

    @property
    def models_by_tier(self) -> dict[TierName, ModelConfig]:
        """The settings of each model that there is, the further backends by their names."""
        every: dict[TierName, ModelConfig] = {Tier.SMALL: self.small, Tier.LARGE: self.large, **self.backends}
        return {tier: model for tier, model in every.items() if model.backend != "none"}

    @property
    def lighter(self) -> ModelConfig | None:
        """The model that is asked before the small one; None where that is the same, or no burden to this machine."""
        embedded = _small()
        same = self.small.backend == embedded.backend and self.small.model == embedded.model
        return embedded if self.completion.cascade and self.small.is_local and not same else None


@attrs.frozen
class Problem:
    """A value that was not taken: the setting's name, what was wrong with it, and the layer it came from."""

    name: str
    message: str
    source: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message} (in {self.source})"


@attrs.frozen
class Layer:
    """What should be a mapping of settings, and where it came from, in words; `workspace` layers are not trusted."""

    source: str
    values: Any
    workspace: bool = False


@attrs.frozen
class Setting:
    """One leaf of the tree, for tables and schemas made from it; `backends` is one, a table of tables."""

    name: str
    type: Any
    default: Any
    doc: str
    trust: Trust


def settings() -> Iterator[Setting]:
    """Every setting, in order."""
    return iter(_settings())


@cache
def _settings() -> tuple[Setting, ...]:
    return tuple(_each_setting())


@cache
def _hints(section: type) -> dict[str, Any]:
    """The types of a section's settings; to find them costs more than to read the settings."""
    return get_type_hints(section)


def _each_setting() -> Iterator[Setting]:
    for section in attrs.fields(Config):
        if section.metadata:
            yield Setting(section.name, dict[str, Any], {}, section.metadata["doc"], section.metadata["trust"])
            continue
        hints = _hints(getattr(Config(), section.name).__class__)
        values = getattr(Config(), section.name)
        for field in attrs.fields(type(values)):
            yield Setting(
                name=f"{section.name}.{field.name}",
                type=hints[field.name],
                default=getattr(values, field.name),
                doc=field.metadata["doc"],
                trust=field.metadata["trust"],
            )


def load(layers: Iterable[Layer]) -> tuple[Config, list[Problem]]:
    """The settings that the layers give, later ones winning, and every value that was not taken."""
    config, problems = Config(), list[Problem]()
    for layer in layers:
        try:
            config, found = _apply(config, layer)
        except Exception as error:  # whatever a layer holds, the others count
            found = [Problem("settings", f"none of these can be used ({type(error).__name__})", layer.source)]
        problems += found
    return config, problems


def user_layers(environ: Mapping[str, str] | None = None) -> tuple[list[Layer], list[Problem]]:
    """The user's file and the environment."""
    file_layer, problems = read_file(config_file())
    env_layer, env_problems = _read_environment(os.environ if environ is None else environ)
    return [layer for layer in (file_layer, env_layer) if layer], problems + env_problems


def users() -> Config:
    """The user's own settings, without an editor's: what commands go by."""
    return load(user_layers()[0])[0]


def read_file(path: Path, *, workspace: bool = False) -> tuple[Layer | None, list[Problem]]:
    """A TOML file as a layer; None where there is no such file."""
    try:
        return Layer(str(path), tomllib.loads(read_plain(path, MOST_BYTES).decode()), workspace), []
    except FileNotFoundError:
        return None, []
    except OSError as error:
        return None, [Problem(path.name, f"cannot be read: {error.strerror or error}", str(path))]
    except RecursionError:
        return None, [Problem(path.name, "cannot be read: its values are nested too deeply", str(path))]
    except ValueError as error:  # no TOML, no UTF-8, a number too long
        return None, [Problem(path.name, f"cannot be read: {str(error)[:200]}", str(path))]


def env_name(setting_name: str) -> str:
    """The environment variable of a setting: `completion.debounce_ms` is HYBRID_LSP_COMPLETION_DEBOUNCE_MS."""
    return ENV_PREFIX + setting_name.replace(".", "_").upper()


def _read_environment(environ: Mapping[str, str]) -> tuple[Layer | None, list[Problem]]:
    values: dict[str, dict[str, Any]] = {}
    for item in settings():
        if (text := environ.get(env_name(item.name))) is not None:
            section, _, name = item.name.partition(".")
            if not name:
                values[section] = _parse_scalar(text)
                continue
            values.setdefault(section, {})[name] = text if item.type is str else _parse_scalar(text)
    return (Layer("the environment", values) if values else None), []


def _parse_scalar(text: str) -> Any:
    """A TOML value, or the bare text where it is none (so that `engine` needs no quotes)."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _apply(config: Config, layer: Layer) -> tuple[Config, list[Problem]]:
    if not isinstance(layer.values, Mapping):
        return config, [Problem("settings", f"must be a table, not {_shown(layer.values)}", layer.source)]
    problems: list[Problem] = []
    sections: dict[str, Any] = {}
    known = {field.name for field in attrs.fields(Config)}
    for name, values in layer.values.items():
        if len(problems) >= _MOST_PROBLEMS:
            problems.append(Problem("settings", "there are more mistakes, which are not looked at", layer.source))
            break
        if name not in known:
            problems.append(Problem(name, f"there is no such setting; known are {_names(known)}", layer.source))
        elif not isinstance(values, Mapping):
            problems.append(Problem(name, f"must be a table of settings, not {_shown(values)}", layer.source))
        elif name == "backends":
            sections[name] = _apply_backends(config.backends, values, layer, problems)
        else:
            sections[name] = _apply_section(name, getattr(config, name), values, layer, problems)
    return attrs.evolve(config, **sections), problems


def _apply_section(section: str, current: Any, values: Mapping[str, Any], layer: Layer, problems: list[Problem]) -> Any:
    fields = {field.name: field for field in attrs.fields(type(current))}
    hints = _hints(current.__class__)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        full_name = f"{section}.{name}"
        if name not in fields:
            problems.append(Problem(full_name, f"there is no such setting; known are {_names(fields)}", layer.source))
            continue
        taken, complaint = _take(value, hints[name], fields[name].metadata["check"])
        if complaint is None and layer.workspace:
            taken, complaint = _restrict(getattr(current, name), taken, fields[name].metadata["trust"])
        if complaint is None:
            changes[name] = taken
        else:
            problems.append(Problem(full_name, complaint, layer.source))
    return attrs.evolve(current, **changes)


def _apply_backends(
    current: Mapping[str, ModelConfig], tables: Mapping[str, Any], layer: Layer, problems: list[Problem]
) -> dict[str, ModelConfig]:
    """The tables `[backends.NAME]`; one that is mistaken leaves the others as they are."""
    found = dict(current)
    for name, values in tables.items():
        full_name = f"backends.{_shown(name).strip(chr(39))}"
        if len(problems) >= _MOST_PROBLEMS:
            break
        if complaint := _names_a_backend(name):
            problems.append(Problem(full_name, complaint, layer.source))
        elif not isinstance(values, Mapping):
            problems.append(Problem(full_name, f"must be a table of settings, not {_shown(values)}", layer.source))
        elif layer.workspace and name not in found:
            problems.append(Problem(full_name, _NOT_A_WORKSPACES, layer.source))
        elif name not in found and len(found) >= MOST_BACKENDS:
            problems.append(Problem(full_name, f"there are {MOST_BACKENDS} backends already", layer.source))
        else:
            found[name] = _apply_section(full_name, found.get(name, ModelConfig()), values, layer, problems)
    return found


def _take(value: Any, kind: Any, check: Check | None) -> tuple[Any, str | None]:
    try:
        taken = _STRICT.structure(value, kind)
    except Exception:  # cattrs raises groups of many kinds; all of them mean "not this type"
        return None, f"must be {_described(kind)}, not {_shown(value)}; the default or the earlier value is kept"
    return taken, check(taken) if check else None


def _restrict(current: Any, proposed: Any, trust: Trust) -> tuple[Any, str | None]:
    """What a workspace's own file makes of a setting."""
    if trust is Trust.EXTEND:
        return [*current, *(item for item in proposed if item not in current)], None
    if trust is Trust.LOWER and proposed <= current:
        return proposed, None
    if trust is Trust.LOWER:
        return None, "a workspace's own file may only lower this setting"
    return None, _NOT_A_WORKSPACES


def _strict_converter() -> cattrs.Converter:
    """cattrs turns "false" into True and 1.9 into 1; settings must not be guessed at."""
    converter = cattrs.Converter(detailed_validation=False)
    for kind in (bool, int, str):
        converter.register_structure_hook(kind, lambda value, kind: _exactly(kind, value))
    converter.register_structure_hook(float, lambda value, _: float(_exactly((int, float), value)))
    return converter


def _exactly(kinds: Any, value: Any) -> Any:
    allowed = kinds if isinstance(kinds, tuple) else (kinds,)
    if type(value) not in allowed:
        raise TypeError(value)
    return value


def _is_table(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is dict


def _is_list(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is list


_STRICT = _strict_converter()
_STRICT.register_structure_hook_func(_is_table, lambda value, _: dict(_exactly(dict, value)))
_STRICT.register_structure_hook_func(
    _is_list,
    lambda value, kind: [_STRICT.structure(item, get_args(kind)[0]) for item in _exactly(list, value)],
)


def _described(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{item}`" for item in get_args(kind))
    if _is_list(kind):
        return "a list of texts" if get_args(kind) == (str,) else "a list of tables"
    if _is_table(kind):
        return "a table"
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return words.get(kind, str(kind))


def _shown(value: Any) -> str:
    """A wrong value, short; it is the user's own setting, never source code."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deeply, a number too long to be written
        return "this"
    return text if len(text) <= 60 else text[:57] + "..."


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names))
