"""The JSON of the protocols: bodies to jobs, results to bodies.

`/infill` is llama.cpp's server's; the `/v1` shapes are OpenAI's. What differs from them is said here:
- unknown parameters are ignored, as those servers do; `seed` and penalties among them;
- `temperature` defaults to 0 on `/infill`: the same cursor gets the same ghost text;
- `t_max_predict_ms` counts from the first token and needs no line end to have been written; OpenAI's endpoints take
  it too; the summary of `/infill` says `time_limit` when it ended the text (its `stop_type` is `limit`);
- of the log-probabilities only the chosen token's are known;
- `priority` on `/infill` is ours: `background` asks ahead of need. Such a request goes after all others, and is ended
  at the next token when one of them comes: it then has `preempted`, and a `stop_type` of `limit`;
- `n_predict` 0 on `/infill` only prepares for a request like this one, in the background.
"""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from hybrid_lsp.engine.generation import Chunk, Limits, StopType, Summary, Token
from hybrid_lsp.engine.scheduler import Rank
from hybrid_lsp.engine.service import BadRequest, Job
from hybrid_lsp.types import ContextFile, Infill, Message

Json = dict[str, Any]
_MOST_STOPS = 16
_LARGEST_COUNT = 2**31 - 1


@attrs.frozen
class Fields:
    """A request's body, read by name and type. Every complaint is a BadRequest that names the field."""

    body: Mapping[str, Any]

    def text(self, name: str, default: str | None = None) -> str:
        value = self._get(name, default)
        if not isinstance(value, str):
            raise _wrong(name, "a text")
        return value

    def whole(self, name: str, default: int, low: int, high: int = _LARGEST_COUNT) -> int:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise _wrong(name, f"a whole number from {low} to {high}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise _wrong(name, f"a number from {low:g} to {high:g}")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self._get(name, default=False)
        if not isinstance(value, bool):
            raise _wrong(name, "true or false")
        return value

    def mappings(self, name: str) -> list[Json]:
        value = self._get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise _wrong(name, "a list of objects")
        return value

    def mapping(self, name: str) -> Fields:
        value = self._get(name, None)
        if not isinstance(value, dict):
            raise _wrong(name, "an object")
        return Fields(value)

    def one_of(self, name: str, *allowed: str) -> str:
        """The first where the field is absent."""
        value = self._get(name, allowed[0])
        if value not in allowed:
            raise _wrong(name, " or ".join(allowed))
        return str(value)

    def stop(self) -> tuple[str, ...]:
        value = self._get("stop", [])
        value = [value] if isinstance(value, str) else value
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(value) > _MOST_STOPS:
            raise _wrong("stop", f"a text or a list of at most {_MOST_STOPS} texts")
        return tuple(item for item in value if item)

    def has(self, name: str) -> bool:
        return self.body.get(name) is not None

    def _get(self, name: str, default: Any) -> Any:
        """A field's value; null is as good as absent."""
        value = self.body.get(name)
        value = default if value is None else value
        if value is None:
            raise BadRequest(f"`{name}` is missing.")
        return value


def _wrong(name: str, wanted: str) -> BadRequest:
    return BadRequest(f"`{name}` must be {wanted}.")


def parse(raw: bytes) -> Fields:
    """A body as fields. Raises BadRequest."""
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequest("The body must be a JSON object.")
    return Fields(body)


def infill_job(fields: Fields) -> Job:
    """`POST /infill`: `prompt` stands between the prefix and the cursor. Our own are `draft`, a guess at the reply, and
    `least_logprob`, the sum of log-probabilities in nats below which a first line ends."""
    extra = tuple(
        ContextFile(Fields(item).text("filename", "extra"), Fields(item).text("text"))
        for item in fields.mappings("input_extra")
    )
    prefix = fields.text("input_prefix", "") + fields.text("prompt", "")
    wanted = fields.whole("n_predict", -1, -1)
    infill = Infill(prefix, fields.text("input_suffix", ""), extra)
    job = _job(fields, infill, None if wanted < 0 else wanted, temperature=0.0)
    job.draft = fields.text("draft", "")
    if fields.has("least_logprob"):
        job.limits = attrs.evolve(job.limits, least=fields.number("least_logprob", 0.0, -_LARGEST_COUNT, 0.0))
    if fields.one_of("priority", "interactive", "background") == "background" or wanted == 0:
        job.rank = Rank.BACKGROUND
    return job


def completion_job(fields: Fields) -> Job:
    """`POST /v1/completions`; with a `suffix` the model's own FIM format is used."""
    prompt = fields.body.get("prompt")
    prompt = prompt[0] if isinstance(prompt, list) and len(prompt) == 1 else prompt
    if not isinstance(prompt, str):
        raise BadRequest("`prompt` must be one text (lists of texts and of tokens are not served).")
    _refuse_several(fields)
    schema = _schema(fields)
    if schema is not None and fields.has("suffix"):
        raise BadRequest("`response_format` and `suffix` do not go together.")
    chosen = Infill(prompt, fields.text("suffix")) if fields.has("suffix") else prompt
    job = _job(fields, chosen, fields.whole("max_tokens", 16, 0), temperature=1.0)
    job.schema = schema
    return job


def chat_job(fields: Fields, stops: Sequence[str]) -> Job:
    """`POST /v1/chat/completions`; `stops` end a turn in formats without a token for it."""
    messages = tuple(_message(Fields(item)) for item in fields.mappings("messages"))
    if not messages:
        raise BadRequest("`messages` must hold at least one message.")
    _refuse_several(fields)
    wanted = fields.whole("max_completion_tokens" if fields.has("max_completion_tokens") else "max_tokens", -1, -1)
    job = _job(fields, messages, None if wanted < 0 else wanted, temperature=1.0)
    job.limits = attrs.evolve(job.limits, stop=(*job.limits.stop, *stops))
    job.rank = Rank.ORDERLY
    job.schema = _schema(fields)
    return job


def _schema(fields: Fields) -> Json | None:
    """The JSON schema of a `response_format`; None where any text will do."""
    if not fields.has("response_format"):
        return None
    wanted = fields.mapping("response_format")
    kind = wanted.one_of("type", "text", "json_object", "json_schema")
    if kind == "json_schema":
        return dict(wanted.mapping("json_schema").mapping("schema").body)
    return {"type": "object"} if kind == "json_object" else None


def _job(fields: Fields, prompt: Infill | str | tuple[Message, ...], wanted: int | None, temperature: float) -> Job:
    budget = fields.whole("t_max_predict_ms", 0, -1)
    return Job(
        prompt=prompt,
        max_tokens=wanted,
        temperature=fields.number("temperature", temperature, 0, 100),
        top_k=fields.whole("top_k", 40, 0),
        top_p=fields.number("top_p", 0.95, 0, 1),
        limits=Limits(fields.stop(), budget if budget > 0 else None),
    )


def _message(fields: Fields) -> Message:
    role, content = fields.text("role"), fields.body.get("content")
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, dict) and part.get("type") == "text"]
        if len(parts) != len(content):
            raise BadRequest("Of a message's parts only those of type `text` are served.")
        content = "".join(Fields(part).text("text") for part in parts)
    if not isinstance(content, str):
        raise BadRequest("`content` of a message must be a text.")
    if role not in ("system", "developer", "user", "assistant"):
        raise BadRequest("`role` must be system, user or assistant.")
    return Message("system" if role == "developer" else role, content)


