"""What models really send: replies that are not whole, leave code out, or are no code of the language at all.

The replies are those of public bug reports, in kind; each was written into a file by some editor.
"""

from __future__ import annotations

import pytest
from action_bench import Bench, block, place
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.actions import fences, leftout, prompts, reply
from hybrid_lsp.actions.base import EditOutcome, FileOutcome, NothingOutcome, Outcome, TextOutcome
from hybrid_lsp.backends.fake import FakeReply
from hybrid_lsp.document import Document, Span
from hybrid_lsp.errors import ReplyRejected
from hybrid_lsp.types import Finding, Finish, Severity, Tier


def document(text: str, language: str) -> Document:
    return Document("file:///x", text, 1, language)


async def edited(text: str, language: str, *replies: FakeReply | str, instruction: str = "Change it.") -> Outcome:
    """`edit` on the whole file."""
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue(replies)
    file = document(text, language)
    return await bench.pipeline().run("edit", file, Span(0, len(text)), instruction=instruction)


def reason(outcome: Outcome) -> str:
    """Why both replies were refused."""
    assert outcome.tier is Tier.STATIC, outcome
    assert isinstance(outcome, NothingOutcome)
    return outcome.label


# -- what is not whole -----------------------------------------------------------------------------------------------

CODE = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"
VUE = "<template>\n  <p>{{ x }}</p>\n</template>\n\n<script>\nexport default { data: () => ({ x: 1 }) }\n</script>\n"


@pytest.mark.parametrize("finish", [Finish.LENGTH, Finish.TIME])
@pytest.mark.parametrize(
    ("text", "language", "cut"),
    [
        (CODE, "python", "```python\ndef a():\n    return 3\n```"),
        (CODE, "python", "<<<<<<< SEARCH\n    return 1\n=======\n    return 3\n>>>>>>> REPLACE\n"),
        (VUE, "vue", "```vue\n<template>\n  <b>{{ x }}</b>\n</template>\n```"),
    ],
)
async def test_a_reply_that_was_cut_off_is_no_edit(text: str, language: str, cut: str, finish: Finish) -> None:
    why = reason(await edited(text, language, FakeReply(cut, finish=finish), FakeReply(cut, finish=finish)))
    assert "cut off at 2048 tokens" in why


async def test_after_a_cut_reply_hunks_and_more_tokens_are_asked_for() -> None:
    bench = Bench()
    cut = FakeReply("```python\ndef a():\n    return 3\n" + "#" * 5000, finish=Finish.LENGTH)
    hunk = "<<<<<<< SEARCH\n    return 1\n=======\n    return 3\n>>>>>>> REPLACE"
    done = await bench.run("edit", cut, hunk, document=document(CODE, "python"), at="return 1", instruction="Three.")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == CODE.replace("return 1", "return 3")
    assert bench.backend is not None
    assert [each.max_tokens for each in bench.backend.requests] == [1024, 2048]
    assert "<<<<<<< SEARCH" in bench.prompt(1)
    assert "<<<<<<< SEARCH" not in bench.prompt(0)
    assert "#" * 300 not in bench.prompt(1)  # what was too long is not read once more


async def test_cut_tests_are_asked_for_again_in_small() -> None:
    bench = Bench()
    cut = FakeReply("```python\ndef test_a():\n    pass\n```", finish=Finish.LENGTH)
    whole = "```python\ndef test_b():\n    assert True\n```"
    done = await bench.run("tests", cut, whole, document=document(CODE, "python"), at="return 1")
    assert isinstance(done, FileOutcome)
    assert "test_b" in done.content
    assert "fewer tests" in bench.prompt(1)


async def test_code_that_would_not_fit_a_reply_is_asked_for_in_hunks() -> None:
    long = "def a():\n    return [\n" + "        'x' * 30, 'y' * 30, 'z' * 30,\n" * 70 + "    ]\n"
    bench = Bench()
    await bench.run("simplify", "no", "no", document=document(long, "python"), at="return")
    assert "<<<<<<< SEARCH" in bench.prompt()


MARKDOWN = "# Title\n\nRun:\n\n```bash\nmake\n```\n\nMore.\n"


async def test_the_inner_block_of_a_document_does_not_take_its_place() -> None:
    bare = MARKDOWN.replace("Title", "Better")
    assert "fenced by ````" in reason(await edited(MARKDOWN, "markdown", bare, bare))


async def test_a_fence_no_longer_than_those_within_is_refused_for_that_reason() -> None:
    same = f"```markdown\n{MARKDOWN}```"
    assert "fenced by ````" in reason(await edited(MARKDOWN, "markdown", same, same))


