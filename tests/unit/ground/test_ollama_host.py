"""Where Ollama is looked for: its own client reads OLLAMA_HOST the same."""

from __future__ import annotations

import pytest
from ollama._client import _parse_host

from hybrid_lsp.ollama_host import ollama_url

HOSTS = [
    *("", "localhost", "box", "box:8080", ":8080", "http://box", "https://box", "https://box:8443", "10.0.0.7"),
    *("http://box:80/ollama/", "box:8080/ollama", "[::1]", "[::1]:8080", "http://[fd00::1]:8080/x"),
]


@pytest.mark.parametrize("told", HOSTS)
def test_as_the_client_of_ollama_reads_it(told: str) -> None:
    assert ollama_url({"OLLAMA_HOST": told}) == _parse_host(told).rstrip("/")


@pytest.mark.parametrize(
    ("told", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::]:8080", "http://[::1]:8080"),
        ("box:99999", "http://box:11434"),
        ("'box'", "http://box:11434"),
    ],
)
def test_what_a_server_listens_at_and_slips(told: str, url: str) -> None:
    assert ollama_url({"OLLAMA_HOST": told}) == url


def test_the_usual_place() -> None:
    assert ollama_url({}) == "http://127.0.0.1:11434"
