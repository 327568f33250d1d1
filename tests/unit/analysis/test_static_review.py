"""bandit and ruff on unsaved text: every finding once, at its own place."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hybrid_lsp import children
from hybrid_lsp.analysis import bandit, process, review, ruff, rules
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import AnalysisError
from hybrid_lsp.types import Finding, Severity

pytestmark = pytest.mark.usefixtures("unmeasured")


def python(text: str, path: Path | None = None) -> Document:
    return Document("file:///x.py", text, 1, "python", path)


def whole(document: Document) -> Span:
    return Span(0, len(document.text))


SAMPLE = '''\
x = "😀😀"; import pickle; pickle.loads(x); eval("😀" + x); eval(x)
import hashlib, subprocess, requests
hashlib.md5(b"x")
def f(password="abc123xyz"):
    try:
        subprocess.Popen("ls " + x, shell=True)
    except Exception:
        pass
    q = """
    SELECT * FROM t WHERE a = %s
    """ % x
    requests.get(x, verify=False,
        timeout=None)
    connect(user="a",
       password="s3cr3t")
    assert x
'''


async def test_findings_are_merged_and_placed() -> None:
    document = python(SAMPLE)
    found = (await review.security(document)).findings
    table = [
        (document.position(each.span.start)[0] + 1, document.slice(each.span), each.code, each.tool) for each in found
    ]
    assert table == [
        (1, "import pickle", "B403", "bandit"),
        (1, "pickle.loads(x)", "B301", "bandit, ruff"),
        (1, 'eval("😀" + x)', "B307", "bandit, ruff"),
        (1, "eval(x)", "B307", "bandit, ruff"),
        (2, "import hashlib, subprocess, requests", "B404", "bandit"),
        (3, 'hashlib.md5(b"x")', "B324", "bandit, ruff"),
        (4, '"abc123xyz"', "B107", "bandit, ruff"),
        (6, 'subprocess.Popen("ls " + x, shell=True)', "B602", "bandit, ruff"),
        (7, "except Exception:", "B110", "bandit, ruff"),
        (9, '"""', "B608", "bandit, ruff"),
        (12, "verify=False", "B501", "bandit, ruff"),
        (13, "timeout=None", "B113", "bandit, ruff"),
        (15, 'password="s3cr3t")', "B106", "bandit, ruff"),
        (16, "assert x", "B101", "bandit, ruff"),
    ]
    shell = next(each for each in found if each.code == "B602")
    assert (shell.severity, shell.cwe) == (Severity.ERROR, 78)
    assert shell.url is not None
    assert shell.url.startswith("https://bandit.readthedocs.io/")


async def test_none_is_lost_by_merging() -> None:
    document = python(SAMPLE)
    ours, theirs = await bandit.security(document), await ruff.security(document)
    merged = review.merge(document, ours, theirs)
    assert sum(2 if each.tool == "bandit, ruff" else 1 for each in merged) == len(ours) + len(theirs)


async def test_no_message_repeats_a_password() -> None:
    found = (await review.security(python('password = "hunter2abc"\n'))).findings
    assert [each.code for each in found] == ["B105"]
    assert "hunter2" not in found[0].message


async def test_only_the_lines_of_a_span() -> None:
    document = python("eval(a)\neval(b)\neval(c)\n")
    found = (await review.security(document, Span(8, 12))).findings
    assert [document.slice(each.span) for each in found] == ["eval(b)"]


@pytest.mark.parametrize(
    "before",
    [
        "",
        "\ufeff",
        "# -*- coding: latin-1 -*-\n# é😀\n",
        "a = 1\r\n",
        "a = 1\r",
        "'\u2028'; ",
        "\x0c\n",
        '"""\n😀\n"""; ',
    ],
)
async def test_columns_in_odd_texts(before: str) -> None:
    document = python(before + 's = "é😀"; eval(s)\n')
    found = (await review.security(document)).findings
    assert [(document.slice(each.span), each.tool) for each in found] == [("eval(s)", "bandit, ruff")]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet=st.characters(exclude_characters='"\\\r\n\0', exclude_categories=["Cs"]), max_size=8))
