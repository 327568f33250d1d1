"""Commands, calls and lines of settings that take a secret without a name of it before it.

There are many, and most texts hold none of them: each is looked for only where a word of it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hybrid_lsp.context.secrets.names import Kind, small
from hybrid_lsp.context.secrets.values import is_common, is_key, is_secret

Place = tuple[int, int]

KNOWN: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = tuple(
    (tuple(words.split("|")), re.compile(pattern))
    for words, pattern in (
        (
            "echo",
            r"\becho[ \t]+(?:-n[ \t]+)?[\"']?(?:[\w.-]{1,40}:)?(?P<secret>[^\s\"'|$]{4,128})[\"']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?(?:-S|chpasswd|passwd|docker|podman|gh|helm|cryptsetup|kinit|openssl|gpg)",
        ),
        (
            "echo",
            r"\becho[ \t]+[\"']?(?P<secret>[^\s\"'|$]{4,128})[\"']?[ \t]*\|[ \t]*sudo[ \t]+-S",
        ),
        (
            "pass:",
            r"[ \t]-pass(?:in|out)?[ \t]+pass:(?P<secret>[^\s\"':$]{4,128})",
        ),
        (
            "openssl",
            r"\bopenssl\b[^\n|;]{0,160}[ \t]-k[ \t]+[\"']?(?P<secret>[^\s\"'$-][^\s\"']{3,128})",
        ),
        (
            "net",
            r"\bnet[ \t]+us(?:er|e)\b[ \t]+\S{1,64}[ \t]+(?P<secret>[^\s/$%\"'-][^\s\"']{3,128})(?=[ \t]+/|[ \t]*$)",
        ),
        (
            "/user:",
            r"\bnet[ \t]+use\b[^\n]{0,120}?/user:[^\s;]{1,64}[ \t]+(?P<secret>[^\s/$%\"'-][^\s\"']{3,128})",
        ),
        (
            "/user:",
            r"\bnet[ \t]+use\b[^\n]{0,120}?[ \t](?P<secret>[^\s/$%\"':\\-][^\s\"']{3,128})[ \t]+/user:",
        ),
        (
            "]",
            r"(?m)^[ \t]*\[[\w.-]{3,80}\](?::\w{2,10})?[ \t]+[\w.+@-]{2,64}:(?P<secret>\S{4,128})$",
        ),
        (
            "accounts",
            r"(?i)\baccounts[ \t]*[:=][ \t]*\[\s{0,20}[\"'](?:0x)?(?P<secret>[0-9a-f]{64})[\"']",
        ),
        (
            "ac|sk|akia|asia|ltai|akid",
            r"[\"'](?:AC|SK|AKIA|ASIA|LTAI|AKID)[A-Za-z0-9]{16,36}[\"']\s{0,20},\s{0,20}[\"'](?P<secret>[A-Za-z0-9/+=]{20,64})[\"']",
        ),
        (
            "-p",
            r"\b(?:sqlcmd|bcp|isql|osql)\b[^\n|;]{0,160}[ \t]-P[ \t]*[\"']?(?P<secret>[^\s\"'$-][^\s\"']{3,128})",
        ),
        (
            "snmp",
            r"\bsnmp\w{2,12}\b[^\n|;]{0,160}[ \t]-[AX][ \t]*[\"']?(?P<secret>[^\s\"'$-][^\s\"']{3,128})",
        ),
        (
            "-u",
            r"\b(?:smbclient|net|rpcclient)\b[^\n|;]{0,160}[ \t]-U[ \t]*[\"']?[\w.\\-]{1,64}%(?P<secret>[^\s\"'$]{4,128})",
        ),
        (
            "htpasswd",
            r"\bhtpasswd[ \t]+-\w*b\w*[ \t]+(?:-\w+[ \t]+)*\S{1,128}[ \t]+\S{1,64}[ \t]+[\"']?(?P<secret>[^\s\"'$]{4,128})",
        ),
        (
            "useradd",
            r"\buseradd\b[^\n|;]{0,160}[ \t](?:-p|--password)[ \t=]+[\"']?(?P<secret>[^\s\"'$]{4,128})",
        ),
        (
            "login",
            r"\b(?:vault|gh|flyctl|wandb|huggingface-cli|snyk)[ \t]+(?:auth[ \t]+)?login\b[^\n|;<]{0,60}?(?:[ \t]|<<<[ \t]*[\"']?)(?P<secret>[\w.-]{20,200})",
        ),
        (
            "user",
            r"(?m)^[ \t]*user[ \t]+\S{1,64}[ \t]+on\b[^\n]{0,80}?[ \t]>(?P<secret>\S{4,128})",
        ),
        (
            "wi-fi.|wifi.",
            r"(?i)wi-?fi\.(?:begin|config|connect)\w*\([^\n,]{1,80},[ \t]*[\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "requirepass|masterauth|password|bindpw|rootpw",
            r"(?im)^[ \t]*(?:requirepass|masterauth|ssl_password|AuthLDAPBindPassword|\w{1,30}password|bindpw|rootpw)[ \t]+[\"']?(?P<secret>[^\s\"'=:({;,)]{4,128})[\"']?;?[ \t]*(?:#|$)",
        ),
        (
            "pin",
            r"(?im)^[ \t]*pin[ \t]*[=:][ \t]*[\"']?(?P<secret>\d{4,8})[\"']?[ \t]*$",
        ),
        (
            "login(|auth(|connect(",
            r"(?i)\b(?:ftp|imap|smtp|conn|server|red|redis|mail|ssh|client)\w{0,10}[.:]+(?:login|auth|connect)\([^()\n]{0,80}[\"'](?P<secret>[^\"'\n]{4,128})[\"']\)",
        ),
        (
            "load(|store(|tochararray(|createasync(",
            r"(?i)(?:load|store|tochararray|createasync)\([^()\n]{0,40}?[\"'](?P<secret>[^\"'\n]{4,64})[\"'](?:\.toCharArray|\);?$)",
        ),
        (
            "cpy(|setopt(",
            r"(?i)\b(?:strn?cpy|curl_\w{0,5}setopt|memcpy|strlcpy)\([^()\n\"]{0,80}(?:pass|pwd|secret)[^()\n\"]{0,40}\"(?:[\w.-]{1,40}:)?(?P<secret>[^\"\n]{4,128})\"",
        ),
        (
            "compare|cmp|equal",
            r"(?i)(?:compare|strn?cmp|equals?)\w{0,16}\([^\"'\n]{0,80}(?:pass|pwd|secret|token)\w{0,20}[^\"'\n]{0,40}[\"'](?P<secret>[^\"'\n]{4,128})[\"']",
        ),
        (
            "new pdo(|mysqli|passwordauthentication(|networkcredential(|dbi->connect(|.basic(|basicauth",
            r"(?i)(?:\bnew PDO|\bmysqli(?:_connect)?|PasswordAuthentication|NetworkCredential|DBI->connect|\.basic|basicauth\w{0,12})\((?:[^()\n]{0,120},)?[ \t]?[\"'][\w.@-]{1,40}[\"'],[ \t]?[\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "crypt(|encode(",
            r"(?i)(?:\bcrypt|encoder\(?\)?\.encode)\([\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "basic_auth|basicauth|createasync|createuser",
            r"(?i)(?:basic_?auth|createasync|createuser)\w{0,10}[( ][^\n]{0,60}?,[ \t]*(?:Some\()?[\"'](?P<secret>[^\"'\n\s]{4,128})[\"']",
        ),
        (
            "default:",
            r"(?i)\b(?:pass|pwd|password|secret|token)[ \t]{1,4}string[ \t]{1,4}`[^`\n]{0,80}default:\"(?P<secret>[^\"\n]{4,128})\"",
        ),
        (
            "default_value",
            r"(?i)default_value[ \t]?=[ \t]?\"(?P<secret>[^\"\n]{4,128})\"[^\n]{0,40}\n[ \t]{0,20}(?:pub[ \t])?\w{0,30}(?:password|passwd|pwd|secret|token)\b",
        ),
        (
            "pass|pwd|pin",
            r"(?i)[#\[.=]\w{0,20}(?:password|passwd|pwd|pin)\]?[\"']\)?[,.][ \t]?(?:with:|type\(|fill\(|sendKeys\()?[ \t]?[\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "with:",
            r"(?i)[\"'](?:password|passwd|passwort)[\"'],[ \t]?with:[ \t]?[\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "pass|pwd",
            r"(?i);[ \t]?(?:password|pwd)[ \t]?=[ \t]?(?P<secret>[^;\"'\n]{4,64})(?=[;\"'])",
        ),
        (
            "?",
            r"(?im)^[ \t]*\?[ \t]\w{0,30}(?:password|passwd|pwd|secret)\r?\n[ \t]*:[ \t](?P<secret>[^\n]{4,64})$",
        ),
        (
            "sonar.login",
            r"(?m)^[ \t]*sonar\.login[ \t]*=[ \t]*(?P<secret>[\w-]{20,64})",
        ),
        (
            "-oauth",
            r"(?i)-oauth\"[ \t]?:[ \t]?\{[ \t]?\"[\w.]{3,60}\"[ \t]?:[ \t]?\"(?P<secret>[\w-]{16,128})\"",
        ),
        (
            "new user(",
            r"(?i)\bnew user\([^()\n]{0,80}[\"'](?P<secret>[^\"'\n]{4,64})[\"']\)",
        ),
        (
            "sequelize(|url.create(|create_url(",
            r"(?i)\b(?:sequelize|url\.create|create_url)\([^()\n]{0,80}?[\"'][^\"'\n]*[\"'],[ \t]*[\"'][\w.@-]+[\"'],[ \t]*[\"'](?P<secret>[^\"'\n]{4,64})[\"']",
        ),
        (
            "password",
            r"(?i)\bpassword[ \t]{1,4}as[ \t]{1,4}string[ \t]{0,4}=[ \t]{0,4}\"(?P<secret>[^\"\n]{4,64})\"",
        ),
        (
            '"kty"',
            r"\"(?:d|p|q|dp|dq|qi|k)\"[ \t]?:[ \t]?\"(?P<secret>[\w-]{20,1024})\"(?=[^{}]{0,2000}\"kty\")|\"kty\"[^{}]{0,2000}\"(?:d|p|q|dp|dq|qi|k)\"[ \t]?:[ \t]?\"(?P<other>[\w-]{20,1024})\"",
        ),
        (
            "echo",
            r"\becho[ \t]+(?:-n[ \t]+)?[\"']?(?P<secret>[^\s\"'|$]{4,128})[\"']?[ \t]*>{1,2}[ \t]*\S{0,80}(?:pass|pwd|secret|token|key)\w{0,20}",
        ),
        (
            "encrypt_string|secret",
            r"\bencrypt_string[ \t]+[\"'](?P<secret>[^\"'\n]{4,200})[\"']|\bsecret[ \t]+set\b[^\n]{0,80}[ \t](?:--body|-b)[ \t=]+[\"']?(?P<other>[^\s\"'$]{4,200})",
        ),
        (
            "vault|kubectl",
            r"\b(?:vault[ \t]+kv[ \t]+put|kubectl[ \t]+create[ \t]+secret)\b[^\n]{0,120}?[ \t=](?:password|passwd|token|secret)=(?P<secret>[^\s\"'$]{4,128})",
        ),
        (
            "pgpassword|mysql_pwd|sshpass|restic_password|rediscli_auth",
            r"\b(?:PGPASSWORD|MYSQL_PWD|SSHPASS|RESTIC_PASSWORD|REDISCLI_AUTH)=[\"']?(?P<secret>[^\s\"'$]{4,128})",
        ),
        (
            "env{",
            r"(?i)\bset\(\s?env\{\w{0,40}(?:token|secret|password|key)\}[ \t]+[\"']?(?P<secret>[^\s\"'$)]{4,200})",
        ),
        (
            "password",
            r"(?:^|\n)[ \t]*(?:machine|default)\b[^\n]{0,120}\s{1,8}(?:login[ \t]+\S{1,80}\s{1,8})?password[ \t]+[\"']?(?P<secret>[^\s\"'][^\s\"']{3,128})",
        ),
        (
            "{noop}",
            r"(?i)\{noop\}(?P<secret>[^\"'\s]{3,128})",
        ),
        (
            "<value>",
            r"(?i)password[\"']>\s{0,20}<value>(?P<secret>[^<>\n]{4,128})</value>|\bpassword\"[^<>\n]{0,60}>\s{0,20}<value>(?P<other>[^<>\n]{4,128})</value>",
        ),
    )
)
"""Small words, of which one stands wherever the pattern finds something."""


def in_calls(text: str) -> Iterator[Place]:
    """What known commands and calls take as a password or a key."""
    lowered = small(text)
    for words, pattern in KNOWN:
        if any(word in lowered for word in words):
            for found in pattern.finditer(text):
                group = "secret" if found["secret"] is not None else "other"
                if is_key(found[group]) or is_common(found[group]) or is_secret(found[group], Kind.PASSWORD):
                    yield found.span(group)
