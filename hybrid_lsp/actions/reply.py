"""Strict reading of what a model replied: new code, one JSON value, or Markdown made harmless.

New code comes as exactly one fenced block that holds all of it (`fences.py`), or as search/replace hunks (`hunks.py`).
`docs/replies.md` tells it from the outside.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, unquote

from hybrid_lsp.actions import fences, hunks
from hybrid_lsp.errors import ReplyRejected

_DIFF_HEAD = re.compile(r"(?m)^(?:@@ .*@@|--- \S.*\n\+\+\+ \S)")
_SESSION = re.compile(r"(?m)^(?:\$|>>>) \S")
_QUOTED = re.compile(r"(?m)^> ?")
_SENTENCE_END = re.compile(r"[.!?:;](?:[*_`)\"']*)(?=\s|$)|[\u3002\uff01\uff1f]")
_WITH_SESSIONS = frozenset({"markdown", "restructuredtext", "plaintext", "console", "mdx", "python"})
"""Languages in which a line may begin as the prompt of a shell; doctests of Python are checked by its compiler."""
_TAIL_CHARS = 30
_LONGEST_PERIOD = 2000
_TIMES = 4
"""So often in a row nobody says a thing on purpose."""
_TALK_CHARS = 200
"""Text behind a block after which no other one is waited for."""
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


class CutOff(ReplyRejected):
    """The reply ended at a limit: it is no answer, and asking for the same would end there again."""


def new_code(reply: str, code: str, language: str = "") -> str:
    """What a reply makes of the code: its fenced block, or the code with its hunks applied.

    Raises ReplyRejected: `code_block`'s reasons, or those of the hunks.
    """
    reply = _unquoted(reply).removeprefix("\ufeff")
    # Code that shows hunks itself cannot be spoken of in hunks.
    if not hunks.present(reply) or hunks.present(code):
        return code_block(reply, code, language)
    try:
        return hunks.apply(code, hunks.parse(reply))
    except ReplyRejected as error:
        raise ReplyRejected(error.message, error.remedy, raw=reply) from None


def code_block(reply: str, code: str = "", language: str = "") -> str:
    """The content of the one fenced block; text around it is ignored. `code` is what it takes the place of.

    Raises ReplyRejected: there is none, there are several, it is not closed, its fence may be one of the code's own,
    or it says that it holds another language.
    """
    if not reply.strip():
        raise ReplyRejected("The reply is empty.", raw=reply)
    shortest = fences.length_for(code, language)
    found = _read(_unquoted(reply), shortest)
    if found.unclosed is not None:
        raise ReplyRejected("The code block in the reply is not closed.", raw=reply)
    if not found.closed:
        raise ReplyRejected(_no_block(reply, shortest), raw=reply)
    told = _candidates(found.closed, code, language)
    if len(told) > 1:
        raise ReplyRejected(f"The reply holds {len(told)} fenced code blocks; there must be exactly one.", raw=reply)
    (block,) = told
    if complaint := _foreign(block, code, language):
        raise ReplyRejected(complaint, raw=reply)
    return _bared(block.text, code)


def _read(reply: str, shortest: int) -> fences.Blocks:
    """The blocks of a reply; where it has none as CommonMark reads it, with its fences put right."""
    found = fences.blocks(reply, shortest)
    if found.closed:
        return found
    for mended in (_outdented(reply), _GLUED.sub(r"\1\n\2", reply)):
        again = fences.blocks(mended, shortest)
        if again.closed and again.unclosed is None:
            return again
    return found


_INDENTED = re.compile(r"(?m)^(?P<by>\t[ \t]*|[ ]{4,})(?=[`~]{3})")
_GLUED = re.compile(r"(?m)^([^`\n]*[^`\s][^`\n]*?)[ \t]*(`{3,}[\w+#-]*)[ \t]*$")
"""A fence at the end of a line: `Here it is: ` and the fence, or one right behind the code."""


def _outdented(reply: str) -> str:
    """A reply whose block stands in a list, indented as a whole: without that."""
    first = _INDENTED.search(reply)
    return reply if first is None else re.sub(rf"(?m)^{first['by']}", "", reply)


_NUMBERED = re.compile(r"^[ \t]*(\d+)(?:[ \t]?[|:.│→][ \t]?|\t|[ ]{1,2}|$)")
_MARGIN = re.compile(r"^[ \t]*\d+(?P<sign>[ \t]?[|:.│→][ ]?|\t|[ ])?")
_FILE_NAME = re.compile(
    r"\A\s*(?:#|//|--|;|%|/\*|<!--)\s*(?:(?i:file(?:name|path)?)\s*:\s*)?"
    r"[\w./\\-]*\w\.[A-Za-z]\w{0,7}\s*(?:\*/|-->)?[ \t]*\n"
)


def _bared(text: str, code: str) -> str:
    """New code without what was put around its lines: their numbers, and the name of its file as a comment above."""
    text = text.removeprefix("\ufeff")
    head = _FILE_NAME.match(text)
    if head is not None and head[0].strip() not in code:
        text = text[head.end() :].lstrip("\n")
    lines = text.rstrip("\n").split("\n")
    numbers = [int(found[1]) if (found := _NUMBERED.match(line)) else None for line in lines]
    first = numbers[0]
    if first is None or len(lines) < 2 or numbers != list(range(first, first + len(lines))):
        return text
    if _NUMBERED.match(code) is not None:
        return text
    return "\n".join(_MARGIN.sub("", line) for line in lines)


def _candidates(blocks: Sequence[fences.Block], code: str, language: str) -> list[fences.Block]:
    """The blocks that may be the new code, each once.

    Beside it leave no doubt: an empty block, the code as it was, one in another language, and, where blocks name the
    code's language, one that names none (the output of a run).
    """
    told = list({each.text: each for each in blocks if each.text.strip()}.values()) or [blocks[0]]
    if len(told) == 1:
        return told
    new = [each for each in told if each.text.strip() != code.strip()]
    new = [each for each in new if not any(_is_part_of(each, other) for other in new)]
    own = [each for each in new if not _foreign(each, code, language)]
    if any(each.names(language) for each in own):
        own = [each for each in own if each.is_known]
    diffs = [each for each in new if each.is_diff]
    if own and all(_is_shown_by(each.text, own[0].text) for each in diffs):
        return own
    return new or told[:1]


def _is_part_of(one: fences.Block, other: fences.Block) -> bool:
    """Whether a block shows some lines of another one of the same language."""
    lines, all_of_them = (each.text.strip("\n").split("\n") for each in (one, other))
    return (
        one is not other
        and one.language in ("", other.language)
        and len(lines) < len(all_of_them)
        and any(lines == all_of_them[at : at + len(lines)] for at in range(len(all_of_them) - len(lines) + 1))
    )


def _is_shown_by(diff: str, text: str) -> bool:
    """Whether what a diff adds stands in a text: then it only shows once more what is new there."""
    return all(line[1:].strip() in text for line in diff.split("\n") if line.startswith("+") and line[:3] != "+++")


def _unquoted(reply: str) -> str:
    """A reply that stands in a quotation as a whole, without its marks."""
    lines = [line for line in reply.split("\n") if line.strip()]
    return _QUOTED.sub("", reply) if lines and all(line.startswith(">") for line in lines) else reply


def _no_block(reply: str, shortest: int) -> str:
    if fences.blocks(reply).closed:
        fence = "`" * shortest
        return f"The code may hold fences of its own: the block around all of it must be fenced by {fence}, or longer."
    return "The reply holds no fenced code block."


def _foreign(block: fences.Block, code: str, language: str) -> str | None:
    """Why a block is no new version of the code: it is a diff, or in another language."""
    if language != "diff" and (block.is_diff or _looks_like_diff(block.text, code)):
        return "The block holds a diff: write the new code itself, without signs before its lines."
    if language and not block.fits(language):
        return f"The block is marked as `{block.language}`, and the code is `{language}`."
    if _SESSION.search(block.text) and not _SESSION.search(code) and language not in _WITH_SESSIONS:
        return "The block holds a session with its prompts (`$`, `>>>`): write the new code alone."
    return None


def _looks_like_diff(text: str, code: str) -> bool:
    """Whether lines bear a diff's signs: its heads, or lines of the code behind a minus and new ones behind a plus."""
    if _DIFF_HEAD.search(text) and not _DIFF_HEAD.search(code):
        return True
    old = {line.rstrip() for line in code.split("\n") if line.strip()}
    lines = [line.rstrip() for line in text.split("\n") if line.strip()]
    taken = [line[1:] for line in lines if line.startswith("-") and line not in old]
    added = [line for line in lines if line.startswith("+") and line not in old]
    bare = {line.strip() for line in old}
    if taken and added:
        return all(line.strip() in bare for line in taken)
    beside = [line for line in lines if not line.startswith(("-", "+"))]
    return bool((taken or added) and beside) and all(line[:1] == " " and line[1:] in old for line in beside)


