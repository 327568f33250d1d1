"""Whether a name is that of a secret: `clientSecret`, `SMTP_PASS`, `signing_key`, in any case, split into words."""

from __future__ import annotations

import re
import unicodedata
from enum import IntEnum
from functools import lru_cache

MOST_CHARS = 80
"""A longer name is cut: nobody writes one."""


class Kind(IntEnum):
    """How sure a name makes us; the less, the more a value must look like a secret."""

    HINT = 1
    """May name a secret (`auth`, `salt`), or only what is about one (`token_type`)."""
    KEY = 2
    """A token or a key: made by a machine, so no words."""
    PASSWORD = 3
    """Chosen by people: may be a word."""


TRIGGER = re.compile(
    r"pass|pw|ps[wk]|secret|token|cred|key|auth|bearer|jwt|salt|pin|otp\b|mnemonic|seed|sig|sas\b|cookie|session|sid\b"
    r"|webhook|dsn\b|cvv|kennwort|mdp|contrase|clave|senha|wachtwoord|pat\b|nonce|parol|haslo|has\u0142o|heslo|lozink"
    r"|salasana|l[o\u00f6]senord|adgangskode|jels[sz]|sifre|\u015fifre|geheim|zugangsdaten|schl(?:ue|\u00fc)ssel|jeton|cle_|cl\u00e9"
    r"|\u043f\u0430\u0440\u043e\u043b|\u5bc6\u7801|\u5bc6\u78bc|\u53e3\u4ee4|\u30d1\u30b9\u30ef\u30fc\u30c9|\u6697\u8a3c|\ube44\ubc00\ubc88\ud638"
    r"|\u5bc6\u94a5|\u4ee4\u724c|chave|llave|chiave|segret|sleutel"
)
"""What each name of a secret holds somewhere, in small letters (which the engine finds much faster than any case)."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


def _set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


_PASSWORD = _set(
    "password passwords passwd passwds passphrase passcode passwort passwoerter pwd pwds pswd psw passw pw pws kennwort "
    "senha contrasena wachtwoord mdp cvv parola parol haslo heslo lozinka salasana losenord loesenord adgangskode "
    "jelszo sifre geheimnis geheimwort zugangsdaten psk secret secrets segreto geheim "
    "пароль пароля 密码 密碼 口令 パスワード 暗証番号 비밀번호"
)
_KEY = _set(
    "token tokens credential credentials creds cred apikey apikeys apisecret authtoken accesstoken "
    "accesskey secretkey privatekey authkey masterkey appkey jwt bearer otp mnemonic sas passkey jeton schluessel 密钥 令牌 sleutel"
)
_HINT = _set(
    "auth authorization salt pin signature sig cookie session sid webhook dsn nonce key keys seed pat chave llave chiave"
)
# `dbpassword`, `myapikey`: words that were written as one.
_TAIL = re.compile(
    r"(?:(password|passwd|passphrase|passcode|passwort|pwd|pswd|(?:db|smtp|root|user|admin|mysql|pg|require|master|store)pass)"
    r"|(?:secret|apikey|token|credentials?|(?:private|access|secret|auth|signing|master|encryption|account|shared|session"
    r"|client|crypt|hmac|ssh|app|consumer|webhook)key))s?$"
)
_NO_TAIL = _set("bypass compass trespass overpass underpass tokenizer detoken nmtoken nmtokens")
_OF_KEYS = _set(
    "api access auth authentication private secret signing sign signature encryption encrypt decryption crypt "
    "crypto cipher aes des hmac rsa ec master account storage shared session ssh client consumer app application "
    "service license licence deploy deployment admin root write ingest ingestion integration server subscription "
    "webhook jwt cookie instrumentation functions vault unseal recovery bot project site merchant pgp gpg tls ssl "
    "wpa wifi preshared psk symmetric aws azure gcp google stripe openai anthropic sendgrid mailgun twilio "
    "datadog algolia github gitlab slack newrelic sentry maps x rest management function host tenant user bearer "
    "refresh personal identity device data db database hash primary secondary"
)
_OF_PASS = _set(
    "db database smtp mail email user usr admin root mysql pg postgres redis ftp sftp ssh http https proxy login "
    "account acct imap pop ldap mongo rabbit mq amqp wifi wpa vpn svc service app api auth basic client server "
    "host keystore key store cert ssl zip bind sql my jdbc sudo rpc mqtt nexus docker registry npm git master "
    "backup remote become ansible sa rar wp cluster vault broker queue cache kafka elastic grafana bot rabbitmq minio "
    "default initial guest owner superuser management replication repl"
)
# What follows makes it a word about a secret.
_ABOUT = _set(
    "type types url urls uri endpoint path paths file files filename dir folder name names field fields header "
    "headers label labels length len size sizes count counts limit min max regex pattern patterns prefix suffix "
    "id ids policy hint prompt placeholder reset change changed expiry expires expiration ttl timeout age format "
    "kind index class error errors message msg title required enabled disabled valid invalid env var param params "
    "parameter parameters algorithm algo alg method methods mode status state provider manager service handler "
    "helper util utils store reader input output box form page view dialog option options flag version source "
    "strength check validator validation rule rules hash digest hint info description desc help doc docs comment "
    "comments link button icon position pos start end stream list map set table column columns row usage scope "
    "scopes realm issuer audience domain host user username frame press down up code codes event events listener "
    "binding bindings board word words mgr chain ring pair err exception callback fn func function generator gen "
    "factory builder config settings schema model test tests spec specs mock encoding charset bits"
)
_ASKING = _set(
    "is has no not max min num number count show hide check validate verify forgot forgotten reset need needs "
    "require requires required bypass skip total allow allows enable disable confirm without invalid wrong bad "
    "missing unknown unexpected foreign sort cache map dict next previous last hot short arrow public"
)


def small(text: str) -> str:
    """A text in small letters, of the same length."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(character.lower() if character.isascii() else character for character in text)


