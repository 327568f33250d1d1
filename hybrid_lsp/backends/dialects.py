"""What is said to each kind of server, and how its answers read. Data in, data out; the connection is `http.py`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

import attrs

from hybrid_lsp.errors import BackendFailed
from hybrid_lsp.models import families
from hybrid_lsp.models.families import MAX_STOPS, Family
from hybrid_lsp.types import Chat, Finish, Infill, Piece, Request

Dialect = Literal["engine", "llamacpp", "openai"]
Json = dict[str, Any]
_ONE_LOGPROB = 1


@attrs.frozen
class Call:
    """One HTTP request: a path under the base address, and the body. Replies come as server-sent events."""

    path: str
    body: Json


def call(dialect: Dialect, model: str, family: Family, request: Request) -> Call:
    """What to ask a server of this dialect."""
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
    if dialect == "engine" and request.background:
        body["priority"] = "background"
    if dialect == "engine" and request.draft:
        body["draft"] = request.draft
    return body | _stop(request.stop)


def _completion(model: str, family: Family, request: Request, prompt: Infill) -> Json:
    body: Json = {
        "model": model,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "logprobs": _ONE_LOGPROB,
        "stream": True,
    }
    if family.name == families.SERVER.name:
        body |= {"prompt": prompt.prefix, "suffix": prompt.suffix}
    else:
        body["prompt"] = families.render(family, prompt.prefix, prompt.suffix, prompt.extra, prompt.filename)
    return body | _stop(stops("openai", family, request))


def stops(dialect: Dialect, family: Family, request: Request) -> tuple[str, ...]:
    """Every stop string of a request: its own, then those of the format that this side made the prompt in."""
    ours = family.stop if dialect == "openai" and isinstance(request.prompt, Infill) else ()
    return tuple(dict.fromkeys((*request.stop, *ours)))


def _chat(dialect: Dialect, model: str, request: Request, prompt: Chat) -> Json:
    body: Json = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stream": True,
    }
    if request.json_schema is not None:
        schema = {"name": "reply", "schema": request.json_schema, "strict": True}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if dialect != "openai" and request.time_budget_ms is not None:
        body["t_max_predict_ms"] = request.time_budget_ms
    return body | _stop(request.stop)


def _stop(wanted: tuple[str, ...]) -> Json:
    """At most as many as every server takes; the client looks for the others itself."""
    return {"stop": list(wanted[:MAX_STOPS])} if wanted else {}


def read(event: Any) -> Piece | None:
    """One event of any dialect as a piece; None for one without text (usage, a comment of a proxy).

    Raises BackendFailed for an event that reports an error or is none of the protocol's.
    """
    if not isinstance(event, dict):
        raise BackendFailed("The model server sent something that is no event of the protocol.", _CHECK_URL)
    if event.get("error"):
        raise BackendFailed(f"The model server reports: {error_text(event)}", "See the server's log.")
    if "content" in event:
        return _read_infill(event)
    choices = event.get("choices")
    if not isinstance(choices, list):
        raise BackendFailed("The model server sent an event without text.", _CHECK_URL)
    return _read_choice(choices[0], event) if choices and isinstance(choices[0], dict) else None


_CHECK_URL = "Check that `base_url` and `backend` fit the server."


def _read_infill(event: Mapping[str, Any]) -> Piece:
    tokens = event.get("tokens")
    probabilities = event.get("completion_probabilities")
    count = len(tokens) if isinstance(tokens, list) and tokens else None
    if not event.get("stop"):
        return _piece(event["content"], _logprobs(probabilities), count, None)
    limited = event.get("stop_type") == "limit"
    # A background request that made way had its time, as one whose budget ran out.
    is_cut = event.get("time_limit") or event.get("preempted")
    finish = Finish.TIME if is_cut else Finish.LENGTH if limited else Finish.STOP
    return _piece(event["content"], _logprobs(probabilities), count, finish)


def _read_choice(choice: Mapping[str, Any], event: Mapping[str, Any]) -> Piece | None:
    delta = choice.get("delta") or choice.get("message") or {}
    text = choice.get("text")
    text = delta.get("content") if text is None and isinstance(delta, dict) else text
    finish = _finish(choice.get("finish_reason"), event)
    listed = choice.get("logprobs")
    logprobs = listed if isinstance(listed, dict) else {}
    values = logprobs.get("token_logprobs")
    if not isinstance(values, list):
        values = _logprobs(logprobs.get("content"))
    if not text and not values and finish is None:
        return None
    return _piece(text or "", values, None, finish)


def _finish(reason: Any, event: Mapping[str, Any]) -> Finish | None:
    if reason is None:
        return None
    if event.get("time_limit"):
        return Finish.TIME
    return Finish.LENGTH if reason == "length" else Finish.STOP


def _logprobs(entries: Any) -> list[Any]:
    """The `logprob` of each entry; llama.cpp and OpenAI's chats have the same form."""
    entries = entries if isinstance(entries, list) else []
    return [entry.get("logprob") if isinstance(entry, dict) else None for entry in entries]


def _piece(text: Any, logprobs: list[Any], count: int | None, finish: Finish | None) -> Piece:
    if not isinstance(text, str):
        raise BackendFailed("The model server sent a text that is none.", _CHECK_URL)
    known = [float(value) for value in logprobs if isinstance(value, int | float)]
    tokens = len(logprobs) or count or (1 if text else 0)
    total = sum(known) if len(known) == tokens else math.nan
    return Piece(text, tokens, total, finish)


def error_text(body: Any) -> str:
    """What a server says in an error, short; the shapes differ."""
    error = body.get("error", body) if isinstance(body, dict) else body
    for key in ("message", "detail", "error"):
        if isinstance(error, dict) and isinstance(error.get(key), str):
            error = error[key]
    return str(error)[:300]