def test_columns_behind_any_string(noise: str) -> None:
    document = python(f'x = "{noise}"; eval(x)\n')
    found = asyncio.run(review.security(document)).findings
    assert [document.slice(each.span) for each in found if each.code == "B307"] == ["eval(x)"]


async def test_invalid_python_is_said_and_not_passed_over() -> None:
    with pytest.raises(AnalysisError, match=r"not valid Python: .* \(line 2, column \d+\)"):
        await review.security(python("x = 1\ndef f(:\n"))
    with pytest.raises(AnalysisError, match="bandit cannot read this text"):
        await bandit.security(python("def f(:\n"))


async def test_one_tool_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(document: Document) -> list[Finding]:
        raise AnalysisError("bandit is not there.")

    monkeypatch.setattr(bandit, "security", broken)
    done = await review.security(python("eval(x)\n"))
    assert [each.code for each in done.findings] == ["S307"]
    assert (done.findings[0].cwe, done.findings[0].severity) == (78, Severity.WARNING)
    assert done.notes == ("bandit is not there.",)


async def test_a_long_file() -> None:
    document = python("\n".join(f"def f{n}(x):\n    y = eval(x)\n    return y\n\n" for n in range(1250)))
    found = (await review.security(document)).findings
    assert len(found) == 1250
    assert {document.slice(each.span) for each in found} == {"eval(x)"}


