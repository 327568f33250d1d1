"""What never enters a prompt: files that git ignores, files that hold secrets, secrets within other files.

`Privacy.reason` is asked at each keystroke: it stats the ignore files on the way to the repository's root, a few
microseconds each, and reads them again only when one changed. No subprocess. Files that are tracked although a
pattern ignores them count as ignored: the index is not read.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import attrs
from pathspec import GitIgnoreSpec

from hybrid_lsp.config import PrivacyConfig
from hybrid_lsp.context.globs import buffer_name, compile_patterns
from hybrid_lsp.document import Document
from hybrid_lsp.types import Reason

SECRET_FILES = (
    ".env",
    ".env.*",
    "*.env",
    ".envrc",
    "!.env.example",
    "!.env.sample",
    "!.env.template",
    "!.env.dist",
    "*.pem",
    "*.key",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "*.ppk",
    "*.kdbx",
    "*.asc",
    "*.gpg",
    "id_rsa*",
    "id_dsa*",
    "id_ecdsa*",
    "id_ed25519*",
    "!*.pub",
    ".ssh/",
    ".gnupg/",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".my.cnf",
    ".htpasswd",
    ".npmrc",
    ".pypirc",
    ".yarnrc.yml",
    ".dockercfg",
    ".docker/config.json",
    ".git-credentials",
    ".aws/credentials",
    ".aws/config",
    ".azure/",
    ".config/gcloud/",
    "credentials",
    "credentials.json",
    "credentials.toml",
    "credentials.y*ml",
    "client_secret*.json",
    "service-account*.json",
    "secrets.json",
    "secrets.toml",
    "secrets.y*ml",
    "kubeconfig",
    "*.kubeconfig",
    ".kube/",
    ".vault-token",
    "*.tfvars",
    "!*.tfvars.example",
    "terraform.tfstate*",
)
"""Names of files that hold secrets, as gitignore patterns over the lower-case path.

