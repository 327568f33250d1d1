"""Chats to tokens: the model's own Jinja template, or a plain format where it has none.

The plain format, for models that were not trained to chat:

    {content of a system message}

    ### User:
    {content}

    ### Assistant:
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs

from hybrid_lsp.engine.tokenizer import Tokenizer
from hybrid_lsp.errors import ModelBroken
from hybrid_lsp.types import Message

PLAIN_STOP = "\n### User:"
"""A model without a template goes on with both sides of the talk; its turn ends here."""


class TemplateRefused(Exception):
    """The model's template does not take these messages (for example no system message); the text says why."""


@attrs.define
class ChatFormat:
    """How one model is talked to; `template` is None for the plain format."""

    template: str | None = None
    tokens: dict[str, str] = attrs.field(factory=dict)
    _compiled: Any = None

    @classmethod
    def load(cls, folder: Path) -> ChatFormat:
        """The template in a model's folder. Without Jinja installed every model gets the plain format."""
        config = _read(folder / "tokenizer_config.json")
        template = _template_of(folder, config)
        return cls(template if template and _jinja_is_there() else None, _named_tokens(config))

    @property
    def stops(self) -> tuple[str, ...]:
        return () if self.template else (PLAIN_STOP,)

    def encode(self, messages: Sequence[Message], tokenizer: Tokenizer) -> list[int]:
        """The tokens of a chat, ready for the assistant's turn. Raises TemplateRefused."""
        if self.template is None:
            return tokenizer.encode(plain(messages))
        if not any(token in message.content for message in messages for token in tokenizer.control_spellings):
            return tokenizer.encode_format(self._render(messages))
        return self._encode_guarded(messages, tokenizer)

    def _encode_guarded(self, messages: Sequence[Message], tokenizer: Tokenizer) -> list[int]:
        """Somebody's text spells a control token: the format and the texts are tokenized apart.

        The template is rendered with place-holders, which keeps the two apart whatever the template does.
        """
        mark = secrets.token_hex(8)
        holders = [attrs.evolve(message, content=f"{mark}-{index}-") for index, message in enumerate(messages)]
        tokens: list[int] = []
        for position, part in enumerate(re.split(rf"{mark}-(\d+)-", self._render(holders))):
            is_text = position % 2
            tokens += tokenizer.encode(messages[int(part)].content) if is_text else tokenizer.encode_format(part)
        return tokens

    def _render(self, messages: Sequence[Message]) -> str:
        import jinja2

        turns = [{"role": message.role, "content": message.content} for message in messages]
        try:
            if self._compiled is None:
                self._compiled = _environment().from_string(self.template or "")
            rendered: str = self._compiled.render(
                messages=turns, add_generation_prompt=True, enable_thinking=False, **self.tokens
            )
        except jinja2.TemplateSyntaxError as error:
            raise ModelBroken(f"The model's chat template cannot be read: {error}.", "Copy its files again.") from error
        except jinja2.TemplateError as error:
            raise TemplateRefused(str(error)) from error
        return rendered


def plain(messages: Sequence[Message]) -> str:
    """The format of the module's docstring."""
    heads = {"system": "", "user": "### User:\n", "assistant": "### Assistant:\n"}
    turns = [f"{heads.get(message.role, '')}{message.content}\n\n" for message in messages]
    return "".join(turns) + "### Assistant:\n"


def _environment() -> Any:
    """Jinja as transformers sets it up. A template comes with the model: it runs in the sandbox, never as code."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def raise_exception(message: str) -> NoReturn:
        from jinja2 import TemplateError

        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.loopcontrols"],
        autoescape=False,
    )
    environment.globals["raise_exception"] = raise_exception
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    return environment


def _jinja_is_there() -> bool:
    try:
        import jinja2  # noqa: F401
    except ImportError:
        return False
    return True


def _template_of(folder: Path, config: dict[str, Any]) -> str | None:
    separate = folder / "chat_template.jinja"
    if separate.is_file():
        return separate.read_text(encoding="utf-8")
    template = config.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, dict)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _named_tokens(config: dict[str, Any]) -> dict[str, str]:
    """`bos_token` and its like, which templates use; older files wrap them in a mapping."""
    named: dict[str, str] = {}
    for key in ("bos_token", "eos_token", "unk_token", "pad_token"):
        value = config.get(key)
        value = value.get("content") if isinstance(value, dict) else value
        named[key] = value if isinstance(value, str) else ""
    return named


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelBroken(f"{path} cannot be read: {error}.", "Copy the file again.") from error
    return value if isinstance(value, dict) else {}
