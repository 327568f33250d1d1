"""Secrets that stand under a name: name, separator and value in the grammar that languages and settings share.

The name (`names.py`) may be an identifier, a key in quotes, an option or an element. Between it and the value stands a
separator of any language (`=`, `:`, `=>`, `: Final[str] =`, `&str =`, `==`, `||`, a comma of a call, a tag), around the
value perhaps a call (`String::from(`). The value (`strings.py`) is quoted in any way, or bare to the end of a line of
settings. detect-secrets' keyword detector and gitleaks' generic rule look for the same with lists of spellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from hybrid_lsp.context.secrets.names import MOST_CHARS, TRIGGER, Kind, kind_of, small
from hybrid_lsp.context.secrets.strings import Value, quoted
from hybrid_lsp.context.secrets.values import (
    is_key,
    is_secret,
    is_strange,
    is_words_apart,
    is_wordy,
    looks_random,
)

Place = tuple[int, int]

_WORDS_BEFORE = re.compile(r"([A-Za-z]{2,20})[ \t]\Z")
_NAME_CHARS = re.compile(r"[\w.$-]{1,80}")
_BEFORE_NAME = re.compile(r"[\w.$-]*\Z")
_SETS = re.compile(r"(?i)(?:\w+\.)?(?:set|with|add|use|put|secret|password|private)")
# What closes a name: a quote, an index, brackets.
_CLOSE = re.compile(r"""(?:\\{0,3}["'`]|&quot;)?(?:\[\w{0,20}\])?[\])}?!]{0,4}""")
_TYPE = r"(?:[\w.&'\[\]<>?*|][\w.&'\[\]<>,?*| \t]{0,60}?)"
_SEPARATOR = re.compile(
    rf"""[ \t]{{0,40}}(?:
      :[ \t](?:!!?|&)\w{{1,20}}(?=[ \t]+[^=\s])
    | :[ \t]{{0,4}}{_TYPE}[ \t]{{0,4}}=(?!=)
    | [-+?|&!:<.]{{0,2}}=(?:[=>~]{{0,2}})
    | ::?[-?+]?
    | <-|->|<<<|\?\?|\|\||\?:|\bor\b|\belse\b|\bDEFAULT\b|\bis\b|\beq\b
    )(?P<after>(?:[ \t]|\\?\r?\n){{0,80}})""",
    re.VERBOSE,
)
# A type between name and `=`: Go's `var password string =`.
_TYPED = re.compile(
    r"[ \t]{1,8}PIC[ \t]{1,4}\S{1,20}[ \t]{1,8}VALUE[ \t]{1,8}|[ \t]{1,8}(?:As[ \t])?[\w.*\[\]&]{1,40}[ \t]{0,8}(?:=|DEFAULT)[ \t]{0,8}"
)
_WRAP = re.compile(
    r"(?:(?:new|await|return|not|const|static_cast|bytes|of)[ \t]{1,4})?(?:\[\d{0,4}\])?(?:[\w.:$<>&*!?]{0,60}(?:\(|(?<!\w)[\[{]|!\[|(?<=[\w>])\{)\s{0,40}){1,3}(?=[\"'`bBfFrRuUL@$\[\\])"
)
_SPACE = re.compile(r"[ \t]{1,40}")
_COMMA = re.compile(r"[ \t]{0,4},\s{0,80}(?:\w{1,20}[ \t]{0,4}[=:][ \t]{0,4})?")
# `getenv("NAME", `, `put("name", `: the second argument is the value.
_GIVES = re.compile(
    r"(?i)(?:env\w*|environ\.\w+|get\w*|put\w*|set\w*|add\w*|def(?:ine)?\w*|fetch\w*|insert\w*|append\w*|entry|of|pair|field"
    r"|header|property|withenvironment|param\w*|arg\w*|option\w*|secret\w*)!?[ \t]{0,4}\((?:[A-Z]{2,8},)?\s{0,40}(?::|\\?[\"'`])\Z|\{\s{0,8}\\?[\"']\Z"
)
_OPENS = re.compile(r"[({](?:[A-Z]{2,8},)?\s{0,40}(?::|\\?[\"'`])\Z")
_GIVEN = re.compile(
    r"(?i)(?:env|put|set|define|fetch|insert|property|cmp|equals?|compare\w*|\beq|verify\w*|check\w*)[(\[][\s:]*$|^\s*\{\s*$"
)
# The value stands under a name of its own: `{"name": "TOKEN", "value": "..."}`, `add_argument(NAME, default="...")`.
_VALUE_KEY = re.compile(
    r"""(?i)(?:(?![(]\s*["']\w+["']\s*\)).){0,160}?(?:\b|_|["'])(?:value|val|default(?:_?value)?|content|data|text|secure_?value|plaintext|<string>)(?:["'`]|&quot;)?\s{0,8}(?:=>|[:=]|,)\s{0,40}""",
    re.DOTALL,
)
_VALUE_WORDS = ("val", "default", "content", "data", "text", "<string>")
_STRING_ELEMENT = re.compile(r"\s{0,4}</key>\s{0,80}<string>")
_ELEMENT = re.compile(
    r"(?:[ \t][^<>]{0,200})?>\s{0,80}(?:<!\[CDATA\[)?(?P<bare>[^<>\s\]][^<>\]]{2,1024}?)\s{0,80}(?:\]\]>\s*)?</"
)
_BLOCK_SCALAR = re.compile(r"[|>][-+\d]{0,2}[ \t]*\r?\n[ \t]+")
_LINE_START = re.compile(
    r"(?i)^[ \t>+\-*#;/]{0,24}(?:(?:export|set|setx|setenv|env|arg|declare|local|readonly|let|heroku|config:set|-[ex]|--\w+|"
    r"define|put|[a-z']{1,12})[ \t]+(?:-[\w-]+[ \t]+)*){0,4}[\"']?(?:[\w.$:/@-]*[.:/])?\Z"
)
_BARE_LINE = re.compile(r"(?P<bare>[^\s\"'`][^\s]{3,511}+)[ \t]*+(?=\r?$|[#;]|//|\\\r?$|\Z)", re.MULTILINE)
_BARE_WORD = re.compile(r"(?P<bare>[\w+/=.~!@#$%^*:?-]{4,512}+)(?=[;&\s\"'`<>)},|\]\\]|\Z)")
_EXPRESSION = re.compile(
    r"^\(?0[xX][0-9a-fA-F]+[uUlL]*\)?;?$|[()\[\]{}]|,$|;.|^[A-Za-z_]\w*(?:(?:\.|->|::)[A-Za-z_]\w*)+;?$|^&?\w+;$|^[-+*/&|^!=<>?:]"
)
_TYPE_NAME = re.compile(
    r"(?i)^(?:str|string|text|bytes?|int(?:eger)?|float|bool(?:ean)?|any|none|null|nil|true|false|object|unknown|never|void|"
    r"char|varchar|optional|required|self|this|yes|no|on|off|undefined|auto|default|dict|list|password|hidden|file|env)\b"
)
_CODE_LINE = re.compile(
    r"[;{},()\[]\s*\\?$|^\s*(?:def|class|if|for|return|import|from|func|fn|let|const|var|public|private|static|#include|#define)\b|\w\(",
    re.MULTILINE,
)
_NEAR = 400


def assigned(text: str) -> Iterator[Place]:
    """Where the values of secrets' names stand in a text."""
    for start, end, kind in named(text):
        yield from _under(text, start, end, kind)


@lru_cache(maxsize=1)  # what is near a name is looked for as well
def named(text: str) -> tuple[tuple[int, int, Kind], ...]:
    """Where names of secrets stand, and of which kind each is."""
    found, done = list[tuple[int, int, Kind]](), 0
    for trigger in TRIGGER.finditer(small(text)):
        if trigger.start() < done:
            continue
        start, done = _name(text, trigger.start(), done)
        if (kind := _kind(text, start, done)) is not None:
            found.append((start, done, kind))
    return tuple(found)


def _kind(text: str, start: int, end: int) -> Kind | None:
    """What kind of secret the name at a place is of; in prose the word before counts: `api key: ...`."""
    kind = kind_of(text[start:end])
    if kind is Kind.HINT and (words := _WORDS_BEFORE.search(text, max(0, start - 24), start)) is not None:
        return kind_of(f"{words[1]}_{text[start:end]}")
    return kind


def _name(text: str, at: int, least: int) -> Place:
    """The name around an offset, of bounded length."""
    low = max(least, at - MOST_CHARS)
    before = _BEFORE_NAME.search(text, low, at)
    start = before.start() if before else at
    found = _NAME_CHARS.match(text, at, at + MOST_CHARS)
    return start, found.end() if found else at + 1


def _under(text: str, start: int, end: int, kind: Kind) -> Iterator[Place]:
    """What stands under one name."""
    if text[start:end].endswith((".", "-")):
        end -= 1
    if "::" in text[max(0, start - 2) : end] and text[end : end + 1] in ('"', "'"):
        return  # the name of a type: `"AWS::IAM::AccessKey": "..."`
    close = _CLOSE.match(text, end)
    after = close.end() if close else end
    in_quotes = after > end and text[start - 1 : start] in ("'", '"', "`", ":", ";")
    for find in (_after_separator, _after_name, _after_comma, _in_element):
        if places := find(text, start, after, kind, in_quotes):
            yield from places
            return


def _after_separator(text: str, start: int, after: int, kind: Kind, in_quotes: bool) -> list[Place]:
    separator = _SEPARATOR.match(text, after) or _TYPED.match(text, after)
    if separator is None:
        return []
    at = separator.end()
    wrap = _WRAP.match(text, at)
    is_call = wrap is not None and wrap[0].strip()[-1:] == "(" and wrap[0].strip() != "("
    value = quoted(text, at) or (quoted(text, wrap.end()) if wrap else None)
    if value is not None and wrap is not None and IS_KEY.match(text, value.end):
        return []  # `tokens = {"root": [`
    if value is not None and separator[0].strip() == "=>" and text[start].isupper():
        return _judged(text, value, kind, strict=True)  # an arm of a match
    if value is not None:
        return _judged(text, value, kind, strict=is_call and not _converts(wrap[0] if wrap else ""))
    if wrap is not None:
        return []
    if (block := _BLOCK_SCALAR.match(text, at)) is not None:
        at = block.end()
    elif "\n" in separator[0]:
        return []
    return _bare(text, start, separator.end() if block is None else at, separator[0], kind)


IS_KEY = re.compile(r"[ \t]{0,4}(?::|=>)")
_CONVERTS = re.compile(
    r"(?i)(?:string|str|secret\w*|from|bytes?|buffer\.from|text|password|token|some|just|ok|new\w*|encode\w*|b64decode|fromjson|lit)!?[(\[{<\s]*$"
)


def _converts(wrap: str) -> bool:
    """Whether a call only makes a string of a string: `String::from(`, `SecretStr(`."""
    return _CONVERTS.search(wrap) is not None


def _after_name(text: str, start: int, after: int, kind: Kind, in_quotes: bool) -> list[Place]:
    """`setPassword("...")`, `#define PASSWORD "..."`, `PASSWORD '...'`, `password hunter2` in a `.netrc`."""
    if text.startswith(("(", "{"), after) and not in_quotes and (kind is not Kind.HINT or _SETS.match(text, start)):
        value = quoted(text, after + 1 + len(text[after + 1 : after + 40]) - len(text[after + 1 : after + 40].lstrip()))
        strict = _SETS.match(text, start) is None
        return _judged(text, value, kind, strict=strict) if value else []
    space = _SPACE.match(text, after)
    if space is None:
        return []
    line = text[max(text.rfind("\n", 0, start) + 1, start - 120) : start]
    declares = (
        re.search(
            r"(?i)#\s*define\s+\w*$|^\s*(?:ENV|ARG|set|setenv|export)\s+\S*$|\b(?:BY|WITH|setq|def)\b[^\"']*$|[:$-]$|(?:^|[;{])\s*$",
            line,
        )
        is not None
    )
    value = quoted(text, space.end())
    if value is not None:
        strict = not (declares or text[start:after].isupper() or text[start - 1 : start] in (":", "-"))
        return _judged(text, value, kind, strict=strict) if kind is not Kind.HINT or declares else []
    is_netrc = (
        text[start:after].lower() in ("password", "passwd", "requirepass", "masterauth", "pass")
        and re.search(r"(?:^|\s)(?:machine|login|default)\s+\S+.{0,120}$|^\s*(?:machine\s.*)?$", line, re.DOTALL)
        is not None
    )
    is_option = text[max(0, start - 1) : start + 1].startswith("-") or text[start:after].startswith("-")
    names_value = re.search(r"(?i)^\s*(?:ENV|ARG|set|setenv|export)\s+\S*$", line) is not None
    if not (names_value or is_netrc or is_option) or kind is Kind.HINT:
        return []
    word = _BARE_LINE.match(text, space.end()) if not is_option else _BARE_WORD.match(text, space.end())
    if word is None and is_option:
        return []
    if word is None or word["bare"] in ("=", ":", ":=") or _EXPRESSION.search(word["bare"]):
        return []
    config = names_value or is_option or _is_settings(text, start, after)
    chosen = kind if config and not _TYPE_NAME.match(word["bare"]) else Kind.HINT
    if is_wordy(word["bare"]) and not (
        chosen is Kind.PASSWORD
        and (names_value or re.search(r"\d", word["bare"]) or (is_option and is_words_apart(word["bare"])))
    ):
        return []
    return [word.span("bare")] if is_secret(word["bare"], chosen) else []


def _after_comma(text: str, start: int, after: int, kind: Kind, in_quotes: bool) -> list[Place]:
    """The next argument, or a value under a name of its own near by."""
    if not in_quotes:
        comma = _COMMA.match(text, after)
        given = _GIVEN.search(text[max(0, start - 60) : start])
        value = quoted(text, comma.end()) if comma and given else None
        return _judged(text, value, kind, strict=False) if value else []
    comma = _COMMA.match(text, after)
    if comma is not None and (value := quoted(text, comma.end())) is not None:
        places = _judged(text, value, kind, strict=not _is_given(text, start))
        if places:
            return places
    near = text[after : after + 240].lower()
    key = _VALUE_KEY.match(text, after) if any(word in near for word in _VALUE_WORDS) else None
    if key is None or "\n\n" in key[0]:
        return []
    value = quoted(text, key.end())
    if value is not None:
        return _judged(text, value, kind, strict=False)
    return _bare(text, key.end(), key.end(), ": ", kind)


def _is_given(text: str, start: int) -> bool:
    """Whether a name in quotes is the first argument of a call that takes a name and a value."""
    low = max(0, start - 80)
    opens = max(text.rfind("(", low, start), text.rfind("{", low, start))
    # The call's name is looked for only behind a bracket: most names in quotes stand in lists.
    return opens >= 0 and _OPENS.match(text, opens, start) is not None and _GIVES.search(text, low, start) is not None


def _in_element(text: str, start: int, after: int, kind: Kind, in_quotes: bool) -> list[Place]:
    """`<password>...</password>`, `<key>password</key><string>...`, `<entry key="password">...`."""
    plist = _STRING_ELEMENT.match(text, after)
    found = _ELEMENT.match(text, plist.end() - 1) if plist else _ELEMENT.match(text, after)
    if found is None or (text[start - 1 : start] not in "<:\"'>"):
        if not in_quotes and (key := re.compile(r"\s{0,80}(?:-\s)?value:[ \t]{0,8}").match(text, after)):
            value = quoted(text, key.end())
            return _judged(text, value, kind, strict=False) if value else _bare(text, key.end(), key.end(), ": ", kind)
        return []
    return [found.span("bare")] if is_secret(found["bare"], kind) else []


def _judged(text: str, value: Value, kind: Kind, *, strict: bool) -> list[Place]:
    """The places of a quoted value that is a secret; each of its strings by itself."""
    if not is_secret(value.text, kind, strict=strict):
        return []
    return [(start, end) for start, end in value.spans if start < end]


def _bare(text: str, start: int, at: int, separator: str, kind: Kind) -> list[Place]:
    """A value without quotes: to the end of a line of settings, else a word that is clearly none of a program."""
    line_start = max(text.rfind("\n", 0, start) + 1, start - 200)
    begins = start == at or _LINE_START.match(text[line_start:start]) is not None
    line = _BARE_LINE.match(text, at)
    tight = not separator[:1].isspace() and not separator[-1:].isspace()
    if begins and line is not None and "==" not in separator and not _TYPE_NAME.match(line["bare"]):
        value = line["bare"]
        shell = tight and text[start:at].rstrip("=: ?+").isupper()
        if (
            not _EXPRESSION.search(value)
            or (shell and not re.search(r"[(){}\[\]]", value))
            or (shell and is_secret(value, Kind.KEY))
        ):
            settings = shell or _is_settings(text, line_start, line.end())
            if settings and is_secret(value, kind):
                return [line.span("bare")]
            if _is_clear(value, kind):
                return [line.span("bare")]
    word = _BARE_WORD.match(text, at)
    if (
        word is None
        or not tight
        or "==" in separator
        or _EXPRESSION.search(word["bare"])
        or _TYPE_NAME.match(word["bare"])
    ):
        return []
    return (
        [word.span("bare")]
        if _is_clear(word["bare"], kind) or (_in_connection(text, start) and is_secret(word["bare"], kind))
        else []
    )


_JOINTS = tuple(";?& \t-")
_FOLLOWS = re.compile(r"(?:[;?&]|\w=[^\s;]{1,200}+[ ;])[ \t]{0,4}-{0,2}\Z")


def _in_connection(text: str, start: int) -> bool:
    """Whether a name follows others in one connection string, query or command line, or is to be put in: `${name:-`."""
    if text[start : start + 2] in ("--", "-D") or text.endswith("${", 0, start):
        return True
    before = text[max(0, start - 260) : start]
    return before[-1:] in _JOINTS and _FOLLOWS.search(before) is not None


def _is_clear(value: str, kind: Kind) -> bool:
    """A bare value that is no expression of a program, whatever stands around it."""
    if len(value) < 8 or is_wordy(value) or not re.search(r"[A-Za-z]", value):
        return False
    if not re.search(r"\d", value):
        return kind is not Kind.HINT and is_strange(value)
    if kind is Kind.HINT:
        return is_key(value)
    return (
        looks_random(value)
        and is_secret(value, kind)
        and re.fullmatch(r"[A-Z_]+\d*[A-Z_\d]*|\w+(?:\.\w+)+", value) is None
    )


def _is_settings(text: str, start: int, end: int) -> bool:
    """Whether the lines around a place are settings and no program."""
    before = text[max(0, start - _NEAR) : start].rpartition("\n")[0][-_NEAR:]
    after = text[end : end + _NEAR].partition("\n")[2]
    near = before.splitlines()[-4:] + after.splitlines()[:4]
    lines = [line for line in near if line.strip()]
    return sum(_CODE_LINE.search(line) is not None for line in lines) * 3 <= len(lines)
