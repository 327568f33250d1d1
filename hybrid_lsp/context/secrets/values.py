"""Whether a value looks like a secret: by the characters it is made of, and by how unlike words its letters follow."""

from __future__ import annotations

import base64
import math
import re
from collections import Counter
from itertools import pairwise

from hybrid_lsp.context.secrets.names import Kind, kind_of

MOST_CHARS = 2048
"""A longer value is data."""

_ROWS = (
    "84337647485232849232556658 24453666247156357335389746 29562772493356168342478969 35641568177455368435367769 "
    "36324457697342646223755469 37553268198366268344377959 37561643398353459335367877 18651676297555279453488957 "
    "44344449897331348432949694 27651576373666247536176757 37441556287364457524584969 27641677196276258744469939 "
    "14751697296546229745499969 37322427385575358732557969 65337557585331439234354779 27552665397276237243476949 "
    "55656686668465884346085888 26441558295545259433566959 47362663285456437631376859 26451683198556359234476847 "
    "43453559498231539222788798 15790657298756358666846877 16442573287563367235776598 35342465298457429441656456 "
    "45443467398332428422654855 36470877288556368555688866"
)
_COST = dict(zip("abcdefghijklmnopqrstuvwxyz", _ROWS.split(), strict=True))
"""How rarely one letter follows another in names: -log2 of the share, less 1, as one digit.

Counted by us over the 11,828 different words of the standard library's names and comments.
"""
_UNLIKE_WORDS = 3.6
"""Words of eight letters and more lie below it in 98 of 100 cases, random letters above it."""

