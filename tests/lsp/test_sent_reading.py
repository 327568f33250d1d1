"""Reading what models send: thinking, cut replies, code left out, other languages, and the shapes of streams."""

from __future__ import annotations

import json

import pytest
from conftest import Connect
from scripted import Script
from sent import CODE, CURSOR, DONE, HEAD, Case, come, delta, event, fenced, judge, stream

from hybrid_lsp.backends.marks import SENTENCES, TAGS

PLAIN = CODE.replace(CURSOR, "")
GOOD = fenced("def a():\n    return 3")
DRAFT = fenced("def a():\n    return 9")
AFTER = PLAIN.replace("return 1", "return 3")
IT_IS = "It is so."


def split(text: str, size: int = 3) -> bytes:
    """A stream in which every mark is cut."""
    return stream(*(text[start : start + size] for start in range(0, len(text), size)))


# -- 1: thinking -----------------------------------------------------------------------------------------------------

HM = f"Perhaps:\n{DRAFT}\nNo, that is wrong.\n"
THINKING: dict[str, str] = {
    **{f"{each.opens} … {each.closes}": f"{each.opens}\n{HM}{each.closes}\n\n" for each in TAGS},
    **{
        f"{each.opens} … {each.closes}": f"{each.opens}{'We' if each.follows else ''} {HM}{each.closes}\n\n"
        for each in SENTENCES
    },
    "only the closing tag": f"{HM}</think>\n\n",
    "only the closing tag of another family": f"{HM}</thinking>\n\n",
    "only [/THINK]": f"{HM}[/THINK]",
    "closed by the other tag": f"<think>\n{HM}</thinking>\n",
    "closed by the other tag, turned round": f"<thinking>\n{HM}</think>\n",
    "capitals": f"<THINK>\n{HM}</THINK>\n",
    "glued": f"<think>{HM}</think>",
    "after a line of talk": f"Let me see.\n<think>\n{HM}</think>\n",
    "twice": f"<think>\n{HM}</think>\n<think>\nOnce more.\n</think>\n",
    "nested": f"<think>\n<think>\n{HM}</think>\nstill thinking {DRAFT}\n</think>\n",
    "nested, of two families": f"<think>\n<thinking>\n{HM}</thinking>\n{HM}</think>\n",
    "a fence left open": "<think>\n```python\ndef a():\n    return 9\n</think>\n",
    "blank lines first": f"\n\n<think>\n{HM}</think>\n",
    "a tag with attributes": f'<think type="deep">\n{HM}</think>\n',
    "thoughts": f"<thoughts>\n{HM}</thoughts>\n",
    "reflection": f"<reflection>\n{HM}</reflection>\n",
    "scratchpad": f"<scratchpad>\n{HM}</scratchpad>\n",
    "analysis": f"<analysis>\n{HM}</analysis>\n",
    "reason": f"<reason>\n{HM}</reason>\n",
    "Claude's": f"<antThinking>\n{HM}</antThinking>\n",
    "a scratchpad by a dash": f"<inner_thoughts>\n{HM}</inner_thoughts>\n",
    "thinking tokens": f"<|thinking|>\n{HM}<|/thinking|>\n",
    "think tokens": f"<|think|>\n{HM}<|/think|>\n",
    "brackets": f"[THINKING]\n{HM}[/THINKING]\n",
    "details of a proxy": f'<details type="reasoning" done="true">\n<summary>Thought</summary>\n{HM}</details>\n',
    "as a fenced block": f"````thinking\n{HM}````\n\n",
    "as a short fenced block": "```thinking\nPerhaps it is nine.\n```\n\n",
    "as a block of tildes": f"~~~reasoning\n{HM}~~~\n",
    "MiniMax": f"<mm:think>\n{HM}</mm:think>\n",
}
_ANALYSIS = "<|channel|>analysis<|message|>{hm}<|end|><|start|>assistant<|channel|>"
HARMONY = {
    "harmony": f"{_ANALYSIS}final<|message|>{{answer}}<|return|>",
    "harmony with a role": f"<|start|>assistant{_ANALYSIS}final<|message|>{{answer}}",
    "harmony, a comment": "<|channel|>commentary<|message|>{hm}<|end|><|start|>assistant<|channel|>final<|message|>"
    "{answer}<|end|>",
    "harmony, constrained": f"{_ANALYSIS}final <|constrain|>python<|message|>{{answer}}<|return|>",
    "harmony opened by the template": "{hm}<|end|><|start|>assistant<|channel|>final<|message|>{answer}",
    "harmony without tokens": "analysisWe think. {hm}assistantfinal{answer}",
    "harmony without tokens, a comment": "analysisWe think. {hm}assistantcommentaryI look.assistantfinal{answer}",
    "an answer tag": "<think>{hm}</think>\n<answer>\n{answer}\n</answer>",
    "a response tag (Granite)": "<think>{hm}</think><response>{answer}</response>",
    "a boxed answer (GLM)": "<think>{hm}</think>\n<|begin_of_box|>{answer}<|end_of_box|>",
    "Command A": "<|START_THINKING|>{hm}<|END_THINKING|><|START_RESPONSE|>{answer}<|END_RESPONSE|>",
    "OpenThinker": "<|begin_of_thought|>{hm}<|end_of_thought|><|begin_of_solution|>{answer}<|end_of_solution|>",
    "an output tag": "<thinking>{hm}</thinking>\n<output>\n{answer}\n</output>",
    "a final answer tag": "<thinking>{hm}</thinking>\n<final_answer>\n{answer}\n</final_answer>",
    "a solution tag": "<think>{hm}</think>\n<solution>\n{answer}\n</solution>",
}


