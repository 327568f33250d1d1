"""Model servers that say what a test has written, in the words of llama-server, vLLM and Ollama.

The words are those of the servers' sources and documents; Ollama's are checked against the types of its own client,
what it is asked and what it answers.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import attrs
import ollama
import pydantic
from listener import listening

from hybrid_lsp.backends.endpoint import Endpoint

Json = dict[str, Any]
LOGPROB = -0.5
CONTEXT = 32768
_NOW = "2026-01-01T00:00:00Z"
_OURS = {"truncate", "shift"}
"""Known to Ollama's server, and not yet to its client."""


@attrs.frozen
class Said:
    """A token, or with `reason` the end; the counts are of the prompt and of the answer so far."""

    text: str
    reason: str | None
    read: int
    written: int


@attrs.frozen
class Shape:
    """One server's words: `tell` makes the bytes of what is said at a path, `most` and `stops` read a request."""

    tell: Callable[[str, Said], bytes]
    most: Callable[[Json], int]
    stops: Callable[[Json], list[str]]
    kind: str = "text/event-stream"
    end: bytes = b""


@attrs.frozen
class Refused:
    """An answer that is none."""

    status: str
    body: Json


@attrs.define
class Scripted:
    """Says `reply` token by token, each with a permit; counts the generations whose client left."""

    shape: Shape
    reply: str
    permits: asyncio.Semaphore = attrs.field(factory=lambda: asyncio.Semaphore(0))
    cancelled: int = 0
    working: int = 0
    """Generations that it is at."""
    more: Callable[[str, Json], Json | list[Json] | Refused | None] = lambda path, body: None
    """Answers to everything else; a list is streamed, each with a permit."""
    asked: list[tuple[str, Json]] = attrs.field(factory=list)
    endpoint: Endpoint = attrs.field(init=False)

    def let(self, tokens: int) -> None:
        for _ in range(tokens):
            self.permits.release()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            length = re.search(r"(?i)content-length: (\d+)", head)
            body = json.loads(await reader.readexactly(int(length[1]))) if length else {}
            path = head.split(" ")[1]
            self.asked.append((path, body))
            await self._answer(path, body, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass

    async def _answer(self, path: str, body: Json, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        known = self.more(path, body)
        if known is None:
            replies = said_of(self.reply, self.shape.most(body), self.shape.stops(body))
            parts = [self.shape.tell(path, said) for said in replies]
            return await self._stream([*parts], self.shape.end, self.shape.kind, reader, writer)
        if isinstance(known, list):
            return await self._stream(list(map(_line, known)), b"", "application/x-ndjson", reader, writer)
        status, value = (known.status, known.body) if isinstance(known, Refused) else ("200 OK", known)
        writer.write(_head("application/json", status) + _line(value))
        return await writer.drain()

    async def _stream(
        self, parts: list[bytes], end: bytes, kind: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(_head(kind))
        gone = asyncio.ensure_future(reader.read())
        self.working += 1
        try:
            for part in parts:
                permit = asyncio.ensure_future(self.permits.acquire())
                await asyncio.wait({permit, gone}, return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    permit.cancel()
                    self.cancelled += 1
                    return None
                writer.write(part)
                await writer.drain()
            writer.write(end)
            return await writer.drain()
        finally:
            self.working -= 1
            gone.cancel()


def said_of(reply: str, most: int, stops: list[str]) -> list[Said]:
    """What a server says of a reply, for a limit in tokens and its stop strings."""
    words, said, text = re.findall(r"\S+\s*", reply), list[Said](), ""
    for number, word in enumerate(words[:most], 1):
        text += word
        places = [place for stop in stops if (place := text.find(stop)) >= 0]
        if places:
            rest = text[len(text) - len(word) : min(places)]
            return [*said, Said(rest, None, 7, number), Said("", "stop", 7, number)]
        said.append(Said(word, None, 7, number))
    return [*said, Said("", "length" if most < len(words) else "stop", 7, min(most, len(words)))]


@asynccontextmanager
async def serving(server: Scripted) -> AsyncIterator[Scripted]:
    """The server on a port of this machine."""
    async with listening(server) as port:
        server.endpoint = Endpoint(f"http://127.0.0.1:{port}")
        yield server


@contextmanager
def beside(server: Scripted, permits: int = 10_000) -> Iterator[Scripted]:
    """The server on a thread of its own, for a test that waits for what asks it, with permits for what it says."""
    loop, stop, ready = asyncio.new_event_loop(), asyncio.Event(), threading.Event()

    async def serve() -> None:
        async with serving(server):
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(30)
    loop.call_soon_threadsafe(server.let, permits)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _line(body: Json) -> bytes:
    return json.dumps(body).encode() + b"\n"


def _head(kind: str, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n\r\n".encode()


def _event(body: Json) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


# -- llama-server ----------------------------------------------------------------------------------------------------


def _llama_cpp(path: str, said: Said) -> bytes:
    timings = {"cache_n": 2, "prompt_n": said.read - 2, "predicted_n": said.written, "prompt_ms": 1.5}
    if path == "/infill":
        entry = {"id": 1, "token": said.text, "bytes": [], "logprob": LOGPROB, "top_logprobs": []}
        body: Json = {"index": 0, "content": said.text, "tokens": [1] if said.text else [], "stop": bool(said.reason)}
        body |= {"id_slot": 0, "tokens_predicted": said.written, "tokens_evaluated": said.read}
        if said.reason is None:
            return _event(body | {"completion_probabilities": [entry]})
        return _event(body | {"stop_type": "limit" if said.reason == "length" else "eos", "timings": timings})
    choice = {"index": 0, "finish_reason": said.reason, "delta": {"content": said.text} if said.text else {}}
    body = {"choices": [choice], "created": 1, "id": "chatcmpl-1", "model": "any", "object": "chat.completion.chunk"}
    return _event(body | ({"timings": timings} if said.reason else {}))


LLAMA_CPP = Shape(
    _llama_cpp,
    most=lambda body: body.get("n_predict", body.get("max_tokens", 10**6)),
    stops=lambda body: body.get("stop", []),
)

# -- vLLM ------------------------------------------------------------------------------------------------------------


def _vllm(path: str, said: Said) -> bytes:
    text: Json = {"index": 0, "finish_reason": said.reason, "stop_reason": None}
    if path.endswith("/chat/completions"):
        kind, text = "chat.completion.chunk", text | {"delta": {"content": said.text}, "logprobs": None}
    else:
        known = {"text_offset": [0], "token_logprobs": [LOGPROB], "tokens": [said.text], "top_logprobs": [{}]}
        kind, text = "text_completion", text | {"text": said.text, "logprobs": known if said.text else None}
    base: Json = {"id": "cmpl-1", "object": kind, "created": 1, "model": "scripted"}
    event = _event(base | {"choices": [text]})
    if said.reason is None:
        return event
    usage = {"prompt_tokens": said.read, "total_tokens": said.read + said.written, "completion_tokens": said.written}
    return event + _event(base | {"choices": [], "usage": usage | {"prompt_tokens_details": {"cached_tokens": 2}}})


VLLM = Shape(
    _vllm,
    most=lambda body: body.get("max_completion_tokens") or body.get("max_tokens") or 16,
    stops=lambda body: body.get("stop") or [],
    end=b"data: [DONE]\n\n",
)

# -- Ollama ----------------------------------------------------------------------------------------------------------


def checked(model: type[pydantic.BaseModel], value: Json, *, allowed: set[str] = frozenset()) -> Json:  # type: ignore[assignment]
    """A value of one of the client's types, without a field that the type has not."""
    fields = {field.alias or name for name, field in model.model_fields.items()}
    assert set(value) <= fields | allowed, set(value) - fields - allowed
    model.model_validate(value, strict=True)
    return value


def check_request(path: str, body: Json) -> None:
    """Whether Ollama's own client could have asked that."""
    kinds = {"/api/generate": ollama._types.GenerateRequest, "/api/chat": ollama._types.ChatRequest}
    kinds |= {"/api/show": ollama._types.ShowRequest, "/api/pull": ollama._types.PullRequest}
    checked(kinds[path], body, allowed=_OURS)
    checked(ollama.Options, body.get("options", {}))


def _ollama(path: str, said: Said) -> bytes:
    body: Json = {"model": "scripted", "created_at": _NOW, "done": said.reason is not None}
    chats = path == "/api/chat"
    body |= {"message": {"role": "assistant", "content": said.text}} if chats else {"response": said.text}
    if said.text:
        body["logprobs"] = [{"token": said.text, "logprob": LOGPROB}]
    if said.reason is not None:
        body |= {"done_reason": said.reason, "total_duration": 9, "load_duration": 1, "prompt_eval_duration": 3}
        body |= {"prompt_eval_count": said.read, "eval_count": said.written, "eval_duration": 5}
    checked(ollama.ChatResponse if chats else ollama.GenerateResponse, body)
    return json.dumps(body).encode() + b"\n"


OLLAMA = Shape(
    _ollama,
    most=lambda body: body["options"]["num_predict"],
    stops=lambda body: body["options"].get("stop", []),
    kind="application/x-ndjson",
)


@attrs.define
class OllamaStore:
    """What a scripted Ollama has: its version, and models by their names, which are alike; `loaded` is the context that
    they are in memory with, `pulls` what a pull says, by the model. `mistakes` are the bodies it should not be sent."""

    version: str = "0.14.1"
    capabilities: tuple[str, ...] | None = ("completion", "insert")
    context: int = CONTEXT
    parameters: str = ""
    names: tuple[str, ...] = ("scripted:latest",)
    loaded: int = 0
    pulls: dict[str, list[Json]] = attrs.field(factory=dict)
    mistakes: list[str] = attrs.field(factory=list)

    def __call__(self, path: str, body: Json) -> Json | list[Json] | Refused | None:
        if path == "/api/version":
            return {"version": self.version}
        if path == "/api/tags":
            return checked(ollama.ListResponse, {"models": [self._listed(each) for each in self.names]})
        if path == "/api/ps":
            loaded = [self._loaded(each) for each in self.names if self.loaded]
            return checked(ollama.ProcessResponse, {"models": loaded})
        try:
            check_request(path, body)
        except (AssertionError, pydantic.ValidationError, KeyError) as error:
            self.mistakes.append(f"{path}: {error}")
        if path == "/api/pull":
            return self._pulled(body["model"])
        if (name := body.get("model", "")) not in {*self.names, *(each.removesuffix(":latest") for each in self.names)}:
            return Refused("404 Not Found", {"error": f"model '{name}' not found"})
        if path == "/api/show":
            return checked(ollama.ShowResponse, self._shown)
        if path == "/api/generate" and not body.get("prompt"):
            return {"model": "scripted", "created_at": _NOW, "response": "", "done": True, "done_reason": "load"}
        return None

    def _pulled(self, name: str) -> list[Json]:
        said = self.pulls.get(name, [{"error": "pull model manifest: file does not exist"}])
        if not any("error" in each for each in said):
            self.names += (name,)
        return [each if "error" in each else checked(ollama.ProgressResponse, each) for each in said]

    def _loaded(self, name: str) -> Json:
        return {"name": name, "model": name, "size": 1, "digest": "d7", "context_length": self.loaded}

    def _listed(self, name: str) -> Json:
        details = {"format": "gguf", "family": "qwen2", "parameter_size": "1.5B", "quantization_level": "Q4_K_M"}
        return {"model": name, "size": 986_062_089, "digest": "d7372fd828", "details": details}

    @property
    def _shown(self) -> Json:
        shown: Json = {"template": "{{ .Prompt }}", "parameters": self.parameters, "details": {"format": "gguf"}}
        shown["license"] = "\nApache License\nVersion 2.0\n"
        shown["model_info"] = {"general.architecture": "qwen2", "qwen2.context_length": self.context}
        shown["model_info"]["general.parameter_count"] = 1_543_714_304
        return shown | ({"capabilities": list(self.capabilities)} if self.capabilities is not None else {})