async def test_the_workspace_is_not_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its settings nor its modules are used."""
    for name in ("bandit.py", "json.py", "sitecustomize.py"):
        (tmp_path / name).write_text("raise SystemExit('executed')\n")
    (tmp_path / "ruff.toml").write_text('lint.ignore = ["ALL"]\n')
    (tmp_path / ".bandit").write_text("[bandit]\nskips: B307\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RUFF_OUTPUT_FILE", str(tmp_path / "out"))
    found = (await review.security(python("eval(x)\n", tmp_path / "x.py"))).findings
    assert [each.tool for each in found] == ["bandit, ruff"]


async def test_fixes_inside_a_span_only() -> None:
    document = python("a = list(sorted(x))\nb = list(sorted(y))\n")
    done = await ruff.fixes(document, Span(20, 39))
    assert done.text == "a = list(sorted(x))\nb = sorted(y)\n"
    assert done.text[20 : done.end] == "b = sorted(y)"
    assert [each.code for each in done.applied] == ["C413"]


async def test_fixes_build_on_each_other_and_leave_advice() -> None:
    document = python('x = "{}".format(list(sorted(y)))\nfor k in d.keys(): pass\n')
    done = await ruff.fixes(document, whole(document))
    assert done.text.startswith('x = f"{sorted(y)}"\n')
    assert {each.code for each in done.advice} == {"SIM118"}


async def test_of_what_reaches_outside_only_a_useless_import_goes() -> None:
    document = python("def f(a):\n    from typing import List\n    x: List[int] = a\n    return x\n")
    body = document.text.index("    x:")
    done = await ruff.fixes(document, Span(body, body + len("    x: List[int] = a")))
    assert done.text == "def f(a):\n    x: list[int] = a\n    return x\n"


@settings(max_examples=10, deadline=None)
@given(st.text(alphabet="aé😀 ", max_size=6))
def test_fixes_keep_what_stands_around(noise: str) -> None:
    document = python(f"# {noise}\ns = '{noise}'; t = list(sorted(s))  # {noise}\n")
    done = asyncio.run(ruff.fixes(document, whole(document)))
    assert done.text == f"# {noise}\ns = '{noise}'; t = sorted(s)  # {noise}\n"


async def test_a_missing_tool_names_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setattr("sysconfig.get_path", lambda name: "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(AnalysisError, match=r"ruff is not installed.*pip install"):
        await ruff.security(python("x\n"))
    with pytest.raises(AnalysisError, match=r"bandit cannot be started.*pip install"):
        await bandit.security(python("x\n"))


SLEEP = [sys.executable, "-c", "import sys, time; sys.stdin.read(); time.sleep(600)"]


async def test_a_slow_tool_is_stopped() -> None:
    with pytest.raises(AnalysisError, match=r"stopped after 0\.05 s"):
        await process.run("sleep", SLEEP, "", 0.05)


async def test_cancelling_kills_the_child(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    start = children.start

    async def remember(*args: object, **options: object) -> asyncio.subprocess.Process:
        started.append(await start(*args, **options))
        return started[0]

    monkeypatch.setattr(children, "start", remember)
    task = asyncio.ensure_future(process.run("sleep", SLEEP, "", 60))
    while not started:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert started[0].returncode is not None


@pytest.mark.fault("a tool that writes without end is stopped")
async def test_a_tool_that_writes_without_end_is_stopped() -> None:
    """What it has written is read to its end: a full pipe is never closed, and a child waited for until it is."""
    endless = [sys.executable, "-c", "while True: print('x' * 100_000)"]
    task = asyncio.ensure_future(process.run("shouter", endless, "", 60))
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failing_tool_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ruff, "_command", lambda: [sys.executable, "-c", "raise SystemExit('no such option')"])
    with pytest.raises(AnalysisError, match="ruff failed: no such option"):
        await ruff.security(python("x\n"))


def test_rules() -> None:
    assert rules.name("B602") == rules.name("S602") == "B602"
    assert rules.name("B324") == rules.name("S303")
    assert rules.name("B602") != rules.name("S603")
    assert rules.name("CWE-78") == "CWE-78"
    assert rules.CWE[608] == 89


async def test_the_last_texts_are_reviewed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    run = process.run

    async def count(tool: str, *rest: object) -> process.Completed:
        started.append(tool)
        return await run(tool, *rest)

    monkeypatch.setattr(process, "run", count)
    document = python(f"eval(a)\neval(b)  # {id(started)}\n")
    first = await review.security(document)
    assert sorted(started) == ["bandit", "ruff"]
    # Another version with the same text, and a part of it.
    again = await review.security(Document("file:///y.py", document.text, 7, "python"), Span(0, 3))
    assert again.findings == first.findings[:1]
    assert len(started) == 2
    # A stub file is read by other rules.
    await review.security(python(document.text, Path("x.pyi")))
    assert len(started) == 4
    for number in range(5):
        await review.security(python(f"x = {number}  # {id(started)}\n"))
    await review.security(document)
    assert len(started) == 16


async def test_both_tools_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits for the other to have begun."""
    begun: set[str] = set()
    both = asyncio.Event()
    run = process.run

    async def together(tool: str, *rest: object) -> process.Completed:
        begun.add(tool)
        if len(begun) == 2:
            both.set()
        async with asyncio.timeout(30):
            await both.wait()
        return await run(tool, *rest)

    monkeypatch.setattr(process, "run", together)
    assert (await review.security(python(f"eval(a)  # {id(begun)}\n"))).findings


async def test_the_loop_goes_on_while_the_tools_run() -> None:
    document = python("".join(f"def f{n}(x):\n    return eval(x)\n\n\n" for n in range(500)) + f"# {object()}\n")
    turns = 0
    task = asyncio.ensure_future(review.security(document))
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    assert len(task.result().findings) == 500
    assert turns > 100


async def test_ruffs_own_fix_of_a_problem() -> None:
    document = python("import os\nimport sys\n\n\ndef f(x):\n    return x == None\n")
    line = document.text.index("import sys")
    found = await ruff.fix(document, Span(line, line + 10), "F401")
    assert found is not None
    assert (found.code, found.message) == ("F401", "`sys` imported but unused")
    assert [(document.slice(each.span), each.new_text) for each in found.edits] == [("import sys\n", "")]
    # No such problem there, no safe fix for it, no such rule, no rule at all.
    last = Span(len(document.text) - 3, len(document.text) - 3)
    for code in ("F401", "E711", "ZZZ999", "B602", "no-rule", "F401,E711", ""):
        assert await ruff.fix(document, last, code) is None, code


