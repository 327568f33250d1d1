"""Actions that users define in their settings (`actions.custom`), each a table:

    name = "log"                  how it is run and counted; none of our own names
    title = "Add logging"         how it is listed
    prompt = "Add {language} logging to {file}, as the team does it."
    kind = "refactor.rewrite"     LSP's kind
    output = "edit"               edit, text or findings
    languages = ["python"]        optional: offered for these language ids only

In the prompt `{language}`, `{file}` (the file's name), `{selection}` (the code, fenced as data) and `{instruction}`
(what the user types when the action is run) are replaced, once and as plain text; other braces mean themselves. A
prompt without `{selection}` is followed by the code, as with all actions. With `{instruction}` an action is run by
command alone. Edits are verified as those of our own actions are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from hybrid_lsp.actions import findings, leftout, prompts
from hybrid_lsp.actions.answer import Answer
from hybrid_lsp.actions.base import Action, ActionContext, By, FindingsOutcome, Grounding, Needs, Outcome, Output, Terms
from hybrid_lsp.actions.fitting import dedented
from hybrid_lsp.actions.rewrite import Rewrite
from hybrid_lsp.types import Message

_REQUIRED = ("name", "title", "prompt", "kind", "output")
_KNOWN = (*_REQUIRED, "languages")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_KIND = re.compile(r"(?:quickfix|refactor|source)(?:\.[A-Za-z0-9-]+)*")
_PLACE = re.compile(r"\{(language|selection|file|instruction)\}")
_OUTPUTS = (Output.EDIT, Output.TEXT, Output.FINDINGS)
_LIMITS = {"title": 100, "prompt": 20_000}
_UNSEEN = re.compile(r"[^\w .+@-]")


def read(tables: Sequence[Any], taken: Collection[str]) -> tuple[tuple[Action, ...], list[str]]:
    """The actions that the tables describe, and what is wrong with each of the others, by name."""
    actions: list[Action] = []
    problems: list[str] = []
    names = set(taken)
    for number, table in enumerate(tables, 1):
        complaint = _complaint(table, names)
        if complaint is None:
            names.add(table["name"])
            actions.append(_made(table))
        else:
            problems.append(f"actions.custom, {_called(number, table)}: {complaint}; it is left out.")
    return tuple(actions), problems


def _called(number: int, table: Any) -> str:
    name = table.get("name") if isinstance(table, Mapping) else None
    return f"action `{name[:40]}`" if isinstance(name, str) and name else f"entry {number}"


def _complaint(table: Any, taken: Collection[str]) -> str | None:
    """What is wrong with one table."""
    if not isinstance(table, Mapping):
        return "it must be a table"
    if unknown := [str(key) for key in table if key not in _KNOWN]:
        return f"`{unknown[0]}` is not known; known are {', '.join(f'`{each}`' for each in _KNOWN)}"
    for key in _REQUIRED:
        if not isinstance(table.get(key), str) or not table[key].strip():
            return f"`{key}` must be a text"
        if len(table[key]) > _LIMITS.get(key, 100):
            return f"`{key}` is longer than {_LIMITS.get(key, 100)} characters"
    if not _NAME.fullmatch(table["name"]):
        return "`name` must be lower-case letters, digits, `-` and `_`"
    if table["name"] in taken:
        return "there is an action of that name already"
    if not _KIND.fullmatch(table["kind"]):
        return "`kind` must be `quickfix`, `refactor`, `source` or one below these, such as `refactor.rewrite`"
    if table["output"] not in _OUTPUTS:
        return f"`output` must be one of {', '.join(f'`{each}`' for each in _OUTPUTS)}"
    languages = table.get("languages", [])
    if not isinstance(languages, list) or not all(isinstance(each, str) for each in languages):
        return "`languages` must be a list of language ids"
    return None


def _made(table: Mapping[str, Any]) -> Action:
    needs = Needs.INSTRUCTION if "{instruction}" in table["prompt"] else Needs.SELECTION
    terms = Terms(needs, frozenset(table.get("languages", [])))
    name, title, prompt, kind = (table[key].strip() for key in ("name", "title", "prompt", "kind"))
    if table["output"] == Output.EDIT:
        return CustomEdit(name, title, prompt, kind, terms=terms)
    if table["output"] == Output.TEXT:
        return CustomText(name, title, prompt, kind, terms=terms)
    return CustomFindings(name, title, prompt, kind, output=Output.FINDINGS, schema=findings.SCHEMA, terms=terms)


def filled(prompt: str, context: ActionContext) -> str:
    """The prompt with its places filled, in one pass: what is put in is not looked at again."""
    document = context.document
    values = {
        "language": document.language,
        # A file's name comes with the workspace: nothing but a name may come of it.
        "file": _UNSEEN.sub("_", document.path.name if document.path else "the file"),
        "selection": f"\n{prompts.fenced(dedented(document, context.span), document.language)}\n",
        "instruction": context.instruction.strip(),
    }
    values["language"] = _UNSEEN.sub("", values["language"])
    return _PLACE.sub(lambda match: values[match[1]], prompt)


def _code(prompt: str, context: ActionContext) -> str:
    return "" if "{selection}" in prompt else prompts.code(context)


@attrs.frozen
class CustomText(Answer):
    """A user's action that ends in text."""

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(filled(self.task, context), _code(self.task, context), prompts.surroundings(context))


@attrs.frozen
class CustomEdit(Rewrite):
    """A user's action that ends in an edit; public names and signatures stay."""

    def asked(self, context: ActionContext) -> str:
        return f"{self.task}\n{context.instruction}"

    def may_empty(self, context: ActionContext) -> bool:
        return leftout.asks_to_delete(self.asked(context))

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            filled(self.task, context),
            *self.rules(context),
            _code(self.task, context),
            prompts.surroundings(context),
            self.form(context),
        )


@attrs.frozen
class CustomFindings(Answer):
    """A user's action that ends in findings: a review of the user's own kind."""

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        return prompts.chat(
            filled(self.task, context), _code(self.task, context), prompts.surroundings(context), findings.FORM
        )

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        found = findings.read(context.document, context.span, text)
        return FindingsOutcome(by.noting(*found.notes), found.findings, context.document, context.span)
