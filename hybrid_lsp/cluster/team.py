"""Who may ask, and how much: a team's users, each with a token and a limit.

The file is TOML and holds no token, only what tells whether one is right:

    [limits]                    # of everybody who has none of their own
    at_once = 8
    tokens_a_minute = 60000     # 0: no limit

    [users.ada]
    token_sha256 = "9f86d081..."
    tokens_a_minute = 200000
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hybrid_lsp.errors import ConfigError

_TOKEN_BYTES = 32
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[\w.@-]{1,64}")
_MOST_BYTES = 10_000_000


@attrs.frozen
class Limits:
    """Requests that one user may have open, and tokens a minute that may be computed for one; 0: no limit."""

    at_once: int = 8
    tokens_a_minute: int = 60_000


@attrs.frozen
class User:
    """Somebody who may ask."""

    name: str
    limits: Limits = Limits()


@attrs.frozen
class Team:
    """The users by the SHA-256 of their tokens, which are long and random: there is nothing to guess."""

    users: Mapping[str, User]

    @classmethod
    def read(cls, path: Path) -> Team:
        """Read a team's file. Raises ConfigError."""
        return cls.parse(text_of(path), str(path))

    @classmethod
    def parse(cls, text: str, source: str = "the team's file") -> Team:
        """Read its text. Raises ConfigError, which names what is wrong in `source`."""
        try:
            content = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"{source} is not TOML: {error}.", _SEE) from error
        if unknown := content.keys() - {"limits", "users"}:
            raise ConfigError(f"{source} has a table `{min(unknown)}`, which means nothing.", _SEE)
        common = _limits(_table(content, "limits", source), Limits(), f"{source}: `limits`")
        users: dict[str, User] = {}
        for name, entry in _table(content, "users", source).items():
            digest, user = _user(name, entry, common, source)
            if digest in users:
                raise ConfigError(f"{source}: `{name}` and `{users[digest].name}` have the same token.", _SEE)
            users[digest] = user
        if not users:
            raise ConfigError(f"{source} has no user.", _SEE)
        return cls(users)

    def whose(self, token: str) -> User | None:
        """The user with this token."""
        return self.users.get(digest_of(token))


_SEE = "Make a user with `hybrid-lsp engine --ray --new-user NAME`; docs/scaling.md shows the file."


def text_of(path: Path) -> str:
    """A file's text. Raises ConfigError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ConfigError(f"{path} has more than {_MOST_BYTES} bytes.", _SEE)
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read: {error}.", "Correct `--team`.") from error


def digest_of(token: str) -> str:
    """What the file holds of a token."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def new_user(name: str) -> tuple[str, str]:
    """A new token, and the lines for the team's file. Raises ConfigError."""
    _check_name(name, "--new-user")
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    return token, f'[users."{name}"]\ntoken_sha256 = "{digest_of(token)}"\n'


def _check_name(name: str, source: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{source}: `{name}` is no name of a user.", "Take letters, digits, `.`, `_`, `@` and `-`.")


def _table(content: Mapping[str, Any], name: str, source: str) -> dict[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{source}: `{name}` must be a table.", _SEE)
    return value


def _user(name: str, entry: object, common: Limits, source: str) -> tuple[str, User]:
    _check_name(name, source)
    where = f"{source}: `users.{name}`"
    if not isinstance(entry, dict):
        raise ConfigError(f"{where} must be a table.", _SEE)
    digest = entry.get("token_sha256")
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise ConfigError(f"{where} needs `token_sha256`, 64 hexadecimal digits.", _SEE)
    limits = _limits({key: value for key, value in entry.items() if key != "token_sha256"}, common, where)
    return digest, User(name, limits)


def _limits(entry: Mapping[str, Any], common: Limits, where: str) -> Limits:
    known = {field.name for field in attrs.fields(Limits)}
    if unknown := entry.keys() - known:
        raise ConfigError(
            f"{where} has `{min(unknown)}`, which means nothing.", f"Known are {', '.join(sorted(known))}."
        )
    for name, value in entry.items():
        if type(value) is not int or value < 0:
            raise ConfigError(f"{where}: `{name}` must be a whole number, 0 for no limit.", _SEE)
    return attrs.evolve(common, **entry)