@pytest.mark.parametrize("size", [1, 4096])
@pytest.mark.parametrize("name", [*THINKING, *HARMONY])
async def test_a_rejected_draft_is_never_applied(connect: Connect, script: Script, name: str, size: int) -> None:
    reply = THINKING[name] + GOOD if name in THINKING else HARMONY[name].format(hm=HM, answer=GOOD)
    if reply.startswith("analysis") and size == 1:
        size = 7  # words for marks come as whole tokens
    case = Case((reply,), AFTER, chunk=size)
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize("name", [*THINKING, *HARMONY])
async def test_thinking_is_never_shown_as_the_explanation(connect: Connect, script: Script, name: str) -> None:
    reply = THINKING[name] + IT_IS if name in THINKING else HARMONY[name].format(hm=HM, answer=IT_IS)
    said = "Let me see.\n" if reply.startswith("Let me see") else ""
    case = Case((reply,), shown=said + IT_IS, action="explain", chunk=5)
    judge(case, await come(connect, script, case), script)


FIELDS = {
    "reasoning_content": [{"reasoning_content": HM}, GOOD],
    "reasoning": [{"reasoning": HM, "content": ""}, GOOD],
    "thinking": [{"thinking": HM}, GOOD],
    "reasoning, null beside it": [{"reasoning": HM, "content": None}, {"reasoning": None, "content": GOOD}],
    "reasoning as an object": [{"reasoning": {"content": HM}}, GOOD],
    "reasoning_details alone": [
        {"content": "", "reasoning_details": [{"type": "reasoning.text", "text": HM, "index": 0}]},
        GOOD,
    ],
    "thinking_blocks alone": [{"content": "", "thinking_blocks": [{"type": "thinking", "thinking": HM}]}, GOOD],
    "parts: thinking": [{"content": [{"type": "thinking", "thinking": HM}]}, {"content": [{"text": GOOD}]}],
    "parts: thinking of parts": [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": HM}], "closed": True}]},
        GOOD,
    ],
    "parts: reasoning": [{"content": [{"type": "reasoning", "text": HM}, {"type": "text", "text": GOOD}]}],
    "parts: redacted": [{"content": [{"type": "redacted_thinking", "data": "abc"}, {"type": "text", "text": GOOD}]}],
    "parts: marked as thought": [{"content": [{"text": HM, "thought": True}, {"text": GOOD}]}],
    "both in one": [{"reasoning_content": HM, "content": GOOD}],
    "again in the field and in tags": [{"reasoning": HM}, f"<think>{HM}</think>{GOOD}"],
    "a role first": [{"role": "assistant", "content": None}, {"reasoning_content": HM}, GOOD],
}


@pytest.mark.parametrize("name", FIELDS)
async def test_thinking_in_fields_of_its_own(connect: Connect, script: Script, name: str) -> None:
    case = Case((stream(*FIELDS[name]),), AFTER)
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize("name", FIELDS)
async def test_thinking_in_a_whole_body(connect: Connect, script: Script, name: str) -> None:
    if len(FIELDS[name]) == 1:
        message = FIELDS[name][0]
    else:
        thought, answer = FIELDS[name][-2], FIELDS[name][-1]
        message = {**thought, **(answer if isinstance(answer, dict) else {"content": answer})}  # type: ignore[dict-item]
        if isinstance(thought, dict) and thought.get("reasoning") and message.get("reasoning") is None:
            message["reasoning"] = thought["reasoning"]
    whole = json.dumps({"choices": [{"message": {"role": "assistant"} | message, "finish_reason": "stop"}]})  # type: ignore[operator]
    case = Case((HEAD.replace(b"text/event-stream", b"application/json") + whole.encode(),), AFTER)
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize(
    "sent",
    [
        split(f"<think>{HM}"),
        split(f"<think>{HM}</think>\n"),
        split(f"<reasoning>{HM}</reasoning>\n"),
        stream({"reasoning_content": HM}),
        stream({"reasoning": HM}, finish="length"),
        split(f"<|channel|>analysis<|message|>{HM}<|end|>"),
    ],
)
async def test_nothing_but_thinking_is_told_and_not_asked_again(connect: Connect, script: Script, sent: bytes) -> None:
    done = await come(connect, script, Case((sent, GOOD)))
    assert done.after is None
    assert len(script.requests) == 1
    assert "thought" in done.label


