"""Secrets that are known by where they stand: in an address, after a header's name, as an argument of a login, as the
lines of a private key; and by nothing but their look."""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Iterator

from hybrid_lsp.context.secrets.names import Kind, kind_of, small
from hybrid_lsp.context.secrets.strings import quoted
from hybrid_lsp.context.secrets.values import (
    is_common,
    is_key,
    is_passphrase,
    is_secret,
    is_strange,
    is_words_apart,
    is_wordy,
    looks_random,
    stands_out,
)

Place = tuple[int, int]

_ADDRESS = re.compile(
    r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://(?P<info>[^\s/\"'`<>?#]{1,512}(?:@[^\s/\"'`<>?#@]{0,200})?)(?=[/?#\s\"'`<>,]|\Z)"
)
_SLASHED = re.compile(
    r"\b[a-z][a-z0-9+]{2,20}://[\w.,=-]{1,64}:(?!\d{1,5}/)(?P<secret>[^\s/\"'`<>{}$()]{1,64}[/?#][^\s\"'`<>{}$()/]{0,64})@[\w.-]{1,100}(?=[:/\"'\s]|\Z)"
)
"""A password with a sign that should have been escaped."""
_ORACLE = re.compile(r"jdbc:oracle:\w{1,8}:(?P<user>[\w$]{1,64})/(?P<secret>[^\s@\"'/]{3,128})@")
_SAS = re.compile(r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{24,200})")
_SIGNED = re.compile(
    r"(?i)[?&](?:x-amz-(?:signature|credential|security-token)|awsaccesskeyid|signature)=(?P<secret>[\w%+/=.-]{16,1024})"
)
_HEADER = re.compile(
    r"(?i)\b(?:bearer|basic|token|apikey|api-key|ssws|geniekey|digest|negotiate|key|oauth)(?:[ \t]{1,4}|%20|=)[\"']?(?P<secret>[A-Za-z0-9._~+/%:-]{8,2048}={0,2})"
)
_AUTHORIZATION = re.compile(
    r"(?i)(?<![:\w])(?:\w{0,24}[_-])?authorization[\"'`]?\]?[ \t]{0,4}(?:[:=,]|=>)?[ \t]{0,4}[\"'`]?(?:[A-Za-z-]{2,20}[ \t]{1,4})?(?P<secret>[A-Za-z0-9._~+/-]{8,2048}={0,2})"
)
_IDENTIFIED = re.compile(
    r"(?i)(?:\bIDENTIFIED(?=[^\"'\n;]{0,60}\b(?:BY|AS)\s+(?:PASSWORD\s+)?[\"'])|\b(?:CREATE|ALTER|GRANT)\s[^;]{1,200}?\bIDENTIFIED)\s+(?:WITH\s+\S{1,40}\s+)?(?:BY|AS)\s+(?:PASSWORD\s+)?(?P<quote>[\"']?)(?P<secret>[^\s\"';]{4,200}|(?<=[\"'])[^\"'\n]{4,200})(?P=quote)"
)
_USER_OPTION = re.compile(
    r"(?<![\w-])(?:-u|--user|--proxy-user|-U)[ =]?[\"']?[\w.@+-]{1,64}:(?P<secret>[^\s\"']{3,128})"
)
_SHORT_OPTION = re.compile(
    r"\b(?:mysql|mysqldump|mysqladmin|mariadb)\b[^\n|;]{0,200}?[ \t]-p(?=\S)[\"']?(?P<tight>[^\s\"'-][^\s\"']{3,128})"
    r"|\b(?:sshpass|mongo|mongosh|mongodump|redis-cli|docker login|smbclient|ldapsearch|ldapadd|htpasswd|zip|7z|unzip)\b[^\n|;]{0,200}?[ \t]-(?:p|a|w|P)[ \t=]?[\"']?(?P<secret>[^\s\"'-][^\s\"']{3,128})"
)
_LOGIN = re.compile(
    r"(?:auth|login|log_in|signin|sign_in|logon|credential|connect|bind|mysqli|pdo|usernamepassword|userpass|identify|hashpw|hash_pw|password)"
    r"\w{0,24}+!?[ \t]{0,2}(?:=[ \t]{0,2})?\("
)
_ARGUMENTS = 6
_BETWEEN = re.compile(r"\s{0,40}(?:,\s{0,40}(?:\w{1,24}\s{0,4}[=:]\s{0,4})?)?")
_BARE_ARGUMENT = re.compile(r"[\w.&*$>-]{1,60}(?=\s{0,4}[,)])")
_COLUMNS = re.compile(r"(?i)\((?P<names>[^()]{3,400})\)\s{0,20}VALUES\s{0,20}(?P<rows>\()")
_SECURE_STRING = re.compile(r"(?i)ConvertTo-SecureString\s+(?:-String\s+)?[\"'](?P<secret>[^\"'\n$]{4,200})[\"']")

