"""What models and servers send, a second time: cases that were written without a look at what reads and places them."""

from __future__ import annotations

import gzip
import json

import pytest
from conftest import Connect
from scripted import Script
from sent import CODE, CURSOR, DONE, HEAD, Case, come, delta, event, fenced, judge, stream

PLAIN = CODE.replace(CURSOR, "")
GOOD = fenced("def a():\n    return 3")
DRAFT = fenced("def a():\n    return 9")
AFTER = PLAIN.replace("return 1", "return 3")
IT_IS = "It is so."
HM = f"Perhaps:\n{DRAFT}\nNo, that is wrong.\n"

# -- 1: thinking -----------------------------------------------------------------------------------------------------

THOUGHT = {
    "an empty one": "<think>\n\n</think>\n\n{answer}",
    "Kimi": "◁think▷{hm}◁/think▷{answer}",
    "Seed": "<seed:think>{hm}<seed:cot_budget_reflect>Used 40 tokens.</seed:cot_budget_reflect></seed:think>{answer}",
    "Apertus": "<|inner_prefix|>{hm}<|inner_suffix|>{answer}",
    "EXAONE": "<thought>\n{hm}</thought>\n\n{answer}",
    "escaped for HTML": "&lt;think&gt;\n{hm}&lt;/think&gt;\n{answer}",
    "a byte order mark first": "\ufeff<think>\n{hm}</think>\n{answer}",
    "blanks within the mark": "<think >\n{hm}</think >\n{answer}",
    "indented marks": "  <think>\n{hm}  </think>\n{answer}",
    "harmony with a blank": "<|channel|> analysis <|message|>{hm}<|end|><|start|>assistant<|channel|>final<|message|>"
    "{answer}<|return|>",
    "harmony, thought of twice": "<|channel|>analysis<|message|>{hm}<|end|><|start|>assistant<|channel|>analysis"
    "<|message|>{hm}<|end|><|start|>assistant<|channel|>final<|message|>{answer}",
    "the answer ends with a mark of the turn": "<think>{hm}</think>{answer}<|im_end|>",
    "the turn's head before it": "<|im_start|>assistant\n<think>{hm}</think>{answer}",
    "Gemma's end": "{answer}<end_of_turn>",
    "Llama's end": "{answer}<|eot_id|>",
    "the end of a sentence": "{answer}</s>",
    "the end of a text": "{answer}\n<|endoftext|>",
    "DeepSeek's end": "{answer}<｜end▁of▁sentence｜>",
}


@pytest.mark.parametrize("size", [2, 4096])
@pytest.mark.parametrize("name", THOUGHT)
async def test_a_draft_is_no_edit(connect: Connect, script: Script, name: str, size: int) -> None:
    case = Case((THOUGHT[name].format(hm=HM, answer=GOOD),), AFTER, chunk=size)
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize("name", THOUGHT)
async def test_marks_are_not_shown(connect: Connect, script: Script, name: str) -> None:
    case = Case((THOUGHT[name].format(hm=HM, answer=IT_IS),), shown=IT_IS, action="explain", chunk=3)
    judge(case, await come(connect, script, case), script)


SAID = {
    "a mark in prose": "The pattern `<think>` is taken out by it.",
    "a mark in a block": "So:\n\n```text\n<think>\nhm\n```\n\nThat is all.",
    "two marks in prose": "It drops what stands between `<think>` and `</think>`.",
    "the end of a turn in code": "It splits at `<|im_end|>` and joins again.",
}


@pytest.mark.parametrize("name", SAID)
async def test_marks_that_are_spoken_of_stay(connect: Connect, script: Script, name: str) -> None:
    case = Case((SAID[name],), shown=SAID[name], action="explain", chunk=3)
    judge(case, await come(connect, script, case), script)


FIELDS = {
    "signatures": [{"content": "", "thinking": HM}, {"content": "", "signature": "c2ln"}, GOOD],
    "a left over closing tag": [{"reasoning_content": HM}, "\n</think>\n\n" + GOOD],
    "reasoning_text": [{"reasoning_text": HM}, GOOD],
    "an empty field beside": [{"reasoning_content": "", "content": GOOD[:5]}, {"content": GOOD[5:]}],
    "a summary": [{"content": "", "reasoning_details": [{"type": "reasoning.summary", "summary": HM}]}, GOOD],
    "parts of an output": [{"content": [{"type": "output_text", "text": GOOD}]}],
}


