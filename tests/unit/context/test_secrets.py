"""Secrets never enter a prompt, and what is none stays."""

from __future__ import annotations

import base64
import random
from pathlib import Path

import pytest
from canaries import canaries
from hypothesis import given
from hypothesis import strategies as st
from newcomers import newcomers
from strangers import strangers

from hybrid_lsp.context.secrets import assigned, near
from hybrid_lsp.context.secrets.redaction import conceal, redact

# Made at run time, so that scanners of this repository do not stop at them.
AWS = "AKIA" + "QYLPMN5HHHFPZAM2"
GITHUB = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEAx9k2" * 4 + "\n-----END RSA " + "PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key = '{AWS}'", AWS),
        (f"# {GITHUB}", GITHUB),
        (f'K = """{KEY}"""', KEY),
        (f"Bearer {JWT}", JWT),
        ("token = 'xox" + "b-123456789012-abcdefABCDEF'", "xox" + "b-123456789012-abcdefABCDEF"),
        ('client("sk-' + 'proj-abcDEF123456ghiJKL7890")', "sk-" + "proj-abcDEF123456ghiJKL7890"),
        ('password = "hunter2!abc"', "hunter2!abc"),
        ("DB_PASSWORD: str = 'Tr0ub4dor&3'", "Tr0ub4dor&3"),
        ('{"api_key": "9f86d081884c7d65"}', "9f86d081884c7d65"),
        ("config['secret_token'] = 'a8f5f167f44f4964'", "a8f5f167f44f4964"),
        ("url = 'postgres://admin:s3cr3tpw@db/x'", "s3cr3tpw"),
        ("export API_TOKEN=a8f5f167f44f4964e6c998dee827110c\n", "a8f5f167f44f4964e6c998dee827110c"),
        (
            "-----BEGIN " + "PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC" * 2,
            "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC",
        ),
    ],
)
def test_secrets_are_taken_out_and_put_back(text: str, secret: str) -> None:
    shown, count = redact(text)
    assert secret not in shown
    assert count == 1
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


_CHANCE = random.Random(5)
LINES = [base64.b64encode(_CHANCE.randbytes(48)).decode() for _ in range(30)]


@pytest.mark.parametrize("indent", ["", "    "])
@pytest.mark.parametrize(("first", "last"), [(0, 30), (5, 9), (20, 30)])
def test_a_part_of_a_key_is_one_too(indent: str, first: int, last: int) -> None:
    """A window of the text, or an excerpt, has neither the key's beginning nor its end."""
    text = "".join(f"{indent}{line}\n" for line in LINES[first:last]) + indent + LINES[0][:30] + "==\nx = 1\n"
    shown, count = redact(text)
    assert count == 1
    assert not any(line in shown for line in LINES)
    assert shown.endswith("\nx = 1\n")
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


def test_base64_of_a_text_is_no_key() -> None:
    data = base64.encodebytes(b"<dict><key>name</key><string>Lots of readable text.</string></dict>" * 8).decode()
    assert redact(data) == (data, 0)


def test_lists_of_digests_are_no_key() -> None:
    text = "".join(f"{number:064x}\n" for number in range(10))
    assert redact(text) == (text, 0)


@pytest.mark.parametrize(
    "text",
    [
        'password = "password"',
        'token_type = "access_token"',
        'password = os.environ["DB_PASSWORD"]',
        'header = "X-Api-Key"',
        'API_KEY = "your-api-key-here"',
        'secret = "<paste it here>"',
        'TOKEN_URL = "https://example.com/token/v2"',
        'password = f"{user}-{year}1"',
        "def check(password: str, token='default'): ...",
        "aws = 'AKIAIOSFODNN7EXAMPLE'",
        "key = 'sha256'",
        'if line.startswith("-----BEGIN PRIVATE KEY-----"):\n    return line.find("-----END PRIVATE KEY-----")',
        "url = 'postgres://user:password@localhost/x'",
        "commit = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'",
    ],
)
def test_harmless_text_stays(text: str) -> None:
    assert redact(text) == (text, 0)


def test_one_secret_has_one_placeholder_in_all_texts() -> None:
    one, other = conceal(f"a = '{AWS}'", f"b = '{GITHUB}'; c = '{AWS}'")
    assert one.text.split("'")[1] == other.text.split("'")[3]
    assert one.count == 2


def test_a_text_with_our_mark_keeps_its_own() -> None:
    text = f"REDACTED_SECRET_1 = '{AWS}'"
    (sealed,) = conceal(text)
    assert sealed.text.startswith("REDACTED_SECRET_1 = 'XREDACTED_SECRET_1")
    assert sealed.restore(sealed.text) == text


@given(st.text(max_size=300))
def test_restoring_gives_the_text_back(text: str) -> None:
    (sealed,) = conceal(text)
    assert sealed.restore(sealed.text) == text


@pytest.mark.parametrize("text", ["-" * 200_000, "a" * 200_000, "password" * 20_000, "eyJ" * 60_000, "x-" * 100_000])
def test_hostile_texts_do_not_stall(text: str) -> None:
    assert redact(text) == (text, 0)  # pytest-timeout ends it if a pattern takes quadratic time


def test_a_later_text_has_the_same_placeholders_and_new_ones() -> None:
    (sealed,) = conceal(f"a = '{AWS}'")
    later = sealed.again(f"{GITHUB} and {AWS}")
    assert later == "REDACTED_SECRET_2 and REDACTED_SECRET_1"
    assert sealed.restore(later) == f"{GITHUB} and {AWS}"
    assert not sealed.left_in(sealed.restore(later))
    assert sealed.left_in("REDACTED_SECRET_3")


