"""Write the table of faults in docs/faults.md: python tools/write_faults.py

It is made from the tests: `@pytest.mark.fault("what goes wrong")` above one puts it there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- faults -->", "<!-- end of faults -->"


def faults(tests: Path = ROOT / "tests") -> Iterator[tuple[str, str, str]]:
    """What goes wrong, what is expected then (the test's name as words), and where the test stands."""
    for path in sorted(tests.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for fault in _named(node):
                    yield fault, node.name.removeprefix("test_").replace("_", " "), str(path.relative_to(ROOT))


def _named(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for mark in node.decorator_list:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.fault":
            yield ast.literal_eval(mark.args[0])


def table() -> str:
    rows = [f"| {fault} | {expected} | `{place}` |" for fault, expected, place in faults()]
    return "\n".join(["| what goes wrong | what is seen then | test |", "|---|---|---|", *rows])


def page(text: str) -> str:
    """The page with its table as it must be."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
