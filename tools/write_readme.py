"""Writes the generated parts of the documentation: the settings, and, given one, the demo's recording (`make docs`)."""

import re
import sys
from pathlib import Path

from hybrid_lsp.tables import settings_table

DOCS = Path(__file__).parent.parent / "docs"
SETTINGS, DEMO = DOCS / "settings.md", DOCS / "demo.md"


def with_part(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of a part replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text)


def write(file: Path, name: str, content: str) -> None:
    """Replace one part of a file."""
    file.write_text(with_part(file.read_text(encoding="utf-8"), name, content), encoding="utf-8")


def main() -> None:
    write(SETTINGS, "settings", settings_table())
    if len(sys.argv) > 1:
        recording = "\n".join(line.rstrip() for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
        write(DEMO, "demo", f"```text\n{recording.strip()}\n```")


if __name__ == "__main__":
    main()