_PLACEHOLDER = re.compile(
    r"(?i)example|sample|dummy|placeholder|change[-_ ]?(?:me|it|this)|your[-_ ]|\byour|(?:key|token|secret|pass\w*|goes|value|it|this)[-_ ]here\b|xxxx|\.\.\.|\*\*\*|"
    r"replace[-_ ]?(?:me|this|with)|todo|redacted|insert[-_ ]|\bdefault\b|REDACTED_SECRET_|^fake|<|>|^\$|^%[({\w]|\$\{|\{\{|%s|%\(|"
    r"^env[.:(]|^vault:|^ref[+:]|^secret[s]?[./:]|^arn:|^!|^@|^\.{1,2}/|^~/|^\w+://|^[\w.-]+\(.*\)$|^data:"
)
_ENCODED = re.compile(r"^(?:base64|hex|b64|plain):(?=.{4})")
_HARMLESS_WORDS = (
    "password passwd passphrase pass pwd secret secrets token tokens key keys username user login email string "
    "text null none true false undefined bool boolean required optional object bytes number integer str int any "
    "test value default empty hidden bearer basic digest oauth oauth2 jwt apikey foobar testing changeit unknown "
    "invalid public private readonly missing enabled disabled function"
)
_HARMLESS = frozenset(_HARMLESS_WORDS.split())
_PROGRAMS = (
    "access action after argument array assign async attribute auto await background base begin binary block body border "
    "bottom brace bracket break button call case cell change char child class client close code colon color column comma "
    "command comment config constant container content context control count curly current custom data date declaration "
    "default delete delimiter demo description destination dialog directive document double element empty entity equal "
    "error escape event example exclusive expression external false field file filter float font footer form format "
    "function global grid group header heading height hidden html icon identifier image import index info inline inner "
    "input insert instance interface internal invalid item keyword label language layout left length level line link "
    "list literal local main markup member menu message meta method missing model module name namespace native nested "
    "next node none null number object offset open operator option order outer output package page parameter parent "
    "parse path pattern plain plugin position prefix preview previous primary private process project property protocol "
    "public punctuation query quote range read record ref reference region remote required reset resource response "
    "result return right root round route rule script scope search secondary section select selector separator server "
    "service session shared simple single size slash slot small source space special square start state status string "
    "style suffix symbol syntax system table target template test text theme time title toggle toolbar tooltip tree "
    "true type undefined unit unknown update user utils valid value variable version view visible web white width "
    "window with wrapper write yaml"
)
_OF_PROGRAMS = frozenset(_PROGRAMS.split())
_COMMON_WORDS = (
    "letmein iloveyou sunshine monkey dragon qwerty qwertyuiop asdfgh asdfghjkl zxcvbn zxcvbnm baseball football "
    "superman batman trustno starwars princess welcome ninja passw0rd pa55word p4ssword hunter "
    "freedom whatever michael jennifer jordan harley ranger buster thomas tigger robert soccer killer george charlie "
    "andrew michelle jessica pepper daniel joshua maggie hockey dallas austin thunder taylor matthew cheese "
    "summertime corvette liverpool chelsea arsenal mustang maverick phoenix banana "
    "computer internet samsung ginger hannah amanda ashley nicole biteme snoopy orange purple s3cret "
    "s3cr3t topsecret supersecret mysecret mypassword mypass toor opensesame "
    "swordfish abracadabra chocolate butterfly babygirl lovely loveme bailey donald pokemon naruto "
    "gandalf merlin yankees golfer tennis spiderman fluffy rosebud passwort geheim azerty kennwort"
)
_COMMON = frozenset(_COMMON_WORDS.split())
"""What many people choose, as the yearly lists of leaked passwords say; digits and signs around it do not count."""
_INTERPOLATED = re.compile(r"\$?\{[^{}\s]{0,80}\}|#\{[^{}]{0,80}\}|%\(?\w*\)?[sdr]|(?<![\w$])\$\w+|\$\([^()]{0,80}\)")
_VERSION = re.compile(
    r"v?\d+(?:[.:-]\d+){1,5}(?:[-+.TZ:]?\w{0,12}){0,4}|\(?0[xX][0-9a-fA-F]{1,16}[uUlL]{0,3}\)?|[\d.,:/-]+"
)
_CIPHER = re.compile(r"(?i).*(?:sha|aes|rc|chacha|camellia|aria|poly|md)[-_]?\d.*")
_ENCODING = re.compile(
    r"(?i)utf[-_]?(?:8|16|32)(?:[-_]?(?:sig|le|be))?|(?:us-)?ascii|latin[-_]?1|iso-?8859-\d{1,2}|cp\d{3,4}|base64(?:url)?|hex"
)
_RULES = re.compile(r"[a-z_]+(?::[\w,]{1,20})?(?:\|[a-z_]+(?::[\w,]{1,20})?)+")
"""What a form asks of a field: `required|min:8`."""
_HOST = re.compile(r"(?:[a-z0-9-]+\.)+[a-z]{2,10}(?::\d{1,5})?")
_OF_ALGORITHMS = re.compile(r"(?<!\d)(?:25519|1305|8859|256|384|512|1024|2048|4096)(?!\d)")
"""Numbers that stand in the names of algorithms: `X25519PrivateKey`."""
_OF_NO_NAME = re.compile(r"[^\w\-. :/]")
_PIECE = re.compile(r"[A-Za-z]+|\d+")
_SPLIT = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_FORM = re.compile(r"[A-Za-z0-9+/=_.~-]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CODE = re.compile(
    r"[\w$.]+\(|\w\[|=>|[{};]\s|^\w+=\w|^\W*$|^[a-z-]+/[a-z0-9.+-]+$|^#[0-9a-fA-F]{3,8}$|\\[dwsbuDWS]|\\u[0-9A-Fa-f]{4}|\[[\w^]-[\w]|\(\?|\s{2}|^--?\w"
)


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values()) if text else 0.0


def strangeness(letters: str) -> float:
    """How little a run of letters is like words; 0 for a single letter."""
    small = letters.lower()
    if len(small) < 2 or not small.isascii():
        return 0.0
    return sum(int(_COST[one][ord(other) - 97]) for one, other in pairwise(small)) / (len(small) - 1)


