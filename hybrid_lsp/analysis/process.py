"""Run an analyser on unsaved text: text goes in at stdin, nothing is written to disk, the workspace is not entered.

The workspace is not trusted. The child starts in a folder of this installation, so that no module, `.bandit` or
`ruff.toml` of the workspace is found, and Python runs with `-P`, which keeps that folder out of the import path.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence

import attrs

from hybrid_lsp import children
from hybrid_lsp.errors import AnalysisError


@attrs.frozen
class Completed:
    """How a child ended."""

    code: int
    out: bytes = attrs.field(repr=False)
    err: bytes = attrs.field(repr=False)


async def run(tool: str, argv: Sequence[str], text: str, timeout_s: float) -> Completed:
    """Run a child with `text` as its input; cancelling kills it.

    Raises AnalysisError: it cannot be started, or it takes longer than `timeout_s` seconds.
    """
    try:
        child = await children.start(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=sys.prefix,
            env={name: value for name, value in os.environ.items() if not name.startswith("RUFF_")},
        )
    except OSError as error:
        raise AnalysisError(f"{tool} cannot be started: {error.strerror or error}.", reinstall(tool)) from error
    try:
        async with asyncio.timeout(timeout_s):
            # Lone surrogates have no UTF-8; a question mark keeps every position.
            out, err = await child.communicate(text.encode("utf-8", errors="replace"))
    except TimeoutError:
        raise AnalysisError(
            f"{tool} was stopped after {timeout_s:g} s without a result.", "Select less code and try again."
        ) from None
    finally:
        await children.end(child)
    return Completed(child.returncode or 0, out, err)


def reinstall(tool: str) -> str:
    """The remedy for a tool that is missing or broken."""
    return f"Install it beside hybrid-lsp: `{sys.executable} -m pip install --force-reinstall {tool}`."
