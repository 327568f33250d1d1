"""Where Ollama listens: as its own programs read OLLAMA_HOST, and at its default address where that says nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

_DEFAULT = "127.0.0.1"
_PORT = 11434
_PORTS = {"http": 80, "https": 443}
_ANY = ("0.0.0.0", "[::]")  # noqa: S104 (where a server listens; who asks it means this machine)  # nosec B104
_PARTS = re.compile(
    r"(?:(?P<scheme>[a-z]+)://)?(?P<host>\[[^\]]*\]|[^:/]*|[0-9a-f:]+:[0-9a-f:]*)(?::(?P<port>\d+))?(?P<path>/.*)?"
)


def ollama_url(environ: Mapping[str, str] | None = None) -> str:
    """The address without a slash at its end, for example `http://127.0.0.1:11434`.

    A port that is none is the default one, as with Ollama's own programs.
    """
    environ = os.environ if environ is None else environ
    match = _PARTS.fullmatch(environ.get("OLLAMA_HOST", "").strip().strip("\"'").strip().lower())
    if match is None:
        return f"http://{_DEFAULT}:{_PORT}"
    scheme, host, path = match["scheme"] or "http", match["host"] or _DEFAULT, (match["path"] or "").rstrip("/")
    default = _PORTS.get(scheme, _PORT) if match["scheme"] else _PORT
    port = int(match["port"] or default)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    if host in _ANY:
        host = _DEFAULT if "." in host else "[::1]"
    return f"{scheme}://{host}:{port if 0 < port < 65536 else default}{path}"
