"""Functions of our own with tests of their own, in four languages: what the benchmark of actions works on.

Each stands in `functions/LANGUAGE.toml` as `code` (with a `head` above it where it needs one) and `tests` that hold for
it. `broken` is a text in it and what takes its place to make a fault, which a checker would report as `problem`. `edit`
is a change in words; `edit_tests` hold when it is made, after the other tests or, with `edit_replaces`, by themselves.

Code that a model wrote is run in the sandbox alone.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import tomllib
from functools import cache
from pathlib import Path

import attrs

from benchmarks.sandbox import command_passes, passes
from hybrid_lsp.document import Span
from hybrid_lsp.types import Finding, Severity

LANGUAGES = ("python", "javascript", "rust", "c")
SUFFIXES = {"python": ".py", "javascript": ".js", "rust": ".rs", "c": ".c"}
_COMPILE_S = 120


@attrs.frozen
class Function:
    """One case; see the module."""

    language: str
    name: str
    code: str = attrs.field(repr=False)
    tests: str = attrs.field(repr=False)
    broken: tuple[str, str]
    problem: str
    edit: str
    edit_tests: str = attrs.field(repr=False)
    head: str = attrs.field(default="", repr=False)
    edit_replaces: bool = False

    @property
    def text(self) -> str:
        """The file."""
        return (self.head.lstrip("\n") + "\n" if self.head else "") + self.code.lstrip("\n")

    @property
    def text_broken(self) -> str:
        """The file with the fault in it."""
        old, new = self.broken
        assert self.text.count(old) == 1, f"{self.name}: {old!r}"
        return self.text.replace(old, new)

    @property
    def inside(self) -> int:
        """An offset in the function, at which `text` and `text_broken` have the same line."""
        return self.text.index(self.code.strip().splitlines()[-1], len(self.text) - len(self.code) // 2)

    @property
    def problem_at(self) -> Finding:
        """What a checker says of `text_broken`."""
        begin = self.text_broken.index(self.broken[1])
        return Finding(Span(begin, begin + len(self.broken[1])), self.problem, Severity.ERROR, "", "checker")

    @property
    def all_tests(self) -> str:
        """What holds when the edit is made."""
        return self.edit_tests if self.edit_replaces else self.tests + self.edit_tests


def load() -> list[Function]:
    """All cases, the languages in turn, so that the first few are of every kind."""
    listed = [_of(language) for language in LANGUAGES]
    longest = max(map(len, listed))
    return [each[number] for number in range(longest) for each in listed if number < len(each)]


def _of(language: str) -> list[Function]:
    path = Path(__file__).with_name("functions") / f"{language}.toml"
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["function"]
    return [Function(language=language, **{**table, "broken": tuple(table["broken"])}) for table in tables]


@cache
def green(language: str, text: str, tests: str) -> bool | None:
    """Whether tests pass on a file's text; None where this machine cannot run the language."""
    if language == "python":
        return passes(f"{text}\n{tests}")
    tool = shutil.which({"javascript": "node", "rust": "rustc", "c": "gcc"}[language])
    if tool is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        source = folder / f"program{SUFFIXES[language]}"
        source.write_text(_program(language, text, tests), encoding="utf-8")
        if language == "javascript":
            return command_passes([tool, source], folder)
        return _compiled(language, tool, source) and command_passes([folder / "program"], folder)


def _program(language: str, text: str, tests: str) -> str:
    if language == "javascript":
        return f"const assert = require('node:assert/strict');\n{text}\n{tests}"
    if language == "rust":
        return f"{text}\nfn main() {{\n{tests}\n}}\n"
    return f"#undef NDEBUG\n#include <assert.h>\n{text}\nint main(void)\n{{\n{tests}\nreturn 0;\n}}\n"


def _compiled(language: str, tool: str, source: Path) -> bool:
    """Compile beside the source; what is compiled is not run here."""
    flags = ["-A", "warnings", "--edition", "2021"] if language == "rust" else ["-std=c11", "-w", "-lm"]
    command = [tool, *flags, "-o", source.with_suffix(""), source]
    try:
        done = subprocess.run(
            command, cwd=source.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=_COMPILE_S
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def written_green(text: str, tests: str, module: str) -> bool:
    """Whether each test of a pytest file passes on a Python module of that name, without pytest.

    What such files mostly use of it is played by `_PYTEST`: the sandbox has the standard library alone.
    """
    load = f"sys.modules[{module!r}] = types.ModuleType({module!r})\nexec({text!r}, vars(sys.modules[{module!r}]))"
    return passes(f"import sys, types\n{load}\n{_PYTEST}\nexec({tests!r}, globals())\n_run_all()")


_PYTEST = """
class _Raises:
    def __init__(self, kinds, match=None):
        self.kinds, self.match = kinds, match
    def __enter__(self):
        return self
    def __exit__(self, kind, error, trace):
        assert kind and issubclass(kind, self.kinds)
        assert self.match is None or __import__("re").search(self.match, str(error))
        self.value = error
        return True

def _parametrize(names, rows, **rest):
    names = [each.strip() for each in names.split(",")] if isinstance(names, str) else names
    def mark(function):
        function._rows = [dict(zip(names, row if len(names) > 1 else [row])) for row in rows]
        return function
    return mark

_pytest = sys.modules["pytest"] = types.ModuleType("pytest")
_pytest.raises, _pytest.mark = _Raises, types.SimpleNamespace(parametrize=_parametrize)
_pytest.approx = lambda value, rel=1e-6, abs=1e-12: type("Near", (), {
    "__eq__": lambda self, other: __import__("math").isclose(value, other, rel_tol=rel, abs_tol=abs)})()

def _run_all():
    found = [each for name, each in list(globals().items()) if name.startswith("test") and callable(each)]
    for kind in [each for name, each in list(globals().items()) if name.startswith("Test")]:
        found += [getattr(kind(), name) for name in dir(kind) if name.startswith("test")]
    assert found
    for each in found:
        for row in getattr(each, "_rows", [{}]):
            each(**row)
"""