@pytest.mark.parametrize("fence", ["````", "`````", "~~~~"])
async def test_a_longer_fence_holds_the_document(fence: str) -> None:
    done = await edited(MARKDOWN, "markdown", f"Here:\n{fence}markdown\n{MARKDOWN.replace('Title', 'Better')}{fence}")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == MARKDOWN.replace("Title", "Better")


async def test_hunks_for_a_document_with_fences() -> None:
    done = await edited(MARKDOWN, "markdown", "<<<<<<< SEARCH\nmake\n=======\nmake all\n>>>>>>> REPLACE")
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == MARKDOWN.replace("make", "make all")


async def test_a_longer_fence_is_asked_for() -> None:
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue(["no", "no"])
    await bench.pipeline().run("edit", document(MARKDOWN, "markdown"), Span(0, len(MARKDOWN)), instruction="Better.")
    assert "fence it with ````" in bench.prompt()


@given(st.text(alphabet="`~a \n", max_size=40))
def test_the_fence_that_is_asked_for_is_read_again(code: str) -> None:
    fence = "`" * fences.length_for(code, "python")
    assert reply.code_block(f"{fence}python\n{code}\n{fence}", code, "python") == code
    assert reply.code_block(prompts.fenced(code, "python"), "", "python") == code


async def test_a_model_that_talks_on_after_the_code_is_stopped() -> None:
    bench = Bench()
    talk = "This is why. " * 20 + "\n"
    answer = FakeReply(block("def a():\n    return 3") + "\n" + talk * 40, chunk=20)
    done = await bench.run("edit", answer, document=document(CODE, "python"), at="return 1", instruction="Three.")
    assert isinstance(done, EditOutcome)
    assert bench.backend is not None
    assert bench.backend.cancelled == 1
    assert bench.backend.pieces < 60


async def test_a_second_block_soon_after_the_first_is_still_seen() -> None:
    both = block("def a():\n    return 3") + "\nOr rather:\n" + block("def a():\n    return 4")
    assert "2 fenced code blocks" in reason(await edited(CODE, "python", both, both))


async def test_code_that_repeats_itself_without_end_is_refused() -> None:
    loop = FakeReply("```python\ndef a():\n" + "    print('the same line again')\n" * 3000, chunk=50)
    bench = Bench()
    done = await bench.run("edit", loop, loop, document=document(CODE, "python"), at="return 1", instruction="Go.")
    assert "again and again" in reason(done)
    assert bench.backend is not None
    assert bench.backend.cancelled == 2


# -- texts have an end -----------------------------------------------------------------------------------------------


async def test_an_explanation_is_stopped_at_the_end_of_a_line() -> None:
    bench = Bench()
    words = [f"Word {number} is said here.\n" for number in range(2000)]
    done = await bench.run("explain", FakeReply("".join(words), chunk=24), document=document(CODE, "python"), at="ret")
    assert isinstance(done, TextOutcome)
    assert done.markdown.endswith("is said here.")
    assert "was stopped at" in done.notes[-1]
    assert bench.backend is not None
    assert bench.backend.pieces < 300
    assert "at most 92 words" in bench.prompt()


async def test_an_explanation_that_turns_in_circles_is_stopped_where_it_begins_to() -> None:
    turn = "It returns the value of one, which is the value one.\n"
    bench = Bench()
    done = await bench.run("explain", FakeReply("First.\n" + turn * 90, chunk=9), document=document(CODE, "python"))
    assert isinstance(done, TextOutcome)
    assert done.markdown.count(turn.strip()) == 1
    assert "again and again" in done.notes[-1]


@pytest.mark.parametrize(
    ("cut", "whole"),
    [
        ("One. Two is", "One."),
        ("One.\n\n- a: b.\n- and the", "One.\n\n- a: b."),
        ("No end at all", "No end at all"),
        ("Look:\n```py\nx = 1", "Look:\n```py\nx = 1\n```"),
        ("一つ。二つ", "一つ。"),
    ],
)
def test_whole_sentences(cut: str, whole: str) -> None:
    assert reply.whole_sentences(cut) == whole


# -- what is left out ------------------------------------------------------------------------------------------------