@pytest.mark.parametrize("name", FIELDS)
async def test_fields_of_thought(connect: Connect, script: Script, name: str) -> None:
    case = Case((stream(*FIELDS[name]),), AFTER)
    judge(case, await come(connect, script, case), script)


# -- 2: what is not whole --------------------------------------------------------------------------------------------

HUNK = "<<<<<<< SEARCH\n    return 1\n=======\n    return 3\n>>>>>>> REPLACE\n"
_JSON = HEAD.replace(b"text/event-stream", b"application/json")
_OLLAMA = (
    json.dumps({"message": {"content": GOOD}, "done": False}).encode()
    + b"\n"
    + json.dumps({"message": {"content": ""}, "done": True, "done_reason": "length"}).encode()
)
CUT = {
    "usage behind it": HEAD
    + event(delta(GOOD))
    + event(delta({}, "length"))
    + event({"choices": [], "usage": {"completion_tokens": 9}})
    + DONE,
    "said to have stopped behind it": HEAD
    + event(delta(GOOD))
    + event(delta({}, "length"))
    + event(delta({}, "stop"))
    + DONE,
    "in the chunk of the last text": HEAD + event(delta(GOOD, "length")) + DONE,
    "a whole body": _JSON
    + json.dumps({"choices": [{"message": {"content": GOOD}, "finish_reason": "length"}]}).encode(),
    "Ollama's own": HEAD.replace(b"text/event-stream", b"application/x-ndjson") + _OLLAMA,
    "the context is full": stream(GOOD, finish="context_length_exceeded"),
}


@pytest.mark.parametrize("name", CUT)
async def test_what_was_cut_is_asked_for_again(connect: Connect, script: Script, name: str) -> None:
    case = Case((CUT[name], HUNK), AFTER, refused="cut off")
    judge(case, await come(connect, script, case), script)


HELD = 'def a():\n    """Say.\n\n    ```python\n    a()\n    ```\n    """\n    return {}\n'
NOT_WHOLE = {
    "a block left open": "```python\ndef a():\n    return 3\n",
    "two answers": f"{DRAFT}\n\nOr:\n\n{GOOD}",
    "JSON": '```json\n{"code": "def a():\\n    return 3"}\n```',
    "a call of a tool": '<tool_call>\n{"name": "edit", "arguments": {"code": "return 3"}}\n</tool_call>',
    "a patch": "```\n*** Begin Patch\n*** Update File: a.py\n@@\n-    return 1\n+    return 3\n*** End Patch\n```",
    "a patch of Python": "```python\n@@ -1,2 +1,2 @@\n def a():\n-    return 1\n+    return 3\n```",
    "half a mark": "<<<<<<< SEARCH\n    return 1\n=======\n    return 3\n",
    "hunks of an assistant": "------- SEARCH\n    return 1\n=======\n    return 3\n+++++++ REPLACE\n",
}


@pytest.mark.parametrize("name", NOT_WHOLE)
async def test_what_is_not_one_whole_answer_is_refused(connect: Connect, script: Script, name: str) -> None:
    done = await come(connect, script, Case((NOT_WHOLE[name], GOOD)))
    assert done.after == AFTER
    assert len(script.requests) == (1 if name == "hunks of an assistant" and done.after == AFTER else 2) or (
        name == "hunks of an assistant"
    )


PATCHES = [
    "*** Begin Patch\n*** Update File: a\n@@\n-One.\n+Three.\n*** End Patch",
    "------- SEARCH\nOne.\n=======\nThree.\n+++++++ REPLACE",
    "<<<<<<< ORIGINAL\nOne.\n=======\nThree.\n>>>>>>> UPDATED",
    "<<<<<<< HEAD\nOne.\n=======\nThree.\n>>>>>>> new",
    "a.txt\n<<<<<<< SEARCH\nOne.\n=======\nThree.\n>>>>>>> REPLACE",
    "-One.\n+Three.\n Two.",
    "1c1\n< One.\n---\n> Three.",
]


@pytest.mark.parametrize("fence", ["````", "````markdown", "````text"])
@pytest.mark.parametrize("patch", PATCHES)
async def test_the_marks_of_a_patch_are_never_written(connect: Connect, script: Script, patch: str, fence: str) -> None:
    sent = f"{fence}\n{patch}\n````"
    done = await come(
        connect, script, Case((sent, sent), text=f"{CURSOR}One.\nTwo.\n", end=(2, 0), language="markdown")
    )
    assert done.after in (None, "Three.\nTwo.\n")


