"""Where a server listens, and the client for it: its address, its proxy, the certificates that it is trusted by."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import httpx

from hybrid_lsp.backends.proxies import ProxyServer, has_port, proxy_for
from hybrid_lsp.errors import BackendUnavailable, ConfigError

_CONNECT_S = 5.0
_EXAMPLE = "Set it to something like http://localhost:8000/v1."
_ENDPOINT = re.compile(r"/+(?:chat/completions|completions|completion|responses|embeddings|models|infill)/*$")


@attrs.frozen
class Endpoint:
    """Where a server listens: `uds` is a Unix socket, then the host in `base_url` is only a name.

    A query in `base_url` (`?api-version=...`) goes with every request.
    """

    base_url: str
    uds: Path | None = None
    token: str | None = attrs.field(default=None, repr=False)

    @property
    def shown(self) -> str:
        """The address for messages, without what may be secret: a password, a query."""
        return str(self.uds) if self.uds is not None else shown_url(self.base_url)

    @property
    def proxy(self) -> ProxyServer | None:
        """The proxy that requests go through. Raises BackendUnavailable for one that cannot be used."""
        return None if self.uds is not None else proxy_for(httpx.URL(self.base_url))

    def url(self, path: str) -> httpx.URL:
        """The address of a path below the base, with the base's own query. Raises httpx.InvalidURL."""
        base = httpx.URL(self.base_url)
        if not has_port(base):
            raise httpx.InvalidURL(f"there is no port {base.port}")
        return base.copy_with(raw_path=_joined(base.raw_path, path))

    def client(self) -> httpx.AsyncClient:
        """A new client. Time is limited by the caller; only connecting has a limit of its own.

        Raises BackendUnavailable: the proxy or the certificates that the environment names cannot be used.
        """
        proxy = self.proxy
        secure = self.base_url.lower().startswith("https:") or (proxy is not None and proxy.url.startswith("https:"))
        return httpx.AsyncClient(
            base_url=self.base_url.partition("?")[0].rstrip("/"),
            headers={"Authorization": f"Bearer {self.token}"} if self.token else None,
            timeout=httpx.Timeout(None, connect=_CONNECT_S),
            transport=httpx.AsyncHTTPTransport(uds=str(self.uds)) if self.uds is not None else None,
            proxy=proxy.url if proxy is not None else None,
            trust_env=False,  # what the environment says is read by us
            # Without TLS there is nothing to verify, and reading all roots takes 30 ms.
            verify=_roots() if secure and self.uds is None else False,
        )


async def sent(client: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """The beginning of an answer, over a connection that is kept open or over a new one.

    A server may close a kept connection in the moment in which it is used again (llama-server does after five idle
    seconds). Nothing was answered then, so the request is sent once more, until a connection was made for it.
    """
    while True:
        made: list[str] = []

        async def trace(event: str, _: Mapping[str, Any], made: list[str] = made) -> None:
            if event.startswith("connection.connect"):
                made.append(event)

        request.extensions = {**request.extensions, "trace": trace}
        try:
            return await client.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if made:
                raise


def _joined(base: bytes, path: str) -> bytes:
    before, question, query = base.partition(b"?")
    return before.rstrip(b"/") + path.encode() + question + query


def _roots() -> ssl.SSLContext:
    """The certificates to trust: of SSL_CERT_FILE or SSL_CERT_DIR where they are set. Raises BackendUnavailable."""
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if not (path := os.environ.get(variable)):
            continue
        try:
            if not Path(path).exists():
                raise FileNotFoundError("there is no such file or folder")
            folder = Path(path).is_dir()
            return ssl.create_default_context(cafile=None if folder else path, capath=path if folder else None)
        except OSError as error:  # an SSLError too: it holds no certificate
            said = getattr(error, "reason", None) or error.strerror or error
            raise BackendUnavailable(
                f"{variable} names {path}, which cannot be read ({said}).",
                f"Correct {variable}, or unset it.",
            ) from error
    return httpx.create_ssl_context(trust_env=False)


def shown_url(base_url: str) -> str:
    """An address without a user's name, password, query and fragment."""
    address = re.split(r"[?#]", base_url, maxsplit=1)[0]
    return re.sub(r"(?<=//)[^/]*@", "", address)


def require_url(base_url: str, setting: str) -> str:
    """A usable base address. Raises ConfigError."""
    try:
        url = httpx.URL(base_url.strip())
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    shown = shown_url(base_url)
    if url.scheme not in ("http", "https") or not url.host or re.search(r"\s", base_url.strip()):
        raise ConfigError(f"`{setting}` is `{shown}`, not the address of a server.", _EXAMPLE)
    if not has_port(url):
        raise ConfigError(f"`{setting}` is `{shown}`: there is no port {url.port}.", "Ports go from 1 to 65535.")
    path = url.path
    if _ENDPOINT.search(path):
        base = shown_url(str(url.copy_with(raw_path=_ENDPOINT.sub("", path).encode() or b"/")))
        raise ConfigError(
            f"`{setting}` is `{shown}`, the address of one endpoint.",
            f"Leave its end out, the rest is added to each request: `{base.rstrip('/')}`.",
        )
    return base_url.strip()