_MARK = re.compile(
    r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d|Private-Lines: \d+|-----BEGIN (?:OPENSSH|RSA|EC|DSA|ENCRYPTED)\b"
)
_BODY = re.compile(
    r"(?:\\r|\\n|[\s\"'+\\,>|#*.;)(]|//|Proc-Type:[^\n]{0,80}|DEK-Info:[^\n]{0,80}|[\w-]{2,20}: [^\n]{0,80}\n){0,80}(?P<line>[A-Za-z0-9+/=]{16,8192})"
)
_LINES = re.compile(
    r"(?m)(?:^[ \t\"'>|#*/+]{0,40}[A-Za-z0-9+/]{40,128}(?:\\r)?(?:\\n)?[\"',;)+ \t\\.]{0,8}\r?\n){2,400}(?:[ \t\"'>|#*/+]{0,40}[A-Za-z0-9+/]{1,128}={0,2})?"
)
_MOST_LINES = 64
"""A longer block is data: an RSA key of 4096 bits takes 51."""
_OF_FILES = ("/9j/", "iVBOR", "R0lGOD", "UklGR", "JVBER", "H4sI", "UEsDB", "AAABAA")
"""How base64 of pictures, documents and archives begins."""
_LINE = re.compile(r"[A-Za-z0-9+/]{8,128}={0,2}")
_DER = re.compile(
    r"(?<![A-Za-z0-9+/])(?:MII[BCEJ][A-Za-z0-9+/]{2}IBA[A-Z]|MII[A-Za-z0-9+/]{2,6}gIBADANBgkqhkiG9w|MIGHAgEAMBMGByqGSM49|MHcCAQEEI|MIGkAgEBBDA|MC4CAQAwBQYDK2V|b3BlbnNzaC1rZXktdjE|LS0tLS1CRUdJTi[A-Za-z0-9+/]{2,40}UFJJVkFURSBL)[A-Za-z0-9+/]{20,8192}={0,2}"
)
_PUBLIC = re.compile(r"-----BEGIN (?!(?:[A-Z0-9]+ ){0,3}PRIVATE)[A-Z0-9 ]{3,40}-----|ssh-(?:rsa|ed25519|dss) ")
_ENDS = re.compile(r"-----END")

_ALONE = re.compile(r"(?<![A-Za-z0-9+/_=.@:$\\-])[A-Za-z0-9+/_-]{24,128}={0,2}(?![A-Za-z0-9+/_=.(-])")
_DATA_NEAR = re.compile(
    r"(?i)sha\d*[-_:= ]|integrity|checksum|digest|base64,|\?[bq]\?|hash|fingerprint|sourceMappingURL|mappings|/|\.js|\.css|uuid|guid|charset|alphabet|font|image|png"
)


def in_addresses(text: str) -> Iterator[Place]:
    """Passwords and tokens in front of a host, and signatures of signed addresses."""
    for found in _ADDRESS.finditer(text):
        info, at, _ = found["info"].rpartition("@")
        if not at:
            continue
        start = found.start("info")
        user, colon, password = info.partition(":")
        if colon and _is_in_address(password):
            yield start + len(user) + 1, start + len(info)
        if ((not colon or password in ("", "x-oauth-basic", "x-token-auth")) and (is_key(user) or _is_hex(user))) or (
            colon and is_key(user) and user != password
        ):
            yield start, start + len(user)
    for pattern in (_SLASHED, _ORACLE, _SAS, _SIGNED):
        for found in pattern.finditer(text):
            if pattern is not _ORACLE or _is_in_address(found["secret"]):
                yield found.span("secret")