def is_secret(value: str, kind: Kind, *, strict: bool = False) -> bool:
    """Whether what stands under a name of this kind is a secret; `strict` where the place says little."""
    if is_noise(value):
        return True
    if not 4 <= len(value) <= MOST_CHARS or _PLACEHOLDER.search(value):
        return False
    if _ENCODING.fullmatch(value) or _RULES.fullmatch(value) or _is_label(value):
        return False
    value = _ENCODED.sub("", value)
    if kind is not Kind.HINT and _is_in_groups(value):
        return True
    if value.startswith("/") and (kind is Kind.HINT or not is_key(value[1:])):
        return False
    plain = _INTERPOLATED.sub("", value) if "{" in value or "$" in value or "%" in value else value
    if len(plain) < 4 or (plain != value and len(plain) < 8) or plain.strip("[]{}()").lower() in _HARMLESS:
        return False
    if len(set(plain)) < 3 and kind is not Kind.PASSWORD:
        return False
    if plain[0] == "-" and is_key(plain[1:]):
        return True
    if any(character.isspace() for character in plain):
        return is_passphrase(plain) if strict and kind is Kind.PASSWORD else _is_phrase(plain, kind)
    if _CODE.search(plain):
        return kind is Kind.PASSWORD and not strict and _is_strong(plain)
    if kind is Kind.HINT:
        return is_key(plain) and not is_uuid(plain)
    if kind is Kind.KEY or strict:
        return looks_random(plain) or (
            (not strict or kind is Kind.PASSWORD) and (is_known_sort(plain) or is_words_apart(plain))
        )
    return _is_chosen(plain)


def _is_in_groups(value: str) -> bool:
    """A key written in groups: four times four letters, or numbers in hexadecimal of one width."""
    groups = value.split(" ")
    if len(groups) < 2 or len({len(group) for group in groups}) > 1 or len(groups[0]) < 4:
        return False
    is_hex = all(re.fullmatch(r"[0-9a-fA-F]+", group) for group in groups) and re.search(r"\d", value) is not None
    return (is_hex and len(value) >= 16) or (
        len(groups) == 4 and re.fullmatch(r"[a-z]{16}", "".join(groups)) is not None and not is_wordy("".join(groups))
    )


def _is_label(value: str) -> bool:
    """The word for a password in some language, as a form or a table of translations writes it: `Mot de passe`."""
    return (
        value[0].isupper()
        and re.fullmatch(r"[^\W\d_]+(?: [^\W\d_]+){0,3}[?:]?", value) is not None
        and (kind_of(value.rstrip("?:").replace(" ", "_")) is Kind.PASSWORD)
    )


def looks_random(value: str) -> bool:
    """A value of eight characters or more that is not made of words."""
    if len(value) < 8 or _VERSION.fullmatch(value) or _HOST.fullmatch(value):
        return False
    return not is_wordy(value) and entropy(value) >= 2.2


def is_key(value: str) -> bool:
    """A value that tells by itself that a machine made it: 16 characters or more, of several kinds, without words."""
    if (
        len(value) < 16
        or not _FORM.fullmatch(value)
        or _CIPHER.fullmatch(value)
        or _VERSION.fullmatch(value)
        or is_wordy(value)
    ):
        return False
    return entropy(value) >= 3.3 and (_kinds(value) >= 2 or is_strange(value))


def is_jumbled(value: str) -> bool:
    """A key of twenty-four characters or more that has a digit, and letters that follow one another as by chance."""
    if len(value) < 24 or not is_key(value):
        return False
    letters = re.sub(r"[^A-Za-z]", "", value)
    return len(letters) < len(value) and strangeness(letters) >= _UNLIKE_WORDS


def is_uuid(value: str) -> bool:
    """A name for a thing, that nobody keeps secret unless it is called a key."""
    return _UUID.match(value) is not None


def is_noise(value: str) -> bool:
    """Thirty-two characters or more of all kinds, signs all over: the salts that WordPress and its like make."""
    if not 32 <= len(value) <= 128:
        return False
    signs = re.findall(r"[^\w\s]", value)
    return (
        len(set(signs)) >= 6
        and len(signs) >= len(value) / 8
        and re.search(r"\d", value) is not None
        and _kinds(value) == 4
        and entropy(value) >= 4.2
        and max(map(len, _PIECE.findall(value))) <= 8
    )


def is_strange(value: str) -> bool:
    """Twenty letters or more at random."""
    return len(value) >= 20 and value.isalpha() and value.isascii() and strangeness(value) >= 3.8