async def test_a_docstring_that_holds_a_fence_is_not_cut_at_it(connect: Connect, script: Script) -> None:
    first, last = fenced(HELD.format(3).rstrip("\n")), fenced(HELD.format(3).rstrip("\n"), fence="````")
    text = HELD.format(f"{CURSOR}1")
    case = Case((first, last), HELD.format(3), text=text, refused="````")
    judge(case, await come(connect, script, case), script)


async def test_hunks_in_a_block_of_the_language(connect: Connect, script: Script) -> None:
    case = Case((fenced(HUNK.rstrip("\n")),), AFTER)
    judge(case, await come(connect, script, case), script)


# -- 3: what is left out ---------------------------------------------------------------------------------------------

_P = "def total(items):\n    result = 7\n{}\n    return result"
_J = "class A {{\n  int a = 7;\n{}\n}}"
WHOLE = {
    "python": "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n",
    "java": "class A {\n  int a = 0;\n  int b() {\n    return 2;\n  }\n}\n",
    "csharp": "class A {\n  int a = 0;\n  int B() {\n    return 2;\n  }\n}\n",
    "php": "<?php\nfunction a($x) {\n  $y = 0;\n  foreach ($x as $z) $y += $z;\n  return $y;\n}\n",
    "ruby": "def a(x)\n  y = 0\n  x.each { |z| y += z }\n  y\nend\n",
    "lua": "function a(x)\n  local y = 0\n  for _, z in ipairs(x) do y = y + z end\n  return y\nend\n",
    "go": "func a(x []int) int {\n\ty := 0\n\tfor _, z := range x {\n\t\ty += z\n\t}\n\treturn y\n}\n",
    "shellscript": "a() {\n  y=0\n  for z in 1 2; do echo $z; done\n  echo $y\n}\n",
    "c": "int a(int *x) {\n  int y = 0;\n  for (int i = 1; i < 9; i++) y += x[i];\n  return y;\n}\n",
    "kotlin": "fun a(x: List<Int>): Int {\n    var y = 0\n    for (z in x) y += z\n    return y\n}\n",
    "latex": "\\begin{a}\nn = 0\nmore text here\nand more\n\\end{a}\n",
    "vue": "<template>\n  <p>0</p>\n  <b>more</b>\n</template>\n",
    "typescript": "function total(items: number[]): number {\n  let r = 0;\n  for (const i of items) r += i;\n"
    "  return r;\n}\n",
}
LEFT_OUT = [
    *(
        ("python", _P.format(f"    {each}"))
        for each in (
            "# Your code here",
            "# Add the rest of your code here",
            "# ... (previous code)",
            "# Rest of the function body...",
            "# (same as original)",
            "# Keep the original implementation",
            "# Keep everything else the same",
            "# Continue with existing logic",
            "# Continue with the rest of the function",
            "# ... and so on",
            "# [... same loop ...]",
            "# --snip--",
            "# 8< ---",
            "# Remaining lines are unchanged.",
            "# The rest is unchanged",
            "# Everything else remains the same",
            "# Nothing else changes",
            "# ↓ unchanged ↓",
            "# 以下省略",
            "# 其余代码不变",
            "# reste du code inchangé",
            "# остальной код без изменений",
            "# 나머지 코드는 동일",
            "# restante do código inalterado",
            "# il resto del codice rimane invariato",
            "# pozostały kod bez zmian",
            "pass  # ... existing code ...",
            "raise NotImplementedError  # rest of the loop",
        )
    ),
    ("java", _J.format("  // Other methods remain unchanged")),
    ("java", _J.format("  // ... other methods ...")),
    ("java", _J.format("  int b() {\n    // ... existing code ...\n  }")),
    ("java", _J.format('  int b() {\n    throw new UnsupportedOperationException("Not implemented yet");\n  }')),
    ("csharp", _J.format("  // ... other members")),
    ("csharp", _J.format("  int B() {\n    throw new NotImplementedException();\n  }")),
    ("csharp", _J.format("  int B() => throw new NotImplementedException();")),
    ("php", "<?php\nfunction a($x) {\n  $y = 7;\n  // ...\n  return $y;\n}"),
    ("ruby", "def a(x)\n  y = 7\n  # ...\n  y\nend"),
    ("ruby", "def a(x)\n  raise NotImplementedError\nend"),
    ("lua", "function a(x)\n  local y = 7\n  -- rest of the function\n  return y\nend"),
    ("lua", "function a(x)\n  local y = 7\n  -- ...\n  return y\nend"),
    ("go", "func a(x []int) int {\n\ty := 7\n\t// ... (rest of the code)\n\treturn y\n}"),
    ("go", 'func a(x []int) int {\n\tpanic("not implemented")\n}'),
    ("go", 'func a(x []int) int {\n\tpanic("TODO")\n}'),
    ("shellscript", "a() {\n  y=7\n  # ...\n  echo $y\n}"),
    ("shellscript", "a() {\n  : # unchanged\n}"),
    ("c", "int a(int *x) {\n  int y = 7;\n  /* unchanged */\n  return y;\n}"),
    ("c", "int a(int *x) {\n  int y = 7;\n  // loop as before\n  return y;\n}"),
    ("kotlin", "fun a(x: List<Int>): Int {\n    TODO()\n}"),
    ("kotlin", "fun a(x: List<Int>): Int = TODO()"),
    ("latex", "\\begin{a}\nn = 7\n% ...\n\\end{a}"),
    ("latex", "\\begin{a}\nn = 7\n% rest unchanged\n\\end{a}"),
    ("vue", "<template>\n  <p>7</p>\n  <!-- existing template -->\n</template>"),
    ("typescript", 'function total(items: number[]): number {\n  throw new Error("Not implemented");\n}'),
    ("typescript", 'function total(items: number[]): number {\n  throw new Error("Method not implemented.");\n}'),
    ("typescript", "function total(items: number[]): number {\n  // implementation\n}"),
]


