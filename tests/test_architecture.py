"""The floors: imports go down only, siblings never import each other, and pygls stays at the edge."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "hybrid_lsp"
FLOORS = {
    "errors": 0,
    "line_index": 0,
    "document": 0,
    "types": 0,
    "paths": 0,
    "settings_file": 0,
    "ollama_host": 0,
    "children": 0,
    "config": 0,
    "models": 1,
    "metrics": 1,
    "context": 2,
    "backends": 2,
    "engine": 2,
    "analysis": 2,
    # It measures what is served, so it stands on the models' formats and confidence.
    "training": 2,
    "routing": 3,
    # From a model's name to a model that is served: it stands on the engine, its clients and the formats.
    "catalogue": 3,
    # The engine for a team: it stands on the engine alone.
    "cluster": 3,
    "reports": 4,
    "completion": 4,
    "actions": 4,
    "server": 5,
    "audit": 5,
    # The commands: `cli` parses, the others do.
    "calibrating": 6,
    "demo": 6,
    "doctor": 6,
    "oneshot": 6,
    "tables": 6,
    # It measures by what `calibrate` does.
    "models_command": 7,
    "cli": 8,
    "__main__": 9,
}
# The modules of floor 0 stand on each other in this order; everywhere else one room is one sibling.
GROUND = ["errors", "line_index", "document", "types", "paths", "settings_file", "ollama_host", "children", "config"]
EDGE_ONLY = {"pygls", "lsprotocol"}
HEAVY = {
    *("torch", "transformers", "ctranslate2", "tokenizers", "tree_sitter", "uvicorn", "starlette", "bandit", "numpy"),
    *("onnx", "onnxruntime"),
    # The clients of models are for later too: after the reply to `initialize`.
    *("httpx", "filelock", "ray"),
    # Plots and tables of the metrics are made when they are asked for.
    *("pygal", "rich"),
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            found.add(node.module)
            if node.module == "hybrid_lsp":
                found |= {f"hybrid_lsp.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "hybrid_lsp" or len(parts) == 1 or parts[1] in (room, "__version__"):
            continue
        other = parts[1]
        if FLOORS[room] == FLOORS[other] == 0:
            assert GROUND.index(other) < GROUND.index(room), f"{path.name} imports {name}"
        else:
            assert FLOORS[other] < FLOORS[room], f"{room} (floor {FLOORS[room]}) imports {name}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_pygls_stays_at_the_edge(path: Path) -> None:
    if room_of(path) != "server":
        assert not {name.split(".")[0] for name in imports_of(path)} & EDGE_ONLY


def test_children_are_started_in_one_place() -> None:
    """A cancel while asyncio itself starts one is waited for without end, or leaves it running."""
    starting = re.compile(r"subprocess_(exec|shell)\b")
    assert {room_of(path) for path in modules() if starting.search(path.read_text(encoding="utf-8"))} == {"children"}


def test_every_room_has_a_floor() -> None:
    rooms = {room_of(path) for path in modules()} - {"__init__"}
    assert rooms <= set(FLOORS), f"give these a floor: {rooms - set(FLOORS)}"


def test_a_folder_holds_two_modules_or_is_a_module() -> None:
    for folder in (child for child in PACKAGE.iterdir() if child.is_dir() and child.name != "__pycache__"):
        assert len([path for path in folder.glob("*.py") if path.name != "__init__.py"]) >= 2, folder


def test_serving_starts_light() -> None:
    """The process of each editor window loads no model library."""
    code = "import sys, hybrid_lsp.server.app; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & HEAVY


def test_no_module_stands_on_itself() -> None:
    """Not even for types: of two modules that import each other neither can be read first."""
    names = {".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in modules()}
    below = {name: {each for each in imports_of(path) if each in names} for name, path in names.items()}
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in done:
            for each in below[name]:
                visit(each, (*above, name))
            done.add(name)

    for name in names:
        visit(name, ())
