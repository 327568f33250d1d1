"""Which proxy a request goes through, by the variables that every tool reads and by the system's own settings.

Nothing that is said to this machine leaves it: a loopback address never has a proxy. What is to be read in the
environment is read here and not by httpx, which stops at values that other tools take (`[::1]` in NO_PROXY, `socks://`).
"""

from __future__ import annotations

import ipaddress
import socket
import urllib.request
from collections.abc import Mapping

import attrs
import httpx

from hybrid_lsp.errors import BackendUnavailable

_SCHEMES = ("http", "https", "socks5", "socks5h")
_ANY_HOST = ("0.0.0.0", "::")  # noqa: S104 (addresses to connect to: they mean this machine)  # nosec B104


@attrs.frozen
class ProxyServer:
    """A proxy, and the variable that names it; `shown` is its address without a password."""

    url: str = attrs.field(repr=False)
    variable: str

    @property
    def shown(self) -> str:
        url = httpx.URL(self.url)
        return f"{url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"


def is_loopback(host: str) -> bool:
    """Whether a host's name or address means this machine, in any spelling that a resolver takes (`127.1`)."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost") or name in _ANY_HOST:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return _is_old_spelling(name)
    inner = getattr(address, "ipv4_mapped", None) or address
    return bool(inner.is_loopback)


def _is_old_spelling(name: str) -> bool:
    """`127.1`, `0x7f000001` and `2130706433` are 127.0.0.1 to the C library."""
    try:
        return socket.inet_aton(name)[0] in (0, 127)
    except OSError:
        return False


def proxy_for(url: httpx.URL, environ: Mapping[str, str] | None = None) -> ProxyServer | None:
    """The proxy for an address, or None. Raises BackendUnavailable for one that cannot be used.

    `environ` takes the place of what `urllib` finds in the environment and the system, by lower-case scheme.
    """
    if is_loopback(url.host):
        return None
    found = urllib.request.getproxies() if environ is None else environ
    variable = next((scheme for scheme in (url.scheme, "all") if found.get(scheme)), None)
    if variable is None or _is_exempt(url, found.get("no", "")):
        return None
    if environ is None and "no" not in found and urllib.request.proxy_bypass(url.host):
        return None
    return _usable(found[variable].strip(), f"{variable.upper()}_PROXY")


def _usable(address: str, variable: str) -> ProxyServer:
    """Raises BackendUnavailable."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "http", address
    # Desktops write `socks://` for SOCKS 5.
    scheme = "socks5" if scheme.lower() == "socks" else scheme.lower()
    remedy = f"Correct {variable}, or unset it, or add the server's host to NO_PROXY."
    if scheme not in _SCHEMES:
        raise BackendUnavailable(f"{variable} names a proxy of a kind that is not known ({scheme}://).", remedy)
    try:
        url = httpx.URL(f"{scheme}://{rest}")
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL("")
    if not url.host or not has_port(url):
        raise BackendUnavailable(f"{variable} is not the address of a proxy.", remedy)
    return ProxyServer(str(url), variable)


def has_port(url: httpx.URL) -> bool:
    """Whether the port of an address is one, where it names any."""
    return url.port is None or 0 < url.port < 65536


def _is_exempt(url: httpx.URL, exempt: str) -> bool:
    """Whether NO_PROXY names a host: by name or its end, address, network (`10.0.0.0/8`), with a port or `*`."""
    host = url.host.rstrip(".").lower()
    return any(_names(each.strip().lower(), host, url) for each in exempt.replace(" ", ",").split(",") if each.strip())


def _names(pattern: str, host: str, url: httpx.URL) -> bool:
    if pattern == "*":
        return True
    pattern = pattern.partition("://")[2] or pattern
    name, _, port = pattern.rpartition(":")
    if name and port.isdigit() and ("]" in name or ":" not in name):
        usual = 443 if url.scheme == "https" else 80
        return _names(name, host, url) and int(port) == (url.port or usual)
    pattern = pattern.strip("[]").rstrip(".")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(pattern, strict=False)
    except ValueError:
        ending = pattern.removeprefix("*").lstrip(".")
        return bool(ending) and (host == ending or host.endswith(f".{ending}"))