FUNCTIONS = {
    "python": "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n",
    "javascript": "function total(items) {\n  let result = 0;\n  for (const i of items) result += i;\n"
    "  return result;\n}\n",
    "go": "func total(items []int) int {\n\tresult := 0\n\tfor _, i := range items {\n\t\tresult += i\n\t}\n"
    "\treturn result\n}\n",
    "rust": "fn total(items: &[i32]) -> i32 {\n    let mut result = 0;\n    for i in items {\n        result += i;\n"
    "    }\n    result\n}\n",
    "lua": "function total(items)\n  local result = 0\n  for _, i in ipairs(items) do result = result + i end\n"
    "  return result\nend\n",
}
STAND_INS = [
    ("python", "def total(items):\n    result = 1\n    # ... rest of the function stays the same ...\n"),
    ("python", "def total(items):\n    result = 1\n    # rest of the function remains unchanged\n    return result"),
    ("python", "def total(items):\n    result = 1\n    # (existing code)...\n    return result"),
    ("python", "def total(items):\n    result = 1\n    # …\n    return result"),
    ("python", "def total(items):\n    result = 1\n    # The remaining code stays the same.\n    return result"),
    ("python", "def total(items):\n    result = 1\n    # omitted for brevity\n    return result"),
    ("python", "def total(items):\n    result = 1\n    return result  # ... rest unchanged"),
    ("javascript", "function total(items) {\n  let result = 1;\n  // ... existing code ...\n}"),
    ("javascript", "function total(items) {\n  let result = 1;\n  /* ... other code ... */\n  return result;\n}"),
    ("javascript", "function total(items) {\n  let result = 1;\n  // your code here\n  return result;\n}"),
    (
        "go",
        "func total(items []int) int {\n\tresult := 1\n\t// existing code remains the same\n\treturn result\n}",
    ),
    ("rust", "fn total(items: &[i32]) -> i32 {\n    // ... (same as before)\n    0\n}"),
    ("lua", "function total(items)\n  local result = 1\n  -- ... rest of the code ...\n  return result\nend"),
    ("python", "def total(items):\n    result = 1\n    # restlicher Code bleibt gleich\n    return result"),
    ("python", "def total(items):\n    result = 1\n    # 其余代码保持不变\n    return result"),
]
HOLLOW = [
    ("python", "def total(items):\n    ..."),
    ("python", 'def total(items):\n    """The total."""\n    ...'),
    ("python", "def total(items):\n    pass"),
    ("python", "def total(items):\n    # the loop\n    raise NotImplementedError"),
    ("javascript", "function total(items) {\n  // sums up\n}"),
    ("javascript", "function total(items) {\n  throw new Error('Not implemented');\n}"),
    ("go", 'func total(items []int) int {\n\tpanic("not implemented")\n}'),
    ("rust", "fn total(items: &[i32]) -> i32 {\n    todo!()\n}"),
]


@pytest.mark.parametrize(("language", "new"), STAND_INS + HOLLOW)
async def test_what_is_left_out_is_not_deleted(language: str, new: str) -> None:
    file = document(FUNCTIONS[language], language)
    bench = Bench()
    good = FUNCTIONS[language].replace("0", "7")
    done = await bench.run(
        "edit", block(new, language), block(good, language), document=file, at="result", instruction="Begin at seven."
    )
    assert isinstance(done, EditOutcome)
    assert done.edit.apply() == good
    assert "left out: write all of the code" in bench.prompt(1)


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("vue", VUE, "<template>\n  <b/>\n</template>\n\n<!-- ... rest of the file ... -->"),
        ("css", "a { color: red }\nb { color: blue }", "a { color: green }\n/* ... existing styles ... */"),
        ("sql", "select a\nfrom b\nwhere c", "select d\n-- ... rest of the query ..."),
        ("yaml", "a: 1\nb: 2\n", "a: 2\n# ... rest of the file unchanged"),
        ("ini", "[a]\nb = 1\nc = 2\n", "[a]\nb = 2\n; ... other settings ..."),
        ("plaintext", "One.\nTwo.\n", "One!\n[... rest unchanged ...]"),
    ],
)
def test_stand_ins_of_other_languages(language: str, old: str, new: str) -> None:
    assert "stands for code that is left out" in (
        leftout.complaint(document(old, language), document(new, language)) or ""
    )


@pytest.mark.parametrize(
    ("language", "old", "new"),
    [
        ("python", "x = 1\n# ... more below\n", "x = 2\n# ... more below\n"),  # it stood there
        ("python", "class A:\n    x = 1\n", "class A:\n    x = 1\n    # The rest of the list stays the same.\n"),
        ("python", "def f(): ...\n", "def f() -> int: ...\n"),
        ("javascript", "f(a)", "f(...a) // spread"),
        ("javascript", "const a = [1]", "const b = {...a, ...c}"),
        ("python", "x = a[1]", "x = a[..., 0]"),
        ("markdown", "# A\ntext", "# Existing code\ntext"),
        ("yaml", "a: 1\n...", "a: 2\n..."),
        ("python", "print('x')", "print('Loading ...')  # shown while it loads..."),
    ],
)
def test_what_only_looks_like_a_stand_in(language: str, old: str, new: str) -> None:
    assert leftout.complaint(document(old, language), document(new, language)) is None