Sources: GitHub's gitignore templates, gitleaks' path allow-list turned round, the tools' own documentation.
"""

Stamp = tuple[int, int] | None


class Privacy:
    """Tells whether a file may be read into a prompt, and if not, why.

    `problems` names the patterns in `exclude_globs` that mean nothing, for the server to tell.
    `home` is where the user's own ignore file is looked for.
    """

    def __init__(self, config: PrivacyConfig | None = None, *, home: Path | None = None) -> None:
        self._config = config or PrivacyConfig()
        self._home = home if home is not None else Path.home()
        self._secret = GitIgnoreSpec.from_lines(SECRET_FILES)
        self._excluded, self.problems = compile_patterns(self._config.exclude_globs)
        self._reasons: dict[tuple[Path, Path | None], tuple[tuple[Stamp, ...], Reason | None]] = {}
        self._specs: dict[Path, tuple[Stamp, GitIgnoreSpec]] = {}

    def document_reason(self, document: Document, root: Path | None = None) -> Reason | None:
        """`reason` for an open document; a buffer that was never saved has only its name."""
        if document.path is not None:
            return self.reason(document.path, root)
        name = buffer_name(document)
        return self._by_name(name, name) if name else None

    def reason(self, path: Path, root: Path | None = None) -> Reason | None:
        """Why this file stays out of every prompt; None where it may go in.

        `root` is the workspace folder, against which `exclude_globs` with a slash are matched.
        """
        watched = self._watched(path)
        stamps = tuple(_stamp(each) for each in watched)
        known = self._reasons.get((path, root))
        if known is not None and known[0] == stamps:
            return known[1]
        reason = self._decide(path, root)
        if len(self._reasons) > 4096:
            self._reasons.clear()
        self._reasons[path, root] = (stamps, reason)
        return reason

    def _watched(self, path: Path) -> list[Path]:
        """What the answer depends on: the link itself, ignore files and `.git` on the way up."""
        files = [path]
        if self._config.respect_gitignore:
            for folder in path.parents:
                files += [folder / ".gitignore", folder / ".git"]
        return files

    def _decide(self, path: Path, root: Path | None) -> Reason | None:
        # A link to a secret is a secret, and so is a harmless file under a secret's name.
        real = Path(os.path.realpath(path))
        for each in dict.fromkeys((path, real)):
            relative = each.relative_to(root) if root is not None and each.is_relative_to(root) else each
            if reason := self._by_name(each.as_posix().lstrip("/"), relative.as_posix().lstrip("/")):
                return reason
        if self._config.respect_gitignore and (self._git_ignores(path) or self._git_ignores(real)):
            return Reason.IGNORED_FILE
        return None

    def _by_name(self, whole: str, relative: str) -> Reason | None:
        if self._secret.match_file(whole.lower()):
            return Reason.SECRET_FILE
        return Reason.IGNORED_FILE if self._excluded.match_file(relative) else None

    def _git_ignores(self, path: Path) -> bool:
        """As git decides it: each folder on the way and then the file, by the nearest file that has a say."""
        root = next((folder for folder in path.parents if (folder / ".git").exists()), None)
        if root is None:
            return False
        shared = [*_git_excludes(root), self._home / ".config" / "git" / "ignore"]
        parts = path.relative_to(root).parts
        for depth in range(1, len(parts) + 1):
            is_folder = depth < len(parts)
            for spec, relative in self._deciding(root, parts[:depth], shared):
                verdict = spec.check_file(relative + ("/" if is_folder else "")).include
                if verdict is not None:
                    if verdict:
                        return True
                    break
        return False

    def _deciding(self, root: Path, parts: tuple[str, ...], shared: list[Path]) -> Iterable[tuple[GitIgnoreSpec, str]]:
        """Ignore files that speak about a path, the strongest first, with the path as each sees it."""
        for level in range(len(parts) - 1, -1, -1):
            yield self._spec(root.joinpath(*parts[:level], ".gitignore")), "/".join(parts[level:])
        for file in shared:
            yield self._spec(file), "/".join(parts)

    def _spec(self, file: Path) -> GitIgnoreSpec:
        stamp = _stamp(file)
        known = self._specs.get(file)
        if known is not None and known[0] == stamp:
            return known[1]
        spec, _ = compile_patterns(_lines(file) if stamp else [])
        self._specs[file] = (stamp, spec)
        return spec


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text("utf-8", errors="replace").removeprefix("\ufeff").splitlines()
    except OSError:
        return []


def _stamp(file: Path) -> Stamp:
    """Modification time in ns and size; None where there is no such file."""
    try:
        status = os.lstat(file)
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size


def _git_excludes(root: Path) -> list[Path]:
    """`info/exclude` of a repository; in a worktree or submodule `.git` is a file that names the folder."""
    git = root / ".git"
    if git.is_file():
        first = next(iter(_lines(git)), "")
        git = root / first.removeprefix("gitdir:").strip()
        if common := next(iter(_lines(git / "commondir")), ""):
            git = git / common.strip()
    return [git / "info" / "exclude"]


@attrs.frozen
class SecretPattern:
    """How one kind of secret looks.

    Group `secret` (or the whole match) is taken out; `check` looks at it once more, to spare harmless text.
    """

    name: str
    regex: re.Pattern[str]
    source: str
    check: Callable[[str], bool] = lambda secret: True


def entropy(text: str) -> float:
    """Shannon entropy in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


_HARMLESS = re.compile(
    r"(?i)example|sample|dummy|placeholder|changeme|change_me|your[-_ ]|xxx|\.\.\.|<|>|\$\{|\{\{|%s|^\{|^/|^\w+://"
)
_WORDY = re.compile(r"^[A-Za-z]+(?:[-_. :/][A-Za-z]+)*[0-9]?$")  # `access_token`, `X-Api-Key`, `sha-1`


def looks_random(secret: str) -> bool:
    """A value that nobody would type as a word: mixed characters, no placeholder, 2.5 bits a character or more."""
    mixed = re.search(r"[A-Za-z]", secret) and re.search(r"[^A-Za-z]", secret)
    return bool(mixed) and not _HARMLESS.search(secret) and not _WORDY.match(secret) and entropy(secret) >= 2.5


