"""The way to a server: nothing for this machine leaves it, and what is wrong on the way is named with its remedy."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import httpx
import pytest
from listener import listening
from loopback import ASK, ASK_CHAT, HEAD, LAST, OK, answer_of, answering, collect, misbehaving, refusing, status

from hybrid_lsp.backends.endpoint import Endpoint, require_url, shown_url
from hybrid_lsp.backends.http import HttpBackend
from hybrid_lsp.backends.proxies import is_loopback, proxy_for
from hybrid_lsp.config import Layer, load
from hybrid_lsp.errors import BackendError, BackendFailed, BackendUnavailable, ConfigError

CERTIFICATE = Path(__file__).parent.parent.parent / "data" / "tls" / "localhost.pem"
pytestmark = pytest.mark.usefixtures("no_proxy_variables")


@attrs.define
class Proxy:
    """Keeps what reaches it, and answers so."""

    answer: bytes = b""
    port: int = 0
    heard: list[bytes] = attrs.field(factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.read(4096))
        writer.write(self.answer)


@asynccontextmanager
async def proxied(answer: bytes = b"") -> AsyncIterator[Proxy]:
    proxy = Proxy(answer)
    async with listening(proxy) as proxy.port:
        yield proxy


def dead_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def failure(backend: HttpBackend) -> BackendError:
    with pytest.raises(BackendError) as caught:
        await collect(backend, ASK_CHAT)
    await backend.aclose()
    assert caught.value.remedy
    return caught.value


# -- proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "[::1]"])
async def test_nothing_for_this_machine_goes_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, variable: str, host: str
) -> None:
    async with proxied() as proxy, misbehaving(HEAD + LAST) as (made, server):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.port}")
        url = made.endpoint.base_url.replace("127.0.0.1", host)
        backend = HttpBackend("test", Endpoint(url, token="bearer-of-the-engine"), "llamacpp")
        if host == "[::1]":  # nobody listens there, and nobody else is asked
            with pytest.raises(BackendUnavailable, match="Nobody answers"):
                await collect(backend)
        else:
            await collect(backend)
            assert b"bearer-of-the-engine" in server.asked[0]
        await backend.aclose()
        assert proxy.heard == []


@pytest.mark.parametrize(
    "values",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:9"},
        {"all_proxy": "socks://127.0.0.1:9"},
        {"HTTP_PROXY": "socks4://127.0.0.1:9"},
        {"HTTP_PROXY": "http://127.0.0.1:70000"},
        {"HTTP_PROXY": "::", "NO_PROXY": "[::1],::1,127.0.0.1/8,,*.local"},
        {"SSL_CERT_FILE": "/nowhere/roots.pem"},
        {"SSL_CERT_DIR": "/nowhere"},
    ],
)
async def test_what_the_environment_says_stops_no_server_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, str]
) -> None:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    async with answering(OK) as (backend, _):
        assert answer_of(await collect(backend, ASK_CHAT)) == "well"


async def test_a_named_remote_server_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxied(OK) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://me:secret@127.0.0.1:{proxy.port}")
        backend = HttpBackend("test", Endpoint("http://models.example/v1"), "openai", "m")
        assert answer_of(await collect(backend, ASK_CHAT)) == "well"
        await backend.aclose()
        assert proxy.heard[0].startswith(b"POST http://models.example/v1/chat/completions")
        monkeypatch.setenv("NO_PROXY", "example")
        assert Endpoint("http://models.example/v1").proxy is None


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("http://me:secret@127.0.0.1:{port}", "The proxy http://127.0.0.1:{port} that HTTP_PROXY names"),
        ("socks5://127.0.0.1:{port}", "The proxy socks5://127.0.0.1:{port} that HTTP_PROXY names"),
        ("socks://127.0.0.1:{port}", "The proxy socks5://127.0.0.1:{port} that HTTP_PROXY names"),
        ("socks4://127.0.0.1:{port}", "HTTP_PROXY names a proxy of a kind that is not known"),
        ("http://127.0.0.1:70000", "HTTP_PROXY is not the address of a proxy"),
    ],
)
async def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    port = dead_port()
    monkeypatch.setenv("HTTP_PROXY", value.format(port=port))
    error = await failure(HttpBackend("test", Endpoint("http://models.example/v1"), "openai", "m"))
    assert isinstance(error, BackendUnavailable)
    assert said.format(port=port) in error.message
    assert "HTTP_PROXY" in error.remedy
    assert "NO_PROXY" in error.remedy
    assert "secret" not in str(error)


async def test_a_proxy_that_answers_in_the_servers_place(monkeypatch: pytest.MonkeyPatch) -> None:
    page = status("502 Bad Gateway\r\nConnection: close", b"<html><title>Squid</title>")
    monkeypatch.setattr("hybrid_lsp.backends.clock._BUSY_S", 0.0)
    async with proxied(page) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        error = await failure(HttpBackend("test", Endpoint("http://models.example/v1"), "openai", "m"))
    assert "502: Squid" in error.message
    assert "check HTTP_PROXY" in error.remedy


@pytest.mark.parametrize(
    ("exempt", "host"),
    [
        ("models.example", "models.example"),
        ("example", "models.example"),
        (".example", "models.example"),
        ("*.example", "models.example"),
        ("*", "models.example"),
        ("10.0.0.0/8", "10.1.2.3"),
        ("models.example:8000", "models.example:8000"),
        ("http://models.example", "models.example"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("[2001:db8::1]:8000", "[2001:db8::1]:8000"),
        ("2001:db8::/32", "[2001:db8::1]"),
        ("other other.example models.example", "models.example"),
    ],
)
def test_exempt_hosts(exempt: str, host: str) -> None:
    url = httpx.URL(f"http://{host}/v1")
    assert proxy_for(url, {"all": "http://proxy:1", "no": exempt}) is None
    assert proxy_for(url, {"all": "http://proxy:1", "no": "ample,9.0.0.0/8,[::1]"}) is not None


def test_hosts_of_this_machine() -> None:
    here = "localhost LOCALHOST localhost. a.localhost 127.0.0.1 127.9.9.9 127.1 2130706433 0x7f.1 [::1] ::1 0.0.0.0"
    assert all(map(is_loopback, [*here.split(), "::ffff:127.0.0.1"]))
    assert not any(map(is_loopback, ["example.com", "10.0.0.1", "localhost.example.com", "fe80::1%eth0", "1.127", ""]))


# -- certificates and https ------------------------------------------------------------------------------------------


def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


async def test_a_self_signed_certificate_is_named_and_can_be_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(OK, tls=tls()) as (backend, _):
        with pytest.raises(BackendUnavailable, match="is not trusted: self-signed certificate") as caught:
            await collect(backend, ASK_CHAT)
        assert "SSL_CERT_FILE" in caught.value.remedy
        monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))
        await backend.aclose()
        assert answer_of(await collect(backend, ASK_CHAT)) == "well"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_roots_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    error = await failure(HttpBackend("test", Endpoint("https://127.0.0.1:9/v1"), "openai", "m"))
    assert str(path) in error.message
    assert "SSL_CERT_FILE" in error.remedy


async def test_https_to_a_server_without(monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(OK) as (_backend, server):
        url = server.url.replace("http:", "https:") + "/v1"
        error = await failure(HttpBackend("test", Endpoint(url), "openai", "m"))
    assert "does not speak https" in error.message
    assert f"`{server.url}/v1`" in error.remedy


TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


@pytest.mark.parametrize(
    "answer",
    [
        TLS_ALERT,
        b"",
        status("400 Bad Request", b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>"),
        status("400 Bad Request", b"Client sent an HTTP request to an HTTPS server.\n"),
    ],
)
async def test_http_to_a_server_with_https(answer: bytes) -> None:
    async with answering(answer) as (backend, server):
        error = await failure(backend)
    assert f"write `https://{server.url[7:]}` in `base_url`" in error.remedy.replace("Write", "write")


# -- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost:70000/v1", "no port 70000"),
        ("http://localhost:0/v1", "no port 0"),
        ("http://localhost:8000/v1/chat/completions", "`http://localhost:8000/v1`"),
        ("http://localhost:8000/v1/completions/", "`http://localhost:8000/v1`"),
        ("http://localhost:8000/v1/models?key=s3cret", "`http://localhost:8000/v1`"),
        ("http://me:s3cret@localhost:8000/v1/models", "`http://localhost:8000/v1`"),
        ("localhost:8000", "not the address"),
        ("http://local host/", "not the address"),
    ],
)
def test_an_address_that_cannot_work_is_told_with_what_to_write(url: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        require_url(url, "large.base_url")
    assert said in str(caught.value)
    assert "large.base_url" in str(caught.value)
    assert "s3cret" not in str(caught.value)


async def test_a_query_goes_behind_the_path() -> None:
    async with answering(OK, base="/openai/deployments/x?api-version=2024-10-21") as (backend, server):
        await collect(backend, ASK_CHAT)
    target = server.asked[0].split()[1]
    assert target == b"/openai/deployments/x/chat/completions?api-version=2024-10-21"


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:70000/v1", "http://[", "http://127.0.0.1:9:9/v1", "http://\u2028/v1"]
)
async def test_whatever_an_address_is_it_is_that_backends_failure(url: str) -> None:
    error = await failure(HttpBackend("test", Endpoint(url), "openai", "m"))
    assert isinstance(error, BackendUnavailable)


async def test_a_name_that_nobody_knows() -> None:
    error = await failure(HttpBackend("test", Endpoint("http://no-such-host.invalid/v1"), "openai", "m"))
    assert "No machine is known by the name in http://no-such-host.invalid/v1" in error.message


@pytest.mark.parametrize(
    ("answer", "base", "said", "remedy"),
    [
        (status("404 Not Found", b"404 page not found"), "", "404", "/v1`"),
        (status("404 Not Found"), "/v1", "404", "There is no `/chat/completions` there"),
        (refusing("404 Not Found", {"error": "model 'm' not found, try pulling it first"}), "", "m", "`model`"),
        (refusing("400 Bad Request", {"error": {"message": "The model `m` does not exist"}}), "/v1", "m", "`model`"),
        (status("405 Method Not Allowed"), "", "405", "/v1`"),
        (status("401 Unauthorized"), "/v1", "401", "Set `api_key_env`"),
        (status("402 Payment Required"), "/v1", "402", "balance"),
        (status("407 Proxy Authentication Required"), "/v1", "407", "NAME:PASSWORD"),
        (status("413 Content Too Large"), "/v1", "413", "Select less code"),
        (status("403 Forbidden", b"<html><title>Denied</title>"), "/v1", "403: Denied", "api_key_env"),
        (status("404 Not Found", b"<html><h1>Not <b>here</b></h1>"), "/v1", "404: Not here", "There is no"),
        (status("418 Teapot", b"<html></html>"), "/v1", "418: Teapot", "web page"),
        (refusing("422 No", {"detail": [{"loc": ["x", "y"], "msg": "odd"}]}), "/v1", "x.y: odd", "parameters"),
        (status("302 Found\r\nLocation: https://login.example/v1/chat/completions?next=s3cret"), "/v1",
         "redirects to https://login.example/v1", "`https://login.example/v1`"),
        (status("308 Permanent Redirect\r\nLocation: /api/v1/chat/completions"), "/v1", "/api/v1", "/api/v1`"),
        (status("301 Moved"), "/v1", "301", "base_url"),
        (status("500 Oops", b"boom\n at line 1"), "/v1", "500: boom at line 1", "log"),
    ],
)  # fmt: skip
async def test_each_refusal_names_what_to_do(answer: bytes, base: str, said: str, remedy: str) -> None:
    async with answering(answer, base=base) as (backend, server):
        error = await failure(backend)
        assert len(server.asked) == 1
    assert said in error.message
    assert remedy in error.remedy
    assert "<" not in error.message
    assert "s3cret" not in str(error)


async def test_a_server_without_completions_is_told_for_ghost_text() -> None:
    async with answering(status("404 Not Found"), base="/v1") as (backend, _):
        with pytest.raises(BackendFailed) as caught:
            await collect(backend, ASK)
        assert "chats alone" in caught.value.remedy
    async with misbehaving(status("404 Not Found")) as (backend, _):
        with pytest.raises(BackendFailed) as caught:
            await collect(backend, ASK)
        assert "Only llama-server" in caught.value.remedy


# -- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["schlüssel", "s3cret\nkey", "s3cret key", "“s3cret”"])
async def test_a_key_that_is_none_is_told_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("MY_KEY", key)
    async with answering(OK, api_key_env="MY_KEY") as (backend, server):
        error = await failure(backend)
        assert "MY_KEY" in error.message
        assert key not in str(error)
        assert server.asked == []


async def test_a_key_that_the_server_repeats_is_not_told_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("MY_KEY", "s3cret-key")
    answer = refusing("401 Unauthorized", {"error": {"message": "Incorrect API key provided: s3cret-key."}})
    async with answering(answer, api_key_env="MY_KEY") as (backend, server):
        error = await failure(backend)
        assert b"Authorization: Bearer s3cret-key" in server.asked[0]
    assert "MY_KEY" in error.remedy
    assert "s3cret-key" not in str(error) + repr(backend) + caplog.text


async def test_a_key_in_a_header_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "s3cret-key")
    async with answering(OK, api_key_env="MY_KEY", api_key_header="api-key") as (backend, server):
        await collect(backend, ASK_CHAT)
    assert b"api-key: s3cret-key" in server.asked[0]
    assert b"Bearer" not in server.asked[0]


PASTED = [
    "sk-proj-abcdefghijklmnop123456",
    "gsk_abcdefghijklmnop1234567",
    "hf_abcdefghijklmnopqrst",
    "a1b2" * 8,
    "my key",
    "x" * 80,
]


@pytest.mark.parametrize("key", PASTED)
async def test_a_key_in_place_of_its_variables_name_is_refused_and_not_shown(key: str) -> None:
    config, (problem,) = load([Layer("a test", {"large": {"api_key_env": key}})])
    assert config.large.api_key_env == ""
    assert "environment variable" in str(problem)
    assert key not in str(problem)
    error = await failure(HttpBackend("test", Endpoint("http://127.0.0.1:9"), "openai", "m", api_key_env=key))
    assert key not in str(error)


@pytest.mark.parametrize(
    "name", ["", "OPENAI_API_KEY", "my_key", "_K9", "MY_OPENAI_KEY_FOR_2024", "my_key_number_2_of_team"]
)
def test_names_of_variables_are_taken(name: str) -> None:
    config, problems = load([Layer("a test", {"large": {"api_key_env": name}})])
    assert (config.large.api_key_env, problems) == (name, [])


def test_addresses_are_shown_without_secrets() -> None:
    assert shown_url("https://me:pass@host:1/v1?key=s3cret#x") == "https://host:1/v1"
    assert Endpoint("https://me:pass@host/v1?key=1").shown == "https://host/v1"


async def test_a_kept_connection_that_the_server_closes_as_it_is_used_again_costs_nothing() -> None:
    body = OK.partition(b"\r\n\r\n")[2]
    kept = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(kept)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the next request is heard, and the connection closed without a word

    async with misbehaving(once, dialect="openai", model="m") as (backend, server):
        answers = [answer_of(await collect(backend, ASK_CHAT)) for _ in range(3)]
    assert answers == ["well"] * 3
    assert len(server.asked) == 3, "each was answered once, on a connection of its own"


async def test_a_new_connection_that_is_closed_without_a_word_is_a_failure_at_once() -> None:
    async def closes(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        return

    async with misbehaving(closes) as (backend, server):
        with pytest.raises(BackendFailed):
            await collect(backend)
    assert len(server.asked) == 1
