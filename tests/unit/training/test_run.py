"""The whole road with a tiny network: train, stop, resume, adapt, convert, complete, evaluate, card."""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
from datetime import datetime

import pytest
from late import Late
from rich.console import Console
from safetensors import safe_open

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.models import calibrations
from hybrid_lsp.models.confidence import Confidence
from hybrid_lsp.training import blocks, card, cases, evaluate, history, served

torch = Late("torch")
convert, network, run, runlog, speed, train = (
    Late(f"hybrid_lsp.training.{name}") for name in ("convert", "network", "run", "runlog", "speed", "train")
)


@pytest.fixture(scope="session")
def trained(corpus_folder, tmp_path_factory):
    """A run of 40 steps, told to a list."""
    out = tmp_path_factory.mktemp("run")
    said = []
    options = run.TrainOptions(
        out, [str(corpus_folder)], preset="tiny", steps=40, minutes=5, precision="fp32", validate_minutes=0.05
    )
    train.train(options, said.append)
    return out, said


@pytest.fixture(scope="session")
def converted(trained, tmp_path_factory):
    out = tmp_path_factory.mktemp("model")
    assert convert.main([str(trained[0] / "hf"), "--out", str(out)]) == 0
    return out


def log_of(out):
    with (out / "log.csv").open(newline="") as stream:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)]


def test_training_learns(trained):
    out, said = trained
    last = log_of(out)[-1]
    assert last["step"] == 40
    assert last["val_loss"] < 6.0 < torch.tensor(1024.0).log().item()
    assert last["bits_per_byte"] < 4
    assert any("done at step 40" in line for line in said)
    assert (out / "loss.png").stat().st_size > 1000
    assert not list(out.glob("*.partial"))


def test_a_resumed_run_goes_on(trained, corpus_folder, tmp_path):
    out, _ = trained
    for name in ("checkpoint.pt", "tokenizer.json", "log.csv"):
        (tmp_path / name).write_bytes((out / name).read_bytes())
    said = []
    options = run.TrainOptions(
        tmp_path, [str(corpus_folder)], preset="tiny", steps=43, minutes=5, precision="fp32", resume=True
    )
    train.train(options, said.append)
    assert "resumed at step 40" in said[1]
    rows = log_of(tmp_path)
    assert [row["step"] for row in rows][-2:] == [40, 43]
    assert rows[-1]["tokens"] > rows[-2]["tokens"]


def test_a_signal_ends_the_run_with_a_checkpoint(corpus_folder, tmp_path, monkeypatch):
    def interrupted(self, batch):
        step(self, batch)
        if self.progress.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    step = run.Run.step
    monkeypatch.setattr(run.Run, "step", interrupted)
    before = signal.getsignal(signal.SIGTERM)
    said = []
    options = run.TrainOptions(tmp_path, [str(corpus_folder)], preset="tiny", minutes=5, precision="fp32")
    train.train(options, said.append)
    assert "stopped at step 3" in said[-1]
    assert (tmp_path / "checkpoint.pt").exists()
    assert signal.getsignal(signal.SIGTERM) is before


def test_adapting_starts_from_the_models_weights(converted, code, tmp_path):
    arguments = ["--preset", "tiny", "--corpus", str(code), "--out", str(tmp_path), "--steps", "2", "--rate", "0.2"]
    arguments += ["--from", str(converted / "weights"), "--precision", "fp32", "--minutes", "5"]
    assert train.main(arguments) == 0
    assert log_of(tmp_path)[-1]["val_loss"] < 6.0  # two steps from nothing would be near 6.9
    assert json.loads((tmp_path / "hf" / "training.json").read_text())["adapted_from"]


def test_the_converted_model_is_complete(converted):
    assert {path.name for path in converted.iterdir()} >= {"model.bin", "config.json", "vocabulary.json", "family.json"}
    assert json.loads((converted / "family.json").read_text())["fim"]["order"] == "spm"


def test_what_an_earlier_save_left_is_not_read_for_the_weights(trained, corpus_folder, tmp_path):
    """An older version saved in other pieces; transformers would prefer its file to the new ones."""
    shutil.copytree(trained[0], tmp_path / "run")
    hf = tmp_path / "run" / "hf"
    (hf / "model.safetensors").write_bytes(b"stale")
    (hf / "model.safetensors.index.json").write_text("{}")
    with pytest.raises(TrainingError, match="twice"):
        convert.convert(hf, tmp_path / "model")
    arguments = ["--corpus", str(corpus_folder), "--preset", "tiny", "--out", str(tmp_path / "run"), "--resume"]
    steps = str(json.loads((hf / "training.json").read_text())["step"] + 1)
    assert train.main([*arguments, "--steps", steps, "--precision", "fp32", "--minutes", "5"]) == 0
    assert [path.name for path in hf.glob("*.safetensors")] == ["model.safetensors"]
    with safe_open(hf / "model.safetensors", "pt") as weights:
        # The embedding is the last matrix too: it is written once.
        names = set(weights.keys())
    assert ("model.embed_tokens.weight" in names, "lm_head.weight" in names) == (True, False)
    assert not (hf / "model.safetensors.index.json").exists()