_STAND_INS = "password pass passwd pw pwd secret user *** xxx port host example changeme"
_NO_PASSWORD = frozenset(_STAND_INS.split())


def _is_in_address(password: str) -> bool:
    if (
        len(password) < 3
        or password.lower() in _NO_PASSWORD
        or re.search(r"^[{$<%\[]|\$\{|\{\{|%s|\{\w*\}|^\d{2,5}$|[()]", password)
    ):
        return False
    return password.strip("*x.") != ""


def _is_hex(text: str) -> bool:
    return (
        len(text) >= 16
        and re.fullmatch(r"[0-9a-f]+", text) is not None
        and any(character.isdigit() for character in text)
    )


def in_headers(text: str) -> Iterator[Place]:
    """What follows `Authorization:`, `Bearer` and their like."""
    for found in _HEADER.finditer(text):
        secret = found["secret"]
        scheme = text[found.start() : found.start("secret")].lower()
        if (scheme.startswith("basic") and _is_basic(secret)) or (
            looks_random(secret)
            and (is_key(secret) or (scheme.startswith(("bearer", "ssws")) and re.search(r"\d", secret)))
        ):
            yield found.span("secret")
    for found in _AUTHORIZATION.finditer(text):
        if (
            looks_random(found["secret"])
            and is_secret(found["secret"], Kind.KEY)
            and (re.search(r"\d", found["secret"]) or is_strange(found["secret"]))
        ):
            yield found.span("secret")


def _is_basic(secret: str) -> bool:
    return (
        len(secret) >= 8
        and re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", secret) is not None
        and not is_wordy(secret)
        and (re.search(r"[A-Z]", secret) is not None and re.search(r"[a-z]", secret) is not None)
    )


def in_commands(text: str) -> Iterator[Place]:
    """`curl -u user:password`, `sshpass -p password`."""
    for pattern in (_USER_OPTION, _SHORT_OPTION, _SECURE_STRING, _IDENTIFIED):
        for found in pattern.finditer(text):
            group = found.lastgroup or "secret"
            if is_secret(found[group], Kind.PASSWORD) and not re.fullmatch(r"[\d:./-]+", found[group]):
                yield found.span(group)


def in_logins(text: str) -> Iterator[Place]:
    """The last text argument of a call that logs in: `login("bob", "...")`, `auth=("bob", "...")`."""
    for found in _LOGIN.finditer(small(text)):
        at = found.end()
        strings: list[tuple[int, int]] = []
        for number in range(_ARGUMENTS):
            at += len(text[at : at + 40]) - len(text[at : at + 40].lstrip())
            value = quoted(text, at)
            if value is not None:
                if number:
                    strings.append(value.spans[0])
                at = value.end
            elif (bare := _BARE_ARGUMENT.match(text, at)) is not None:
                at = bare.end()
            else:
                break
            comma = _BETWEEN.match(text, at)
            if comma is None or "," not in comma[0]:
                break
            at = comma.end()
        for start, end in strings:
            secret = text[start:end]
            if is_secret(secret, Kind.PASSWORD) and _is_argument(secret):
                yield start, end


