"""Write the table of the backends' contract in docs/servers.md: python tools/write_contract.py

It is made from the tests: a clause is a test of `tests/clauses.py`, a column a party of `tests/columns.py`; what a real
server kept stands in `tests/servers/seen.json`, which `make test-servers` and `make test-vllm` write.
"""

from __future__ import annotations

import ast
import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path

from write_readme import with_part

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "servers.md"
TESTS = ROOT / "tests"
REAL, SCRIPTED, NONE = "●", "○", ""


def clauses() -> Iterator[tuple[str, frozenset[str]]]:
    """Each clause's test, and what it needs."""
    for node in ast.parse((TESTS / "clauses.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.AsyncFunctionDef):
            marks = [each for each in node.decorator_list if isinstance(each, ast.Call)]
            mark = next((each for each in marks if ast.unparse(each.func) == "clause"), None)
            if mark is not None:
                words = (each.value if isinstance(each, ast.Constant) else "canned" for each in mark.args)
                yield node.name, frozenset(map(str, words))


def seen() -> Mapping[str, list[str]]:
    """What each real party kept; nothing where that was not recorded."""
    path = TESTS / "servers" / "seen.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def table() -> str:
    """The clauses by the parties."""
    data = runpy.run_path(str(TESTS / "columns.py"))
    columns, column_of, servers, kept = data["COLUMNS"], data["column_of"], data["SERVERS"], seen()
    real = {(column_of(party), name) for party, names in kept.items() for name in names}
    lines = [f"| | {' | '.join(each.title for each in columns.values())} |", "|---|" + ":-:|" * len(columns)]
    for name, needs in clauses():
        bound = {key: needs - {"canned"} <= each.has for key, each in columns.items()}
        cells = [NONE if not bound[key] else REAL if (key, name) in real else SCRIPTED for key in columns]
        lines.append(f"| {name.removeprefix('test_').replace('_', ' ')} | {' | '.join(cells)} |")
    asked = {key: dict.fromkeys(servers[each] for each in kept if column_of(each) == key) for key in columns}
    lines.append(f"| who answered for real | {' | '.join(', '.join(asked[key]) for key in columns)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), "contract", table()), encoding="utf-8")