def test_torch_and_the_converted_model_agree(trained, converted):
    assert convert.agreement(trained[0] / "hf", converted) >= 0.75  # int8 may tip one near tie


def test_it_completes_single_lines_with_log_probabilities(converted):
    model = served.Network(converted, threads=1)
    pairs = [
        ("def f(self):\n    return ", "\n"),
        ("import ", "\n\nx = 1\n"),
        ("", ""),
        ("x = sel", "\n"),
        ("x = éé", ""),
    ]
    for line in model.lines(pairs):
        assert "\n" not in line.text
        assert line.log_probs
        assert all(value <= 1e-6 for value in line.log_probs)
    assert 1 < model.bits_per_byte(["def f(x):\n    return x\n" * 5]) < 8


def test_a_block_begins_with_the_line_that_is_written_alone(converted):
    model = served.Network(converted, threads=1)
    pairs = [("def f(self):\n    ", "\n"), ("import os\n\n", ""), ("class A:\n    x = 1\n    ", "\n")]
    for line, block in zip(model.lines(pairs), model.blocks(pairs), strict=True):
        assert line.finished <= block[0].finished
        if line.finished:
            assert (block[0].text, len(block[0].log_probs)) == (line.text, len(line.log_probs))
        assert all(each.finished for each in block[:-1])
        assert sum(len(each.log_probs) for each in block) <= served.BLOCK_NEW
        assert not any("\n" in each.text for each in block)


def test_lines_below_the_first_are_counted_by_their_probability(monkeypatch):
    case = cases.Case("p", "f.py", "def f():\n    ", "a = 1", "\n    b = 2\n\nc = 3\n", "\n", False, False)
    written = [("a = 1", -0.1, True), ("    b = 2", -0.1, True), ("    d = 4", -3.0, True), ("x = 1", 0.0, True)]
    lines = [served.Line(text, [log_prob], finished) for text, log_prob, finished in written]
    found = blocks._below(case, 0.5, lines)
    assert [(round(each.sure, 2), each.right) for each in found] == [(0.45, True), (0.02, False)]
    shown = io.StringIO()
    Console(file=shown, width=100).print(blocks.table(1, found))
    assert re.search(r"0\.40 │ +1 │ +100%", shown.getvalue())
    assert re.search(r"0\.00 │ +2 │ +50%", shown.getvalue())


def test_evaluation_and_card(converted, corpus_folder, tmp_path, capsys):
    common = ["--model", str(converted), "--corpus", str(corpus_folder), "--threads", "1"]
    assert evaluate.main([*common, "--positions", "40", "--fit-positions", "60"]) == 0
    assert "together over copy" in capsys.readouterr().out
    measured = ["--corpus", str(corpus_folder), "--positions", "60"]
    assert blocks.main([str(converted), *measured]) == 0
    assert "the lines below it" in " ".join(capsys.readouterr().out.split())
    assert blocks.main([str(tmp_path), *measured]) == 1
    result = json.loads((converted / "evaluation.json").read_text())
    finished = result["conditions"]["finished"]
    assert finished["nothing"]["exact"] == 0
    assert finished["together"]["exact"] >= 0
    again = ["--positions", "10", "--confidence", str(converted / "confidence.json"), "--out", str(tmp_path)]
    assert evaluate.main([*common, *again]) == 0
    assert json.loads((tmp_path / "evaluation.json").read_text())["threshold"] == result["threshold"]
    assert card.main([str(converted), "--corpus", str(corpus_folder)]) == 0
    text = (converted / "CARD.md").read_text()
    assert "the user's own" in text
    assert text.count("| together |") == 3


def test_what_a_probability_is_worth_in_its_file_is_fitted_on_kinds_of_code(converted, code, tmp_path, capsys):
    model = shutil.copytree(converted, tmp_path / "model")
    (model / "confidence.json").write_bytes(calibrations.embedded_file().read_bytes())
    before = Confidence.load(model / "confidence.json")
    kinds = [str(code / name) for name in ("json", "logging", "email")]
    assert history.main([*kinds, "--model", str(model), "--positions", "40"]) == 0
    after = Confidence.load(model / "confidence.json")
    assert after.calibrators.pop("history") != before.calibrators.pop("history")
    assert after.calibrators == before.calibrators
    told = capsys.readouterr().out
    assert all(f" {name} " in told for name in ("json", "logging", "email"))