def test_no_canary_reaches_a_prompt() -> None:
    found = list(canaries())
    reached = [(kind, text) for kind, text, secret in found if secret in redact(text)[0]]
    assert len(found) >= 500
    assert len({kind for kind, _, _ in found}) >= 20
    assert reached == []


def test_of_the_canaries_of_strangers_one_in_a_hundred_reaches_a_prompt_at_most() -> None:
    found = list(strangers())
    reached = [(kind, text) for kind, text, secret in found if secret in redact(text)[0]]
    assert len(found) >= 3000
    assert len({kind for kind, _, _ in found}) >= 50
    assert len(reached) <= len(found) // 100, reached


@pytest.mark.parametrize(("which", "least", "most"), [("newcomers", 530, 28), ("outsiders", 400, 0)])
def test_of_the_canaries_that_were_written_blind_few_reach_a_prompt(which: str, least: int, most: int) -> None:
    found = list(newcomers(which))
    reached = [(name, text) for name, text, secrets in found if any(secret in redact(text)[0] for secret in secrets)]
    assert len(found) >= least
    assert len(reached) <= most, reached


@pytest.mark.parametrize(
    "line",
    (Path(__file__).parent / "harmless.txt").read_text(encoding="utf-8").splitlines(),
    ids=lambda line: line[:40],
)
def test_an_ordinary_line_with_a_word_of_secrets_stays(line: str) -> None:
    assert redact(line + "\n") == (line + "\n", 0)


@pytest.mark.parametrize(
    "text",
    [
        "password: str",
        "password: Optional[str] = None",
        "password = input('Password: ')",
        'password = os.environ["DB_PASSWORD"]',
        "let password: string;",
        "password := r.FormValue(name)",
        'passwordLabel: "Enter your password"',
        '"AWS::IAM::AccessKey": "62d91b17309e76c8",',
        "tokens = {'root': [('a', 1)]}",
        'ClientEarlyTrafficSecret => b"c e traffic",',
        "# The password is required for this account.",
        "OSSL_DEPRECATEDIN_3_0 EC_KEY *d2i_EC_PUBKEY_fp(FILE *fp, EC_KEY **a);",
        "| name | type |\n|---|---|\n| password | string |\n",
        "/9j/4AAQSkZJRgABAQIAHAAcAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYW\n",
        "kind: ConfigMap\ndata:\n  colour: blue-and-green\n",
    ],
)
def test_what_only_speaks_of_secrets_stays(text: str) -> None:
    assert redact(text) == (text, 0)


@pytest.mark.parametrize("at", range(12, 36, 3))
def test_a_secret_around_the_cursor_is_taken_out_of_both_sides(at: int) -> None:
    text = "password = 'hunter2!abcTr0ub4dor'\nx = 1\n"
    before, after = conceal(text[:at], text[at:], cut=True)
    assert "hunter2!" not in before.text
    assert "0ub4dor" not in before.text + after.text
    assert before.restore(before.text) + after.restore(after.text) == text


def test_a_known_secret_is_one_wherever_it_stands() -> None:
    shown, count = redact("password = 'Xk29-lmq!'\nlog('tried Xk29-lmq! again')\n")
    assert count == 1
    assert "Xk29" not in shown


def test_what_is_concealed_again_is_not_concealed_twice() -> None:
    (sealed,) = conceal(f"password = 'Xk29-lmq!'; key = '{AWS}'")
    assert sealed.again(sealed.text) == sealed.text


def test_a_line_of_many_tables_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    known_sort = near.is_known_sort
    monkeypatch.setattr(near, "is_known_sort", lambda word: read.append(word) or known_sort(word))
    lines = 600
    assert list(near.in_tables("| password | a |\n" * lines)) == []
    # The first is a head alone; of each other line only the cell under the name is looked at.
    assert read == ["password"] * (lines - 1)


@pytest.mark.parametrize("between", ["|", ",", ";", "\t"])
def test_a_table_below_another_has_its_own_columns_too(between: str) -> None:
    rows = [["user", "password", "note"], ["bob", "letmein99", "on"], ["token", "user", "secret"]]
    rows += [["Kq7Zp2Lw9Xv4Tn8B", "hunter22", "Xk29-lmq!"]] * 500
    text = "".join(
        (between + between.join(row) + between if between == "|" else between.join(row)) + "\n" for row in rows
    )
    found = {text[start:end] for start, end in near.in_tables(text)}
    assert found == {"letmein99", "Kq7Zp2Lw9Xv4Tn8B", "hunter22", "Xk29-lmq!"}
    # However long the table is.
    assert max(end for _, end in near.in_tables(text)) >= len(text) - 2


@pytest.mark.parametrize(
    ("before", "gives"),
    [
        ('put("', True),
        ('getenv(\n  "', True),
        ('put(KEY,"', True),
        ('map.insert("name", "', False),
        ('[("', False),
        ('["', False),
        ("", False),
    ],
)
def test_a_name_is_given_by_the_call_it_is_the_first_argument_of(before: str, gives: bool) -> None:
    assert assigned._is_given(before + "PASSWORD", len(before)) is gives
    assert (assigned._GIVES.search(before) is not None) is gives
