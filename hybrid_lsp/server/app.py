"""The one place where the server is put together: read it first.

`create_server` makes a pygls server whose `session` holds everything else: settings → backends → router → the typing
path (`completion`) and the selection path (`actions`), wired in `Session._wire`.
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable

import cattrs

from hybrid_lsp.errors import ConfigError
from hybrid_lsp.server import handlers, transport
from hybrid_lsp.server.hybrid import HybridServer
from hybrid_lsp.server.reading import converter as make_converter


def create_server(converter: Callable[[], cattrs.Converter] = make_converter) -> HybridServer:
    """A server with all its handlers, ready for a transport; servers of one process may share a `converter`, which
    takes long to make."""
    server = HybridServer(converter)
    handlers.register(server)
    return server


def serve(tcp: str | None = None, *, allow_remote: bool = False) -> int:
    """Serve one editor over stdio, or over TCP at `HOST:PORT`; returns the exit status that LSP asks for.

    Over TCP it serves a program of this user alone, unless `allow_remote`. Raises ConfigError for an address that is
    none, that cannot be had, or that others could reach unless `allow_remote`.
    """
    server = create_server()
    if tcp is None:
        transport.serve_stdio(server)
        return server.exit_code
    host, port = parse_address(tcp)
    if not allow_remote and not _is_loopback(host):
        raise ConfigError(
            f"{host} can be reached from other machines, and the language server's protocol knows no password.",
            "Use 127.0.0.1, or add --allow-remote if your network is to be trusted.",
        )
    try:
        transport.serve_tcp(server, host, port, _print_address, strangers=allow_remote)
    except OSError as error:
        raise ConfigError(f"{tcp} cannot be listened on: {error.strerror or error}.", "Choose another.") from error
    return server.exit_code


def _print_address(address: str) -> None:
    print(f"Listening on {address}", file=sys.stderr, flush=True)


def parse_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:7000`, `[::1]:7000` or `:7000`; raises ConfigError for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise ConfigError(f"`{text}` is not an address.", "Write HOST:PORT, for example 127.0.0.1:7000.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
