"""A large model on this machine, in both libraries, with random weights: the road is tested, not what it says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil
import pytest
import tiny_model
from conftest import NO_MODELS, URI, Connect, engines, open_text, run

CODE = "def add(a, b):\n    return a + b\n"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama: `hf` for transformers, `ct2` for CTranslate2."""
    # Its tokenizer has few merges: a prompt takes many tokens.
    return tiny_model.build_apart(tmp_path_factory.mktemp("tiny"), context=4096)


def order(action: str) -> dict[str, Any]:
    return {
        "action": action,
        "uri": URI,
        "range": {"start": {"line": 0, "character": 0}, "end": {"line": 2, "character": 0}},
    }


@pytest.mark.parametrize("library", ["hf", "ct2"])
async def test_actions_run_on_a_model_of_this_machine(connect: Connect, tiny: Path, library: str) -> None:
    settings = NO_MODELS | {
        "large": {"backend": "engine", "model": str(tiny / library)},
        "actions": {"max_tokens": 24},
    }
    async with connect(settings) as client:
        open_text(client, CODE)
        explained = await run(client, "hybrid-lsp.runAction", order("explain"))
        assert explained["kind"] == "text"
        assert explained["tier"] == "large", explained["label"]
        assert "engine:" in explained["label"]
        (engine,) = engines()
        assert _yields_to_others(engine)
        # Random words are no code: the reply is refused twice, and static analysis answers.
        optimized = await run(client, "hybrid-lsp.runAction", order("optimize"))
        assert optimized["tier"] == "static"
        assert "refused" in json.dumps(optimized)
        assert len(engines()) == 1


def _yields_to_others(process: psutil.Process) -> bool:
    """Every thread of it runs at idle priority (Linux), or at the lowest niceness."""
    if not hasattr(os, "SCHED_IDLE"):
        return process.nice() > 0
    return all(os.sched_getscheduler(thread.id) == os.SCHED_IDLE for thread in process.threads())