REAL_CODE = {
    "a pattern": ('STRIP = re.compile(r"<think>.*?</think>")', 'STRIP = re.compile(r"<think>.*?</think>\\s*")'),
    "a template": (
        'PROMPT = """\n<think>\n{hm}\n</think>\n{x}\n"""',
        'PROMPT = """\n<think>\n{thought}\n</think>\n{x}\n"""',
    ),
    "the closing tag alone": ('END = """\n</think>\n"""\nN = 1', 'END = """\n</think>\n"""\nN = 2'),
    "harmony's marks": (
        'HEAD = "<|channel|>analysis<|message|>"\nN = 1',
        'HEAD = "<|channel|>final<|message|>"\nN = 1',
    ),
    "reasoning tags": ('"""\n<reasoning>\n"""\nN = 1', '"""\n<reasoning>\n"""\nN = 2'),
    "a word": ("analysis = 1", "analysis = 2"),
}


@pytest.mark.parametrize("name", REAL_CODE)
@pytest.mark.parametrize("size", [1, 4096])
async def test_code_that_holds_such_marks_keeps_them(connect: Connect, script: Script, name: str, size: int) -> None:
    old, new = REAL_CODE[name]
    whole = (old.count("\n"), len(old.split("\n")[-1]))
    case = Case((fenced(new),), new + "\n", text=f"{CURSOR}{old}\n", end=whole, chunk=size)
    judge(case, await come(connect, script, case), script)


async def test_html_that_holds_details_keeps_them(connect: Connect, script: Script) -> None:
    old, new = "<details>\n<summary>A</summary>\n</details>", "<details>\n<summary>B</summary>\n</details>"
    case = Case((fenced(new, "html"),), new + "\n", text=f"{CURSOR}{old}\n", end=(2, 10), language="html")
    judge(case, await come(connect, script, case), script)


# -- 2: what is not whole --------------------------------------------------------------------------------------------

