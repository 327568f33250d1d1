"""Ollama by its own protocol: its templates for filling in, a context that holds the prompt, models that are loaded
ahead of the first request and pulled by their names."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from typing import Any

import attrs

from hybrid_lsp.backends import dialects
from hybrid_lsp.backends.calls import Call, Dialect
from hybrid_lsp.backends.clock import Clock
from hybrid_lsp.backends.context_window import ContextWindow
from hybrid_lsp.backends.failures import SHORTER, Refusal, Situation
from hybrid_lsp.backends.http import Answered, HttpBackend
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused
from hybrid_lsp.models import families
from hybrid_lsp.types import Infill, Piece, Request

_REFUSES_SINCE = (0, 13)
"""From this version on it is sure to know `truncate` and `shift`, and refuses what does not fit when told so."""
_LOADS_WITHIN_S = 300.0
_A_DAY_S = 86400.0
_LOOKS_EVERY_S = 60.0
"""Between two looks at what is loaded: others load a model rarely, and no key waits for that question."""
_TOP = {
    *("model", "prompt", "suffix", "system", "template", "messages", "stream", "raw", "format", "think", "keep_alive"),
    *("truncate", "shift", "logprobs", "top_logprobs", "options", "tools", "images", "context"),
}
"""What a request has beside its `options`."""
_PULL_REMEDIES = (
    (
        re.compile(r"(?i)no space|not enough space|disk full"),
        "Make room where Ollama keeps its models: ollama rm NAME.",
    ),
    (
        re.compile(r"(?i)file does not exist|not found|invalid model name"),
        "There is no such name or tag: https://ollama.com/search lists those that there are.",
    ),
    (re.compile(r"(?i)newer version|requires? .*ollama"), "Update Ollama: https://ollama.com/download."),
    (re.compile(r"(?i)dial tcp|lookup|timeout|connection|tls|EOF"), "Check the network of the machine with Ollama."),
)
"""What ends a pull, in Ollama's words, and what to do."""
_NO_TEMPLATE = "{{ .Prompt }}"
"""What stands in place of a chat template where a model has none."""
_NUMBER = re.compile(r"\d+")


@attrs.frozen
class OllamaModel:
    """A model that Ollama has: `size` in bytes, `quantisation` in its words (`Q4_K_M`).

    `runs_at` is the machine that computes it where that is another one, as for the models of its cloud.
    """

    name: str
    size: int
    quantisation: str = ""
    parameters: str = ""
    runs_at: str = ""


@attrs.frozen
class Facts:
    """What Ollama knows of a model: whether its template fills in, whether it is one for texts at all (None: it does
    not say), whether it thinks and chats; its longest context in tokens, and the one that its Modelfile names."""

    fills_in: bool | None = None
    writes: bool | None = None
    thinks: bool = False
    chats: bool = True
    context: int | None = None
    num_ctx: int | None = None
    parameters: int | None = None
    licence: str = ""


@attrs.frozen
class Progress:
    """How far a pull is: `status` in Ollama's words; bytes of the layer that is fetched, 0 where it says none."""

    status: str
    layer: str = ""
    completed: int = 0
    total: int = 0