@pytest.mark.parametrize(("language", "new"), LEFT_OUT, ids=[f"{a}-{b.split(chr(10))[2:3] or b}" for a, b in LEFT_OUT])
async def test_what_is_left_out_is_asked_for(connect: Connect, script: Script, language: str, new: str) -> None:
    old = WHOLE[language]
    good = old.replace("0", "7")
    sent = (fenced(new, language), fenced(good.rstrip("\n"), language))
    whole = (old.count("\n"), 0)
    case = Case(sent, good, text=CURSOR + old, end=whole, language=language, refused="left out", instruction="Seven.")
    judge(case, await come(connect, script, case), script)


REALLY_SO = [
    (
        "python",
        "for x in y:\n    f(x)",
        "# Skip the rest of the items that are unchanged since then.\nfor x in y:\n    g(x)",
    ),
    ("python", "def f():\n    return 1", "def f():\n    # The original is kept: callers hold on to it.\n    return 2"),
    ("python", "def f():\n    return 1", 'def f():\n    print("... and so on")\n    return 2'),
    ("python", "a = 1\nb = 2", "# Existing code relies on this order.\na = 1\nb = 3"),
    ("python", "a = 1\nb = 2", "# ... but not in a loop, which would be slower.\na = 1\nb = 3"),
    ("python", "a = 1\nb = 2", "# Same as above, with the sign changed.\na = 1\nb = -2"),
    ("python", "def f(x):\n    g(x)", "def f(x):\n    if x is None:\n        raise NotImplementedError\n    g(x)"),
    ("javascript", "f(a);", "f(a); // etc. is added by f"),
    ("typescript", "let a = 1;", "let a = 2; // the remaining budget"),
    ("rust", "for i in 0..n { f(i) }", "for i in 0..=n { f(i) }"),
    ("kotlin", "f(a)", "f(*a) // spread"),
    ("csharp", "var a = b[1];", "var a = b[1..];"),
    ("ruby", "a = (1..2)", "a = (1...3)"),
    ("go", "x := 1", "x := 2 // unchanged by the loop below"),
    ("shellscript", "f", "f || : # it may fail"),
    ("latex", "a \\dots b", "a \\ldots c"),
]


@pytest.mark.parametrize(("language", "old", "new"), REALLY_SO, ids=[each[2] for each in REALLY_SO])
async def test_what_is_really_so(connect: Connect, script: Script, language: str, old: str, new: str) -> None:
    whole = (old.count("\n"), len(old.split("\n")[-1]))
    case = Case((fenced(new, language),), f"{new}\n", text=f"{CURSOR}{old}\n", end=whole, language=language)
    judge(case, await come(connect, script, case), script)