def stands_out(value: str) -> bool:
    """The same with nothing else to tell by: base64 of a length that keys have, no digest and no alphabet."""
    if not 24 <= len(value) <= 128 or value.startswith("sha") or is_uuid(value):
        return False
    if (
        not all(re.search(kind, value) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
        or entropy(value) < 3.9
        or is_wordy(value)
    ):
        return False
    words = [word for word in _SPLIT.findall(value) if len(word) > 2]
    alike = sum(len(word) for word in words if len(word) > 3 or strangeness(word) < 3)
    if alike > len(value) * 0.4 or len(value) / len(re.split(r"[-_]", value)) < 11 or _is_text(value):
        return False
    return _changes(value) >= 0.35 and _in_order(value) < 0.25 and value.count("/") <= len(value) / 12


def _is_text(value: str) -> bool:
    """Whether base64 holds readable text."""
    try:
        data = base64.b64decode(value[: len(value) // 4 * 4].replace("-", "+").replace("_", "/"))
    except ValueError:
        return False
    return sum(32 <= byte < 127 or byte in b"\t\n\r" for byte in data) > 0.85 * len(data)


def is_wordy(value: str) -> bool:
    """Words, however joined, with a number or two among them: `access_token`, `X-Api-Key`, `sha-256`, `utf8`."""
    if _OF_NO_NAME.search(value) is not None:
        return False
    value = _OF_ALGORITHMS.sub("", value)
    pieces = _PIECE.findall(value)
    letters = [piece for piece in pieces if piece[0].isalpha()]
    numbers = [piece for piece in pieces if piece[0].isdigit()]
    if not letters:
        return True
    words = [word for run in letters for word in _SPLIT.findall(run)]
    if len(words) > 2 + sum(map(len, letters)) / 3.2:  # capitals in the middle of words
        return False
    if numbers and (len(numbers) > 2 or sum(map(len, numbers)) > 4 or len(numbers) >= len(letters) + 1):
        return False
    costs = [(strangeness(word), len(word)) for word in words if len(word) > 3]
    if not costs:
        return len(value) < 12 and not (len(numbers) > 1 and _kinds(value) > 2)
    total = sum(length for _, length in costs)
    average = sum(cost * length for cost, length in costs) / total
    return average < _UNLIKE_WORDS and max(cost for cost, _ in costs) < _UNLIKE_WORDS + 1.4


def _is_chosen(value: str) -> bool:
    """A password as people choose them: anything that is no word of the trade and no name."""
    if _VERSION.fullmatch(value) and not value.isdigit():
        return False
    if value.isdigit():
        return len(value) >= 4
    if not is_wordy(value) or is_common(value):
        return True
    if re.search(r"[: /]", value) is not None:
        return False
    if re.search(r"\d", value):
        return re.search(r"[-_.]", value) is None or (
            _OF_TRADE.fullmatch(value) is None and re.search(r"pass(?:word)?\d$", value) is None
        )
    return _is_mixed_case(value) or _is_no_name(value)


def is_words_apart(value: str) -> bool:
    """Three words or more, joined by hyphens, that neither speak of secrets nor are those of programs or headers."""
    words = value.split("-")
    return (
        len(words) >= 3
        and all(word.isascii() and word.isalpha() and word[1:].islower() for word in words)
        and not all(word[0].isupper() for word in words)
        and kind_of(value) is None
        and sum(len(word) >= 4 and word.lower() not in _OF_PROGRAMS for word in words) >= 2
    )


def _is_no_name(value: str) -> bool:
    """Letters that are no identifier, and that do not speak of passwords themselves."""
    if len(value) < 5 or value in _OF_PROGRAMS or re.search(r"[_.]|[a-z][A-Z]|^[A-Z-]+$", value) is not None:
        return False
    return kind_of(value) is None or (
        "-" in value and kind_of(value.rpartition("-")[2]) is None and _ABOUT_IT.search(value) is None
    )


def _is_mixed_case(value: str) -> bool:
    """Words joined by hyphens of which some begin with a capital: neither an identifier nor the name of a header."""
    words = value.split("-")
    return len(words) > 1 and len({word[:1].isupper() for word in words}) == 2 and all(map(str.isalpha, words))


_ABOUT_IT = re.compile(r"(?i)-(?:input|field|form|label|id|name|type|file|store|manager|reset|hash|policy|group)s?\b")
_OF_TRADE = re.compile(
    r"(?i)(?:sha|md|aes|rsa|des|utf|base|oauth|[hrep]s|ed|curve|x|ec\w*|iso|cp|win|v|\w*test|\w*key|\w*token|\w*secret|\w*user|foo"
    r"|bar|u?int|float|id|tls|ssl|pkcs|http|ipv|\w*auth|arg|val|value|field|name|item|col|node|tok|type|label|part|p|k|s|t)\d+\w{0,4}"
)


def _is_mixed(value: str) -> bool:
    """A word and digits, or a sign that names do not have: `letmein99`, `s3cr3t!`."""
    if len(value) < 6 or re.search(r"[-_. :/]", value) or not re.search(r"[A-Za-z]", value):
        return False
    return len(re.findall(r"\d", value)) >= 2 and _OF_TRADE.fullmatch(value) is None


_LEET = str.maketrans("@0$31!5", "aoseiis")


def is_common(value: str) -> bool:
    """A word that many people choose, however it is decorated: `letmein`, `Sunshine1!`."""
    lowered = value.lower()
    word = lowered.strip("0123456789!?.#$*@_-")
    as_letters = lowered.rstrip("0123456789!?.#$*_-").translate(_LEET)
    return (
        len(value) >= 4
        and (word in _COMMON or lowered in _COMMON or (as_letters != lowered and as_letters in {"password", *_COMMON}))
        and not (word == "password" and word in lowered)
    )


def is_passphrase(value: str) -> bool:
    """Three words or more, or two and a shout, that are no sentence about a password."""
    return len(value.split()) >= (2 if value.endswith("!") else 3) and _is_phrase(value, Kind.PASSWORD)


def is_known_sort(value: str) -> bool:
    """A password by itself: a common one, a word and digits, or a word with signs that names do not have."""
    if is_common(value) or _is_mixed(value) or is_passphrase(value):
        return True
    return (
        len(value) >= 7
        and _SIGNS.search(value) is not None
        and _kinds(value) >= 3
        and not re.search(r"\w\(|\)$|[%&]\w=|=", value)
    )


_SIGNS = re.compile(r"[A-Za-z0-9][!@#$%^&*?][A-Za-z0-9]|[0-9][!@#$%^&*?]+$")


def _is_strong(value: str) -> bool:
    return _kinds(value) >= 3 and 8 <= len(value) <= 64 and entropy(value) >= 3 and not re.search(r"\w\(|\)$", value)


def _is_phrase(value: str, kind: Kind) -> bool:
    """Words of a passphrase, or a value in which one word looks like a key by itself."""
    words = value.split()
    if kind is not Kind.HINT and any(stands_out(word) for word in words):
        return True
    if kind is Kind.HINT or _PROSE.search(value.lower()) or any(map(kind_of, words)) or _is_label(value):
        return False
    if kind is Kind.PASSWORD and 2 <= len(words) <= 8 and len(value) <= 64:
        few = sum(len(word) < 3 for word in words)
        return few <= len(words) // 2 and all(_OF_PHRASE.fullmatch(word) for word in words)
    are_small = all(word.isalpha() and word.islower() and 3 <= len(word) <= 10 for word in words)
    return are_small and len(words) in (4, 5, 6, 12, 15, 18, 24)


_OF_PHRASE = re.compile(r"[A-Za-z]+(?:'[a-z]+)?[!?.,]?|\d+[!?.,]?|[A-Za-z]+\d+!?")


_PROSE = re.compile(
    r"\b(?:the|is|are|was|not|and|or|for|from|with|your|you|must|this|that|enter|type|to|of|in|on|a|an|it|be|has|have|if|"
    r"password|token|secret|key|user|when|will|can|use|used|should|invalid|new|old|set|no|by|as|at|does|match|please|"
    r"required|optional|confirm|forgot|forgotten|change|least|than|characters|string|value|must|may|only|any|all|same|"
    r"account|field|empty|error|text|default|name|email|login|wrong|incorrect|too|short|long|weak|strong|letters)\b"
)


def _kinds(value: str) -> int:
    """How many of: small letters, capitals, digits, others."""
    return sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", "[0-9]", r"[^A-Za-z0-9]"))


def _changes(value: str) -> float:
    """The share of neighbours that are of different kinds; in names few are."""

    def kind(character: str) -> int:
        return 0 if character.islower() else 1 if character.isupper() else 2 if character.isdigit() else 3

    kinds = [kind(character) for character in value]
    return sum(one != other for one, other in pairwise(kinds)) / max(1, len(kinds) - 1)


def _in_order(value: str) -> float:
    """The share of characters that follow the one before them, as in an alphabet."""
    return sum(ord(other) - ord(one) == 1 for one, other in pairwise(value)) / len(value)