def looks_like_key(secret: str) -> bool:
    """An unquoted value must look like a key by itself: letters and digits, 3.5 bits a character or more."""
    has_both = re.search(r"[A-Za-z]", secret) and re.search(r"[0-9]", secret)
    return bool(has_both) and looks_random(secret) and entropy(secret) >= 3.5


def has_base64_run(secret: str) -> bool:
    """A key block holds base64; code that only names its markers does not."""
    return re.search(r"[A-Za-z0-9+/]{32}", secret) is not None


def looks_like_base64(secret: str) -> bool:
    """Lines of digests are hexadecimal: small letters only, or capitals only."""
    return all(re.search(kind, secret) for kind in ("[a-z]", "[A-Z]", "[+/]"))


_GITLEAKS = "gitleaks, config/gitleaks.toml"
_WORDS = r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|access[-_]?key|auth[-_]?key|private[-_]?key)"
_KEY_MARK = r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"

SECRETS: tuple[SecretPattern, ...] = (
    SecretPattern(
        "private key",
        re.compile(_KEY_MARK + r"(?:[^-]|-(?!----)){40,16384}-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
        "RFC 7468; " + _GITLEAKS,
        has_base64_run,
    ),
    SecretPattern(
        "private key, cut off",
        re.compile(_KEY_MARK + r"(?:\\r|\\n|[\s\"'+\\])*[A-Za-z0-9+/=]{32,}(?:\\r|\\n|[A-Za-z0-9+/=\s\"'\\])*"),
        "RFC 7468",
    ),
    SecretPattern(
        "lines of a private key",  # a window or an excerpt may begin and end inside of one
        re.compile(
            r"(?m)(?:^[ \t\"']{0,40}[A-Za-z0-9+/]{64}(?:\\n)?[\"',;)+ \t\\]{0,8}\r?\n){3,}"
            r"(?:[ \t\"']{0,40}[A-Za-z0-9+/]{1,64}={0,2})?"
        ),
        "RFC 7468, section 2",
        looks_like_base64,
    ),
    SecretPattern(
        "AWS access key id",
        re.compile(r"\b(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
        _GITLEAKS,
        lambda secret: not secret.endswith("EXAMPLE"),
    ),
    SecretPattern(
        "GitHub token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{82})\b"),
        "GitHub, 'Behind GitHub's new authentication token formats', 2021",
    ),
    SecretPattern("GitLab token", re.compile(r"\bglpat-[\w-]{20,64}"), _GITLEAKS),
    SecretPattern("Slack token", re.compile(r"\bxox[abeoprs]-[0-9A-Za-z-]{10,250}"), _GITLEAKS),
    SecretPattern(
        "Slack webhook", re.compile(r"https://hooks\.slack\.com/services/(?P<secret>[A-Za-z0-9+/]{24,56})"), _GITLEAKS
    ),
    SecretPattern(
        "OpenAI or Anthropic key",
        re.compile(r"\bsk-(?:proj-|ant-|svcacct-|admin-)?[A-Za-z0-9_-]{20,250}"),
        _GITLEAKS,
        looks_like_key,
    ),
    SecretPattern("Stripe key", re.compile(r"\b(?:sk|rk)_(?:test|live|prod)_[A-Za-z0-9]{10,99}\b"), _GITLEAKS),
    SecretPattern("Google API key", re.compile(r"\bAIza[\w-]{35}"), _GITLEAKS),
    SecretPattern("Hugging Face token", re.compile(r"\bhf_[A-Za-z]{34}\b"), _GITLEAKS),
    SecretPattern("PyPI token", re.compile(r"\bpypi-AgEIcHlwaS5vcmc[\w-]{50,1000}"), _GITLEAKS),
    SecretPattern("npm token", re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"), _GITLEAKS),
    SecretPattern("JSON web token", re.compile(r"\beyJ[\w-]{10,2000}\.eyJ[\w-]{10,8000}\.[\w-]{10,2000}"), "RFC 7519"),
    SecretPattern(
        "password in a URL",
        re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@\"']{1,64}:(?P<secret>[^\s:/@\"'{}$<>]{3,128})@"),
        "RFC 3986, section 3.2.1",
        lambda secret: secret.lower() not in {"password", "pass", "passwd", "pw", "pwd", "secret", "user", "***"},
    ),
    SecretPattern(
        "assigned secret",
        re.compile(
            r"(?i)(?:\b|_)(?:[a-z0-9]{1,32}[-_]){0,4}" + _WORDS + r"(?:_[a-z0-9]{1,32})?[\"']?\]?\s{0,4}"
            r"(?::\s{0,4}[a-z.]{1,32}\s{0,4}=|:=|=>|=|:)\s{0,4}[bru]{0,2}(?P<quote>[\"'])"
            r"(?P<secret>[^\"'\s\\]{8,512})(?P=quote)"
        ),
        "detect-secrets, keyword and high-entropy detectors",
        looks_random,
    ),
    SecretPattern(
        "secret in an environment file",
        re.compile(
            r"(?m)^(?:export )?[A-Z0-9_]{0,64}(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD)[A-Z0-9_]{0,32}="
            r"(?P<secret>[A-Za-z0-9+/=_-]{16,512})\s*$"
        ),
        "detect-secrets, keyword detector",
        looks_like_key,
    ),
)
"""Every kind of secret that is looked for. Rather one missed than code made useless: see each `check`."""


MARK = "REDACTED_SECRET_"


@attrs.frozen
class Redaction:
    """A text whose secrets are placeholders, and the way back for a reply that quotes them."""

    text: str = attrs.field(repr=False)
    secrets: dict[str, str] = attrs.field(repr=False)
    """Placeholder to secret; one secret has one placeholder however often it stands there."""
    mark: str = MARK
    """How placeholders begin; no text that was concealed held it before."""

    @property
    def count(self) -> int:
        return len(self.secrets)

    def restore(self, text: str) -> str:
        """Put the secrets back, so that an edit does not overwrite them with placeholders."""
        # The longest placeholder first: `..._1` begins `..._10`.
        for placeholder in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(placeholder, self.secrets[placeholder])
        return text

    def again(self, text: str) -> str:
        """A further text of the same conversation, with the same placeholders and new ones for new secrets."""
        placeholders = {secret: placeholder for placeholder, secret in self.secrets.items()}
        shown = _replace(text, placeholders, self.mark)
        self.secrets.update({placeholder: secret for secret, placeholder in placeholders.items()})
        return shown

    def left_in(self, text: str) -> bool:
        """Whether a restored text still holds a placeholder: one that stands for nothing."""
        return bool(self.secrets) and self.mark in text


def conceal(*texts: str) -> tuple[Redaction, ...]:
    """Each text with its secrets replaced, the same placeholder for the same secret in all of them."""
    mark = MARK
    while any(mark in text for text in texts):
        mark = "X" + mark
    placeholders: dict[str, str] = {}
    shown = [_replace(text, placeholders, mark) for text in texts]
    back = {placeholder: secret for secret, placeholder in placeholders.items()}
    return tuple(Redaction(text, back, mark) for text in shown)


def redact(text: str) -> tuple[str, int]:
    """The text with placeholders for its secrets, and how many different secrets there were."""
    (found,) = conceal(text)
    return found.text, found.count


def _replace(text: str, placeholders: dict[str, str], mark: str) -> str:
    for pattern in SECRETS:
        text = pattern.regex.sub(partial(_swap, check=pattern.check, placeholders=placeholders, mark=mark), text)
    return text


def _swap(match: re.Match[str], *, check: Callable[[str], bool], placeholders: dict[str, str], mark: str) -> str:
    whole = match.group()
    secret = match.groupdict().get("secret") or whole
    if mark in secret or not check(secret):
        return whole
    placeholder = placeholders.setdefault(secret, f"{mark}{len(placeholders) + 1}")
    if secret is whole:
        return placeholder
    start = match.start("secret") - match.start()
    return whole[:start] + placeholder + whole[start + len(secret) :]