HUNK = "<<<<<<< SEARCH\n    return 1\n=======\n    return 3\n>>>>>>> REPLACE\n"
CUT = {
    "a closed block": GOOD,
    "an open block": "```python\ndef a():\n    return 3\n",
    "hunks": HUNK,
    "half of the hunks": HUNK + "<<<<<<< SEARCH\n    ret",
    "talk": "I will",
    "nothing": "",
}
WORDS = ["length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "limit", "incomplete", "truncated"]


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("name", CUT)
async def test_a_cut_reply_is_never_an_edit(connect: Connect, script: Script, name: str, word: str) -> None:
    case = Case((stream(CUT[name], finish=word), HUNK), AFTER, refused="cut off")
    judge(case, await come(connect, script, case), script)
    first, second = script.requests
    assert second["max_tokens"] > first["max_tokens"]
    assert "SEARCH" in second["messages"][-1]["content"]


@pytest.mark.parametrize("action", ["optimize", "simplify", "document", "edit"])
async def test_a_cut_reply_is_no_edit_of_any_action(connect: Connect, script: Script, action: str) -> None:
    cut = stream(fenced('def a():\n    """Three."""\n    return 1'), finish="length")
    done = await come(connect, script, Case((cut, cut), action=action))
    assert done.after is None or "Three" not in done.after
    assert len(script.requests) == 2


async def test_cut_findings_are_none(connect: Connect, script: Script) -> None:
    finding = {"quote": "return 1", "line": 2, "message": "Bad.", "severity": "error", "cwe": None}
    whole = json.dumps({"findings": [finding]})
    done = await come(
        connect, script, Case((stream(whole, finish="length"), stream(whole[:-9], finish="length")), action="security")
    )
    assert not any(each.message.startswith("Bad.") for found in done.published for each in found.diagnostics)
    assert "cut off" in script.requests[1]["messages"][-1]["content"]


async def test_cut_tests_are_no_file(connect: Connect, script: Script) -> None:
    cut = stream(fenced("def test_a():\n    assert a() == 1"), finish="length")
    done = await come(connect, script, Case((cut, cut), action="tests"))
    assert done.after is None or "def test_a()" not in done.after
    assert len(script.requests) == 2


async def test_a_cut_explanation_is_shown_to_its_last_sentence(connect: Connect, script: Script) -> None:
    case = Case((stream("It is so. And it", finish="length"),), shown=IT_IS, action="explain")
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize("sent", [HEAD + event(delta(GOOD)), HEAD + event(delta(GOOD)) + b'data: {"choi'])
async def test_a_stream_that_breaks_off_is_no_answer(connect: Connect, script: Script, sent: bytes) -> None:
    done = await come(connect, script, Case((sent, sent)))
    assert done.after is None


DOCUMENT = f"{CURSOR}# Title\n\nRun:\n\n```bash\nmake\n```\n\nMore.\n"
BARE = DOCUMENT.replace(CURSOR, "")
BETTER = BARE.replace("Title", "Better")
MARKDOWN: dict[str, tuple[str, bool]] = {
    "no outer fence": (BETTER, False),
    "a fence no longer than those within": (f"```markdown\n{BETTER}```", False),
    "the same without a language": (f"```\n{BETTER}```", False),
    "the same as md": (f"```md\n{BETTER}```", False),
    "only the inner block": (fenced("make all", "bash"), False),
    "a longer fence": (f"````markdown\n{BETTER}````", True),
    "a longer fence, md": (f"````md\n{BETTER}````", True),
    "a much longer fence": (f"``````\n{BETTER}``````", True),
    "tildes": (f"~~~~markdown\n{BETTER}~~~~", True),
    "hunks": ("<<<<<<< SEARCH\n# Title\n=======\n# Better\n>>>>>>> REPLACE", True),
    "hunks in a fence": ("```\n<<<<<<< SEARCH\n# Title\n=======\n# Better\n>>>>>>> REPLACE\n```", True),
}


@pytest.mark.parametrize("name", MARKDOWN)
async def test_markdown_is_replaced_by_all_of_it_or_not(connect: Connect, script: Script, name: str) -> None:
    sent, good = MARKDOWN[name]
    again = () if good else (f"````markdown\n{BETTER}````",)
    case = Case((sent, *again), BETTER, text=DOCUMENT, end=(9, 0), language="markdown", refused="" if good else "````")
    judge(case, await come(connect, script, case), script)


FENCES = {
    "tildes": fenced("def a():\n    return 3", fence="~~~"),
    "longer": fenced("def a():\n    return 3", fence="`````"),
    "longer tildes": fenced("def a():\n    return 3", fence="~~~~~~"),
    "indented": "  ```python\n  def a():\n      return 3\n  ```",
    "in a list": "1. Do it:\n\n   ```python\n   def a():\n       return 3\n   ```\n",
    "in a quotation": "> ```python\n> def a():\n>     return 3\n> ```\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "a blank behind the fence": fenced("def a():\n    return 3", " python "),
    "talk around": f"Sure!\n\n{GOOD}\n\nThat is all.",
    "an empty block beside it": f"```\n```\n{GOOD}",
    "the block twice, the same": f"{GOOD}\n\nSo, in all:\n\n{GOOD}",
}


@pytest.mark.parametrize("name", FENCES)
async def test_a_block_in_any_fence(connect: Connect, script: Script, name: str) -> None:
    case = Case((FENCES[name],), AFTER)
    judge(case, await come(connect, script, case), script)


# -- 3: what is left out ---------------------------------------------------------------------------------------------

FUNCTIONS = {
    "python": "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n",
    "javascript": "function total(items) {\n  let result = 0;\n  for (const i of items) result += i;\n"
    "  return result;\n}\n",
    "sql": "select a\nfrom b\nwhere c = 0\n",
    "html": "<ul>\n  <li>0</li>\n  <li>b</li>\n</ul>\n",
    "css": "a {\n  top: 0;\n  color: red;\n}\n",
    "rust": "fn total(items: &[i32]) -> i32 {\n    let mut result = 0;\n    for i in items {\n        result += i;\n"
    "    }\n    result\n}\n",
    "haskell": "total items =\n  let a = 0\n      b = 1\n  in a + b\n",
    "ini": "[a]\nb = 0\nc = 2\n",
    "yaml": "a: 0\nb: 2\nc: 3\n",
}
_P = "def total(items):\n    result = 7\n{}\n    return result"
_J = "function total(items) {{\n  let result = 7;\n{}\n  return result;\n}}"
LEFT_OUT = [
    *(
        ("python", _P.format(f"    {each}"))
        for each in (
            "# ... existing code ...",
            "# ...existing code...",
            "# rest unchanged",
            "# (rest unchanged)",
            "# [rest of the code]",
            "# [unchanged]",
            "# <existing code>",
            "# <snip>",
            "# --- unchanged ---",
            "# [...]",
            "# (...)",
            "# ...",
            "#...",
            "# …",
            "# . . .",
            "# ⋮",
            "# ⋯",
            "# etc.",
            "# same as before",
            "# The loop stays the same",
            "# loop unchanged",
            "# no changes here",
            "# No changes below",
            "# ... 2 lines omitted ...",
            "# 2 lines omitted",
            "# Existing loop here",
            "# existing implementation",
            "# rest of the implementation",
            "# rest of the loop as before",
            "# (remaining code omitted for brevity)",
            "# TODO: rest of the implementation",
            "# TODO: keep existing loop",
            "# implementation goes here",
            "# code continues as before",
            "# Original loop kept as is",
            "# << rest of code >>",
            "# {{ ... }}",
            "# ~~~ existing code ~~~",
            "# *** existing code ***",
            "# === existing code ===",
            "# // ... existing code ...",
            "...",
            "...  # rest of the loop",
            "pass  # unchanged",
            "pass  # rest of the loop",
            "''' ... existing code ... '''",
            '"""rest of the code unchanged"""',
            "# ... code existant ...",
            "# der Rest bleibt unverändert",
            "# resto del código sin cambios",
            "# 保持不变",
            "# 既存のコード",
        )
    ),
    ("python", "def total(items):\n    result = 7\n    for item in items:\n        ...\n    return result"),
    (
        "python",
        "def total(items):\n    result = 7\n    for item in items:\n        pass  # unchanged\n    return result",
    ),
    ("python", "def total(items):\n    result = 7\n    for item in items:\n        # unchanged\n        pass"),
    ("python", "def total(items):\n    result = 7  # ... rest of the function unchanged"),
    ("python", "def total(items):\n    ..."),
    ("python", "def total(items): ..."),
    ("python", "def total(items):\n    pass"),
    ("python", "def total(items):\n    # TODO\n    return"),
    ("python", "def total(items):\n    raise NotImplementedError()"),
    ("python", "def total(items):\n    return ..."),
    *(
        ("javascript", _J.format(f"  {each}"))
        for each in (
            "// ... existing code ...",
            "// rest unchanged",
            "// rest of code",
            "/* … */",
            "/* ... */",
            "/* ... existing code ... */",
            "/* existing code */",
            "// ...",
            "// …",
            "// [existing loop]",
            "// same as above",
            "{/* ... */}",
            "...",
            "/*\n   * ... existing code ...\n   */",
        )
    ),
    ("javascript", "function total(items) {}"),
    ("javascript", "function total(items) { /* ... */ }"),
    ("javascript", "const total = (items) => { /* unchanged */ };"),
    ("sql", "select 7\n-- ..."),
    ("sql", "select 7\n-- rest of the query unchanged"),
    ("sql", "select 7\n/* ... */"),
    ("html", "<ul>\n  <li>7</li>\n  <!-- ... -->\n</ul>"),
    ("html", "<ul>\n  <li>7</li>\n  <!-- rest of the list -->\n</ul>"),
    ("html", "<ul>\n  <li>7</li>\n  ...\n</ul>"),
    ("css", "a {\n  top: 7;\n  /* ... */\n}"),
    ("css", "a {\n  top: 7;\n  /* other styles unchanged */\n}"),
    ("rust", "fn total(items: &[i32]) -> i32 {\n    // ... unchanged ...\n    7\n}"),
    ("rust", "fn total(items: &[i32]) -> i32 {\n    unimplemented!()\n}"),
    ("rust", 'fn total(items: &[i32]) -> i32 {\n    todo!("rest")\n}'),
    ("haskell", "total items =\n  let a = 7\n  -- ... rest\n  in a"),
    ("haskell", "total items =\n  let a = 7\n  {- ... -}\n  in a"),
    ("ini", "[a]\nb = 7\n; ..."),
    ("ini", "[a]\nb = 7\n# rest of the section"),
    ("yaml", "a: 7\n# ..."),
    ("yaml", "a: 7\n# (rest of the file unchanged)"),
]


@pytest.mark.parametrize(("language", "new"), LEFT_OUT, ids=[f"{a}-{b.split(chr(10))[2:3] or b}" for a, b in LEFT_OUT])
async def test_what_is_left_out_is_not_deleted(connect: Connect, script: Script, language: str, new: str) -> None:
    old = FUNCTIONS[language]
    good = old.replace("0", "7")
    whole = (old.count("\n"), 0)
    sent = (fenced(new, language), fenced(good.rstrip("\n"), language))
    case = Case(sent, good, text=CURSOR + old, end=whole, language=language, refused="left out", instruction="Seven.")
    judge(case, await come(connect, script, case), script)


_OVER = "@overload\ndef f(x: int) -> int: ...\n@overload\ndef f(x: str) -> str: ...\ndef f(x):\n    return x"
REALLY_SO = [
    ("python", "class P(Protocol):\n    def f(self): ...", "class P(Protocol):\n    def f(self) -> int: ..."),
    ("python", "def f(x):\n    return x", _OVER),
    ("python", "x = 1", "class P(Protocol):\n    def f(self) -> int: ..."),
    ("python", "class A:\n    pass", "class A(ABC):\n    @abstractmethod\n    def f(self): ..."),
    ("python", "class A(Exception):\n    x = 1\n", "class A(Exception):\n    x = 2\n\n\nclass B(A): ..."),
    ("python", "x = a[1]\ny = 2", "x = a[..., 0]\ny = 2"),
    ("python", "def f(x: tuple[int]):\n    return x", "def f(x: tuple[int, ...]):\n    return x"),
    ("python", "print('a')\nprint('b')", "print('Loading ...')\nprint('b')"),
    ("python", "try:\n    f()\nexcept E:\n    g()", "try:\n    f()\nexcept E:\n    pass"),
    ("python", "a = 1\nb = 2", "# Keep the rest of the list in order.\na = 1\nb = 3"),
    ("python", "a = 1\nb = 2", "# The other one comes from here ...\na = 1\nb = 3"),
    ("python", "def f():\n    return 1", "def f():\n    # Same as the one before, but faster.\n    return 2"),
    ("python", "def f():\n    g(1)", "def f():\n    # more than one is an error\n    g(2)"),
    ("python", "for x in y:\n    f(x)", "for x in y:\n    f(x)  # the rest of it"),
    ("javascript", "const a = [1];", "const a = [...b, 1];"),
    ("javascript", "f(a);", "f(...a);"),
    ("javascript", "const {a} = b;", "const {a, ...rest} = b;"),
    ("typescript", "f(a);", "function g(...rest: number[]): void;\nf(a);"),
    ("go", "f(a)", "f(a...)"),
    ("rust", "let A { a, b } = c;", "let A { a, .. } = c;"),
    ("css", "a { color: red }", "a { color: blue } /* other than red */"),
]


@pytest.mark.parametrize(("language", "old", "new"), REALLY_SO, ids=[each[2] for each in REALLY_SO])
async def test_what_only_looks_left_out(connect: Connect, script: Script, language: str, old: str, new: str) -> None:
    whole = (old.count("\n"), len(old.split("\n")[-1]))
    case = Case((fenced(new, language),), new.rstrip("\n") + "\n", text=f"{CURSOR}{old.rstrip()}\n", end=whole)
    case = Case(case.sent, case.becomes, text=case.text, end=whole, language=language, instruction="Change it.")
    judge(case, await come(connect, script, case), script)


@pytest.mark.parametrize("empty", ["", "\n", "# removed", "# The function was removed."])
async def test_a_selection_is_not_emptied_unasked(connect: Connect, script: Script, empty: str) -> None:
    case = Case((fenced(empty), GOOD), AFTER, refused="")
    done = await come(connect, script, case)
    assert done.after == AFTER
    assert len(script.requests) == 2


# -- 4: the language of the fence ------------------------------------------------------------------------------------

FOREIGN = [
    ("yaml", "a: 1\nb: 2", "```diff\n-a: 1\n+a: 3\n b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```yaml\n-a: 1\n+a: 3\n b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```\n--- a/x.yml\n+++ b/x.yml\n@@ -1,2 +1,2 @@\n-a: 1\n+a: 3\n b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```patch\n-a: 1\n+a: 3\n b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```yaml diff\n- a: 1\n+ a: 3\n  b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```yaml\n- a: 1\n+ a: 3\n  b: 2\n```"),
    ("yaml", "a: 1\nb: 2", "```yaml\n+a: 3\n a: 1\n b: 2\n```"),
    ("ini", "[a]\nb = 1", "```bash\nsed -i s/1/2/ a.ini\n```"),
    ("ini", "[a]\nb = 1", "```sh\nsed -i s/1/2/ a.ini\n```"),
    ("ini", "[a]\nb = 1", "```console\n$ sed -i s/1/2/ a.ini\n```"),
    ("ini", "[a]\nb = 1", "```shell-session\n$ edit a\n```"),
    ("ini", "[a]\nb = 1", "```sh-session\n$ edit a\n```"),
    ("ini", "[a]\nb = 1", "```\n$ sed -i s/1/2/ a.ini\n```"),
    ("ini", "[a]\nb = 1", "```output\nDone.\n```"),
    ("ini", "[a]\nb = 1", "```python\nprint(1)\n```"),
    ("toml", "a = 1", '```json\n{"a": 2}\n```'),
    ("dockerfile", "FROM a", "```bash\ndocker build .\n```"),
    ("python", "x = 1", "```pycon\n>>> x = 2\n```"),
    ("python", "x = 1", "```python\n>>> x = 2\n```"),
    ("python", "x = 1", "```python-repl\n>>> x = 2\n```"),
    ("python", "x = 1", "```js\nx = 2\n```"),
    ("javascript", "x = 1", "```python\nx = 2\n```"),
    ("go", "package a", "```rust\nmod a;\n```"),
    ("css", "a { top: 1px }", "```html\n<a>\n```"),
]
ALIASES = [
    *(("python", each) for each in ("py", "python3", "Python", "PYTHON", "py3", "python3.12", "python 3", "ipython3")),
    *(("python", each) for each in ("", "text", "plaintext", "code", "python,linenos", "python:a.py", "{.python}")),
    *(("javascript", each) for each in ("js", "javascript", "node", "mjs", "jsx", "es6", "JavaScript", "node.js")),
    *(("typescript", each) for each in ("ts", "tsx", "typescript", "js", "TypeScript")),
    *(("typescriptreact", each) for each in ("tsx", "jsx", "ts", "typescriptreact", "react")),
    *(("shellscript", each) for each in ("sh", "bash", "zsh", "shell", "shellscript")),
    *(("cpp", each) for each in ("c++", "cpp", "cc", "hpp", "c", "C++17", "cplusplus")),
    *(("csharp", each) for each in ("c#", "cs", "csharp", "C#")),
    *(("rust", each) for each in ("rs", "rust", "rust,ignore", "rust,no_run")),
    *(("go", each) for each in ("go", "golang")),
    *(("yaml", each) for each in ("yml", "yaml", "YAML")),
    *(("ruby", each) for each in ("rb", "ruby")),
]


@pytest.mark.parametrize(("language", "old", "sent"), FOREIGN, ids=[each[2] for each in FOREIGN])
async def test_what_is_no_code_of_the_language(
    connect: Connect, script: Script, language: str, old: str, sent: str
) -> None:
    whole = (old.count("\n"), len(old.split("\n")[-1]))
    case = Case((sent, sent), text=f"{CURSOR}{old}\n", end=whole, language=language)
    done = await come(connect, script, case)
    assert done.after is None
    assert len(script.requests) == 2


@pytest.mark.parametrize(("language", "info"), ALIASES)
async def test_names_of_the_same_language(connect: Connect, script: Script, language: str, info: str) -> None:
    case = Case((fenced("x = 2", info),), "x = 2\n", text=f"{CURSOR}x = 1\n", end=(0, 5), language=language)
    judge(case, await come(connect, script, case), script)


# -- 5: shapes of streams --------------------------------------------------------------------------------------------

_PARTS = [GOOD[:9], GOOD[9:20], GOOD[20:]]
_WELL = [*map(delta, _PARTS), delta("", "stop")]
_WHOLE = {"choices": [{"message": {"role": "assistant", "content": GOOD}, "finish_reason": "stop"}]}
_JSON = HEAD.replace(b"text/event-stream", b"application/json")
_BODY = b"".join(map(event, _WELL)) + DONE
SHAPES = {
    "empty reasons": HEAD + b"".join(event(delta(each, "")) for each in _PARTS) + event(delta("", "stop")) + DONE,
    "the word null": HEAD + b"".join(event(delta(each, "null")) for each in _PARTS) + event(delta("", "stop")) + DONE,
    "false for a reason": HEAD + b"".join(event(delta(each, False)) for each in _PARTS) + event(delta("", "stop")),
    "CRLF": HEAD + _BODY.replace(b"\n", b"\r\n"),
    "CR": HEAD + _BODY.replace(b"\n", b"\r"),
    "no blank": HEAD + _BODY.replace(b"data: ", b"data:"),
    "two blanks": HEAD + _BODY.replace(b"data: ", b"data:  "),
    "no empty lines": HEAD + _BODY.replace(b"\n\n", b"\n"),
    "many empty lines": HEAD + _BODY.replace(b"\n\n", b"\n\n\n\n"),
    "comments": HEAD + b": OPENROUTER PROCESSING\n\n" + _BODY.replace(b"\n\n", b"\n\n: ping\n\n"),
    "several lines of data": HEAD
    + b"".join(
        b"".join(b"data: " + line + b"\n" for line in json.dumps(each, indent=1).encode().split(b"\n")) + b"\n"
        for each in _WELL
    ),
    "names and numbers": HEAD + _BODY.replace(b"data:", b"event: chunk\nid: 4\nretry: 9\ndata:"),
    "no [DONE]": HEAD + b"".join(map(event, _WELL)),
    "no reason but [DONE]": HEAD + b"".join(map(event, _WELL[:-1])) + DONE,
    "[DONE] without a blank": HEAD + b"".join(map(event, _WELL[:-1])) + b"data:[DONE]\n\n",
    "usage in the end": HEAD
    + b"".join(map(event, _WELL))
    + event({"choices": [], "usage": {"total_tokens": 3}})
    + DONE,
    "usage in each": HEAD + b"".join(event(each | {"usage": {"total_tokens": 3}}) for each in _WELL) + DONE,
    "usage without choices": HEAD + event({"usage": {"prompt_tokens": 3}}) + _BODY,
    "choices null": HEAD + event({"choices": None}) + _BODY,
    "choices empty": HEAD + event({"choices": [], "prompt_filter_results": []}) + _BODY,
    "content null": HEAD + event(delta({"role": "assistant", "content": None})) + _BODY,
    "delta null": HEAD + event({"choices": [{"delta": None, "finish_reason": None}]}) + _BODY,
    "no delta": HEAD + event({"choices": [{"index": 0, "finish_reason": None}]}) + _BODY,
    "delta beside message": HEAD
    + b"".join(event({"choices": [{"delta": {}, "message": {"content": each}}]}) for each in [GOOD])
    + event(delta({}, "stop"))
    + DONE,
    "the whole once more": HEAD + b"".join(map(event, _WELL[:-1])) + event(_WHOLE) + DONE,
    "pings": HEAD + b'event: ping\ndata: {"type": "ping"}\n\n' + _BODY,
    "a ping of text": HEAD + b"ping\n\n" + _BODY,
    "a byte order mark": HEAD + b"\xef\xbb\xbf" + _BODY,
    "text/plain": HEAD.replace(b"text/event-stream", b"text/plain") + _BODY,
    "octet-stream": HEAD.replace(b"text/event-stream", b"application/octet-stream") + _BODY,
    "JSON in name, a stream in fact": _JSON + _BODY,
    "a stream in name, JSON in fact": HEAD + json.dumps(_WHOLE).encode(),
    "JSON": _JSON + json.dumps(_WHOLE).encode(),
    "JSON over many lines": _JSON + json.dumps(_WHOLE, indent=4).encode(),
    "JSON in a list": _JSON + json.dumps([_WHOLE]).encode(),
    "ndjson": HEAD.replace(b"text/event-stream", b"application/x-ndjson")
    + b"".join(json.dumps(each).encode() + b"\n" for each in _WELL),
    "ndjson and [DONE]": HEAD + b"".join(json.dumps(each).encode() + b"\n" for each in _WELL) + b"[DONE]\n",
    "Ollama's own": HEAD
    + b"".join(
        json.dumps({"message": {"role": "assistant", "content": p}, "done": False}).encode() + b"\n" for p in _PARTS
    )
    + json.dumps({"message": {"content": ""}, "done": True, "done_reason": "stop"}).encode(),
    "stop reasons of others": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "end_turn")) + DONE,
    "stop in capitals": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "STOP")) + DONE,
    "eos": HEAD + b"".join(map(event, _WELL[:-1])) + event(delta("", "eos")) + DONE,
    "an error that is null": HEAD + b"".join(event(each | {"error": None}) for each in _WELL) + DONE,
    "an error that is empty": HEAD + b"".join(event(each | {"error": {}}) for each in _WELL) + DONE,
    "a second choice": HEAD
    + event({"choices": [{"index": 1, "delta": {"content": "no"}, "finish_reason": None}]})
    + _BODY,
}


