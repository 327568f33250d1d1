"""Two real models behind one cursor: the embedded one and Qwen2.5-Coder-0.5B, each in its engine, over LSP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from test_real_weights import file_of

from benchmarks import place
from benchmarks.place import Server
from hybrid_lsp.backends.launcher import EngineSpec
from hybrid_lsp.models import weights
from hybrid_lsp.server.editor import Editor

pytestmark = [pytest.mark.real_weights, pytest.mark.timeout(900)]
HEAD = '"""Shapes and what they measure."""\n\nimport math\n\n\n'
UNSURE = HEAD + "def area_of_a_circle(radius: float) -> float:\n    return math."


@attrs.frozen
class Both:
    """An editor, its folder, and the engine of the heavier model."""

    editor: Editor
    folder: Path
    heavier: Server

    async def typed(self, text: str, *, invoked: bool = False) -> tuple[str, int]:
        """What is shown at a text's end, and how many replies the heavier model began for it."""
        before = await self.heavier.counters()
        self.editor.open(self.folder / f"{abs(hash(text))}.py", text)
        self.editor.cursor = len(text)
        shown = await self.editor.ghost_text(invoked=invoked)
        after = await self.heavier.counters()
        return shown.text, after["generations_started"] - before["generations_started"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("qwen") / "made"
    weights.convert(file_of("qwen0.5b"), made, quantization="int8")
    return made


@pytest.fixture
async def both(folder: Path) -> AsyncIterator[Both]:
    spec = EngineSpec(str(folder))
    small = {"backend": "engine", "model": spec.model, "timeout_s": 120.0}
    with place.own_folders() as own:
        editor = Editor({"small": small, "completion": {"debounce_ms": 0}, "engine": {"start_timeout_s": 300.0}})
        await editor.start(own)
        async with place.engine(spec) as heavier:
            both = Both(editor, own, heavier)
            await both.typed("import ", invoked=True)  # both models are loaded
            yield both
        await editor.stop()


async def test_where_the_lighter_one_is_not_sure_the_heavier_one_writes(both: Both) -> None:
    shown, asked = await both.typed(UNSURE)
    assert shown.startswith("pi * radius")
    assert asked >= 1  # and perhaps once more, ahead


async def test_by_hand_the_better_one_is_asked_at_once(both: Both) -> None:
    shown, asked = await both.typed(UNSURE, invoked=True)
    assert shown.startswith("pi * radius")
    assert asked >= 1  # and perhaps once more, ahead
