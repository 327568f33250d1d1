"""What went wrong around an exchange, as one error that names the cause and what to do about it.

No message holds a key: not the one that was sent, nor what a base address has in its query.
"""

from __future__ import annotations

import email.utils
import json
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import httpx

from hybrid_lsp.backends import dialects
from hybrid_lsp.backends.dialects import CHECK_URL
from hybrid_lsp.backends.endpoint import Endpoint, shown_url
from hybrid_lsp.backends.events import page_title
from hybrid_lsp.errors import BackendError, BackendFailed, BackendRefused, BackendTimeout, BackendUnavailable

BUSY = (429, 502, 503, 504, 529)
_SEE_LOG = "See the server's log."
_AUTH = (401, 403)
_MISSING = (404, 405)
_VERSION = re.compile(r"/(?:v\d|openai|api|deployments)\b")
_NO_MODEL = re.compile(
    r"(?i)(?:model|deployment)\b.{0,80}(?:not (?:be )?found|not exist|unknown|not available|no such|not loaded|invalid)"
    r"|(?:no|unknown|invalid) (?:such )?model|not a valid model|pull(?:ing)? it first"
)
_TLS_WANTED = re.compile(r"(?i)http request (?:was sent )?to (?:an? )?https|client sent an http request|requires tls")
_TOO_LONG = re.compile(
    r"(?i)context.{0,20}(?:length|size|window)|exceed.{0,30}context|maximum context|max_model_len|too many (?:input )?"
    r"tokens|prompt (?:is )?too long|input (?:is )?too long|string too long|reduce the length|n_ctx"
    r"|tokens \+ `?max_new_|must have less than \d+ tokens"
    r"|token count.{0,24}exceeds|exceeds (?:the )?(?:model )?max|maximum prompt length"
    r"|max_seq_len|longer than the max|model max length"
)
_OF_THE_ANSWER = re.compile(r"(?i)max(?:imum value for)? ?`?max_tokens|max_tokens`? must be|valid range of max_tokens")
"""What is refused is the length that was asked for, whatever else is told of the model's window."""
_QUOTA = re.compile(
    r"(?i)insufficient.{0,10}(?:quota|balance|credit|funds)|exceeded your current quota|billing|credits"
)


