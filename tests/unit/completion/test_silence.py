"""A model that is silent keeps no editor waiting, and is heard when it speaks after all."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import attrs
import pytest
from virtual import Model, Window, runner

from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.completion.pipeline import SILENCE_S
from hybrid_lsp.config import CompletionConfig
from hybrid_lsp.metrics.events import InlineAnswered
from hybrid_lsp.types import Reason

URI = "file:///silent.py"
TEXT = "import os\n\nwizard = os."
PATIENCE_S = CompletionConfig().time_budget_ms / 1000 + SILENCE_S
SETTINGS = {"completion": {"min_confidence": 0.0, "debounce_ms": 0, "speculate": False}}


@attrs.define
class Silent(Model):
    """Says nothing until `speaks` is set; `loading` as a test has it."""

    speaks: asyncio.Event = attrs.field(factory=asyncio.Event)
    loading: bool = False

    async def warm(self) -> None: ...


@pytest.fixture
def model() -> Silent:
    model = Silent()
    model.says = lambda _: FakeReply("environ", hold=model.speaks)
    return model


@pytest.fixture
def window(model: Silent) -> Iterator[Window]:
    with runner() as loop:
        window = Window(loop, model, SETTINGS)
        window.open(URI, TEXT)
        yield window
        model.speaks.set()
        window.close()


def reasons(window: Window) -> list[Reason | None]:
    return [event.reason for event in window.session.events if isinstance(event, InlineAnswered)]


@pytest.mark.fault("the model's first word comes later than its budget and a second")
@pytest.mark.parametrize("invoked", [True, False])
def test_the_editor_is_answered_and_the_model_heard_later(window: Window, model: Silent, invoked: bool) -> None:
    asked = window.ask(URI, len(TEXT), invoked=invoked)
    window.wait(PATIENCE_S * 0.9)
    assert window.reply(asked) is None
    window.wait(PATIENCE_S * 0.3)
    assert window.shown(asked) == ""
    assert reasons(window) == [Reason.TIMEOUT]
    again = window.ask(URI, len(TEXT), invoked=invoked)
    window.wait(PATIENCE_S * 0.5)
    model.speaks.set()
    window.turn()
    window.wait(1.0)
    assert window.shown(again) == "environ"
    assert len(model.requests) == 1


@pytest.mark.fault("the model is still loading when it is asked")
def test_a_model_that_loads_is_waited_for(window: Window, model: Silent) -> None:
    model.loading = True
    asked = window.ask(URI, len(TEXT), invoked=True)
    window.wait(PATIENCE_S * 3)
    assert window.reply(asked) is None
    model.loading = False
    window.wait(PATIENCE_S * 0.8)
    assert window.reply(asked) is None
    model.speaks.set()
    window.wait(1.0)
    assert window.shown(asked) == "environ"
