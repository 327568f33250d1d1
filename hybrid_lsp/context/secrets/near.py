"""Secrets near a name that no separator ties to them: in prose, notes and logs, in columns of a table, in what a
function returns, beside a comparison, and as arguments of cryptography.

Little says here that a value is a secret, so it must look like one by itself (`values.is_known_sort`, `values.is_key`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import attrs

from hybrid_lsp.context.secrets.assigned import IS_KEY, named
from hybrid_lsp.context.secrets.names import TRIGGER, Kind, kind_of, small
from hybrid_lsp.context.secrets.strings import quoted
from hybrid_lsp.context.secrets.values import (
    is_jumbled,
    is_key,
    is_known_sort,
    is_passphrase,
    is_secret,
    is_uuid,
    is_words_apart,
)

Place = tuple[int, int]

_GLUE = r"(?:is|are|was|equals|be|to|with|of|as|for|and|the|key|value|now|still|set|use|both|user|account|test|admin)"
_SAID = re.compile(
    rf"[\"'`*_)\]]{{0,3}}(?:[ \t]{{0,4}}(?:[:=|\u2192\uff1a-]{{1,2}}|\b{_GLUE}\b|,)){{0,5}}[ \t]{{0,4}}[\"'`*_(\\>]{{0,3}}(?P<secret>[^\s\"'`<>|(){{}}\[\],;]{{4,128}})"
)
_ONE_BYTE = r"(?:0x[0-9a-fA-F]{1,2}|'[^'\n\\]')"
_BYTES = re.compile(
    rf"[^\n\"'=]{{0,60}}=[ \t]{{0,8}}[&*\w:.! ]{{0,30}}[\[{{(]\s{{0,80}}(?P<secret>{_ONE_BYTE}(?:\s{{0,20}},\s{{0,80}}{_ONE_BYTE}){{5,600}})"
)
"""A key or a password written as numbers or letters: `aes_key[16] = {0x2b, ...}`, `char[] pw = {'h', ...}`."""
_PROSE_VALUE = re.compile(r"[.,:;!?*_`]+$")
_COMMENT = re.compile(r"(?://|#|--|;|/\*|\*|<!--|%|\"\"\"|'''|[\"'`|]|^)[^\n]{0,160}\Z")
_RETURNS = re.compile(
    r"[^\"'`\n;]{0,60}?(?:(?:\)|\blambda\b)[^\"'`\n;]{0,40}?[:{]|[:|{]|=>|->|=|\blambda:|\b(?:or|to)\b|<<<|\|\||\?\?|by lazy \{|\(\|\w?\||%q|q[qw]?[({\[]|&\w+|!!\w+)\s{0,20}"
    r"(?:return\b|\*|Some\()?\s{0,20}(?:[\w:.]{1,40}\()?[brf@$N*&]{0,2}(?=[\"'`])"
)
_OTHER_QUOTES = re.compile(
    r"[=,>:\s(\"']{1,10}(?:%[qQ]?|qq?|R\"|~[sS])[({\[<|](?P<secret>[^(){}\[\]<>|\n]{4,200})[)}\]>|]"
)
_QUOTING = re.compile(r"<<|[qR%~]")
_HERE = re.compile(r"[ \t]{0,8}=[ \t]{0,8}<<[~-]?[\"']?\w{1,20}[\"']?\n[ \t]{0,20}(?P<secret>\S{4,200})$", re.MULTILINE)
_PHRASE = re.compile(
    r"[\"'`*_]{0,3}[ \t]{0,4}(?:\bfor [\w ]{1,20})?(?:[:=\uff1a]|\bis\b)[*_]{0,2}[ \t]{0,4}(?:[|>]-?\n[ \t]{1,20}|!!\w+[ \t])?[\"'`*]{0,3}"
    r"(?P<secret>[A-Za-z0-9]+(?:[ ][A-Za-z0-9']+){1,8}[!?.]?)(?=[\"'`*}>)|;]{0,4}[ \t]*(?:$|-->|\*/|[\"';}]))",
    re.MULTILINE,
)
_COMPARED = re.compile(
    r"(?P<quote>[\"'])(?P<secret>[^\"'\n]{4,128})(?P=quote)(?:\.equals\w*\(|\.eql\?\(?|[ \t]{0,2}(?:={2,3}|!={1,2}|\beq\b)[ \t]{0,2})[\w.$>-]{0,60}?(?:pass|pwd|pw|secret|token|key)"
)
_CRYPTO = re.compile(
    r"(?:hmac|jwt|jwts|sign|cipher|crypt|hash|digest|aes|secret|encod|stripe|client|fernet|token|key|bearer|getbytes|password|passwd)[\w.:!]{0,30}(?:\(\s{0,20}|'\)\()(?=[^\n]{0,120}[\"'])"
)
_STRING = re.compile(r"(?P<quote>[\"'])(?P<secret>[^\"'\n\\]{4,200})(?P=quote)")
_MOST_COLUMNS = 40
_MOST_IN_ROW = 2000
_HEAD = re.compile(
    r"(?m)^(?P<names>[ ]{0,8}(?:(?P<between>\|)[\w \"'`*./()-]{1,60}\|[^\n]{0,400}|\w[\w .-]{1,40}(?P<bare>[,;\t])[\w .,;\t-]{1,400}))\r?\n"
)
_RULE = re.compile(r"[ \t|:+-]{3,400}")


def in_sentences(text: str) -> Iterator[Place]:
    """`the password is hunter2`, `- **Password**: letmein`, `# login with bob / Winter2024!`."""
    for start, end, kind in named(text):
        if kind is Kind.HINT or "::" in text[max(0, start - 2) : end]:
            continue
        found = _SAID.match(text, end)
        if found is not None and _is_said(_trimmed(found["secret"]), kind):
            at = found.start("secret")
            yield at, at + len(_trimmed(found["secret"]))
        if (numbers := _BYTES.match(text, end)) is not None:
            yield numbers.span("secret")
        near = text[end : end + _NEAR]
        for pattern in (_OTHER_QUOTES, _HERE) if _QUOTING.search(near) else ():
            if (held := pattern.match(text, end)) is not None and is_secret(held["secret"], kind):
                yield held.span("secret")
        if (
            kind is Kind.PASSWORD
            and " " in near
            and (phrase := _PHRASE.match(text, end))
            and is_passphrase(phrase["secret"])
        ):
            yield phrase.span("secret")
        yield from _returned(text, end, kind)


def _trimmed(word: str) -> str:
    """A word without what ends a sentence; a sign at the end of a password stays where a digit is before it."""
    return _PROSE_VALUE.sub(lambda end: "!" if end[0].startswith("!") else "", word)


def _is_said(word: str, kind: Kind) -> bool:
    if kind is Kind.KEY:
        return _is_plain_key(word)
    return is_known_sort(word) and is_secret(word, Kind.PASSWORD)


def _is_plain_key(word: str) -> bool:
    """A key that is no name of a program: digits in it, and no word joined by an underscore or a dot."""
    return (
        re.search(r"[a-z]_|_[a-z]{3}|\.\w{2,5}$|[A-Z]_[A-Z]", word) is None
        and (len(re.findall(r"\d", word)) >= 3 or is_jumbled(word))
        and is_key(word)
        and not is_uuid(word)
    )


def _returned(text: str, at: int, kind: Kind) -> Iterator[Place]:
    """`def password(): return "..."`, `let(:password) { "..." }`, `unwrap_or_else(|_| "...")`, `Field(default="...")`."""
    if _QUOTE.search(text, at + 3, at + _NEAR) is None:
        return
    for pattern in (_RETURNS, _DEFAULT, _OTHERWISE):
        bridge = pattern.match(text, at)
        value = quoted(text, bridge.end()) if bridge is not None else None
        if value is not None and IS_KEY.match(text, value.end) is not None:
            return  # the next key of a table
        if value is not None and (_is_fallback(value.text) if kind is Kind.PASSWORD else _is_plain_key(value.text)):
            if is_secret(value.text, kind):
                yield from value.spans
            return


def _is_fallback(word: str) -> bool:
    """A password that stands in for one that is set elsewhere."""
    return (
        is_known_sort(word)
        or is_secret(word, Kind.PASSWORD, strict=True)
        or (re.search(r"\d", word) is not None and is_secret(word, Kind.PASSWORD))
    )


_NEAR = 160
_QUOTE = re.compile("[\"'`]")
_DEFAULT = re.compile(
    r"(?:[\"'`]\)?)?[^\"'`\n;]{0,60}(?:\(|,|\||\bor\b|\|\|)\s{0,8}(?:default\w{0,8}\s?=\s?|\|\w?\|\s?)?[brf]?(?=[\"'])"
)

_OTHERWISE = re.compile(
    r"[\"'\])]{0,3}[ \t]{0,8}(?:=>|:=|[:=])[^\n;]{1,80}?(?:\bor\b|\|\||\?\?|\?:)[ \t]{0,4}[brf@]?(?=[\"'`])"
)
"""`password: <%= ENV['X'] || '...' %>`: the last of several, in which strings stand."""


def in_comparisons(text: str) -> Iterator[Place]:
    """`"hunter2".equals(password)`, `'hunter2' == pw`."""
    for found in _COMPARED.finditer(text):
        if is_known_sort(found["secret"]) and is_secret(found["secret"], Kind.PASSWORD):
            yield found.span("secret")


def in_cryptography(text: str) -> Iterator[Place]:
    """Keys and passwords as arguments: `jwt.encode(payload, "...")`, `bcrypt.hash("...")`."""
    end = 0
    for call in _CRYPTO.finditer(small(text)):
        if call.end() < end:
            continue
        line_end = text.find("\n", call.end(), call.end() + 240)
        end = line_end if line_end >= 0 else min(len(text), call.end() + 240)
        hashes = re.search(r"crypt|hash|passw|jwt", call[0]) is not None
        for found in _STRING.finditer(text, call.end(), end):
            secret = found["secret"]
            if _is_plain_key(secret) or (
                hashes and (is_known_sort(secret) or is_words_apart(secret)) and is_secret(secret, Kind.PASSWORD)
            ):
                yield found.span("secret")


def in_tables(text: str) -> Iterator[Place]:
    """Rows of a table in Markdown or separated by commas, semicolons or tabs, in the column of a secret's name.

    A row may be the head of another table as well, so those that go on are kept by what is between their cells: each
    line is read once for each of these, however many heads stand above it.
    """
    heads = [*_heads(text), _Head(len(text) + 1, "", ())]
    tables: dict[str, list[set[Kind]]] = {}
    for head, following in pairwise(heads):
        columns = tables.setdefault(head.between, [set() for _ in head.kinds])
        for column, kind in zip(columns, head.kinds, strict=True):
            column.update({kind} if kind is not None else ())
        at = head.end
        while tables and at < following.end:
            end = text.find("\n", at)
            line = text[at : end if end >= 0 else len(text)]
            for between in list(tables):
                if len(line) > _MOST_IN_ROW or line.count(between) + 1 != len(tables[between]):
                    del tables[between]
                elif _RULE.fullmatch(line) is None:
                    yield from _cells(line, at, between, tables[between])
            at += len(line) + 1


@attrs.frozen
class _Head:
    """A first line of a table with a secret's name in it: where it ends, and of which kind each column's name is."""

    end: int
    between: str
    kinds: tuple[Kind | None, ...]


def _heads(text: str) -> Iterator[_Head]:
    for found in _HEAD.finditer(text):
        if TRIGGER.search(small(found["names"])) is None:
            continue
        between = found["between"] or found["bare"]
        names = found[0].strip("\r\n").split(between)[:_MOST_COLUMNS]
        kinds = tuple(_column(name) for name in names)
        if any(kinds):
            yield _Head(found.end(), between, kinds)


def _column(name: str) -> Kind | None:
    words = name.strip(" \"'`*")
    kind = kind_of(words.replace(" ", "_")) if re.fullmatch(r"[\w .-]{2,30}", words) else None
    return kind if kind is not Kind.HINT else None


def _cells(line: str, at: int, between: str, columns: list[set[Kind]]) -> Iterator[Place]:
    """The secrets of one row that begins at an offset."""
    for cell, kinds in zip(line.split(between), columns, strict=True):
        word = cell.strip(" \"'`*\r") if kinds else ""
        if word and (is_known_sort(word) or is_key(word) or any(is_secret(word, kind) for kind in kinds)):
            start = at + cell.index(word)
            yield start, start + len(word)
        at += len(cell) + len(between)


_MANIFEST = re.compile(r"(?m)^kind:[ \t]*[\"']?Secret\b")
_DATA = re.compile(r"(?m)^(?:stringData|data):[ \t]*\r?\n(?P<lines>(?:[ \t]{1,8}[\w.-]{1,80}:[^\n]{0,4000}\n?){1,100})")
_ENTRY = re.compile(r"(?m)^[ \t]{1,8}[\w.-]{1,80}:[ \t]*[\"']?(?P<secret>[^\s\"'|>{$][^\s\"']{3,2048})[\"']?[ \t]*$")


def in_manifests(text: str) -> Iterator[Place]:
    """Every value of a Kubernetes Secret, whatever it is called."""
    if _MANIFEST.search(text) is None:
        return
    for data in _DATA.finditer(text):
        for entry in _ENTRY.finditer(text, data.start("lines"), data.end("lines")):
            yield entry.span("secret")


_PGPASS = re.compile(
    r"(?m)^[ \t]{0,8}[\w.*-]{1,80}:(?:\d{1,5}|\*):[\w.*-]{1,64}:[\w.*-]{1,64}:(?P<secret>[^\s:]{4,200})$"
)
_USER_AND = re.compile(
    r"(?i)\b(?<!::)(?:auth(?=\W)|cred\w*|login|user(?:name)?s?/pass\w*|zugangsdaten|userpwd|account(?=\W))[\"'`\]]{0,2}[ \t]{0,4}[:=,]{0,2}\s{0,12}(?:-[ \t])?"
    r"(?:(?:with|as)[ \t]{1,4})?[\"'`]?[\w.@+-]{1,40}[\"'`]?[ \t]{0,2}[:/][ \t]{0,2}[\"'`]?(?P<secret>[^\s\"'`,;)/]{5,128})"
)
_DRIVER = re.compile(r"[\"'][\w.-]{1,64}:(?P<secret>[^\s\"'/]{3,128})@(?:tcp|unix|udp)?\(")
_SLASHED = re.compile(r"\b[\w$]{1,64}/(?P<secret>[^\s\"'/:]{4,128})@[\w./-]{1,80}:\d{2,5}\b")
_CRYPTED = re.compile(
    r"(?<![\w$])\$(?:apr1|[156y]|2[abxy]|argon2\w{1,2}|scrypt|pbkdf2[\w-]{0,20})\$[\w./$=,+-]{20,300}"
)


def in_notes(text: str) -> Iterator[Place]:
    """User and password beside each other, lines of a `.pgpass`, hashes of passwords."""
    if "$" in text:
        yield from (found.span() for found in _CRYPTED.finditer(text))
    for found in _PGPASS.finditer(text):
        yield found.span("secret")
    for pattern in (_USER_AND, _DRIVER, _SLASHED) if "@" in text else (_USER_AND,):
        for found in pattern.finditer(text):
            if is_key(found["secret"]) or is_known_sort(found["secret"]) or pattern is _DRIVER:
                yield found.span("secret")
