import json
import subprocess
import zipfile
from email.message import Message

import pytest

from hybrid_lsp.errors import TrainingError
from hybrid_lsp.training import corpus

CODE = "def function_{0}(a, b):\n    total_{0} = a + b * {0}\n    print(total_{0})\n    return total_{0}\n\n\n"


def code(start, count=12):
    return "".join(CODE.format(number) for number in range(start, start + count))


def wheel(folder, name, files, metadata="License-Expression: MIT"):
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            f"{name}-1.0.dist-info/METADATA", f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}\n"
        )
        for path_in, text in files.items():
            archive.writestr(path_in, text)
    return path


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("MIT", True),
        ("mit license", True),
        ("The MIT License (MIT)", True),
        ("BSD-3-Clause", True),
        ("New BSD License", True),
        ("Apache 2.0", True),
        ("Apache Software License", True),
        ("PSF-2.0", True),
        ("ISC License (ISCL)", True),
        ("HPND", True),
        ("The Unlicense (Unlicense)", True),
        ("MIT-CMU", True),
        ("MIT AND 0BSD", True),
        ("Apache-2.0 OR GPL-2.0-or-later", True),
        ("MIT AND GPL-3.0-only", False),
        ("GPL-3.0-only", False),
        ("LGPL-2.1", False),
        ("GNU Affero General Public License v3", False),
        ("MPL-2.0", False),
        ("Mozilla Public License 2.0 (MPL 2.0)", False),
        ("Other/Proprietary License", False),
        ("mitigated", False),
        ("see LICENSE", False),
        ("", False),
    ],
)
def test_only_permissive_licences_are_accepted(name, accepted):
    assert corpus.permissive(name) is accepted


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([("License-Expression", "MIT"), ("License", "GPL")], "MIT"),
        ([("Classifier", "License :: OSI Approved :: BSD License")], "BSD License"),
        ([("Classifier", "License :: OSI Approved"), ("License", "Apache 2.0\nlong text")], "Apache 2.0"),
        ([("Classifier", "Topic :: Software Development")], ""),
    ],
)
def test_the_licence_is_read_from_metadata(headers, found):
    message = Message()
    for header in headers:
        message[header[0]] = header[1]
    assert corpus.license_of(message) == found


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("a/b.py", code(0), ""),
        ("a/tests/b.py", code(0), "folder"),
        ("a/_vendor/b.py", code(0), "folder"),
        ("a/test_b.py", code(0), "test"),
        ("a/b_pb2.py", code(0), "test"),
        ("a/b.py", "x = 1\n", "size"),
        ("a/b.py", code(0, 3000), "size"),
        ("a/b.py", "# Auto-generated, do not edit\n" + code(0), "generated"),
        ("a/b.py", code(0) + "x = '" + "y" * 300 + "'\n", "long-line"),
        ("a/b.py", code(0) + "def (:\n", "syntax"),
        ("a/b.py", code(0) + "# " + "é" * 90 + "\n", "non-ascii"),
        ("a/b.py", "T = [\n" + "    1, 2, 3, 4,\n" * 60 + "]\n", "data"),
    ],
)
def test_files_are_refused_by_reason(path, text, reason):
    assert corpus.refusal(path, text.encode()) == reason


def test_bytes_that_are_no_text_are_refused():
    assert corpus.refusal("a.py", b"\xff" * 300) == "encoding"


def test_text_is_tidied():
    assert corpus.tidy("\ufeff\n\na = 1  \r\nb\r\n\n") == "a = 1\nb\n"


def test_held_out_packages_and_their_copies_are_never_in_training(tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "requests", {"requests/api.py": code(0)})
    wheel(wheels, "Flask", {"flask/app.py": code(100)})
    wheel(
        wheels,
        "aaa",
        {"aaa/own.py": code(200), "aaa/copied.py": "import os\n\n\n" + code(0), "aaa/again.py": code(200)},
    )
    wheel(wheels, "gpl", {"gpl/x.py": code(300)}, "License: GPL-3.0")
    manifest = corpus.build([str(wheels)], tmp_path / "out", workers=1)
    packages = {package["name"]: package for package in manifest["packages"]}
    assert [file.path.split("/")[0] for file in corpus.load(tmp_path / "out", "train")] == ["aaa"]
    assert [file.package for file in corpus.load(tmp_path / "out", "test")] == ["requests"]
    assert [file.package for file in corpus.load(tmp_path / "out", "validation")] == ["Flask"]
    assert packages["aaa"]["dropped"] == {"duplicate": 2}
    assert packages["gpl"] | {"accepted": False, "files": 0} == packages["gpl"]
    assert packages["aaa"]["version"] == "1.0"


def test_no_package_dominates(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus, "CAP_BYTES", 3000)
    big = wheel(tmp_path, "big", {f"big/{n}.py": code(n * 100) for n in range(9)})
    manifest = corpus.build([str(big)], tmp_path / "out", workers=1)
    assert manifest["packages"][0]["bytes"] <= 3000
    assert manifest["packages"][0]["dropped"]["cap"] >= 5


def test_a_users_folder_is_read_without_what_git_ignores(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(6):
        (folder / f"m{number}.py").write_text(code(number * 50))
    (folder / "secret.py").write_text(code(900))
    (folder / ".gitignore").write_text("secret.py\n")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    manifest = corpus.build([str(folder)], tmp_path / "out", workers=1)
    files = [file.path for split in corpus.SPLITS for file in corpus.load(tmp_path / "out", split)]
    assert sorted(files) == [f"m{number}.py" for number in range(6)]
    assert all(manifest["splits"][split]["files"] for split in corpus.SPLITS)  # some held out even here


def test_a_folder_outside_git_is_read_too(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text(code(0))
    monkeypatch.setenv("PATH", "")
    assert corpus.listed(tmp_path) == ["a.py"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: [str(folder / "absent")], "does not exist"),
        (lambda folder: [str(folder)], "no Python file"),
    ],
)
def test_a_corpus_that_cannot_be_built_is_told(tmp_path, make, message):
    with pytest.raises(TrainingError, match=message):
        corpus.build(make(tmp_path), tmp_path / "out", workers=1)


def test_a_zip_that_is_no_wheel_is_told(tmp_path):
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.py", "")
    with pytest.raises(TrainingError, match="not a wheel"):
        corpus.read_wheel(path)


def test_a_folder_without_splits_is_told(tmp_path):
    with pytest.raises(TrainingError, match="not a corpus folder"):
        corpus.load(tmp_path, "train")


def test_the_command_prints_packages_and_licences(tmp_path, capsys):
    path = wheel(tmp_path, "pkg", {"pkg/a.py": code(0), "pkg/b.py": code(60), "pkg/c.py": code(120)})
    assert corpus.main([str(path), "--out", str(tmp_path / "out"), "--workers", "1"]) == 0
    assert "MIT" in capsys.readouterr().out
    assert json.loads((tmp_path / "out" / "corpus.json").read_text())["packages"][0]["name"] == "pkg"


def test_the_standard_library_is_a_source(monkeypatch, tmp_path):
    (tmp_path / "a.py").write_text(code(0))
    monkeypatch.setattr(corpus.sysconfig, "get_paths", lambda: {"stdlib": str(tmp_path)})
    package, files = corpus.read("stdlib")
    assert (package.license, [file.path for file in files]) == ("PSF-2.0", ["a.py"])
