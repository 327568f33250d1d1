"""Where Ollama listens: as its own programs read OLLAMA_HOST, and at its default address where that says nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address

_DEFAULT, _PORT = "127.0.0.1", 11434
_PORTS = {"http": 80, "https": 443}


def ollama_url(environ: Mapping[str, str] | None = None) -> str:
    """The address without a slash at its end, for example `http://127.0.0.1:11434`.

    A port that is none is the default one, as with Ollama's own programs. An address to listen at everywhere means
    this machine for who asks.
    """
    told = (os.environ if environ is None else environ).get("OLLAMA_HOST", "").strip("\"' ")
    scheme, separator, rest = told.rpartition("://")
    port = _PORTS.get(scheme, _PORT) if separator else _PORT
    place, slash, path = rest.partition("/")
    host, named = _host_and_port(place)
    if named.isdigit() and 0 < int(named) < 65536:
        port = int(named)
    return f"{scheme or 'http'}://{host}:{port}{slash}{path}".rstrip("/")


def _host_and_port(place: str) -> tuple[str, str]:
    """The host as an address has it, and the port, "" where there is none."""
    try:
        address = ip_address(place.strip("[]"))
        host, port = place.strip("[]"), ""
    except ValueError:
        host, _, port = place.rpartition(":") if ":" in place else (place, "", "")
        try:
            address = ip_address(host.strip("[]"))
            host = host.strip("[]")
        except ValueError:
            return host or _DEFAULT, port
    if address.is_unspecified:
        host = _DEFAULT if address.version == 4 else "::1"
    return f"[{host}]" if address.version == 6 else host, port