async def test_an_old_ruff_words_an_unknown_rule_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "error: invalid value 'F999' for '--select <RULE_CODE>'"
    monkeypatch.setattr(ruff, "_command", lambda: [sys.executable, "-c", f"raise SystemExit({said!r})"])
    assert await ruff.fix(python("x\n"), Span(0, 0), "F999") is None
    monkeypatch.setattr(ruff, "_command", lambda: [sys.executable, "-c", "raise SystemExit(3)"])
    with pytest.raises(AnalysisError, match="it said nothing"):
        await ruff.fix(python("x\n"), Span(0, 0), "F401")


async def test_a_broken_bandit_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*arguments: object) -> process.Completed:
        return process.Completed(1, b"Traceback", b"Traceback\nImportError: no yaml.\n")

    monkeypatch.setattr(process, "run", broken)
    with pytest.raises(AnalysisError, match=r"bandit failed: ImportError: no yaml\. Install"):
        await bandit.security(python("x\n"))


async def test_a_defect_of_ours_is_not_taken_for_a_missing_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    async def defective(document: Document) -> list[Finding]:
        raise ZeroDivisionError

    monkeypatch.setattr(bandit, "security", defective)
    with pytest.raises(ZeroDivisionError):
        await review.security(python(f"x = 1  # {object()}\n"))


def test_merging_thousands_is_quick() -> None:
    """By count of comparisons: each finding looks only at those of its own rule and line."""
    document = python("\n".join(f"assert x{n}" for n in range(3000)))
    starts = document.line_starts
    ours = [Finding(Span(at, at + 6), "a", Severity.HINT, "B101", "bandit") for at in starts]
    theirs = [Finding(Span(at + 7, at + 8), "a", Severity.HINT, "S101", "ruff") for at in starts]
    looked = 0
    anywhere = review._anywhere

    def count(one: Span, other: Span) -> bool:
        nonlocal looked
        looked += 1
        return anywhere(one, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(review, "_anywhere", count)
        merged = review.merge(document, ours, theirs)
    assert [each.tool for each in merged] == ["bandit, ruff"] * 3000
    assert looked == 3000


def test_weakness_pages() -> None:
    assert rules.cwe_url(78) == "https://cwe.mitre.org/data/definitions/78.html"


NEWER = "import subprocess\nx = f'{name['a']}'\nsubprocess.run(x, shell=True)\n"


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python knows that syntax")
async def test_newer_syntax_is_told_as_that_and_keeps_what_ruff_reads() -> None:
    found = await review.security(python(NEWER))
    assert [each.code for each in found.findings] == ["S602"]
    (note,) = found.notes
    assert "bandit cannot read this text" in note
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in note
    assert "not valid" not in note


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ('f"SELECT * FROM t WHERE a = 1"', False),
        ('f"SELECT * FROM t"\n    f" WHERE a = 1"', False),
        ('f"""\nSELECT * FROM t\n"""', False),
        ('f"SELECT * FROM t"\n    f" WHERE a = {x}"', True),
        ('f"SELECT * FROM t WHERE a = " + x', True),
        ('"SELECT * FROM t WHERE a = " + x', True),
        ('f"SELECT * FROM t WHERE a = %s" % x', True),
    ],
)
async def test_a_query_with_nothing_in_it_is_no_injection(query: str, found: bool) -> None:
    review_of = await review.security(python(f"cur.execute({query})\n"))
    assert ("B608" in {each.code for each in review_of.findings}) is found


async def test_an_import_that_a_fix_makes_useless_goes_with_it() -> None:
    document = python("import os\nfrom typing import Any, List\n\n\ndef f(a: List[int]) -> Any:\n    return a\n")
    start = document.text.index("def f")
    fixed = await ruff.fixes(document, Span(start, len(document.text)))
    assert fixed.text == "import os\nfrom typing import Any\n\n\ndef f(a: list[int]) -> Any:\n    return a\n"
    assert fixed.end == len(fixed.text)
    assert [each.code for each in fixed.applied] == ["UP006", "F401"]
