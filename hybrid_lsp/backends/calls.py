"""What is said to each kind of server. Data in, data out; the connection is `http.py`'s, reading is `dialects.py`'s."""

from __future__ import annotations

import math
from typing import Any, Literal

import attrs

from hybrid_lsp.models import families
from hybrid_lsp.models.families import MAX_STOPS, Family
from hybrid_lsp.types import Chat, Infill, Request

Dialect = Literal["engine", "llamacpp", "ollama", "openai"]
Json = dict[str, Any]
_ONE_LOGPROB = 1
_WITH_USAGE: Json = {"stream_options": {"include_usage": True}}
"""Has a server tell in a stream, too, what it has cost."""


@attrs.frozen
class Call:
    """One HTTP request: a path under the base address, and the body. Replies come as events, a line or a few each."""

    path: str
    body: Json


def call(dialect: Dialect, model: str, family: Family, request: Request) -> Call:
    """What to ask a server of this dialect."""
    if dialect == "ollama":
        return _ollama(model, family, request)
    if isinstance(request.prompt, Chat):
        return Call(_v1(dialect, "/chat/completions"), _chat(dialect, model, request, request.prompt))
    if dialect == "openai":
        return Call("/completions", _completion(model, family, request, request.prompt))
    return Call("/infill", _infill(dialect, request, request.prompt))


def _v1(dialect: Dialect, path: str) -> str:
    """The `openai` base address has the version in it already, as every client of that protocol expects."""
    return path if dialect == "openai" else f"/v1{path}"


def _infill(dialect: Dialect, request: Request, prompt: Infill) -> Json:
    body: Json = {
        "input_prefix": prompt.prefix,
        "input_suffix": prompt.suffix,
        "prompt": "",
        "n_predict": request.max_tokens,
        "temperature": request.temperature,
        "n_probs": _ONE_LOGPROB,
        "stream": True,
        "cache_prompt": True,
    }
    if prompt.extra:
        body["input_extra"] = [{"filename": file.filename, "text": file.text} for file in prompt.extra]
    if request.time_budget_ms is not None:
        body["t_max_predict_ms"] = request.time_budget_ms
    if dialect == "engine":
        body |= _to_ours(request)
    return body | _stop(request.stop)


def _to_ours(request: Request) -> Json:
    """What only an engine of ours is told."""
    body: Json = {"priority": "background"} if request.background else {}
    if request.draft:
        body["draft"] = request.draft
    if not math.isinf(request.least_logprob):
        body["least_logprob"] = request.least_logprob
    return body


def _completion(model: str, family: Family, request: Request, prompt: Infill) -> Json:
    body: Json = {
        "model": model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "logprobs": _ONE_LOGPROB,
        "stream": True,
    } | _WITH_USAGE
    if family.name == families.SERVER.name:
        body |= {"prompt": prompt.prefix, "suffix": prompt.suffix}
    else:
        body["prompt"] = families.render(family, prompt.prefix, prompt.suffix, prompt.extra, prompt.filename)
    return body | _stop(stops("openai", family, request))


def stops(dialect: Dialect, family: Family, request: Request) -> tuple[str, ...]:
    """Every stop string of a request: its own, then those of the format that this side made the prompt in."""
    ours = family.stop if dialect in ("openai", "ollama") and isinstance(request.prompt, Infill) else ()
    return tuple(dict.fromkeys((*request.stop, *ours)))


def _chat(dialect: Dialect, model: str, request: Request, prompt: Chat) -> Json:
    body: Json = {
        "model": model,
        "messages": _messages(prompt),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
    }
    if dialect == "openai":
        body |= _WITH_USAGE
    if request.logprobs:
        body["logprobs"] = True
    if request.json_schema is not None:
        schema = {"name": "reply", "schema": request.json_schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if dialect != "openai" and request.time_budget_ms is not None:
        body["t_max_predict_ms"] = request.time_budget_ms
    return body | _stop(request.stop)


def _ollama(model: str, family: Family, request: Request) -> Call:
    """Ollama's own protocol: the model's own template for a suffix where it has one, else the prompt as we make it."""
    options: Json = {"num_predict": request.max_tokens, "temperature": request.temperature}
    # What does not fit is refused, not cut: of the conversation's beginning, and of a text while it is written.
    body: Json = {"model": model, "stream": True, "truncate": False, "shift": False}
    body["options"] = options | _stop(stops("ollama", family, request))
    if request.logprobs or isinstance(request.prompt, Infill):
        body["logprobs"] = True
    if isinstance(request.prompt, Chat):
        body["messages"] = _messages(request.prompt)
        return Call("/api/chat", body | ({"format": request.json_schema} if request.json_schema is not None else {}))
    return Call("/api/generate", body | _ollama_prompt(model, family, request.prompt))


def _ollama_prompt(model: str, family: Family, prompt: Infill) -> Json:
    if family.name == families.SERVER.name:
        # Without a suffix its templates take a text for a message of a chat, and without a text nothing is written.
        if prompt.prefix and prompt.suffix:
            return {"prompt": prompt.prefix, "suffix": prompt.suffix}
        family = families.detect("auto", model)
    return {"prompt": families.render(family, prompt.prefix, prompt.suffix, prompt.extra, prompt.filename), "raw": True}


def _messages(prompt: Chat) -> list[Json]:
    return [{"role": message.role, "content": message.content} for message in prompt.messages]


def _stop(wanted: tuple[str, ...]) -> Json:
    """At most as many as every server takes; the client looks for the others itself."""
    return {"stop": list(wanted[:MAX_STOPS])} if wanted else {}
