import os
import sys
from pathlib import Path

import pytest

from hybrid_lsp import config
from hybrid_lsp.config import Config, Layer, Trust


def load(**values: object) -> tuple[Config, list[str]]:
    loaded, problems = config.load([Layer("a test", values)])
    return loaded, [str(problem) for problem in problems]


def test_defaults_need_no_layer() -> None:
    assert config.load([]) == (Config(), [])


def test_later_layers_win() -> None:
    loaded, problems = config.load(
        [
            Layer("one", {"completion": {"debounce_ms": 10, "max_tokens": 20}}),
            Layer("two", {"completion": {"debounce_ms": 30}}),
        ]
    )
    assert not problems
    assert (loaded.completion.debounce_ms, loaded.completion.max_tokens) == (30, 20)


@pytest.mark.parametrize(
    ("section", "name", "value", "says"),
    [
        ("completion", "enabled", "false", "must be true or false"),
        ("completion", "debounce_ms", "75", "must be a whole number"),
        ("completion", "debounce_ms", 7.5, "must be a whole number"),
        ("completion", "debounce_ms", True, "must be a whole number"),
        ("completion", "debounce_ms", -2, "must lie between -1 and 5000"),
        ("completion", "disabled_languages", "python", "must be a list of texts"),
        ("completion", "disabled_languages", [1], "must be a list of texts"),
        ("small", "backend", "gpt", "must be one of `none`, `engine`, `openai`, `llamacpp`"),
        ("large", "timeout_s", None, "must be a number"),
        ("completion", "debounce", 5, "there is no such setting"),
    ],
)
def test_a_bad_value_is_told_by_name_and_defaulted(section: str, name: str, value: object, says: str) -> None:
    loaded, problems = load(**{section: {name: value, "unknown_neighbour": 1}})
    assert loaded == Config()
    assert problems[0].startswith(f"{section}.{name}: ")
    assert says in problems[0]
    assert "a test" in problems[0]
    assert len(problems) == 2


def test_a_bad_value_does_not_spoil_its_neighbours() -> None:
    loaded, problems = load(completion={"debounce_ms": "x", "max_tokens": 5})
    assert loaded.completion.max_tokens == 5
    assert len(problems) == 1


def test_a_whole_number_is_a_number() -> None:
    assert load(large={"timeout_s": 3})[0].large.timeout_s == 3.0


def test_unknown_and_misshapen_sections_are_told() -> None:
    _, problems = load(complete={}, completion=5)
    assert "there is no such setting" in problems[0]
    assert "must be a table of settings" in problems[1]


def test_a_workspace_may_only_do_harmless_things() -> None:
    user = Layer("the user", {"completion": {"disabled_languages": ["c"], "max_tokens": 40}})
    theirs = {
        "completion": {"disabled_languages": ["python"], "max_tokens": 400, "enabled": False},
        "large": {"backend": "openai", "base_url": "http://evil.example"},
        "privacy": {"exclude_globs": ["*.sql"], "respect_gitignore": False},
    }
    loaded, problems = config.load([user, Layer("the workspace", theirs, workspace=True)])
    assert loaded.completion.disabled_languages == ["c", "python"]
    assert loaded.completion.max_tokens == 40
    assert loaded.completion.enabled is False
    assert loaded.large == Config().large
    assert loaded.privacy.exclude_globs == ["*.sql"]
    assert loaded.privacy.respect_gitignore is True
    assert {problem.name for problem in problems} == {
        "completion.max_tokens",
        "large.backend",
        "large.base_url",
        "privacy.respect_gitignore",
    }


def test_a_workspace_cannot_switch_on_what_the_user_switched_off() -> None:
    off = Layer("the user", {"completion": {"enabled": False}})
    loaded, problems = config.load([off, Layer("ws", {"completion": {"enabled": True}}, workspace=True)])
    assert loaded.completion.enabled is False
    assert len(problems) == 1


