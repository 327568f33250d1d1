"""Which model serves a tier: the user's settings change in that place and nowhere else."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp import config
from hybrid_lsp.catalogue import choose
from hybrid_lsp.errors import ConfigError, ModelBroken, ModelMissing
from hybrid_lsp.paths import config_file, models_dir
from hybrid_lsp.types import Tier

FILES = ("model.bin", "config.json", "tokenizer.json", "vocabulary.json")


@pytest.fixture
def model() -> str:
    folder = models_dir() / "qwen2.5-coder-0.5b"
    folder.mkdir(parents=True)
    for name in FILES:
        (folder / name).write_text("{}", encoding="utf-8")
    (folder / "family.json").write_text('{"family": "qwen-coder"}', encoding="utf-8")
    return folder.name


def test_a_first_choice_makes_the_file(model: str) -> None:
    chosen = choose.use(model)
    assert chosen.notes == ()
    assert tomllib.loads(config_file().read_text(encoding="utf-8")) == {"small": {"backend": "engine", "model": model}}
    assert choose.in_use() == {Tier.SMALL: model}
    assert config_file().stat().st_mode & 0o077 == 0


def test_comments_order_and_other_settings_stay(model: str) -> None:
    before = (
        "# mine\n[completion]\nmax_tokens = 20 # short\n\n[small] # typing\nbackend = 'openai'\n# why\n"
        'model = "x"\nthreads = 2\n\n[large]\nbackend = "none"\n'
    )
    config_file().write_text(before, encoding="utf-8")
    choose.use(model)
    after = config_file().read_text(encoding="utf-8")
    assert after == before.replace("'openai'", '"engine"').replace('"x"', f'"{model}"')
    loaded, problems = config.load(config.user_layers()[0])
    assert not problems
    assert (loaded.small.model, loaded.small.threads, loaded.completion.max_tokens) == (model, 2, 20)


def test_the_earlier_model_s_prompt_format_goes(model: str) -> None:
    config_file().write_text('[small]\nfamily = "codellama"\n', encoding="utf-8")
    choose.use(model)
    assert config.load(config.user_layers()[0])[0].small.family == "auto"


def test_windows_line_ends_stay(model: str) -> None:
    config_file().write_bytes(b"# mine\r\n[log]\r\nlevel = 'debug'\r\n")
    choose.use(model)
    assert config_file().read_bytes().startswith(b"# mine\r\n[log]\r\nlevel = 'debug'\r\n")


def test_a_link_stays_one(model: str, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_text("# mine\n", encoding="utf-8")
    config_file().symlink_to(real)
    choose.use(model)
    assert config_file().is_symlink()
    assert "engine" in real.read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["[small\n", "small = 3\n", "\xff"])
def test_a_file_that_is_broken_is_left_alone(model: str, text: str) -> None:
    config_file().write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match="nothing was changed"):
        choose.use(model)
    assert config_file().read_bytes() == text.encode("latin-1")
    assert [each.name for each in config_file().parent.iterdir() if each.suffix == ".toml"] == [config_file().name]


def test_a_file_that_cannot_be_written(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_CONFIG", "/dev/null/config.toml")
    with pytest.raises(ConfigError, match="cannot be (read|written)"):
        choose.use(model)


@given(
    st.dictionaries(
        st.sampled_from(["enabled", "max_tokens", "debounce_ms"]), st.integers(1, 500) | st.booleans(), max_size=3
    ),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=20),
)
def test_whatever_else_is_set_is_set_afterwards(values: dict[str, object], comment: str) -> None:
    folder = models_dir() / "m"
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_text("{}", encoding="utf-8")
    lines = [f"{name} = {str(value).lower()} # {comment}" for name, value in values.items()]
    config_file().write_text("\n".join(["[completion]", *lines]) + "\n", encoding="utf-8")
    choose.use("m")
    after = tomllib.loads(config_file().read_text(encoding="utf-8"))
    assert after["completion"] == values
    assert after["small"]["model"] == "m"


def test_a_model_that_is_not_here_names_the_command() -> None:
    with pytest.raises(ModelMissing) as caught:
        choose.use("qwen2.5-coder-1.5b")
    assert caught.value.remedy == "Run: hybrid-lsp models pull qwen2.5-coder-1.5b"
    with pytest.raises(ModelMissing, match="There is no model"):
        choose.use("nothing-like-it-at-all")
    assert not config_file().exists()


def test_another_program_s_model_is_pulled_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    file = tmp_path / "models/coder.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF" + bytes(2_000_000))
    with pytest.raises(ModelMissing, match="cannot serve as it is") as caught:
        choose.use("coder")
    assert f"models pull {file}" in caught.value.remedy


def test_a_model_with_missing_files_is_not_chosen(model: str) -> None:
    (models_dir() / model / "tokenizer.json").unlink()
    with pytest.raises((ModelMissing, ModelBroken)):
        choose.use(str(models_dir() / model))
    assert not config_file().exists()


def test_a_folder_is_named_by_its_whole_path(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (models_dir() / model).rename(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert choose.use("mine").model == str(tmp_path / "mine")


def test_what_does_not_suit_the_tier_is_said(model: str) -> None:
    assert "was not trained to chat" in choose.use(model, Tier.LARGE).notes[0]
    (models_dir() / model / "chat_template.jinja").write_text("x", encoding="utf-8")
    assert choose.use(model, Tier.LARGE).notes == ()
    (models_dir() / model / "family.json").write_text('{"family": "plain", "name": "phi"}', encoding="utf-8")
    assert "was not trained to fill in" in choose.use(model).notes[0]


def test_what_wins_over_the_file_is_said(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_LSP_SMALL_MODEL", "embedded")
    (note,) = choose.use(model).notes
    assert "HYBRID_LSP_SMALL_MODEL" in note


def test_back_to_the_embedded_model(model: str) -> None:
    choose.use(model)
    choose.use("embedded")
    assert choose.in_use() == {Tier.SMALL: "embedded"}
    assert [each.name for each in config_file().parent.iterdir() if "config" in each.name] == ["config.toml"]
