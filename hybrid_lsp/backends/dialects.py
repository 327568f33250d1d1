"""How the answers of each kind of server read. Data in, data out; the connection is `http.py`'s."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import attrs

from hybrid_lsp.errors import BackendFailed
from hybrid_lsp.types import Finish


@attrs.frozen
class Said:
    """What one event says. `tokens` and `logprob` as in `Piece`.

    `whole`: the text is all of the answer, not what follows; `refused` are the words in which an answer is withheld.
    """

    text: str = ""
    thought: str = ""
    tokens: int = 0
    logprob: float = 0.0
    finish: Finish | None = None
    whole: bool = False
    refused: str = ""


def read(event: Any) -> Said | None:
    """What an event of any dialect says; None for one without text (usage, a ping, a comment of a proxy).

    Raises BackendFailed for an event that reports an error or is none of the protocol's.
    """
    if not isinstance(event, dict):
        raise BackendFailed("The model server sent something that is no event of the protocol.", CHECK_URL)
    if (error := reported(event)) is not None:
        raise BackendFailed(f"The model server reports: {error_text(error)}", "See the server's log.")
    if "content" in event:
        return _read_infill(event)
    if "done" in event or (isinstance(event.get("response"), str) and not event.get("choices")):  # Cloudflare's own
        event = _of_ollama(event)
    choices = event.get("choices")
    told = [each for each in choices if isinstance(each, dict)] if isinstance(choices, list) else []
    first = next((each for each in told if not each.get("index")), None)
    return _read_choice(first, event) if first is not None else None


def _of_ollama(event: dict[str, Any]) -> dict[str, Any]:
    """An event of Ollama's own protocol as one of OpenAI's: a message of a chat, or a part of a text and a thought."""
    message = event.get("message")
    delta = (
        message if isinstance(message, dict) else {"content": event.get("response"), "thinking": event.get("thinking")}
    )
    reason = (event.get("done_reason") or "stop") if event.get("done") else None
    logprobs = {"content": event.get("logprobs")}
    return {"choices": [{"delta": delta, "finish_reason": reason, "logprobs": logprobs}]}


CHECK_URL = "Check that `base_url` and `backend` fit the server."


def reported(event: Any) -> Any | None:
    """The error that an event stands for, in any of the shapes in use; None where it stands for none."""
    if not isinstance(event, dict):
        return None
    if event.get("error"):
        return event
    if event.get("choices") or "content" in event:
        return None
    is_error = "error" in (event.get("object"), event.get("type"), event.get("status"))
    base = event.get("base_resp")
    if isinstance(base, dict) and base.get("status_code"):  # MiniMax
        return base
    has_failed = event.get("success") is False or event.get("error_code") or event.get("errors")
    return event if event.get("detail") or is_error or has_failed else None


def _read_infill(event: Mapping[str, Any]) -> Said:
    tokens = event.get("tokens")
    count = len(tokens) if isinstance(tokens, list) and tokens else None
    said = _parts(event["content"])
    return _said(
        attrs.evolve(said, thought=said.thought + _thought(event)),
        _logprobs(event.get("completion_probabilities")),
        count,
        _infill_finish(event) if event.get("stop") else None,
    )


def _infill_finish(event: Mapping[str, Any]) -> Finish:
    # A background request that made way had its time, as one whose budget ran out.
    if event.get("time_limit") or event.get("preempted"):
        return Finish.TIME
    return Finish.LENGTH if event.get("stop_type") == "limit" else Finish.STOP


def _read_choice(choice: Mapping[str, Any], event: Mapping[str, Any]) -> Said | None:
    said = _message(choice)
    finish, refused = _finish(choice.get("finish_reason"), event)
    if refused and choice.get("error"):
        raise BackendFailed(f"The model server reports: {error_text(choice)}", "See the server's log.")
    said = attrs.evolve(said, refused=said.refused or refused)
    listed = choice.get("logprobs")
    logprobs = listed if isinstance(listed, dict) else {}
    values = logprobs.get("token_logprobs")
    if not isinstance(values, list):
        values = _logprobs(logprobs.get("content"))
    if not (said.text or said.thought or said.refused or values or finish):
        return None
    return _said(said, values, None, finish)


def _message(choice: Mapping[str, Any]) -> Said:
    """The text of a choice: what is added to the answer, else the whole of it."""
    delta, message = choice.get("delta"), choice.get("message")
    for each, whole in ((delta, False), (message, True)):
        if isinstance(each, dict):
            parts = _parts(each.get("content"))
            refusal = each.get("refusal")
            said = attrs.evolve(
                parts,
                thought=parts.thought + _thought(each),
                refused=parts.refused or (refusal if isinstance(refusal, str) else ""),
                whole=whole,
            )
            if said.text or said.thought or said.refused:
                return said
    return _parts(choice.get("text"))


_THOUGHT_FIELDS = (
    *("reasoning_content", "reasoning", "thinking", "thought", "reasoning_text"),
    *("reasoning_details", "thinking_blocks"),  # OpenRouter, LiteLLM
)
_TEXT_PARTS = ("text", "output_text", "")


def _thought(message: Mapping[str, Any]) -> str:
    """Reasoning in a field of its own, whose name differs from server to server."""
    return next((found for name in _THOUGHT_FIELDS if (found := _flat(message.get(name)))), "")


def _parts(content: Any) -> Said:
    """A content that is a text, or a list of parts of several types. Raises BackendFailed."""
    if content is None or isinstance(content, str):
        return Said(content or "")
    if not isinstance(content, list | dict):
        raise BackendFailed("The model server sent a text that is none.", CHECK_URL)
    text, thought, refused = "", "", ""
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type", "") if isinstance(part, dict) else ""
        if isinstance(part, dict) and part.get("thought") is True:  # Gemini's
            thought += _flat(part)
        elif kind == "refusal":
            refused += _flat(part)
        elif kind in _TEXT_PARTS:
            text += _flat(part)
        elif "think" in kind or "reason" in kind or "thought" in kind or "summary" in kind:
            thought += _flat(part)
    return Said(text, thought, refused=refused)


def _flat(value: Any) -> str:
    """The text within a part, at a depth that servers use."""
    for _ in range(4):
        if isinstance(value, list):
            return "".join(_flat(each) for each in value if isinstance(each, str | dict))
        if not isinstance(value, dict):
            break
        value = next(
            (
                value[name]
                for name in ("text", "thinking", "content", "value", "summary", "refusal", *_THOUGHT_FIELDS)
                if value.get(name)
            ),
            "",
        )
    return value if isinstance(value, str) else ""


_UNFINISHED = ("", "null", "none", "in_progress")
_CUT = (
    *("length", "max_tokens", "model_length", "max_output_tokens", "max_new_tokens", "max_length", "token_limit"),
    *("limit", "incomplete", "truncated", "context_length_exceeded", "model_context_window_exceeded"),
)
_WITHHELD = {
    "tool_calls": "it called a tool, of which there are none",
    "tool_use": "it called a tool, of which there are none",
    "function_call": "it called a function, of which there are none",
    "malformed_function_call": "it called a function, of which there are none",
    "content_filter": "the server's filter withheld it",
    "content_filtered": "the server's filter withheld it",
    "sensitive": "the server's filter withheld it",
    "safety": "the server's filter withheld it",
    "blocklist": "the server's filter withheld it",
    "prohibited_content": "the server's filter withheld it",
    "recitation": "the server withheld it as a quotation",
    "refusal": "the model refused",
    "error": "the server broke it off with an error",
    "abort": "the server broke it off",
    "aborted": "the server broke it off",
    "cancelled": "the server broke it off",
    "network_error": "the server broke it off",
    "insufficient_system_resource": "the server ran out of resources",
}
"""Ends that are none: what came before them is not the answer."""


def _finish(reason: Any, event: Mapping[str, Any]) -> tuple[Finish | None, str]:
    """Why a reply ended, None where it goes on; and in which words it was withheld."""
    word = reason.strip().lower() if isinstance(reason, str) else ""
    if word in _UNFINISHED:
        return None, ""
    if word in _WITHHELD:
        return Finish.STOP, _WITHHELD[word]
    if event.get("time_limit"):
        return Finish.TIME, ""
    return (Finish.LENGTH if word in _CUT else Finish.STOP), ""


def _logprobs(entries: Any) -> list[Any]:
    """The `logprob` of each entry; llama.cpp and OpenAI's chats have the same form."""
    entries = entries if isinstance(entries, list) else []
    return [entry.get("logprob") if isinstance(entry, dict) else None for entry in entries]


def _said(said: Said, logprobs: list[Any], count: int | None, finish: Finish | None) -> Said:
    known = [float(value) for value in logprobs if isinstance(value, int | float)]
    tokens = len(logprobs) or count or (1 if said.text or said.thought else 0)
    total = sum(known) if len(known) == tokens else math.nan
    return attrs.evolve(said, tokens=tokens, logprob=total, finish=finish)


_LONGEST_SAID = 300
_WORDS = ("error", "message", "detail", "errors", "msg", "title", "error_msg", "status_msg")


def error_text(body: Any) -> str:
    """What a server says in an error, short; the shapes differ."""
    for _ in range(4):
        if isinstance(body, list):
            return "; ".join(error_text(each) for each in body[:3])[:_LONGEST_SAID]
        if not isinstance(body, dict):
            break
        found = next((body[key] for key in _WORDS if body.get(key)), None)
        if found is None:
            break
        place = body.get("loc")
        if isinstance(place, list):  # FastAPI tells of each field that it refuses
            found = f"{'.'.join(str(each) for each in place)}: {error_text(found)}"
        body = found
    return " ".join(str(body).split())[:_LONGEST_SAID]