@attrs.define(eq=False)
class OllamaBackend(HttpBackend):
    """A model of an Ollama. `keep_alive_minutes` after its last request Ollama gives its memory back.

    `prefers_template`: Ollama's own template fills in where the model has one for that, else `family`.
    """

    dialect: Dialect = "ollama"
    keep_alive_minutes: float = 15.0
    prefers_template: bool = True
    facts: Facts | None = None
    looks_every_s: float = _LOOKS_EVERY_S
    _window: ContextWindow = attrs.field(factory=ContextWindow)
    _loading: int = 0
    _looked: float | None = None

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """See `Backend.generate`."""
        await self._learn()
        async with aclosing(super().generate(request)) as pieces:
            async for piece in pieces:
                yield piece

    @property
    def loading(self) -> bool:
        """Whether Ollama is told to load the model now."""
        return self._loading > 0

    async def warm(self) -> None:
        """Have the model loaded, with the context that requests will ask for. Raises BackendError."""
        self._loading += 1
        try:
            await self._learn()
            body = {"model": self.model, "stream": False, "options": {"num_ctx": self._window.take(0)}}
            await self.ask_json("/api/generate", body | self._kept, within_s=max(self.timeout_s, _LOADS_WITHIN_S))
        finally:
            self._loading -= 1

    async def models(self) -> list[OllamaModel]:
        """The models that it has. Raises BackendError."""
        listed = (await self.ask_json("/api/tags")).get("models")
        return [_model(each) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []

    async def version(self) -> str:
        """The version that it runs. Raises BackendError."""
        return str((await self.ask_json("/api/version")).get("version", ""))

    async def known(self, name: str = "") -> Facts:
        """What it knows of the model, or of another. Raises BackendError: there is none, or nobody answers."""
        return _facts(await self.ask_json("/api/show", {"model": name or self.model}))

    async def window(self) -> ContextWindow:
        """The context that requests get. Raises BackendError."""
        await self._learn()
        return self._window

    async def loaded_context(self) -> int:
        """Tokens of the context that the model is loaded with now, 0 where it is not. Raises BackendError."""
        loaded = (await self.ask_json("/api/ps")).get("models")
        ours = [each for each in loaded if _is_named(each, self.model)] if isinstance(loaded, list) else []
        return max((_whole(each.get("context_length")) or 0 for each in ours), default=0)

    async def pull(self) -> AsyncGenerator[Progress, None]:
        """Have it fetch the model; what is fetched already stays, and is not fetched again.

        Closing the generator ends the pull. Raises BackendError: nobody answers, or it does not get the model.
        """
        call = Call("/api/pull", {"model": self.model, "stream": True})
        succeeded = False
        try:
            async with aclosing(self._events("POST", call, Clock(_A_DAY_S, 0.0))) as events:
                async for event in events:
                    if (error := dialects.reported(event)) is not None:
                        raise Answered(Refusal.reported(error))
                    if isinstance(event, dict):
                        succeeded = event.get("status") == "success"
                        yield _progress(event)
        except Answered as answered:
            raise self._not_pulled(answered.refusal) from None
        if not succeeded:
            raise BackendFailed(f"{self.name} ended the pull in the middle.", "Pull it again: it goes on where it was.")

    def _not_pulled(self, refusal: Refusal) -> BackendFailed:
        remedy = next((told for sign, told in _PULL_REMEDIES if sign.search(refusal.said)), "See the server's log.")
        return BackendFailed(f"Ollama does not get {self.model}: {refusal.said}", remedy)

    # -- what is known of the model ----------------------------------------------------------------------------------

    async def _learn(self) -> None:
        """Ask once what the model is, and now and then what is loaded. Raises BackendError."""
        if self.facts is None:
            await self._learn_facts()
        now = time.monotonic()
        if self._looked is None or now - self._looked >= self.looks_every_s:
            self._looked = now
            with suppress(BackendError):  # an older one does not say it
                self._window.loaded = await self.loaded_context()

    async def _learn_facts(self) -> None:
        facts = await self.known()
        refuses = _version(await self.version()) >= _REFUSES_SINCE
        self._window = ContextWindow(facts.context, refuses, _whole(self._option("num_ctx")), facts.num_ctx)
        if self.prefers_template and facts.fills_in is not False:
            self.family = families.SERVER
        self.facts = facts

    def _option(self, name: str) -> Any:
        """What the user's parameters say of one of Ollama's options, by itself or among `options`."""
        options = self.parameters.get("options")
        return self.parameters.get(name, options.get(name) if isinstance(options, Mapping) else None)

    # -- what is asked -----------------------------------------------------------------------------------------------

    @property
    def _kept(self) -> dict[str, Any]:
        return {"keep_alive": self.parameters.get("keep_alive", f"{self.keep_alive_minutes:g}m")}

    def _call(self, request: Request) -> Call:
        """The call with a context that holds it. Raises BackendRefused: none does."""
        call = super()._call(request)
        if (over := self._over(call)) and isinstance(request.prompt, Infill):
            call = super()._call(self._cut(request, call, over))
            over = self._over(call)
        if over:
            raise BackendRefused(
                f"The prompt may be longer than the {self._window.limit:g} tokens of {self.name}, which would cut it "
                "without a word.",
                f"Update Ollama: since 0.13 it says what does not fit. {SHORTER}",
            )
        return attrs.evolve(call, body=self._unthinking(request) | self._sized(call.body))

    def _unthinking(self, request: Request) -> dict[str, Any]:
        """Ghost text has no time for thoughts; who wants them says so by a parameter."""
        thinks = self.facts is not None and self.facts.thinks
        quiet = thinks and isinstance(request.prompt, Infill) and "think" not in self.parameters
        return {"think": False} if quiet else {}

    def _over(self, call: Call) -> int:
        return self._window.overflow(self._window.tokens(_texts(call.body)))

    def _cut(self, request: Request, call: Call, over: int) -> Request:
        """What is nearest to the cursor: what surely fits is a byte a token."""
        self.learnt.most_chars = max(1, sum(map(len, _texts(call.body))) - over)
        return self.learnt.shortened(request)

    def _with_parameters(self, body: dict[str, Any]) -> dict[str, Any]:
        """The user's parameters at their place: most are options."""
        top = {name: value for name, value in self.parameters.items() if name in _TOP - {"options"}}
        options = {name: value for name, value in self.parameters.items() if name not in _TOP}
        named = self.parameters.get("options")
        options = (dict(named) if isinstance(named, Mapping) else {}) | options
        return _merged(body, top) | {"options": _merged(body["options"], options)}

    def _sized(self, body: dict[str, Any]) -> dict[str, Any]:
        options = dict(body["options"])
        prompt = self._window.tokens(_texts(body))
        answer = _whole(options.get("num_predict")) or 0
        options["num_ctx"] = self._window.take(prompt + answer)
        if "num_predict" in options:
            options["num_predict"] = self._window.answer(prompt, answer)
        return self._kept | body | {"options": options}

    async def _take_in(self, refusal: Refusal, call: Call, clock: Clock) -> None:
        if "suffix" in call.body and re.search(r"(?i)support\w* (?:insert|\[?suffix)", refusal.said):
            self.family, self.prefers_template = families.detect("auto", self.model), False
            return
        if refusal.is_too_long and self._window.grow():
            return
        if refusal.is_too_long and "messages" in call.body:
            raise self._situation(call.path).of_refusal(refusal)
        await super()._take_in(refusal, call, clock)

    def _situation(self, path: str = "") -> Situation:
        return attrs.evolve(super()._situation(path), ollama_model=self.model)


def _texts(body: Mapping[str, Any]) -> list[str]:
    """The parts of a prompt."""
    told = [str(body[name]) for name in ("prompt", "suffix") if body.get(name)]
    return [*told, *(str(each["content"]) for each in body.get("messages", ()))]


def _merged(values: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """An empty text leaves out what would be sent."""
    return {name: value for name, value in (values | dict(more)).items() if more.get(name) != ""}


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _is_named(told: Any, model: str) -> bool:
    """Whether an entry is about a model; without a tag it is the latest."""
    names = {told.get("model"), told.get("name")} if isinstance(told, dict) else set()
    return bool({model, f"{model}:latest"} & names)


def _model(told: Mapping[str, Any]) -> OllamaModel:
    details = told.get("details")
    details = details if isinstance(details, dict) else {}
    return OllamaModel(
        str(told.get("model") or told.get("name") or ""),
        _whole(told.get("size")) or 0,
        str(details.get("quantization_level") or ""),
        str(details.get("parameter_size") or ""),
        str(told.get("remote_host") or ""),
    )


def _facts(told: Mapping[str, Any]) -> Facts:
    """What `/api/show` says; the length of the context stands under the name of the model's architecture."""
    info, capabilities = told.get("model_info"), told.get("capabilities")
    info = info if isinstance(info, dict) else {}
    able = {str(each) for each in capabilities} if isinstance(capabilities, list) else None
    lengths = [_whole(value) for name, value in info.items() if str(name).endswith(".context_length")]
    named = re.search(r"(?m)^num_ctx\s+(\d{1,9})$", str(told.get("parameters") or ""))
    return Facts(
        fills_in="insert" in able if able is not None else None,
        writes="completion" in able if able is not None else None,
        thinks=able is not None and "thinking" in able,
        chats=str(told.get("template") or "").strip() != _NO_TEMPLATE,
        context=next((each for each in lengths if each), None),
        num_ctx=int(named[1]) if named else None,
        parameters=_whole(info.get("general.parameter_count")),
        licence=next((line.strip()[:80] for line in str(told.get("license") or "").splitlines() if line.strip()), ""),
    )


def _version(text: str) -> tuple[int, ...]:
    """`0.13.1-rc0` as (0, 13, 1)."""
    return tuple(int(each) for each in _NUMBER.findall(text.partition("-")[0])[:3])


def _progress(event: Mapping[str, Any]) -> Progress:
    done, total = _whole(event.get("completed")) or 0, _whole(event.get("total")) or 0
    return Progress(str(event.get("status") or ""), str(event.get("digest") or ""), min(done, total), total)