@attrs.frozen
class Refusal:
    """An answer that is none: the status, what the server says (short, no markup), and its JSON where it is any."""

    status: int
    said: str
    body: Any = attrs.field(default=None, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    is_page: bool = False
    is_event: bool = False

    @classmethod
    def of(cls, response: httpx.Response, raw: bytes, secret: str) -> Refusal:
        """Read one; `secret` is taken out of what the server says."""
        text = raw.decode("utf-8", "replace").strip()
        is_page = text[:1] == "<"
        body = _json(text)
        said = page_title(text) if is_page else dialects.error_text(body) if body else " ".join(text.split())[:200]
        said = said or response.reason_phrase
        if secret:
            said = said.replace(secret, "…")
        return cls(response.status_code, said, body, response.headers, is_page)

    @classmethod
    def reported(cls, event: Any) -> Refusal:
        """An error that came as an event, before any text."""
        inner = event.get("error") if isinstance(event, dict) else None
        code = inner.get("code") if isinstance(inner, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 400
        return cls(status, dialects.error_text(event), event, is_event=True)

    @property
    def is_too_long(self) -> bool:
        """Whether the prompt, or what is asked for with it, does not fit the model."""
        if self.status == 413:
            return True
        is_told = _TOO_LONG.search(self.said) is not None and _OF_THE_ANSWER.search(self.said) is None
        return self.status not in (*_AUTH, 429) and is_told

    def wait_s(self, now: float | None = None) -> float | None:
        """Seconds after which a busy server wants to be asked again, as it says; None where it does not."""
        if (milliseconds := _number(self.headers.get("retry-after-ms"))) is not None:
            return milliseconds / 1000
        after = self.headers.get("retry-after", "").strip()
        if (seconds := _number(after)) is not None:
            return seconds
        try:
            date = email.utils.parsedate_to_datetime(after)
        except ValueError:
            return None
        return max(0.0, date.timestamp() - (time.time() if now is None else now))

    @property
    def comes_back(self) -> bool:
        """Whether a busy server will surely answer, though it does not say when: it loads, or counts requests."""
        return self.status in (429, 529) or re.search(r"(?i)\bload(?:ing)?\b", self.said) is not None

    @property
    def is_busy(self) -> bool:
        """Whether the same request may work later."""
        return self.status in BUSY and not _QUOTA.search(self.said)


def _number(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@attrs.frozen
class Situation:
    """Who was asked: the backend's name, where, at which path, the variable of its key; of an Ollama the model."""

    name: str
    endpoint: Endpoint
    path: str = ""
    api_key_env: str = ""
    ollama_model: str = ""

    def of_refusal(self, refusal: Refusal) -> BackendError:
        """The error that an answer other than 2xx stands for."""
        told = "reports" if refusal.is_event else f"answered {refusal.status}"
        message = f"{self.name} {told}: {refusal.said}"
        if 300 <= refusal.status < 400:
            return self._redirected(refusal)
        if _TLS_WANTED.search(refusal.said):
            return BackendUnavailable(message, f"Write `{self._with_scheme('https')}` in `base_url`.")
        if refusal.is_too_long:
            return BackendRefused(message, SHORTER)
        if refusal.is_busy:
            return BackendUnavailable(message, self._later(refusal))
        return BackendFailed(message, self._remedy(refusal))

    def of_exception(self, error: BaseException, timeout_s: float) -> BackendError:
        """The error that anything else around an exchange stands for."""
        if isinstance(error, BackendError):
            return error
        if isinstance(error, TimeoutError | httpx.PoolTimeout | httpx.WriteTimeout | httpx.ReadTimeout):
            return self.late(timeout_s)
        chain = list(chain_of(error))
        for cause in chain:
            if isinstance(cause, ssl.SSLError):
                return self._insecure(cause)
        return self._unproxied(error) or self._unreachable(error, chain)

    def late(self, timeout_s: float) -> BackendTimeout:
        """The whole reply took too long."""
        return BackendTimeout(
            f"{self.name} did not finish within {timeout_s:g} s.", "Raise `timeout_s`, or ask a faster model."
        )

    def _unproxied(self, error: BaseException) -> BackendError | None:
        """A proxy that does not answer, or refuses; None where there is none."""
        try:
            proxy = self.endpoint.proxy
        except (BackendError, httpx.InvalidURL):
            return None
        if proxy is None or not isinstance(
            error, httpx.ProxyError | httpx.ConnectError | httpx.ConnectTimeout | OSError
        ):
            return None
        said = f" ({error})" if isinstance(error, httpx.ProxyError) and str(error) else ""
        return BackendUnavailable(
            f"The proxy {proxy.shown} that {proxy.variable} names does not let {self.name} be reached{said}.",
            f"Correct {proxy.variable}, or unset it, or add the server's host to NO_PROXY.",
        )

    def _unreachable(self, error: BaseException, chain: list[BaseException]) -> BackendError:
        where = self.endpoint.shown
        if any(isinstance(each, socket.gaierror) for each in chain):
            return BackendUnavailable(
                f"No machine is known by the name in {where}.", "Correct `base_url`, or check the network."
            )
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | OSError):
            start = "Start it, for example: ollama serve" if self.ollama_model else "Start the server"
            return BackendUnavailable(f"Nobody answers at {where}.", f"{start}, or correct `base_url`.")
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | ValueError | OverflowError):
            return BackendUnavailable(f"{where} is no address of a server.", "Correct `base_url`.")
        remedy = _SEE_LOG
        if isinstance(error, httpx.RemoteProtocolError) and self._is_plain:
            if r"\x15\x03" in str(error) or "\x15\x03" in str(error):
                return BackendUnavailable(
                    f"The server at {where} speaks https.", f"Write `{self._with_scheme('https')}` in `base_url`."
                )
            remedy = f"See the server's log; if it speaks https, write `{self._with_scheme('https')}` in `base_url`."
        return BackendFailed(f"{self.name} broke off ({type(error).__name__}).", remedy)

    def _insecure(self, error: ssl.SSLError) -> BackendError:
        where = self.endpoint.shown
        if isinstance(error, ssl.SSLCertVerificationError):
            why = error.verify_message or error.reason or "it cannot be verified"
            return BackendUnavailable(
                f"The certificate of {where} is not trusted: {why}.",
                "Set the environment variable SSL_CERT_FILE to a file with the certificate that it is signed by.",
            )
        said = (error.reason or str(error)).replace("_", " ").lower()
        return BackendUnavailable(
            f"The server at {where} does not speak https ({said}).",
            f"Write `{self._with_scheme('http')}` in `base_url`, if it is a server without encryption.",
        )

    def _redirected(self, refusal: Refusal) -> BackendError:
        target = refusal.headers.get("location", "")
        try:
            url = self.endpoint.url(self.path).join(target)
            base = shown_url(str(url)).removesuffix("/").removesuffix(self.path)
        except (httpx.InvalidURL, ValueError):
            base = ""
        if not target or not base:
            return BackendFailed(f"{self.name} answered {refusal.status}: it has moved.", CHECK_URL)
        # Not followed by itself: code and key would go where the user has not said.
        return BackendFailed(
            f"{self.name} redirects to {base}.", f"If you trust that address, set `base_url` to `{base}`."
        )

    def _later(self, refusal: Refusal) -> str:
        proxy = self.endpoint.proxy
        if proxy is not None and refusal.is_page:
            return f"The answer may be that of the proxy {proxy.shown}: check {proxy.variable}."
        wait = refusal.wait_s()
        if refusal.status == 429:
            when = f"in {wait:.0f} s" if wait else "in a moment"
            return f"Ask again {when}, or use a server or an account with a higher limit."
        return f"Try again in {wait:.0f} s." if wait else "Try again when the server is ready."

    def _remedy(self, refusal: Refusal) -> str:
        """What to do about a request that the server does not take."""
        if refusal.status in _AUTH:
            return self._key()
        if refusal.status == 407:
            return "Write the name and the password for the proxy into its variable: http://NAME:PASSWORD@HOST:PORT."
        if refusal.status == 402 or _QUOTA.search(refusal.said):
            return "Check the balance and the limits of your account there."
        if _NO_MODEL.search(refusal.said):
            if self.ollama_model:
                return f"Run: hybrid-lsp models pull ollama:{self.ollama_model}"
            return "Set `model` to a name that the server knows its model by; its `/models` lists them."
        if refusal.status in _MISSING:
            return self._elsewhere()
        if refusal.is_page:
            return f"The answer is a web page. {CHECK_URL}"
        if refusal.status in (400, 422):
            return "See the server's log; what it does not take can be left out by `parameters`."
        return _SEE_LOG

    def _elsewhere(self) -> str:
        base = self.endpoint.shown.rstrip("/")
        if self.ollama_model:
            return f'That is no Ollama of today: update it, or use `backend = "openai"` for other servers. {CHECK_URL}'
        if self.path.startswith("/infill"):
            return 'Only llama-server and our engine have `/infill`: use `backend = "openai"` for other servers.'
        if not _VERSION.search(base):
            return f"`base_url` ends in `/v1` as a rule: set it to `{base}/v1`."
        if self.path == "/completions":
            return "That server has chats alone: name one with `/completions` for ghost text, or leave it to `large`."
        return f"There is no `{self.path}` there. {CHECK_URL}"

    def _key(self) -> str:
        if not self.api_key_env:
            return "Set `api_key_env` to the name of the environment variable that holds the server's key."
        return f"Check the key in {variable_shown(self.api_key_env)} and what it may be used for."

    @property
    def _is_plain(self) -> bool:
        return self.endpoint.uds is None and self.endpoint.base_url.lower().startswith("http:")

    def _with_scheme(self, scheme: str) -> str:
        return f"{scheme}://{self.endpoint.shown.partition('://')[2]}"


SHORTER = (
    "Select less code, lower `actions.review_chars` or `completion.context_chars`, or give the server a larger context "
    "(llama-server: `-c`; Ollama: OLLAMA_CONTEXT_LENGTH; vLLM: `--max-model-len`)."
)


def variable_shown(name: str) -> str:
    """A variable's name for a message; what does not look like one may be the key itself."""
    return name if re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name) else "the variable that `api_key_env` names"


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: BaseException | None = error
    for _ in range(16):
        if seen is None:
            return
        yield seen
        if isinstance(seen, BaseExceptionGroup):
            seen = seen.exceptions[0]  # of several addresses that were tried
            continue
        seen = seen.__cause__ or seen.__context__