def _is_argument(secret: str) -> bool:
    """Arguments are of many kinds: hosts, tables and names are no passwords."""
    if is_common(secret) or is_passphrase(secret) or is_words_apart(secret):
        return True
    if re.fullmatch(r"[\w-]+(?:\.[\w-]+)+|[\w-]+", secret) and is_wordy(secret):
        return len(secret) >= 6 and (
            re.fullmatch(r"[a-z]+\d+", secret) is not None
            or all(re.search(kind, secret) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        )
    if re.search(r"\s|^[/.#]|[=,;]|://", secret) or re.fullmatch(
        r"(?:\d+\.){1,3}\d+(?::\d+)?|[\w.-]+:\d+|[\w-]+(?:\.[A-Za-z-]\w*)+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+", secret
    ):
        return False
    return re.search(r"[^\w.-]|\d", secret) is not None or (len(secret) >= 8 and not is_wordy(secret))


def in_rows(text: str) -> Iterator[Place]:
    """SQL: the value in the column of a secret's name."""
    for found in _COLUMNS.finditer(text):
        kinds = [kind_of(name.strip(" `\"'[]\n\t")) for name in found["names"].split(",")]
        if not any(kinds):
            continue
        at = found.end()
        for kind in kinds[:40]:
            at += len(text[at : at + 40]) - len(text[at : at + 40].lstrip())
            value = quoted(text, at)
            if value is not None and kind is not None and is_secret(value.text, kind):
                yield from value.spans
            end = value.end if value is not None else at
            comma = text.find(",", end, end + 200)
            if comma < 0:
                break
            at = comma + 1


def in_keys(text: str) -> Iterator[Place]:
    """Private keys: after their mark as far as base64 goes, and without it as lines of one width or by how they begin."""
    for mark in _MARK.finditer(text):
        start = at = mark.end()
        while (part := _BODY.match(text, at)) is not None and (len(part["line"]) >= 32 or at > mark.end()):
            start = part.start("line") if at == mark.end() else start
            at = part.end()
        if start < at:
            yield start, at
    for found in _DER.finditer(text):
        yield found.span()
    for run in _LINES.finditer(text):
        lines = list(_LINE.finditer(run[0]))
        widths = {len(line[0]) for line in lines[:-1]}
        body = "".join(line[0] for line in lines)
        if len(widths) != 1 or len(lines) > _MOST_LINES or not _is_base64(body) or _is_public(text, run.start()):
            continue
        if not _is_even(body) or body.startswith(_OF_FILES):
            continue
        yield run.start() + lines[0].start(), run.start() + lines[-1].end()


def _is_base64(text: str) -> bool:
    """Lines of digests are hexadecimal: small letters only, or capitals only; names have no signs."""
    return all(re.search(kind, text) for kind in ("[a-z]", "[A-Z]", "[0-9]", "[+/]")) and not is_wordy(text[:128])


def _is_even(body: str) -> bool:
    """Whether the bytes behind base64 are spread as in a key, unlike those of a text or a certificate.

    By the index of coincidence (Friedman, 1922): how often two bytes are the same, against chance.
    """
    data = base64.b64decode(body[: len(body) // 4 * 4].replace("=", "A"))
    same = sum(count * (count - 1) for count in Counter(data).values())
    return same * 256 < 1.6 * len(data) * (len(data) - 1)


def _is_public(text: str, at: int) -> bool:
    """Whether the nearest mark above is that of a certificate or a public key."""
    above = text[max(0, at - 12_000) : at]
    last = max((found.start() for found in _PUBLIC.finditer(above)), default=-1)
    return last >= 0 and _ENDS.search(above, last) is None


def by_look(text: str) -> Iterator[Place]:
    """What stands alone and looks like nothing but a key."""
    for found in _ALONE.finditer(text):
        value = found[0]
        if _is_line_of_data(text, *found.span()):
            continue
        if stands_out(value.rstrip("=")) and not _DATA_NEAR.search(text[max(0, found.start() - 40) : found.start()]):
            yield found.span()


_AROUND_LINE = " \t\"'+,;()\\`"


def _is_line_of_data(text: str, start: int, end: int) -> bool:
    """Whether a value is one of several lines of base64, which `in_keys` judges together."""
    before, after = text[max(0, start - 200) : start].rpartition("\n"), text[end : end + 200].partition("\n")
    if before[2].strip(_AROUND_LINE) or after[0].strip(_AROUND_LINE + "n"):
        return False
    above, below = before[0].rpartition("\n")[2], after[2].partition("\n")[0]
    return any(_LINE.fullmatch(line.strip(_AROUND_LINE).removesuffix("\\n")) for line in (above, below))
