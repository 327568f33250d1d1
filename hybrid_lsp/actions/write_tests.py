"""Write tests for the selected code, into a new file beside the project's own tests. No existing file is touched."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from hybrid_lsp.actions import edits, explain, prompts, reply
from hybrid_lsp.actions.base import (
    ON_SELECTION,
    ActionContext,
    By,
    FileOutcome,
    Grounding,
    Outcome,
    Output,
    Prompted,
    Terms,
)
from hybrid_lsp.context import symbols
from hybrid_lsp.document import Document
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import Message

_TASK = """\
Write tests for this code: what it is for, the edges of what it takes (empty, one, many, limits), and the errors that \
it raises. One case a test, with a name that says what holds. Test what the code does today, through its public \
names; no network, no sleeping, no files but temporary ones."""
_FORM = "Reply with one whole test file in exactly one fenced code block and nothing else."
_FRAMEWORKS = {
    "python": "Use pytest.",
    "go": "Use the package `testing`, in the same package.",
    "rust": "Write an integration test of the crate.",
    "java": "Use JUnit 5.",
}
_NAMES = {
    "python": "test_{stem}.py",
    "go": "{stem}_test.go",
    "rust": "{stem}.rs",
    "java": "{stem}Test.java",
    "javascript": "{stem}.test{suffix}",
    "javascriptreact": "{stem}.test{suffix}",
    "typescript": "{stem}.test{suffix}",
    "typescriptreact": "{stem}.test{suffix}",
}
_BESIDE = {"go"}
"""Languages whose tests stand beside the code."""
_FOLDERS = ("tests", "test")
_ROOTS = (".git", "pyproject.toml", "package.json", "Cargo.toml", "pom.xml", "go.mod")
_LEVELS = 12
_MOST = 100
_A_TEST = re.compile(r"(?m)^\s*(?:async )?(?:def test|class \w*Test)")


@attrs.frozen
class WriteTests(Prompted):
    """A new test file, or text where the client makes no files. Nothing of it is run."""

    name: str = "tests"
    title: str = "Write tests"
    kind: str = "refactor.tests"
    output: Output = Output.FILE
    languages: frozenset[str] = frozenset()
    schema: dict[str, object] | None = None
    terms: Terms = ON_SELECTION

    async def ground(self, context: ActionContext) -> Grounding:
        return explain.facts(context)

    def messages(self, context: ActionContext, grounding: Grounding) -> tuple[Message, ...]:
        document = context.document
        return prompts.chat(
            f"{_TASK} {_FRAMEWORKS.get(document.language, 'Use the usual test framework of this language.')}",
            prompts.code(context),
            prompts.surroundings(context),
            prompts.facts("Facts from static analysis", [grounding.facts]),
            prompts.facts("Import the code from the module", [module_of(document)]),
            _FORM,
        )

    def shorter(self, context: ActionContext) -> str:
        return "Write fewer tests: the five that matter most, each of a few lines."

    def is_settled(self, context: ActionContext, text: str) -> bool:
        return reply.is_settled(text, "", context.document.language)

    def parse(self, context: ActionContext, grounding: Grounding, text: str, by: By) -> Outcome:
        document = context.document
        code = reply.code_block(text, language=document.language).strip("\n") + "\n"
        if not code.strip():
            raise ReplyRejected("The reply holds no code.", raw=text)
        made = Document("", code, language=document.language)
        if complaint := edits.compile_complaint(made):
            raise ReplyRejected(complaint, raw=text)
        if symbols.syntax_errors(made):
            raise ReplyRejected("The test file has a syntax error.", raw=text)
        if document.language == "python" and not _A_TEST.search(code):
            raise ReplyRejected("The reply holds no test: no function whose name begins with `test`.", raw=text)
        return FileOutcome(by, place_for(document), code, document, self.title)


def place_for(document: Document) -> Path | None:
    """Where a new test file goes: a name that is free, in the project's folder of tests if it has one, or beside."""
    path = document.path
    if path is None:
        return None
    pattern = _NAMES.get(document.language, "{stem}_test{suffix}")
    folder = path.parent if document.language in _BESIDE else _test_folder(path)
    name = Path(pattern.format(stem=path.stem, suffix=path.suffix))
    # A link that leads nowhere is a name that is taken too.
    tries = (
        folder / (name.name if number == 1 else f"{name.stem}_{number}{name.suffix}") for number in range(1, _MOST)
    )
    return next((each for each in tries if not each.exists() and not each.is_symlink()), None)


def _test_folder(path: Path) -> Path:
    for folder in list(path.parents)[:_LEVELS]:
        if found := next((folder / name for name in _FOLDERS if (folder / name).is_dir()), None):
            return found
        if any((folder / name).exists() for name in _ROOTS):
            break
    return path.parent


def module_of(document: Document) -> str:
    """The dotted name that a Python file is imported by, as its packages tell; empty for others."""
    path = document.path
    if document.language != "python" or path is None:
        return ""
    parts = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file() and len(parts) < _LEVELS:
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(parts)
