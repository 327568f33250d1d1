"""README's generated parts are what the code makes."""

from pathlib import Path

from hybrid_lsp import config
from hybrid_lsp.tables import settings_table
from hybrid_lsp.types import Reason

README = (Path(__file__).parent.parent.parent.parent / "README.md").read_text(encoding="utf-8")


def part(name: str) -> str:
    return README.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- /{name} -->")[0].strip()


def test_the_settings_table_is_generated() -> None:
    assert part("settings") == settings_table(), "run `make docs`"


def test_every_setting_and_reason_is_there() -> None:
    for setting in config.settings():
        assert f"`{setting.name}`" in README
    shown_nowhere = {Reason.NOT_OPEN, Reason.SHUTTING_DOWN}
    for reason in set(Reason) - shown_nowhere:
        assert f"`{reason}`" in README


def test_the_recording_shows_the_three_kinds_of_answers() -> None:
    recorded = part("demo")
    for sign in ("⟦", "Explain", "Optimize", "Review security"):
        assert sign in recorded