def test_nothing_that_names_a_place_or_a_command_is_open_to_workspaces() -> None:
    open_to_all = {setting.name for setting in config.settings() if setting.trust is not Trust.NEVER}
    assert not {name for name in open_to_all if name.startswith(("small.", "large.", "engine."))}


def test_user_file_and_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[small]\nmodel = "from-file"\n[completion]\ndebounce_ms = 1\n', encoding="utf-8")
    monkeypatch.setenv("HYBRID_LSP_CONFIG", str(path))
    layers, problems = config.user_layers(
        {"HYBRID_LSP_COMPLETION_DEBOUNCE_MS": "9", "HYBRID_LSP_SMALL_BACKEND": "none", "HYBRID_LSP_LOG_LEVEL": "debug"}
    )
    loaded, more = config.load(layers)
    assert problems + more == []
    assert loaded.small.model == "from-file"
    assert loaded.completion.debounce_ms == 9
    assert loaded.small.backend == "none"
    assert loaded.log.level == "debug"


def test_a_text_setting_from_the_environment_is_taken_as_it_is() -> None:
    layers, _ = config.user_layers({"HYBRID_LSP_SMALL_MODEL": "7"})
    assert config.load(layers)[0].small.model == "7"


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("= nonsense", encoding="utf-8")
    layer, problems = config.read_file(path)
    assert layer is None
    assert "cannot be read" in str(problems[0])


def test_a_missing_file_is_no_problem(tmp_path: Path) -> None:
    assert config.read_file(tmp_path / "none.toml") == (None, [])


def test_every_setting_is_documented() -> None:
    for setting in config.settings():
        assert setting.doc.rstrip("`0123456789)").strip(), setting.name
        assert setting.doc.endswith("."), f"{setting.name}: its documentation is a sentence"


@pytest.mark.parametrize(
    ("small", "asked_first"),
    [
        ({}, False),
        ({"backend": "engine", "model": "/models/real"}, True),
        ({"backend": "llamacpp", "base_url": "http://127.0.0.1:8080"}, True),
        ({"backend": "openai", "base_url": "http://[::1]:8080/v1", "model": "tiny"}, True),
        ({"backend": "openai", "base_url": "https://models.example/v1", "model": "tiny"}, False),
        ({"backend": "openai", "base_url": "http://[broken", "model": "tiny"}, False),
        ({"backend": "none"}, False),
    ],
)
def test_the_embedded_model_goes_before_another_one_of_this_machine(small: dict[str, str], asked_first: bool) -> None:
    found, problems = config.load([Layer("test", {"small": small})])
    assert not problems
    assert (found.lighter is not None) == asked_first
    off, _ = config.load([Layer("test", {"small": small, "completion": {"cascade": False}})])
    assert off.lighter is None
    if found.lighter is not None:
        assert (found.lighter.backend, found.lighter.model) == ("engine", "embedded")


HOSTILE = [
    "x = " + "[" * 4000,
    "x = " + "{a=" * 4000,
    "x = " + "[" * 150 + "]" * 150,
    "x = " + "9" * 5000,
    "\0",
    "x = 1\n" * 50,
    "".join(f"key{number} = 1\n" for number in range(5000)),
    "y" * 200_000,
    "completion = 3\n",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_file_of_a_workspace_stops_the_settings(tmp_path: Path, text: str) -> None:
    file = tmp_path / ".hybrid-lsp.toml"
    file.write_text(text)
    layer, problems = config.read_file(file, workspace=True)
    loaded, more = config.load([layer] if layer else [])
    assert loaded == Config()
    assert 1 <= len(problems + more) <= 11
    assert all(len(str(each)) < 500 for each in problems + more)


@pytest.mark.skipif(sys.platform == "win32", reason="no such devices there")
@pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "fifo"])
def test_a_file_of_settings_that_is_no_file_is_told(tmp_path: Path, target: str) -> None:
    file = tmp_path / ".hybrid-lsp.toml"
    os.mkfifo(file) if target == "fifo" else file.symlink_to(target)
    layer, problems = config.read_file(file, workspace=True)
    assert layer is None
    assert "no regular file" in str(problems[0])