@lru_cache(maxsize=8192)
def kind_of(name: str) -> Kind | None:
    """What kind of secret has such a name; None for other names. Of a dotted name the last part counts."""
    parts = re.split(r"[.:/\\]+", name.strip(".:/\\-$"))
    if len(parts) > 1 and parts[-1].lower() in ("value", "default", "val", "plain", "raw", "text", "data"):
        parts.pop()
    own = _words(parts[-1])
    if len(parts) > 1 and own == ["key"]:  # `stripe.api.key`
        own = _words(parts[-2])[-1:] + own
    return _judged(own)


def _words(text: str) -> list[str]:
    if not text.isascii():
        text = _plain(text)
    return [word.lower() for word in _WORD.findall(text)]


def _plain(text: str) -> str:
    """Letters without their accents: `contraseña`, `clé`, `hasło`, `şifre`."""
    split = unicodedata.normalize("NFKD", text.replace("ł", "l").replace("ü", "ue").replace("\u0131", "i"))
    return unicodedata.normalize(
        "NFC", "".join(each for each in split if unicodedata.combining(each) not in (230, 202))
    )


def _judged(words: list[str]) -> Kind | None:
    for place in range(len(words) - 1, -1, -1):
        kind = _of_word(words, place)
        if kind is not None:
            is_about = any(word in _ABOUT or word in ("with", "wrap", "derive") for word in words[place + 1 :])
            is_asked = any(word in _ASKING for word in words[:place])
            return Kind.HINT if is_about or (is_asked and kind is not Kind.PASSWORD) else kind
    return None


def _of_word(words: list[str], place: int) -> Kind | None:
    word, before = words[place], words[place - 1] if place else ""
    if word in _PASSWORD:
        return Kind.PASSWORD
    if word == "pass":
        return Kind.PASSWORD if before in _OF_PASS or len(words) == 1 else Kind.HINT
    if word in ("word", "phrase", "code") and before == "pass":
        return Kind.PASSWORD
    if word == "passe" and "mot" in words:
        return Kind.PASSWORD
    if word in _KEY:
        return Kind.KEY
    if word == "clave":
        return Kind.PASSWORD
    if word == "cle" and len(words) > 1:
        return Kind.KEY
    if word == "pat" and before in ("access", "github", "gitlab", "gh", "personal", "azure", "devops"):
        return Kind.KEY
    if word in ("key", "keys"):
        return Kind.KEY if before in _OF_KEYS else Kind.HINT
    if word == "string" and before == "connection":
        return Kind.HINT
    if word in _HINT:
        return Kind.HINT
    tail = _TAIL.search(word) if word not in _NO_TAIL else None
    if tail is None:
        return None
    return Kind.PASSWORD if tail[1] else Kind.KEY