def _refuse_several(fields: Fields) -> None:
    if fields.whole("n", 1, 1, 128) != 1:
        raise BadRequest("`n` above 1 is not served.")


class InfillShape:
    """llama.cpp's bodies."""

    done: str | None = None

    def __init__(self, model: str, fields: Fields) -> None:
        self._model = model
        self._logprobs = fields.whole("n_probs", 0, 0, 1000) > 0
        self._predicted = 0

    def chunk(self, chunk: Chunk) -> Json:
        self._predicted += len(chunk.tokens)
        return {
            "index": 0,
            "content": chunk.text,
            "tokens": [token.id for token in chunk.tokens],
            "stop": False,
            "tokens_predicted": self._predicted,
        } | self._probabilities(chunk.tokens)

    def last(self, summary: Summary) -> list[Json]:
        return [self._summary("", summary)]

    def whole(self, chunks: Sequence[Chunk], summary: Summary) -> Json:
        text = "".join(chunk.text for chunk in chunks)
        return self._summary(text, summary) | self._probabilities(_tokens(chunks))

    def _summary(self, text: str, summary: Summary) -> Json:
        return {
            "index": 0,
            "content": text,
            "tokens": [],
            "stop": True,
            "model": self._model,
            "tokens_predicted": summary.tokens,
            "tokens_evaluated": summary.prompt_tokens,
            "tokens_cached": summary.reused_tokens,
            "stop_type": str(summary.stop_type if summary.is_whole else StopType.LIMIT),
            "stopping_word": summary.stop_word,
            "time_limit": summary.stop_type is StopType.TIME,
            "preempted": summary.stop_type is StopType.PREEMPTED,
            "timings": timings(summary),
        }

    def _probabilities(self, tokens: Iterable[Token]) -> Json:
        return {"completion_probabilities": [_probability(token) for token in tokens]} if self._logprobs else {}


