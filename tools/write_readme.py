"""Writes the generated parts of README.md: the table of settings and, given one, the demo's recording (`make docs`)."""

import re
import sys
from pathlib import Path

from hybrid_lsp.tables import settings_table

README = Path(__file__).parent.parent / "README.md"


def with_part(text: str, name: str, content: str) -> str:
    """The text with what stands between the marks of a part replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    return pattern.sub(lambda match: f"{match[1]}{content}\n{match[2]}", text)


def main() -> None:
    text = with_part(README.read_text(encoding="utf-8"), "settings", settings_table())
    if len(sys.argv) > 1:
        recording = "\n".join(line.rstrip() for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())
        text = with_part(text, "demo", f"```text\n{recording.strip()}\n```")
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
