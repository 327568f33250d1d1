"""Writes the generated part of docs/models.md: the table of models that are known to work (`make docs`)."""

from pathlib import Path

from write_readme import with_part

from hybrid_lsp.models.supported import table

PAGE = Path(__file__).parent.parent / "docs" / "models.md"


def main() -> None:
    PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), "models", table()), encoding="utf-8")


if __name__ == "__main__":
    main()