class CompletionShape:
    """OpenAI's text completions."""

    done: str | None = "[DONE]"

    def __init__(self, model: str, fields: Fields) -> None:
        self._head = _head("cmpl", "text_completion", model)
        self._logprobs = fields.has("logprobs") and fields.body["logprobs"] is not False
        self._usage = _wants_usage(fields)
        self._offset = 0

    def chunk(self, chunk: Chunk) -> Json:
        return self._head | {"choices": [self._choice(chunk.text, chunk.tokens, None)]}

    def last(self, summary: Summary) -> list[Json]:
        bodies = [self._head | {"choices": [self._choice("", (), finish_reason(summary))]} | _timings(summary)]
        return bodies + ([self._head | {"choices": [], "usage": usage(summary)}] if self._usage else [])

    def whole(self, chunks: Sequence[Chunk], summary: Summary) -> Json:
        choice = self._choice("".join(chunk.text for chunk in chunks), _tokens(chunks), finish_reason(summary))
        return self._head | {"choices": [choice], "usage": usage(summary)} | _timings(summary)

    def _choice(self, text: str, tokens: Sequence[Token], finish: str | None) -> Json:
        logprobs = self._listed(tokens) if self._logprobs else None
        return {"index": 0, "text": text, "logprobs": logprobs, "finish_reason": finish}

    def _listed(self, tokens: Sequence[Token]) -> Json:
        offsets = []
        for token in tokens:
            offsets.append(self._offset)
            self._offset += len(token.text)
        return {
            "tokens": [token.text for token in tokens],
            "token_logprobs": [_finite(token.logprob) for token in tokens],
            "top_logprobs": None,
            "text_offset": offsets,
        }


class ChatShape:
    """OpenAI's chat completions."""

    done: str | None = "[DONE]"

    def __init__(self, model: str, fields: Fields) -> None:
        self._logprobs = fields.flag("logprobs")
        self._usage = _wants_usage(fields)
        object_name = "chat.completion.chunk" if fields.flag("stream") else "chat.completion"
        self._head = _head("chatcmpl", object_name, model)
        self._role: Json = {"role": "assistant"}

    def chunk(self, chunk: Chunk) -> Json:
        delta, self._role = self._role | {"content": chunk.text}, {}
        return self._head | {"choices": [self._choice({"delta": delta}, chunk.tokens, None)]}

    def last(self, summary: Summary) -> list[Json]:
        choice = self._choice({"delta": self._role}, (), finish_reason(summary))
        bodies = [self._head | {"choices": [choice]} | _timings(summary)]
        return bodies + ([self._head | {"choices": [], "usage": usage(summary)}] if self._usage else [])

    def whole(self, chunks: Sequence[Chunk], summary: Summary) -> Json:
        message = {"role": "assistant", "content": "".join(chunk.text for chunk in chunks)}
        choice = self._choice({"message": message}, _tokens(chunks), finish_reason(summary))
        return self._head | {"choices": [choice], "usage": usage(summary)} | _timings(summary)

    def _choice(self, content: Json, tokens: Sequence[Token], finish: str | None) -> Json:
        listed = {"content": [_probability(token) for token in tokens]} if self._logprobs else None
        return {"index": 0, **content, "logprobs": listed, "finish_reason": finish}


Shape = InfillShape | CompletionShape | ChatShape


def error_body(message: str, kind: str, status: int) -> Json:
    """An error as llama.cpp and OpenAI's clients read it."""
    return {"error": {"code": status, "message": message, "type": kind}}


def finish_reason(summary: Summary) -> str:
    return "stop" if summary.is_whole else "length"


def usage(summary: Summary) -> Json:
    return {
        "prompt_tokens": summary.prompt_tokens,
        "completion_tokens": summary.tokens,
        "total_tokens": summary.prompt_tokens + summary.tokens,
    }


def timings(summary: Summary) -> Json:
    """llama.cpp's `timings`: `cache_n` tokens of the prompt were known, `prompt_n` computed; `cpu_ms` is our own."""
    computed = summary.prompt_tokens - summary.reused_tokens
    return {
        "cache_n": summary.reused_tokens,
        "prompt_n": computed,
        "prompt_ms": summary.first_ms,
        "prompt_per_token_ms": summary.first_ms / max(1, computed),
        "prompt_per_second": _rate(computed, summary.first_ms),
        "predicted_n": summary.tokens,
        "predicted_ms": summary.decode_ms,
        "predicted_per_token_ms": summary.decode_ms / max(1, summary.tokens),
        "predicted_per_second": _rate(summary.tokens, summary.decode_ms),
        "cpu_ms": summary.cpu_ms,
    }


def _timings(summary: Summary) -> Json:
    # Whoever reads `time_limit` here is our own client; other clients ignore what they do not know.
    return {"timings": timings(summary), "time_limit": summary.stop_type is StopType.TIME}


def _rate(count: int, milliseconds: float) -> float:
    return count / milliseconds * 1000 if milliseconds > 0 else 0.0


def _head(prefix: str, kind: str, model: str) -> Json:
    return {"id": f"{prefix}-{uuid.uuid4().hex}", "object": kind, "created": int(time.time()), "model": model}


def _wants_usage(fields: Fields) -> bool:
    options = fields.body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _tokens(chunks: Sequence[Chunk]) -> list[Token]:
    return [token for chunk in chunks for token in chunk.tokens]


def _probability(token: Token) -> Json:
    own = {"id": token.id, "token": token.text, "bytes": list(token.text.encode()), "logprob": _finite(token.logprob)}
    return own | {"top_logprobs": [own]}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
