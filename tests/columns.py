"""Whom the contract of `backends/base.py` binds: the columns of the table in docs/servers.md, as data."""

from __future__ import annotations

import attrs

NEEDS = {
    "wire": "there is no connection that could break",
    "infill": "it only chats",
    "logprobs": "it does not tell them",
    "limits": "a script has its own length",
    "bill": "a script costs nothing",
    "schema": "it is asked for the form in words",
}
"""What a clause may need, and why there is none where a party has it not."""
CANNED = "canned"
"""A clause that is about an answer which a test has written: no real server says it when it is told to."""


@attrs.frozen
class Column:
    """One party: its heading in the table, and what it has of `NEEDS`."""

    title: str
    has: frozenset[str] = frozenset(NEEDS)


COLUMNS = {
    "engine": Column("our engine, Unix socket"),
    "engine-tcp": Column("our engine, TCP"),
    "llamacpp": Column("`llamacpp`"),
    "openai": Column("`openai`"),
    "ollama": Column("`ollama`"),
    "langchain": Column("`langchain` (langchain-openai)", frozenset({"wire", "limits", "bill"})),
    "langchain-fake": Column("`langchain` (its fake models)", frozenset({"limits"})),
    "fake": Column("our own fake", frozenset({"infill", "logprobs"})),
}
SERVERS = {
    "engine": "our engine",
    "llamacpp": "llama-server",
    "openai": "llama-server",
    "langchain": "llama-server",
    "langchain@engine": "our engine",
    "openai@vllm": "vLLM",
}
"""Who answers for real, by party; one that is asked for apart stands last."""


def column_of(party: str) -> str:
    """The column of a party: `openai@vllm` is one of `openai`'s."""
    return party.partition("@")[0]