@pytest.mark.parametrize(
    ("instruction", "new"),
    [("Make it a stub.", "def total(items):\n    ..."), ("Remove all it does.", "def total(items):\n    pass")],
)
async def test_a_body_that_is_to_go_may_go(instruction: str, new: str) -> None:
    done = await edited(FUNCTIONS["python"], "python", block(new), instruction=instruction)
    assert isinstance(done, EditOutcome)


@pytest.mark.parametrize("empty", [block(""), block("# removed")])
@pytest.mark.parametrize("instruction", ["Add a type.", "Return None for an empty list.", "Make the error clear."])
async def test_a_selection_is_not_emptied_unasked(instruction: str, empty: str) -> None:
    assert reason(await edited(FUNCTIONS["python"], "python", empty, empty, instruction=instruction))


@pytest.mark.parametrize(
    "instruction", ["Delete this.", "remove the function", "Lösche das", "supprime la fonction", "删除"]
)
async def test_a_selection_is_emptied_when_that_is_asked(instruction: str) -> None:
    done = await edited(FUNCTIONS["python"], "python", block(""), instruction=instruction)
    assert isinstance(done, EditOutcome)
    assert done.edit.apply().strip() == ""
    assert "All of the code is deleted." in done.notes


@pytest.mark.parametrize(
    ("message", "tier"), [("`os` imported but unused", Tier.LARGE), ("Missing docstring", Tier.STATIC)]
)
async def test_a_fix_deletes_only_what_is_needless(message: str, tier: Tier) -> None:
    file = document("import os\n\nprint(1)\n", "python")
    problem = Finding(place(file, "import os"), message, Severity.WARNING, "X", "checker")
    done = await Bench().run("fix", block(""), block(""), document=file, diagnostic=problem)
    assert done.tier is tier


# -- the fence's language --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "answer", "why"),
    [
        ("yaml", "a: 1\nb: 2\n", "```diff\n-a: 1\n+a: 3\n b: 2\n```", "holds a diff"),
        ("yaml", "a: 1\nb: 2\n", "```yaml\n-a: 1\n+a: 3\n b: 2\n```", "holds a diff"),
        ("python", "x = 1\n", "```\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n```", "holds a diff"),
        ("plaintext", "x = 1\n", "```patch\n-x = 1\n+x = 2\n```", "holds a diff"),
        ("ini", "[a]\nb = 1\n", "```bash\nsed -i s/1/2/ a.ini\n```", "marked as `bash`"),
        ("python", "x = 1\n", "```json\n{}\n```", "marked as `json`"),
        ("toml", "a = 1\n", "```console\n$ edit a\n```", "marked as `console`"),
        ("dockerfile", "FROM a\n", "```sh\ndocker build .\n```", "marked as `sh`"),
        ("go", "package a\n", "```title.py\nx = 1\n```", "marked as `py`"),
        ("css", "a { }\n", "```{.html .numberLines}\n<a>\n```", "marked as `html`"),
    ],
)
async def test_another_language_is_no_new_code(language: str, text: str, answer: str, why: str) -> None:
    assert why in reason(await edited(text, language, answer, answer))


@pytest.mark.parametrize(
    ("language", "info"),
    [
        ("python", "py"),
        ("python", "Python3"),
        ("python", ""),
        ("python", "text"),
        ("python", 'python title="x.py"'),
        ("python", "src/pkg/x.py"),
        ("python", "python:src/x.py"),
        ("python", "{.python}"),
        ("python", "some-new-language"),
        ("typescript", "js"),
        ("typescriptreact", "tsx"),
        ("shellscript", "bash"),
        ("cpp", "c++"),
        ("csharp", "c#"),
        ("vue", "html"),
        ("html", "javascript"),
        ("jsonc", "json"),
        ("unheard-of", "python"),
        ("diff", "diff"),
    ],
)
def test_the_same_language_by_another_name(language: str, info: str) -> None:
    assert reply.code_block(f"```{info}\nx\n```", "y", language) == "x"


def test_a_list_is_no_diff() -> None:
    assert reply.code_block("```yaml\n- a\n- c\n+ d\n```", "- a\n- b\n", "yaml") == "- a\n- c\n+ d"


def test_a_diff_of_a_diff() -> None:
    assert reply.code_block("```diff\n-a\n+c\n```", "-a\n+b\n", "diff") == "-a\n+c"


def test_an_unclosed_block_is_called_that() -> None:
    with pytest.raises(ReplyRejected, match="is not closed"):
        reply.code_block("```python\nx = 1")
