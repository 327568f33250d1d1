"""What a server does not take, learnt from its refusals: said once, remembered for that server and model.

OpenAI's protocol has grown, and no two servers take the same of it. A refusal names a parameter in a field of its own
(`param`, FastAPI's `loc`) or in words; the request is sent again without it, with its new name, or with less. What is
never left out is what is asked: then the refusal is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import attrs

from hybrid_lsp.backends.calls import Call
from hybrid_lsp.backends.failures import Refusal
from hybrid_lsp.types import Chat, Infill, Request

_LEARNABLE = (400, 404, 413, 422, 500, 501)
_NEVER_LEFT_OUT = {"model", "messages", "prompt", "input_prefix", "input_suffix", "input_extra"}
_SCHEMAS = ("response_format", "format")
_SCHEMA_WORDS = re.compile(r"(?i)response.?format|\.format\b|json.?schema|structured.?output|guided|grammar")
_TOKENS, _NEW_TOKENS = "max_tokens", "max_completion_tokens"
_LIMITS = (_TOKENS, _NEW_TOKENS, "n_predict")
_OTHER_WORDS = {
    **dict.fromkeys(_SCHEMAS, _SCHEMA_WORDS),
    "stream_options": re.compile(r"(?i)\bstream[_ ]options\b"),
    "stop": re.compile(
        r"(?i)\b(?:parameters?|model|argument|supplied):? stop\b|\bstop(?:_| )?sequences?\b|`stop`|'stop'|\"stop\""
    ),
    "suffix": re.compile(r"(?i)\bsuffix\b|support insert"),
    "stream": re.compile(
        r"(?i)stream(?:ing)? (?:is |are )?(?:not|un)\w*|not support\w* stream|to stream this model"
        r"|unsupported for stream|`stream`|'stream'"
    ),
    _TOKENS: re.compile(r"(?i)\bmax_(?:new_)?tokens\b|maximum .{0,30}(?:completion|output) tokens"),
}
"""How parameters are spoken of in words; the others by their names."""
_SYSTEM = re.compile(r"(?i)\bsystem\b|\broles?\b|developer instruction")
_CONTEXT = re.compile(r"(?i)(?:context (?:length|size|window)|max_model_len|n_ctx)\D{0,24}(\d+)")
_PROMPT = re.compile(
    r"(?i)(\d+) (?:tokens? )?(?:in|from|of) (?:the |your )?(?:messages|prompt|input)|(\d+) (?:input|prompt) tokens"
    r"|(?:prompt|input|messages)\b[^\d.]{0,40}?(\d+) tokens|(?:prompt|request)\D{0,24}\((\d+)\b"
)
_OTHER_CONTEXTS = re.compile(
    r"(?i)(\d+) maximum|max\w*(?: model| prompt| sequence)? len(?:gth)?\b\D{0,10}(\d+)|max_seq_len\D{0,4}(\d+)"
    r"|(?:<=|less than|cannot exceed|limit of|> ?)\s?(\d+)|allowed \((\d+)\)"
)
"""The window as other servers tell it: TGI, Gemini, Anthropic, Cohere, xAI, TabbyAPI."""
_OTHER_PROMPTS = re.compile(
    r"(?i)(?:resulted in|\bgiven:|received|contains|keep the first|prompt tokens:) (\d+)|too long: (\d+)"
    r"|limit: (\d+) \+|token count \((\d+)\)|\(?length (\d+)\)? is\b|\((\d+) of text"
)
_NUMBER = re.compile(r"\d+")
_ROOM = 8
"""Tokens that are left free beside a prompt: servers count the ends of turns differently."""
_LEAST_ANSWER = 64
_LEAST_CHARS = 100


@attrs.define
class Learnt:
    """What is known of one server and model."""

    left_out: set[str] = attrs.field(factory=set)
    renamed: dict[str, str] = attrs.field(factory=dict)
    folds_system: bool = False
    streams: bool = True
    infills: bool = True
    """llama-server: whether the model has tokens to fill in with; else it continues the prefix."""
    has_room_to_think: bool = True
    """Whether the tokens for thinking may be asked for on top of those for the answer."""
    opens_in_thought: bool = False
    most_tokens: int | None = None
    """The most that may be asked for, whatever the prompt."""
    context: int | None = None
    chars_a_token: float = 3.0
    most_chars: int | None = None
    """The longest text to fill in, where a longer one did not fit."""
    _tried: set[str] = attrs.field(factory=set)
    """Left out on suspicion, until the server answers."""

    def shortened(self, request: Request) -> Request:
        """The request with as much text around the cursor as fits."""
        prompt = request.prompt
        if self.most_chars is None or isinstance(prompt, Chat):
            return request
        return attrs.evolve(request, prompt=_around_cursor(prompt, self.most_chars))

    def fit(self, call: Call) -> Call:
        """The call as this server takes it."""
        path, body = call.path, dict(call.body)
        if not self.infills and path == "/infill":
            path, body = "/completion", _continuing(body)
        if self.folds_system and "messages" in body:
            body["messages"] = _folded(body["messages"])
        self._limit(body)
        if not self.streams:
            body["stream"] = False
        for name in self.left_out | self._tried:
            body.pop(name, None)
        for old, new in self.renamed.items():
            if old in body:
                body[new] = body.pop(old)
        return Call(path, body)

    def answered(self) -> None:
        """The server took a request: what was left out on suspicion was the reason."""
        self.left_out |= self._tried
        self._tried = set()

    def learn(self, refusal: Refusal, call: Call) -> bool:
        """Whether the refusal of this call says something new, so that it is worth asking again."""
        if refusal.status not in _LEARNABLE:
            self._tried = set()
            return False
        return self._of_infill(refusal, call) or self._of_room(refusal, call) or self._of_parameters(refusal, call)

    # -- filling in --------------------------------------------------------------------------------------------------

    def _of_infill(self, refusal: Refusal, call: Call) -> bool:
        if call.path != "/infill" or not re.search(r"(?i)infill|fim|(?:prefix|suffix|middle) token", refusal.said):
            return False
        self.infills = False
        return True

    # -- room --------------------------------------------------------------------------------------------------------

    def _limit(self, body: dict[str, Any]) -> None:
        name = next((name for name in _LIMITS if name in body), None)
        if name is None:
            return
        wanted = body[name]
        if self.context is not None:
            room = self.context - int(_chars(body) / self.chars_a_token) - _ROOM
            wanted = min(wanted, max(room, _LEAST_ANSWER))
        body[name] = wanted if self.most_tokens is None else min(wanted, self.most_tokens)

    def _of_room(self, refusal: Refusal, call: Call) -> bool:
        """Less is asked for where prompt and answer do not fit together, then less is told."""
        name = next((name for name in _LIMITS if name in call.body), "")
        wanted = call.body.get(name, 0)
        if not refusal.is_too_long:
            most = _most(refusal.said, wanted) if _speaks_of_tokens(refusal) else None
            if most is None or not name:
                return False
            self.most_tokens = most
            return True
        context, prompt = _sizes(refusal)
        if context and prompt and _LEAST_ANSWER <= context - prompt - _ROOM < wanted:
            self.context, self.chars_a_token = context, max(0.5, _chars(call.body) / prompt)
            return True
        if (
            refusal.status != 413
            and self.has_room_to_think
            and "messages" in call.body
            and not (context and prompt and prompt >= context)
        ):
            self.has_room_to_think = False
            return True
        return self._of_length(call)

    def _of_length(self, call: Call) -> bool:
        """The prompt alone is too long: what is around a cursor can be cut, what was selected cannot."""
        size = _chars(call.body)
        if "messages" in call.body or size // 2 < _LEAST_CHARS:
            return False
        self.most_chars = min(size, self.most_chars or size) // 2
        return True

    # -- parameters --------------------------------------------------------------------------------------------------

    def _of_parameters(self, refusal: Refusal, call: Call) -> bool:
        named = [name for name in _named(refusal, call.body) if name not in _NEVER_LEFT_OUT]
        if _TOKENS in named and _NEW_TOKENS in refusal.said and _TOKENS not in self.renamed:
            self.renamed[_TOKENS] = _NEW_TOKENS
            return True
        if _NEW_TOKENS in named and _NEW_TOKENS in self.renamed.values():
            named = [*named, _TOKENS]  # by the name that the body is written with
        if "stream" in named and self.streams:
            self.streams = False
            return True
        fresh = set(named) - {"stream"} - self.left_out - self._tried
        if fresh:
            self.left_out |= fresh
            return True
        return self._of_roles(refusal, call) or self._on_suspicion(refusal, call)

    def _of_roles(self, refusal: Refusal, call: Call) -> bool:
        has_system = any(each.get("role") == "system" for each in call.body.get("messages", ()))
        if self.folds_system or not has_system or not _SYSTEM.search(f"{refusal.said} {_field(refusal)}"):
            return False
        self.folds_system = True
        return True

    def _on_suspicion(self, refusal: Refusal, call: Call) -> bool:
        """Not every server says why it takes no schema; the prompt asks for the same form in words."""
        schema = {name for name in _SCHEMAS if name in call.body}
        if not schema or refusal.status not in (400, 422):
            self._tried = set()
            return False
        self._tried = schema
        return True


def _named(refusal: Refusal, body: dict[str, Any]) -> list[str]:
    """The parameters of a request that its refusal names: by a field, else in words."""
    by_field = [name for name in body if name in re.split(r"[^\w]+", _field(refusal))]
    return by_field or [name for name in body if _spoken_of(name, refusal.said)]


def _spoken_of(name: str, said: str) -> bool:
    pattern = _OTHER_WORDS.get(name)
    if pattern is not None:
        return pattern.search(said) is not None
    return re.search(rf"(?i)(?<![\w.]){re.escape(name)}(?![\w])", said) is not None


def _field(refusal: Refusal) -> str:
    """The parameter that a refusal names in a field of its own."""
    return " ".join(_fields(refusal.body))


def _fields(body: Any, depth: int = 0) -> Iterator[str]:
    if isinstance(body, list):
        for each in body[:16]:
            yield from _fields(each, depth + 1)
    elif isinstance(body, dict) and depth < 6:
        if isinstance(param := body.get("param"), str):
            yield param
        if isinstance(place := body.get("loc"), list):
            yield from (each for each in place if isinstance(each, str))
        for key in ("error", "detail", "errors", "message"):
            yield from _fields(body.get(key), depth + 1)


def _speaks_of_tokens(refusal: Refusal) -> bool:
    return any(name in f"{refusal.said} {_field(refusal)}" for name in _LIMITS) or bool(
        _OTHER_WORDS[_TOKENS].search(refusal.said)
    )


def _most(said: str, wanted: int) -> int | None:
    """The most tokens that a refusal allows: the largest number in it below what was asked for."""
    return max((number for each in _NUMBER.findall(said) if 16 <= (number := int(each[:9])) < wanted), default=None)


def _sizes(refusal: Refusal) -> tuple[int | None, int | None]:
    """The tokens of the model's window and of the prompt, as a refusal tells them."""
    inner = refusal.body.get("error", refusal.body) if isinstance(refusal.body, dict) else None
    fields = inner if isinstance(inner, dict) else {}
    context, prompt = fields.get("n_ctx"), fields.get("n_prompt_tokens")
    if isinstance(context, int) and isinstance(prompt, int):
        return context, prompt
    return _told(refusal.said, _CONTEXT, _OTHER_CONTEXTS), _told(refusal.said, _OTHER_PROMPTS, _PROMPT)