# -- 4: the language of the fence ------------------------------------------------------------------------------------

INFO = [
    *(
        ("python", each)
        for each in (
            'python title="a.py"',
            "python {1,3}",
            "py filename=a.py",
            "python # a.py",
            "src/a.py",
            "a.py",
            "1:2:src/a.py",
            "python startLine=1 endLine=2",
            "python3.11 a.py",
            "file=a.py",
            "cython",
            "new",
            "edited",
        )
    ),
    ("kotlin", "kt"),
    ("powershell", "ps1"),
    ("powershell", "pwsh"),
    ("dockerfile", "docker"),
    ("makefile", "make"),
    ("makefile", "Makefile"),
    ("terraform", "hcl"),
    ("terraform", "tf"),
    ("jsonc", "json"),
    ("json", "json5"),
    ("scss", "css"),
    ("vue", "html"),
    ("svelte", "html"),
    ("perl", "pl"),
    ("elixir", "ex"),
    ("julia", "jl"),
    ("objective-c", "objc"),
    ("objective-c", "objectivec"),
    ("fsharp", "f#"),
    ("haskell", "hs"),
    ("clojure", "clj"),
    ("cuda-cpp", "cuda"),
    ("latex", "tex"),
    ("viml", "vim"),
    ("erlang", "erl"),
    ("sql", "postgresql"),
    ("shellscript", "fish"),
    ("javascriptreact", "jsx"),
    ("xml", "html"),
]


@pytest.mark.parametrize(("language", "info"), INFO)
async def test_an_info_string_of_the_same_language(connect: Connect, script: Script, language: str, info: str) -> None:
    if language.startswith("json"):
        old, new = "[1]", "[2]"
    else:
        old, new = "x = 1", "x = 2"
    case = Case((fenced(new, info),), f"{new}\n", text=f"{CURSOR}{old}\n", end=(0, 5), language=language)
    judge(case, await come(connect, script, case), script)


FOREIGN = [
    ("go", "package a", "```java\nclass A {}\n```"),
    ("makefile", "a:\n\tb", "```bash\nmake a\n```"),
    ("sql", "select 1", "```python\nquery = 'select 2'\n```"),
    ("json", '{"a": 1}', "```yaml\na: 2\n```"),
    ("plaintext", "one", "```diff\n-one\n+two\n```"),
    ("rust", "fn a() {}", "```toml\n[a]\n```"),
    ("ini", "a = 1", "```powershell\nSet-Content a 2\n```"),
    ("ini", "a = 1", "```cmd\nnotepad a.ini\n```"),
    ("ini", "a = 1", "```\nC:\\> notepad a.ini\n```"),
    ("ini", "a = 1", "```\nroot@host:~# vi a.ini\n```"),
    ("python", "x = 1", "```python\nIn [1]: x = 2\n```"),
    ("yaml", "a: 1", "```\n$ kubectl apply -f a.yml\n```"),
]


@pytest.mark.parametrize(("language", "old", "sent"), FOREIGN, ids=[each[2] for each in FOREIGN])
async def test_a_block_of_another_language(
    connect: Connect, script: Script, language: str, old: str, sent: str
) -> None:
    whole = (old.count("\n"), len(old.split("\n")[-1]))
    done = await come(connect, script, Case((sent, sent), text=f"{CURSOR}{old}\n", end=whole, language=language))
    assert done.after is None
    assert len(script.requests) == 2


# -- 5: shapes of streams --------------------------------------------------------------------------------------------

_PARTS = [GOOD[:9], GOOD[9:20], GOOD[20:]]
_WELL = [*map(delta, _PARTS), delta("", "stop")]
_BODY = b"".join(map(event, _WELL)) + DONE
_NONE = {"refusal": None, "tool_calls": None, "function_call": None, "audio": None, "annotations": []}