def test_a_card_counts_parameters_as_torch_does():
    model = network.create(network.preset("cpu"), 0, 4)
    config = model.config.to_dict()
    assert card.parameters(config) == sum(value.numel() for value in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--preset", "huge"], "no preset"),
        (["--resume"], "no checkpoint"),
        (["--from", "absent"], "not a tokenizer"),
        (["--deadline", "soon"], "not a time of day"),
    ],
)
def test_wrong_arguments_are_told_with_a_remedy(corpus_folder, tmp_path, capsys, arguments, message):
    common = ["--preset", "tiny", "--corpus", str(corpus_folder), "--out", str(tmp_path), "--steps", "1"]
    assert train.main([*common, *arguments]) == 1
    assert message in capsys.readouterr().err


def test_without_a_corpus_there_is_nothing_to_do(tmp_path, capsys):
    assert train.main(["--out", str(tmp_path)]) == 1
    assert "No corpus" in capsys.readouterr().err


def test_what_is_not_a_model_is_told(tmp_path, capsys):
    assert convert.main([str(tmp_path), "--out", str(tmp_path / "x")]) == 1
    assert evaluate.main(["--model", str(tmp_path), "--corpus", str(tmp_path)]) == 1
    assert card.main([str(tmp_path), "--corpus", str(tmp_path)]) == 1
    with pytest.raises(TrainingError, match="no weights"):
        run.load(tmp_path)


def test_a_deadline_is_the_next_such_time():
    deadline = train.time_of_day("00:00")
    assert deadline > datetime.now()
    assert (deadline.hour, deadline.minute) == (0, 0)


@pytest.mark.parametrize(
    ("step", "fraction", "factor"),
    [(0, 0.0, 0.01), (99, 0.1, 1.0), (500, 0.5, 1.0), (500, 0.75, 0.5), (500, 1.0, 0.0)],
)
def test_the_schedule_warms_up_holds_and_decays_to_nothing(step, fraction, factor):
    planned = object.__new__(run.Run)
    planned.options, planned.size = run.TrainOptions(out=None), network.preset("tiny")
    planned.progress = run.Progress(step)
    assert planned.rate(fraction) == pytest.approx(factor)


def test_the_faster_precision_is_taken(monkeypatch):
    seconds = {True: 0.9, False: 0.1}
    monkeypatch.setattr("hybrid_lsp.training.speed._seconds", lambda *arguments: seconds[arguments[-1]])
    said = []
    assert speed.wants_bf16(None, (torch.zeros(8), torch.zeros(8)), "cpu", said.append) is False
    seconds[True] = 0.01
    assert speed.wants_bf16(None, (torch.zeros(8), torch.zeros(8)), "cpu", said.append) is True
    assert "8 rows" in said[0]


def test_as_many_rows_as_the_memory_holds(monkeypatch):
    tried, model = [], torch.nn.Linear(1, 1)

    def loss(_, tokens, weights):
        assert len(tokens) == len(weights)
        tried.append(len(tokens))
        if len(tokens) > 16:
            raise torch.OutOfMemoryError
        return model(torch.ones(1))

    monkeypatch.setattr("hybrid_lsp.training.network.weighted_loss", loss)
    monkeypatch.setattr("hybrid_lsp.training.speed.autocast", lambda *_: contextlib.nullcontext())
    said, rows = [], (torch.zeros(64, 2), torch.zeros(64, 2))
    assert speed.fitting(model, rows, "cuda", True, said.append) == 16
    assert tried == [64, 32, 16]
    assert "16 rows at once" in said[-1]
    assert model.weight.grad is None
    assert speed.fitting(model, rows, "cpu", True, said.append) == 64


def test_where_compiling_fails_training_goes_on(monkeypatch):
    def broken(_):
        raise RuntimeError("no compiler")

    monkeypatch.setattr("torch.compile", broken)
    said = []
    assert speed.compiled(None, (torch.zeros(1), torch.zeros(1)), "cpu", False, said.append) is network.weighted_loss
    assert "does not work here" in said[0]


def test_a_bar_is_shown_on_terminals_only(monkeypatch):
    with runlog.bar() as show:
        show(0.5, "quiet")
    monkeypatch.setattr(runlog.sys.stderr, "isatty", lambda: True)
    with runlog.bar() as show:
        show(0.5, "step 1")