def _told(said: str, *patterns: re.Pattern[str]) -> int | None:
    """The number that the first of several patterns finds."""
    found = next((found for each in patterns if (found := each.search(said))), None)
    return int(next(group for group in found.groups() if group)[:9]) if found else None


def _chars(body: dict[str, Any]) -> int:
    """Characters of the prompt in a body."""
    told = [str(body.get(name) or "") for name in ("prompt", "suffix", "input_prefix", "input_suffix")]
    told += [str(each.get("content", "")) for each in body.get("messages", ())]
    told += [str(each.get("text", "")) for each in body.get("input_extra", ())]
    return sum(map(len, told))


def _around_cursor(prompt: Infill, chars: int) -> Infill:
    """What is nearest to the cursor; a quarter of it after, at the most."""
    suffix = prompt.suffix[: chars // 4]
    return attrs.evolve(prompt, prefix=prompt.prefix[-(chars - len(suffix)) :], suffix=suffix, extra=())


def _folded(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages with what the system says at the head of the user's first."""
    system = [each["content"] for each in messages if each["role"] == "system"]
    rest = [dict(each) for each in messages if each["role"] != "system"]
    if rest and rest[0]["role"] == "user":
        rest[0]["content"] = "\n\n".join([*system, rest[0]["content"]])
        return rest
    return [{"role": "user", "content": "\n\n".join(system)}, *rest]


def _continuing(body: dict[str, Any]) -> dict[str, Any]:
    """llama.cpp's `/completion` of the prefix, in place of its `/infill`."""
    kept = {name: value for name, value in body.items() if not name.startswith("input_")}
    return kept | {"prompt": body["input_prefix"]}