def is_settled(reply: str, code: str, language: str) -> bool:
    """Whether a reply that still grows has said what was asked for, and only goes on to talk about it.

    It began with the block, which is closed, and so much text follows that no second block will take it back.
    """
    shortest = fences.length_for(code, language)
    if not reply.lstrip().startswith(("`" * shortest, "~" * shortest)):
        return False
    found = fences.blocks(reply, shortest)
    if found.unclosed is not None or len(found.closed) != 1 or len(found.rest.strip()) <= _TALK_CHARS:
        return False
    (block,) = found.closed
    return block.text.strip() != code.strip() and not _foreign(block, code, language)


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


def whole_sentences(text: str) -> str:
    """A text that was cut off, up to its last whole sentence; an open block of code is closed, or left out if empty."""
    lines = text.rstrip().split("\n")
    unclosed = fences.blocks(text).unclosed
    if unclosed is not None:
        return f"{text.rstrip()}\n{unclosed.fence}"
    ends = list(_SENTENCE_END.finditer(lines[-1]))
    if ends:
        lines[-1] = lines[-1][: ends[-1].end()].rstrip()
    elif len(lines) > 1:
        lines.pop()
    return "\n".join(lines).rstrip()


def without_repetition(text: str, least: int) -> str | None:
    """A text up to where it begins to say the same again and again, for so many characters; None where it does not."""
    tail = text[-_TAIL_CHARS:]
    before = text.rfind(tail, max(0, len(text) - _LONGEST_PERIOD), len(text) - 1)
    if len(tail) < _TAIL_CHARS or before < 0 or not re.search(r"\w", tail):
        return None
    period = len(text) - _TAIL_CHARS - before
    times = max(_TIMES, -(-least // period))
    if len(text) < period * times or text[-period * times :] != text[-period:] * times:
        return None
    return text[: len(text) - period * (times - 1)]


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
        match = fences.LINE.match(line)
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
