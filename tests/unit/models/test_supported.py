"""The table of models says what the tests prove, and the page what the table says."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from tiny_families import ROWS

from hybrid_lsp.models.supported import SUPPORTED, Supported, table
from hybrid_lsp.models.weights.architectures import ARCHITECTURES

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.mark.parametrize("model", SUPPORTED, ids=lambda model: model.name)
def test_each_model_is_what_its_test_serves(model: Supported) -> None:
    row = ROWS[model.test]
    assert (row.hf, row.ggml, row.family, row.torch) == (model.architecture, model.ggml, model.family, model.torch)
    ours = {(each.hf, each.ggml) for each in ARCHITECTURES}
    assert model.torch or any(hf == model.architecture and model.ggml in ("", ggml) for hf, ggml in ours)


def test_each_test_stands_in_the_table() -> None:
    assert sorted(model.test for model in SUPPORTED) == sorted(ROWS)


def test_the_page_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    with_part = runpy.run_path(str(ROOT / "tools" / "write_models.py"))["with_part"]
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    assert page == with_part(page, "models", table()), "run tools/write_models.py"
    assert table() in page
