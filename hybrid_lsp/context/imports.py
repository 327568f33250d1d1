"""What a file imports by which names, and where in the workspace that may be defined."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from hybrid_lsp.context.grammars import relatives

_PYTHON_FROM = re.compile(r"\s*from\s+(\.*[\w.]*)\s+import\s+(.*)", re.DOTALL)
_PYTHON_IMPORT = re.compile(r"\s*import\s+(.*)", re.DOTALL)
_SCRIPT = re.compile(r"\s*import\s+(?:type\s+)?(.*?)\s+from\s+['\"](.+?)['\"]", re.DOTALL)
_RUST = re.compile(r"\s*(?:pub\s+)?use\s+(crate|super|self)::(.*?);", re.DOTALL)
_INCLUDE = re.compile(r"\s*#\s*include\s+\"(.+?)\"")
_JAVA = re.compile(r"\s*import\s+(?:static\s+)?([\w.]+)\.(\w+|\*)\s*;")
_SCRIPT_ENDINGS = ("", ".ts", ".tsx", ".js", ".jsx", ".mjs", "/index.ts", "/index.tsx", "/index.js")
EVERYTHING = "*"


@attrs.frozen
class Import:
    """A module, and the local names by which its own names are known; `whole` is the name of the module itself."""

    module: str
    names: tuple[tuple[str, str], ...] = ()
    whole: str = ""

    def wanted(self, words: frozenset[str], text: str) -> frozenset[str]:
        """The module's own names that a text uses; `words` are the text's words."""
        found = {own for local, own in self.names if local in words}
        if (EVERYTHING, EVERYTHING) in self.names:
            found |= words
        if self.whole and self.whole.split(".")[-1] in words:
            found.update(re.findall(rf"\b{re.escape(self.whole)}(?:\.|::)(\w+)", text))
        return frozenset(found)


def imported(language: str, statements: Iterable[str]) -> list[Import]:
    """What import statements import, in the languages whose files name each other."""
    reader = _READERS.get(language)
    return [found for statement in statements for found in reader(statement)] if reader else []


def _names(listed: str, word: str = "as") -> tuple[tuple[str, str], ...]:
    """(local, own) names of `a, b as c`."""
    pairs = [item.split(f" {word} ") for item in re.sub(r"[(){}\s]+", " ", listed).split(",") if item.strip()]
    return tuple((pair[-1].strip(), pair[0].strip()) for pair in pairs)


def _python(statement: str) -> Iterator[Import]:
    statement = re.sub(r"#[^\n]*|\\\n", "", statement)
    if match := _PYTHON_FROM.match(statement):
        module, listed = match.groups()
        names = _names(listed)
        yield Import(module, names)
        # `from package import module`
        joined = module if module.endswith(".") else f"{module}."
        yield from (Import(joined + own, whole=local) for local, own in names if own != EVERYTHING)
    elif match := _PYTHON_IMPORT.match(statement):
        yield from (Import(own, whole=local) for local, own in _names(match.group(1)))


def _script(statement: str) -> Iterator[Import]:
    if not (match := _SCRIPT.match(statement)):
        return
    clause, module = match.groups()
    listed = re.search(r"\{(.*?)\}", clause, re.DOTALL)
    names = _names(re.sub(r"\btype\s+", "", listed.group(1))) if listed else ()
    if whole := re.search(r"\*\s+as\s+(\w+)", clause):
        yield Import(module, whole=whole.group(1))
    elif default := re.match(r"(\w+)", clause):
        yield Import(module, (*names, (default.group(1), default.group(1))))
    else:
        yield Import(module, names)


def _rust(statement: str) -> Iterator[Import]:
    if not (match := _RUST.match(statement)):
        return
    root, path = match.groups()
    module, _, listed = path.rpartition("::") if "{" not in path else path.partition("{")
    module = f"{root}::{module.strip(':').strip()}".rstrip(":")
    yield Import(module, _names(listed))


def _include(statement: str) -> Iterator[Import]:
    if match := _INCLUDE.match(statement):
        yield Import(match.group(1), ((EVERYTHING, EVERYTHING),))


def _java(statement: str) -> Iterator[Import]:
    if (match := _JAVA.match(statement)) and match.group(2) != EVERYTHING:
        module, name = match.groups()
        yield Import(f"{module}.{name}", ((name, name),))


_READERS = {
    "python": _python,
    **dict.fromkeys(relatives("javascript"), _script),
    "rust": _rust,
    **dict.fromkeys(relatives("c"), _include),
    **dict.fromkeys(relatives("java"), _java),
}


def places(language: str, module: str, path: Path, roots: Iterable[Path]) -> Iterator[Path]:
    """Files that may be the module that the file at `path` imports, the likeliest first; they need not exist."""
    finder = _FINDERS.get(language)
    return finder(module, path, list(roots)) if finder else iter(())


def _python_places(module: str, path: Path, roots: list[Path]) -> Iterator[Path]:
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module.lstrip(".").split(".") if part]
    if dots:
        bases = [path.parents[dots - 1]] if dots <= len(path.parents) else []
    else:
        bases = [base for root in roots for base in (root, root / "src")] + [path.parent]
    for base in bases:
        target = base.joinpath(*parts)
        if parts:
            yield target.with_name(target.name + ".py")
        yield target / "__init__.py"


def _script_places(module: str, path: Path, roots: list[Path]) -> Iterator[Path]:
    if not module.startswith("."):
        return
    # Modules are written with the ending that they have once compiled.
    bare = re.sub(r"\.(?:js|jsx|mjs)$", "", module)
    for name in dict.fromkeys((bare, module)):
        for ending in _SCRIPT_ENDINGS:
            yield Path(_normal(path.parent, name + ending))


def _rust_places(module: str, path: Path, roots: list[Path]) -> Iterator[Path]:
    root, *parts = module.split("::")
    parts = [part for part in parts if part]
    own = path.parent if path.stem in {"mod", "lib", "main"} else path.parent / path.stem
    source = next((folder for folder in path.parents if folder.name == "src"), path.parent)
    base = {"crate": source, "self": own, "super": own.parent}[root]
    for depth in (len(parts), len(parts) - 1):  # the last part may be a type or another item
        if depth > 0:
            target = base.joinpath(*parts[:depth])
            yield target.with_name(target.name + ".rs")
            yield target / "mod.rs"
    yield from (base / "lib.rs", base / "main.rs", base / "mod.rs", base.with_name(base.name + ".rs"))


def _include_places(module: str, path: Path, roots: list[Path]) -> Iterator[Path]:
    for base in (path.parent, *(base for root in roots for base in (root, root / "include", root / "src"))):
        yield Path(_normal(base, module))


def _java_places(module: str, path: Path, roots: list[Path]) -> Iterator[Path]:
    parts = module.split(".")
    package = [folder for folder in path.parents if folder.name in {"java", "src", "kotlin"}]
    for base in (*package, *roots):
        yield base.joinpath(*parts[:-1], parts[-1] + ".java")


def _normal(folder: Path, name: str) -> str:
    """A path without `..`, as an open document's path is written."""
    parts = list(folder.parts)
    for part in name.split("/"):
        if part == "..":
            parts = parts[:-1] or parts
        elif part not in ("", "."):
            parts.append(part)
    return str(Path(*parts))


_FINDERS = {
    "python": _python_places,
    **dict.fromkeys(relatives("javascript"), _script_places),
    "rust": _rust_places,
    **dict.fromkeys(relatives("c"), _include_places),
    **dict.fromkeys(relatives("java"), _java_places),
}
