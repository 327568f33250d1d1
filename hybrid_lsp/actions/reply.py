"""Strict reading of what a model replied: new code, one JSON value, or Markdown made harmless.

New code comes as exactly one fenced block that holds all of it, or as search/replace hunks (`hunks.py`).
`docs/replies.md` tells it from the outside.
"""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote, unquote

from hybrid_lsp.actions import hunks
from hybrid_lsp.errors import ReplyRejected

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$")
# What a viewer fetches or runs by itself; fetching a picture could carry data out of the machine.
_PICTURE = re.compile(r"!\[")
# An attribute may hold a link or a script, whatever the tag; and `<scheme:…>` is a link too.
_TAG = re.compile(
    r"(?i)<(?=/?(?:a|img|iframe|script|style|link|object|embed|video|audio|source|picture|svg|form|input|meta|base)\b"
    r"|[a-z][\w:-]*[\s/][^<>]*=|(?!https?:|mailto:)[a-z][a-z0-9+.-]*(?::|&))"
)
_LINK = re.compile(r"(\]\(\s*<?|\]:\s*<?)([^\s)>]+)")
_SCHEME = re.compile(r"(?i)[a-z][a-z0-9+.-]*:")
_SAFE_SCHEMES = ("http:", "https:", "mailto:")


def new_code(reply: str, code: str) -> str:
    """What a reply makes of the code: its fenced block, or the code with its hunks applied.

    Raises ReplyRejected: `code_block`'s reasons, or those of the hunks.
    """
    # Code that shows hunks itself cannot be spoken of in hunks.
    if not hunks.present(reply) or hunks.present(code):
        return code_block(reply)
    try:
        return hunks.apply(code, hunks.parse(reply))
    except ReplyRejected as error:
        raise ReplyRejected(error.message, error.remedy, raw=reply) from None


def code_block(reply: str) -> str:
    """The content of the one fenced block; text around it is ignored.

    Raises ReplyRejected: there is none, there are several, or it is not closed.
    """
    if not reply.strip():
        raise ReplyRejected("The reply is empty.", raw=reply)
    blocks, unclosed = _blocks(reply)
    if unclosed:
        raise ReplyRejected("The code block in the reply is not closed: the reply was cut off.", raw=reply)
    if not blocks:
        raise ReplyRejected("The reply holds no fenced code block.", raw=reply)
    if len(blocks) > 1:
        raise ReplyRejected(f"The reply holds {len(blocks)} fenced code blocks; there must be exactly one.", raw=reply)
    return blocks[0]


def _blocks(reply: str) -> tuple[list[str], bool]:
    """Contents of the fenced blocks as CommonMark reads them, and whether the last one is left open."""
    blocks: list[str] = []
    lines: list[str] = []
    opened = ""
    for line in reply.replace("\r\n", "\n").split("\n"):
        match = _FENCE.match(line)
        if not opened:
            if match:
                opened, lines = match[1], []
        elif match and match[1][0] == opened[0] and len(match[1]) >= len(opened) and not match[2].strip():
            blocks.append("\n".join(lines))
            opened = ""
        else:
            lines.append(line)
    return blocks, bool(opened)


def json_value(reply: str) -> Any:
    """The reply as JSON, bare or in one fenced block.

    Raises ReplyRejected.
    """
    text = reply.strip()
    if not text.startswith(("{", "[")):
        text = code_block(reply)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ReplyRejected(f"The reply is not JSON: {error}.", raw=reply) from error


def markdown(reply: str) -> str:
    """Markdown without pictures, active HTML and command links outside its code blocks.

    Raises ReplyRejected: there is no text.
    """
    if not reply.strip():
        raise ReplyRejected("The reply is empty.", raw=reply)
    return harmless(reply.strip())


def harmless(text: str) -> str:
    """`markdown` for a text that may still grow."""
    shown, prose, opened = list[str](), list[str](), ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if not opened and not match:
            prose.append(line)
            continue
        if match and not opened:
            opened = match[1]
            shown += _harmless_prose(prose)
            prose = []
        elif match and match[1].startswith(opened):
            opened = ""
        shown.append(line)
    return "\n".join([*shown, *_harmless_prose(prose)])


def _harmless_prose(lines: list[str]) -> list[str]:
    """Lines without a code block. A tag or a link may run over the end of one."""
    if not lines:
        return []
    links = _LINK.sub(_harmless_link, _PICTURE.sub("[", "\n".join(lines)))
    return _TAG.sub("&lt;", links).split("\n")


def _harmless_link(found: re.Match[str]) -> str:
    """A link that opens a page or nothing: not one that runs a command, in whatever way it is written."""
    written = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", found[2])
    meant = re.sub(r"[\0-\x20]", "", unquote(html.unescape(written)))
    if not (scheme := _SCHEME.match(meant)) or scheme[0].lower() in _SAFE_SCHEMES:
        return found[0]
    while (scheme := _SCHEME.match(meant)) is not None:
        meant = meant[scheme.end() :]
    return f"{found[1]}{quote(meant, safe='/#?=&.,~+@')}"
