"""The configured model measured on a folder of code, and its numbers used from then on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hybrid_lsp import calibrating
from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.calibrating import Options
from hybrid_lsp.completion.confidence import judge_for
from hybrid_lsp.config import Config, ModelConfig
from hybrid_lsp.errors import BackendFailed, ConfigError, TrainingError
from hybrid_lsp.models import calibrations

CODE = "".join(f"def value_{n}(self, name):\n    return self.values[name] + {n}\n\n\n" for n in range(40))
CONFIG = Config(small=ModelConfig(backend="openai", base_url="http://model.example/v1", model="tiny"))


class Knowing(FakeBackend):
    """Says the same line everywhere; `broken` of its answers fail."""

    broken = 0

    async def generate(self, request):  # type: ignore[no-untyped-def]
        error = BackendFailed("broken") if len(self.requests) < self.broken else None
        self.enqueue([FakeReply("return self.values[name] + 1\n", error=error)])
        async for piece in super().generate(request):
            yield piece


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Knowing:
    made = Knowing("tiny")
    monkeypatch.setattr(calibrating, "make_backend", lambda model, engine, tier: made)
    return made


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "values.py").write_text(CODE, encoding="utf-8")
    (tmp_path / "src" / "secrets.py").write_text(CODE, encoding="utf-8")
    (tmp_path / ".gitignore").write_text("secrets.py\n", encoding="utf-8")
    return tmp_path


async def test_numbers_are_measured_and_used_from_then_on(model: Knowing, code: Path) -> None:
    assert not judge_for(CONFIG).measured_languages - {"python"}
    found = await calibrating.calibrate(CONFIG, Options(code, positions=40))
    assert found.languages["python"].positions == 40
    assert len(model.requests) == 40
    judge = judge_for(CONFIG)
    assert judge.confidence is not None
    assert judge.confidence.languages.keys() == {"python"}
    assert judge.threshold("python") == pytest.approx(judge.confidence.languages["python"].threshold)
    assert "secrets" not in "".join(path.read_text() for path in calibrations.user_file("tiny").parent.iterdir())


async def test_a_second_call_asks_nothing_again(model: Knowing, code: Path) -> None:
    first = await calibrating.calibrate(CONFIG, Options(code, positions=40))
    assert await calibrating.calibrate(CONFIG, Options(code, positions=40)) == first
    assert len(model.requests) == 40


async def test_cancelling_keeps_the_old_numbers(model: Knowing, code: Path) -> None:
    def tell(done: int, of: int) -> None:
        if done == 10:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await calibrating.calibrate(CONFIG, Options(code, positions=40), tell)
    assert not calibrations.user_file("tiny").exists()


async def test_a_model_that_fails_now_and_then_is_measured_all_the_same(model: Knowing, code: Path) -> None:
    model.broken = 3
    found = await calibrating.calibrate(CONFIG, Options(code, positions=40))
    assert found.languages["python"].positions == 37


async def test_a_model_that_always_fails_is_told(model: Knowing, code: Path) -> None:
    model.broken = 1000
    with pytest.raises(BackendFailed):
        await calibrating.calibrate(CONFIG, Options(code, positions=40))


@pytest.mark.parametrize(("folder", "error"), [("no/such/folder", TrainingError), ("empty", TrainingError)])
async def test_a_folder_without_code_is_told(folder: str, error: type[Exception], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(error):
        await calibrating.calibrate(CONFIG, Options(tmp_path / folder))


async def test_without_a_model_there_is_nothing_to_measure(code: Path) -> None:
    with pytest.raises(ConfigError, match=r"small\.backend"):
        await calibrating.calibrate(Config(small=ModelConfig()), Options(code))


async def test_installed_packages_serve_where_no_folder_is_named(model: Knowing) -> None:
    found = await calibrating.calibrate(CONFIG, Options(positions=40))
    assert found.languages["python"].positions == 40


async def test_the_lighter_model_is_asked_beside_one_of_this_machine(
    model: Knowing, code: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Config(small=ModelConfig(backend="openai", base_url="http://localhost:1/v1", model="tiny"))
    await calibrating.calibrate(here, Options(code, positions=40))
    assert len(model.requests) == 80
    assert calibrations.contest("tiny") != calibrations.contest("another")
