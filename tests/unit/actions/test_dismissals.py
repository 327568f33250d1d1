"""What the user dismissed stays away, in every window, until its line changes."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import dismissals
from hybrid_lsp.actions.dismissals import Dismissals
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ActionError
from hybrid_lsp.types import Finding, Severity

ROOT = Path("/work/shop")
TEXT = "import os\nos.system(a)\nos.system(b)\n"


def opened(text: str = TEXT, path: Path | None = ROOT / "src" / "a.py") -> Document:
    return Document(path.as_uri() if path else "untitled:1", text, 1, "python", path)


def finding(document: Document, text: str, code: str = "B605") -> Finding:
    start = document.text.index(text)
    return Finding(Span(start, start + len(text)), "Bad.", Severity.ERROR, code, "bandit")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dismissed"


def left(folder: Path, document: Document, *findings: Finding, root: Path | None = ROOT) -> list[Finding]:
    """What another window shows."""
    return Dismissals(folder).without(root, document, findings)


def test_a_dismissed_finding_moves_with_its_line_and_comes_back_when_that_changes(folder: Path) -> None:
    document = opened()
    one, two = finding(document, "os.system(a)"), finding(document, "os.system(b)")
    Dismissals(folder).add(ROOT, document, [one])
    assert left(folder, document, one, two) == [two]
    moved = opened("import os\n\n\nif x:\n\tos.system(a)  \n")
    assert left(folder, moved, finding(moved, "os.system(a)")) == []
    changed = opened("import os\nos.system(a + b)\n")
    assert len(left(folder, changed, finding(changed, "os.system(a + b)"))) == 1


def test_it_holds_for_one_file_one_rule_and_one_workspace(folder: Path) -> None:
    document = opened()
    one = finding(document, "os.system(a)")
    Dismissals(folder).add(ROOT, document, [one])
    assert left(folder, opened(path=ROOT / "b.py"), one) == [one]
    other_rule = finding(document, "os.system(a)", "B607")
    assert left(folder, document, other_rule) == [other_rule]
    assert left(folder, document, one, root=Path("/work")) == [one]
    # The same rule when ruff alone reports it.
    assert left(folder, document, finding(document, "os.system(a)", "S605")) == []


def test_a_copy_of_the_workspace_elsewhere_and_files_without_one(folder: Path) -> None:
    unsaved = opened(path=None)
    one = finding(unsaved, "os.system(a)")
    kept = Dismissals(folder)
    kept.add(None, unsaved, [one])
    assert kept.without(None, unsaved, [one]) == []
    assert kept.without(ROOT, opened(), [one]) == [one]


def test_another_window_sees_it_at_once(folder: Path) -> None:
    document = opened()
    one, two = finding(document, "os.system(a)"), finding(document, "os.system(b)")
    first, second = Dismissals(folder), Dismissals(folder)
    first.add(ROOT, document, [one])
    assert second.without(ROOT, document, [one, two]) == [two]
    second.add(ROOT, document, [two])
    assert first.without(ROOT, document, [one, two]) == []
    assert first.reset(ROOT) == 2
    assert second.without(ROOT, document, [one, two]) == [one, two]
    assert second.reset(ROOT) == 0


def test_the_file_is_private_and_holds_no_code(folder: Path) -> None:
    document = opened('password = "correct horse"\n')
    one = finding(document, "correct horse", "B105")
    Dismissals(folder).add(ROOT, document, [one])
    (file,) = folder.iterdir()
    written = file.read_text(encoding="utf-8")
    assert "correct" not in written
    assert "src/a.py" in written
    # The same line in another workspace has another hash: nobody can look passwords up.
    Dismissals(folder).add(Path("/work/shop/src"), document, [one])
    hashes = {json.loads(each.read_text())["dismissed"][0][2] for each in folder.iterdir()}
    assert len(hashes) == 2
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "written",
    [
        "",
        "[]",
        "{}",
        '{"form": 2, "salt": "00", "dismissed": []}',
        '{"form": 1, "salt": "", "dismissed": []}',
        '{"form": 1, "salt": "00", "dismissed": [1]}',
        '{"form": 1, "salt": "00", "dismissed": [["a", "b", 3]]}',
        "\udc80",
    ],
)
def test_a_damaged_file_counts_as_empty_and_is_replaced(folder: Path, written: str) -> None:
    document = opened()
    one = finding(document, "os.system(a)")
    Dismissals(folder).add(ROOT, document, [one])
    (file,) = folder.iterdir()
    file.write_bytes(written.encode("utf-8", errors="surrogateescape"))
    assert left(folder, document, one) == [one]
    Dismissals(folder).add(ROOT, document, [one])
    assert left(folder, document, one) == []


def test_the_oldest_give_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dismissals, "MOST", 3)
    document = opened("".join(f"os.system({n})\n" for n in range(5)))
    every = [finding(document, f"os.system({n})") for n in range(5)]
    kept = Dismissals(folder)
    for each in every:
        kept.add(ROOT, document, [each])
    assert left(folder, document, *every) == every[:2]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    document = opened()
    kept = Dismissals(blocked / "dismissed")
    with pytest.raises(ActionError, match="cannot be kept"):
        kept.add(ROOT, document, [finding(document, "os.system(a)")])
    assert kept.without(ROOT, document, [finding(document, "os.system(a)")])


def test_a_write_that_fails_leaves_the_old_file_and_no_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = opened()
    one, two = finding(document, "os.system(a)"), finding(document, "os.system(b)")
    kept = Dismissals(folder)
    kept.add(ROOT, document, [one])

    def full(self: Path, *rest: object, **more: object) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ActionError, match="No space left"):
        kept.add(ROOT, document, [two])
    assert len(list(folder.iterdir())) == 1
    assert left(folder, document, one, two) == [two]
    monkeypatch.setattr(Path, "unlink", full)
    with pytest.raises(ActionError, match="cannot be kept"):
        kept.reset(ROOT)


@given(st.text(max_size=12), st.text(max_size=12), st.text(alphabet=" \t\x0c", max_size=4))
def test_any_line_however_it_is_indented(line: str, other: str, blank: str) -> None:
    import tempfile

    document = opened(line)
    at = lambda where: Finding(Span(0, 0), "Bad.", Severity.HINT, "model", "model")  # noqa: E731
    with tempfile.TemporaryDirectory() as folder:
        kept = Dismissals(Path(folder))
        kept.add(ROOT, document, [at(document)])
        assert kept.without(ROOT, document, [at(document)]) == []
        indented = opened(blank + line)
        assert kept.without(ROOT, indented, [at(indented)]) == []
        changed = opened(other)
        same = changed.line(0).split() == document.line(0).split()
        assert (kept.without(ROOT, changed, [at(changed)]) == []) == same