def _chunked(body: bytes, size: int) -> bytes:
    """The body over HTTP's chunks of so many bytes."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    head = HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked\r\nConnection: close")
    return head + b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in pieces) + b"0\r\n\r\n"


SHAPES = {
    "the last text with the reason": HEAD + b"".join(map(event, [*map(delta, _PARTS[:2]), delta(_PARTS[2], "stop")])),
    "nulls beside the text": HEAD + b"".join(event(delta({"content": e, **_NONE})) for e in _PARTS) + event(_WELL[-1]),
    "a number for a stop": HEAD + b"".join(event(each | {"stop_reason": 151645}) for each in _WELL) + DONE,
    "zipped": HEAD.replace(b"Connection", b"Content-Encoding: gzip\r\nConnection") + gzip.compress(_BODY),
    "chunks of five bytes": _chunked(_BODY, 5),
    "empty data": HEAD + _BODY.replace(b"\n\n", b"\n\ndata: \n\n", 2),
    "null for data": HEAD + b"data: null\n\n" + _BODY,
    "true for data": HEAD + b"data: true\n\n" + _BODY,
    "the progress of the prompt": HEAD
    + event({**delta({"role": "assistant", "content": None}), "prompt_progress": {"total": 9, "processed": 4}})
    + _BODY,
    "text for a delta": HEAD + b"".join(event({"choices": [{"text": e}]}) for e in _PARTS) + event(_WELL[-1]) + DONE,
    "an object for the choices": HEAD
    + b"".join(event({"choices": {"0": each["choices"][0]}}) for each in _WELL)
    + DONE,
    "[DONE] and more": HEAD + _BODY + event(delta("more")) + DONE,
    "an id and a name alone": HEAD + b"id: 1\nevent: open\n\n" + _BODY,
    "a field without a colon": HEAD + b"data\n\n" + _BODY,
    "eos_token": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "eos_token")) + DONE,
    "stop_sequence": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "stop_sequence")) + DONE,
    "COMPLETE": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "COMPLETE")) + DONE,
    "finish": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "finished")) + DONE,
    "a role in each": HEAD + b"".join(event(delta({"role": "assistant", "content": e})) for e in _PARTS) + DONE,
    "a whole message in a stream": HEAD
    + event({"choices": [{"index": 0, "message": {"role": "assistant", "content": GOOD}, "finish_reason": "stop"}]})
    + DONE,
    "an index that is text": HEAD
    + b"".join(event({"choices": [{**each["choices"][0], "index": "0"}]}) for each in _WELL)
    + DONE,
    "a trailing comment": HEAD + _BODY + b": done in 3 s\n\n",
    "the last event without an empty line": HEAD + _BODY.rstrip(b"\n"),
}


@pytest.mark.parametrize("name", SHAPES)
async def test_no_shape_loses_a_reply(connect: Connect, script: Script, name: str) -> None:
    case = Case((SHAPES[name],), AFTER)
    judge(case, await come(connect, script, case), script)


_ODD = "It is \u2028 so\x85 and é 😀 so."
LETTERS = {
    "separators as they are": HEAD
    + b"data: "
    + json.dumps(delta(_ODD), ensure_ascii=False).encode()
    + b"\n\n"
    + event(delta({}, "stop"))
    + DONE,
    "bytes of a letter apart": _chunked(
        b"data: " + json.dumps(delta(_ODD), ensure_ascii=False).encode() + b"\n\n" + event(delta({}, "stop")) + DONE, 1
    ),
    "halves of a letter apart": HEAD
    + event(delta(_ODD.split("😀")[0]))
    + b'data: {"choices": [{"delta": {"content": "\\ud83d"}}]}\n\n'
    + b'data: {"choices": [{"delta": {"content": "\\ude00"}}]}\n\n'
    + event(delta(_ODD.split("😀")[1], "stop"))
    + DONE,
}


@pytest.mark.parametrize("name", LETTERS)
async def test_no_letter_is_lost(connect: Connect, script: Script, name: str) -> None:
    case = Case((LETTERS[name],), shown=_ODD, action="explain")
    judge(case, await come(connect, script, case), script)


OTHERS = {
    "Anthropic's own": [
        {"type": "message_start", "message": {"role": "assistant", "content": []}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": GOOD}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
    ],
    "of responses": [
        {"type": "response.output_text.delta", "delta": GOOD},
        {"type": "response.completed", "response": {"status": "completed"}},
    ],
    "Gemini's own": [{"candidates": [{"content": {"parts": [{"text": GOOD}]}, "finishReason": "STOP"}]}],
}


@pytest.mark.parametrize("name", OTHERS)
async def test_another_protocol_is_read_or_told(connect: Connect, script: Script, name: str) -> None:
    sent = HEAD + b"".join(map(event, OTHERS[name]))
    done = await come(connect, script, Case((sent, sent)))
    assert done.after in (None, AFTER)
    assert done.after or done.label
