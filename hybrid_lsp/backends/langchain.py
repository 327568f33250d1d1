"""A chat model of LangChain, by a text for its `init_chat_model` (`openai:gpt-4o-mini`): for actions.

What a model is asked, what is learnt of its refusals, how long it is waited for and how its answer is told from its
thoughts is as with every server (`HttpBackend`); here its calls and its chunks are put into LangChain's words and out
of them. Nothing is traced, whatever LANGSMITH_TRACING says: code goes to the model that the user named, and nowhere
else.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any

import attrs

from hybrid_lsp.backends import dialects
from hybrid_lsp.backends.calls import Call, Dialect
from hybrid_lsp.backends.clock import Clock
from hybrid_lsp.backends.events import DONE, EventReader
from hybrid_lsp.backends.failures import Refusal, chain_of
from hybrid_lsp.backends.http import Answered, HttpBackend
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused, BackendTimeout, BackendUnavailable
from hybrid_lsp.types import Chat, Piece, Request

INSTALL = "Run: pip install 'hybrid-lsp[langchain]'"
_GIVE_A_REASON = {
    *("openai", "azure_openai", "anthropic", "deepseek", "fireworks", "google_genai", "groq", "mistralai", "ollama"),
    *("together", "xai"),
}
"""Providers whose answers say why they end: one without has broken off."""
_TELL_USAGE_WHEN_ASKED = {"openai", "azure_openai"}
_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_NOT_FOR_MAKING = {"model", "messages", "stream", "stream_options", "stop", "response_format", "logprobs"}
_MOST_MADE = 8
_UNREACHABLE = re.compile(r"ConnectError|ConnectTimeout|APIConnectionError|gaierror|ConnectionRefused")
_LATE = re.compile(r"Timeout")


def _init(model: str, **options: Any) -> Any:
    from langchain.chat_models import init_chat_model

    return init_chat_model(model, **options)


@attrs.define(eq=False)
class LangChainBackend(HttpBackend):
    """A chat model that LangChain knows; `make` makes it of its text and its options, on a thread."""

    dialect: Dialect = "openai"
    make: Callable[..., Any] = _init
    _made: dict[str, Any] = attrs.field(factory=dict, repr=False)
    _making: int = 0
    _gives_a_reason: bool = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        HttpBackend.__attrs_post_init__(self)
        self._gives_a_reason = self.provider in _GIVE_A_REASON

    @property
    def provider(self) -> str:
        """Whose model it is, "" where the text leaves that to LangChain."""
        return self.model.partition(":")[0] if ":" in self.model else ""

    async def generate(self, request: Request) -> AsyncGenerator[Piece, None]:
        """See `Backend.generate`."""
        if not isinstance(request.prompt, Chat):
            raise BackendRefused(
                f"{self.name} only chats: it fills in no code.", "For ghost text, see `small.backend`."
            )
        async with aclosing(super().generate(request)) as pieces:
            async for piece in pieces:
                yield piece

    @property
    def loading(self) -> bool:
        """Whether LangChain is being imported, or the model made."""
        return self._making > 0

    async def warm(self) -> None:
        """Import LangChain and make the model. Raises BackendUnavailable."""
        await self._model(self._options(self._with_parameters({})))

    # -- LangChain's words -------------------------------------------------------------------------------------------

    async def _events(
        self, method: str, call: Call, clock: Clock, reader: EventReader | None = None
    ) -> AsyncGenerator[Any, None]:
        """The chunks of an answer as events of OpenAI's protocol."""
        model = await self._model(self._options(call.body))
        messages = [(each["role"], each["content"]) for each in call.body["messages"]]
        reason, usage, begins = None, _Usage(), True
        async with aclosing(model.astream(messages, stop=call.body.get("stop"))) as chunks:
            while (chunk := await self._next(chunks, clock, begins=begins)) is not None:
                begins = False
                usage.add(chunk)
                event = _event(chunk)
                reason = event["choices"][0]["finish_reason"] or reason
                yield event | usage.told
        self._gives_a_reason = self._gives_a_reason or reason is not None
        if not self._gives_a_reason:
            yield DONE

    async def _next(self, chunks: Any, clock: Clock, *, begins: bool) -> Any | None:
        try:
            async with asyncio.timeout(clock.remaining_s):
                if begins:  # whoever traces is asked at the first chunk
                    from langsmith.run_helpers import tracing_context

                    with tracing_context(enabled=False):
                        return await anext(chunks, None)
                return await anext(chunks, None)
        except TimeoutError as error:
            raise self._situation().late(self.timeout_s) from error
        except Exception as error:  # each provider has errors of its own
            raise self._failure(error) from error

    async def _model(self, options: dict[str, Any]) -> Any:
        """The model with these options; kept, for making one may take seconds. Raises BackendError."""
        key = repr(sorted(options.items(), key=lambda item: item[0]))
        if key not in self._made:
            self._making += 1
            try:
                made = await asyncio.to_thread(self.make, self.model, **options)
            except Exception as error:  # no package, no such model, no key: each in its own words
                raise self._unmade(error) from error
            finally:
                self._making -= 1
            while len(self._made) >= _MOST_MADE:
                del self._made[next(iter(self._made))]
            self._made[key] = made
        return self._made[key]

    def _options(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the model is made with: LangChain's standard parameters, and the user's own."""
        options: dict[str, Any] = {name: value for name, value in body.items() if name not in _NOT_FOR_MAKING}
        if (most := options.pop("max_completion_tokens", None)) is not None:
            options["max_tokens"] = most
        if self.endpoint.base_url:
            options["base_url"] = self.endpoint.base_url
        if self._key():
            options["api_key"] = self._secret
        if self.provider in _TELL_USAGE_WHEN_ASKED and "stream_options" in body:
            options["stream_usage"] = True
        return {"max_retries": 0} | options  # a busy server is waited for here

    # -- what goes wrong ---------------------------------------------------------------------------------------------

    def _failure(self, error: Exception) -> Exception:
        """What an error of a provider's own client stands for."""
        if isinstance(error, BackendError | Answered):
            return error
        chain = list(chain_of(error))
        if (status := next(filter(None, map(_status, chain)), None)) is not None:
            return Answered(self._refusal_of(status, next(each for each in chain if _status(each) == status)))
        names = " ".join(type(each).__name__ for each in chain)
        if _UNREACHABLE.search(names):
            where = f" at {self.endpoint.shown}" if self.endpoint.base_url else ""
            return BackendUnavailable(
                f"Nobody answers {self.name}{where}.", "Start the server, check the network, or correct `base_url`."
            )
        if _LATE.search(names):
            return BackendTimeout(f"{self.name} does not answer: {self._said(error)}", "Ask a faster model.")
        return BackendFailed(f"{self.name} broke off: {self._said(error)}", "See what its provider says of that.")

    def _refusal_of(self, status: int, error: BaseException) -> Refusal:
        body, response = getattr(error, "body", None), getattr(error, "response", None)
        said = dialects.error_text(body) if body else self._said(error)
        return Refusal(status, self._hidden(said), body, getattr(response, "headers", {}) or {})

    def _unmade(self, error: Exception) -> BackendError:
        if isinstance(error, BackendError):
            return error
        if isinstance(error, ImportError):
            wanted = re.search(r"pip install (?:-U )?`?([\w.-]+)", str(error))
            remedy = f"Run: pip install {wanted[1].rstrip('.')}" if wanted else INSTALL
            return BackendUnavailable(f"{self.name} needs a package that is not installed.", remedy)
        return BackendUnavailable(
            f"LangChain does not make {self.model}: {self._said(error)}",
            "Write `model` as PROVIDER:NAME, such as `openai:gpt-4o-mini`, with its key in its provider's own variable "
            "or in the one that `api_key_env` names.",
        )

    def _said(self, error: BaseException) -> str:
        return self._hidden(" ".join(str(error).split())[:300] or type(error).__name__)

    def _hidden(self, text: str) -> str:
        return text.replace(self._secret, "…") if self._secret else text


class _Usage:
    """What an answer has cost so far; providers tell it in one chunk, or a part in each."""

    def __init__(self) -> None:
        self._read, self._written, self._cached, self._known = 0, 0, 0, False

    def add(self, chunk: Any) -> None:
        told = getattr(chunk, "usage_metadata", None)
        if isinstance(told, Mapping):
            details = told.get("input_token_details") or {}
            self._read += told.get("input_tokens") or 0
            self._written += told.get("output_tokens") or 0
            self._cached += details.get("cache_read") or 0
            self._known = True

    @property
    def told(self) -> dict[str, Any]:
        """As OpenAI's protocol has it; nothing where nothing was said."""
        if not self._known:
            return {}
        cached = {"cached_tokens": self._cached}
        counts = {"prompt_tokens": self._read, "completion_tokens": self._written}
        return {"usage": counts | {"prompt_tokens_details": cached}}


def _event(chunk: Any) -> dict[str, Any]:
    metadata = getattr(chunk, "response_metadata", None) or {}
    reason = next((metadata[name] for name in _REASONS if metadata.get(name)), None)
    delta = dict(getattr(chunk, "additional_kwargs", None) or {}) | {"content": chunk.content}
    return {"choices": [{"delta": delta, "finish_reason": reason}]}


def _status(error: BaseException) -> int | None:
    """The HTTP status that an error of a provider's client carries."""
    response = getattr(error, "response", None)
    told = (getattr(error, name, None) for name in ("status_code", "code", "http_status"))
    found = (*told, getattr(response, "status_code", None))
    return next((each for each in found if isinstance(each, int) and 400 <= each < 600), None)
