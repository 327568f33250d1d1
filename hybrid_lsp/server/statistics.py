"""The page of statistics, written when somebody asks for it, and shown as the client shows pages."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException, JsonRpcInvalidParams

from hybrid_lsp.config import Config
from hybrid_lsp.errors import HybridLspError

if TYPE_CHECKING:
    from hybrid_lsp.server.hybrid import HybridServer

log = logging.getLogger(__name__)


async def run_command(ls: HybridServer, arguments: Sequence[Any]) -> dict[str, Any]:
    """Write the page, and have the client open it in a browser unless it shows it itself; returns where it is."""
    wish = arguments[0] if arguments else {}
    since = wish.get("since", "") if isinstance(wish, dict) else None
    show = wish.get("show", True) if isinstance(wish, dict) else None
    if not isinstance(since, str) or not isinstance(show, bool):
        raise JsonRpcInvalidParams("The argument must be one object: {since?: TEXT, show?: BOOL}.")
    try:
        file = await asyncio.to_thread(_written, ls.session.config, since)
    except HybridLspError as error:
        ls.session.tell.answer(str(error))
        return {"kind": "failed", "message": str(error)}
    if show and not await _opened(ls, file):
        ls.session.tell.answer(f"The statistics are in {file}: open that in a browser.")
    return {"kind": "done", "file": str(file)}


def _written(config: Config, since: str) -> Path:
    """Write the page. Raises MetricsUnreadable, ConfigError."""
    # What draws it is not wanted by those who only write code.
    from hybrid_lsp.reports import page
    from hybrid_lsp.reports.since import parse

    file = page.own_page()
    with contextlib.suppress(OSError):  # told when it is written
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    page.write(file, parse(since, datetime.now().astimezone()) if since else 0.0, config)
    return file


async def _opened(ls: HybridServer, file: Path) -> bool:
    if not ls.session.abilities.shows_documents:
        return False
    try:
        return (await ls.window_show_document_async(lsp.ShowDocumentParams(file.as_uri(), external=True))).success
    except JsonRpcException as error:
        log.warning("The statistics cannot be opened: %s", error.message)
        return False