@pytest.mark.parametrize("name", SHAPES)
async def test_no_shape_loses_doubles_or_ends_a_reply(connect: Connect, script: Script, name: str) -> None:
    case = Case((SHAPES[name],), AFTER)
    judge(case, await come(connect, script, case), script)


WITHHELD = [
    "content_filter",
    "tool_calls",
    "function_call",
    "refusal",
    "safety",
    "SAFETY",
    "error",
    "abort",
    "RECITATION",
]


@pytest.mark.parametrize("word", WITHHELD)
async def test_an_end_that_is_none_is_no_edit(connect: Connect, script: Script, word: str) -> None:
    done = await come(connect, script, Case((stream(GOOD, finish=word), stream(GOOD, finish=word))))
    assert done.after is None
    assert done.label


ERRORS = {
    "an error object": event({"error": {"message": "out of memory", "code": 500}}),
    "an error text": event({"error": "out of memory"}),
    "an error event": b'event: error\ndata: {"message": "out of memory"}\n\n',
    "an error event of text": b"event: error\ndata: out of memory\n\n",
    "a bare line": b'{"error": {"message": "out of memory"}}\n',
    "llama.cpp's": b'error: {"message": "out of memory"}\n\n',
    "vLLM's": event({"object": "error", "message": "out of memory", "type": "InternalServerError", "code": 500}),
    "in a choice": event(
        {"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error": {"message": "out of memory"}}]}
    ),
    "a detail": event({"detail": "out of memory"}),
    "plain text": b"out of memory\n",
}


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("name", ERRORS)
async def test_an_error_within_a_stream_is_told(connect: Connect, script: Script, name: str, begun: bool) -> None:
    sent = HEAD + (event(delta(GOOD)) if begun else b"") + ERRORS[name]
    done = await come(connect, script, Case((sent, sent)))
    assert done.after is None
    assert "out of memory" in done.label
