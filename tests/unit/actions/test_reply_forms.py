"""Replies in the forms that models choose by themselves, each read as what it means or refused, never written as it is.

And comments that stand for code which was left out, in the words of many languages.
"""

from __future__ import annotations

import pytest
from action_bench import Bench

from hybrid_lsp.actions.base import EditOutcome, Outcome
from hybrid_lsp.document import Document, Span

TOTAL = "def total(items):\n    s = 0\n    for i in items:\n        s += i.price\n    return s\n"
CODE = TOTAL + "\n\ndef mean(items):\n    return total(items) / len(items)\n"
NEW = CODE.replace("s = 0", "s = 0.0")
LINES = NEW.rstrip().split("\n")
HUNK = ("    s = 0\n", "    s = 0.0\n")


def fenced(text: str, info: str = "python", fence: str = "```") -> str:
    return f"{fence}{info}\n{text.rstrip()}\n{fence}\n"


def moved(text: str, by: str) -> str:
    return "".join(by + line if line.strip() else line for line in text.splitlines(keepends=True))


def numbered(form: str) -> str:
    return fenced("\n".join(form.format(number, line) for number, line in enumerate(LINES, 1)))


async def edited(
    reply: str, code: str = CODE, language: str = "python", instruction: str = "Make s a float."
) -> Outcome:
    bench = Bench()
    assert bench.backend is not None
    bench.backend.enqueue([reply, reply])
    return await bench.pipeline().run(
        "edit", Document("file:///x", code, 1, language), Span(0, len(code)), instruction=instruction
    )


READ = {
    "attributes": fenced(NEW, 'python title="shop.py" {1,3} linenos'),
    "attributes of pandoc": fenced(NEW, '{.python .numberLines startFrom="1"}'),
    "a path behind the language": fenced(NEW, "python:src/shop.py"),
    "lines and a path": fenced(NEW, "1:9:src/shop.py"),
    "tildes": fenced(NEW, fence="~~~"),
    "a longer fence": fenced(NEW, fence="````"),
    "in a list": "1. Here:\n\n" + moved(fenced(NEW), "   "),
    "deep in a list": "1.  Here:\n\n" + moved(fenced(NEW), "    "),
    "behind a tab": "- a\n" + moved(fenced(NEW), "\t"),
    "a preamble in German": "Natürlich! Hier ist der geänderte Code:\n\n" + fenced(NEW) + "\nIch habe `s` geändert.",
    "a preamble in Chinese": "当然可以。以下是修改后的代码：\n" + fenced(NEW) + "希望对你有帮助！",
    "a preamble on the fence's line": "Here you go: " + fenced(NEW),
    "the closing fence behind the code": "```python\n" + NEW.rstrip() + "```",
    "in a quotation": moved(fenced(NEW), "> "),
    "numbers and a bar": numbered("{:3} | {}"),
    "numbers and a colon": numbered("{}: {}"),
    "numbers and a tab": numbered("{}\t{}"),
    "numbers and a blank": numbered("{:4} {}"),
    "before and after": "Before:\n" + fenced(CODE) + "After:\n" + fenced(NEW),
    "a line of it first": "Change this:\n" + fenced(HUNK[1]) + "The whole:\n" + fenced(NEW),
    "a command first": "```bash\npip install x\n```\n" + fenced(NEW),
    "the output behind": fenced(NEW) + "Output:\n```\n3.0\n```",
    "a mark of the model behind": fenced(NEW) + "<|im_end|>",
    "a name above": "**shop.py**\n" + fenced(NEW),
    "a name within": fenced("# src/shop.py\n" + NEW),
    "a byte order mark": "\ufeff" + fenced(NEW),
    "a byte order mark within": fenced("\ufeff" + NEW),
    "CR LF": fenced(NEW).replace("\n", "\r\n"),
    "blank lines behind": fenced(NEW + "\n\n"),
    "tags around the fence": "<answer>\n" + fenced(NEW) + "</answer>",
    "hunks": "shop.py\n```python\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n```".format(*HUNK),
    "hunks of five signs": "<<<<< SEARCH\n{}=====\n{}>>>>> REPLACE".format(*HUNK),
    "hunks of Cline": "------- SEARCH\n{}=======\n{}+++++++ REPLACE".format(*HUNK),
    "hunks of Roo": "<<<<<<< SEARCH\n:start_line:2\n-------\n{}=======\n{}>>>>>>> REPLACE".format(*HUNK),
    "hunks by other names": "<<<<<<< ORIGINAL\n{}=======\n{}>>>>>>> UPDATED".format(*HUNK),
    "hunks without indentation": "<<<<<<< SEARCH\ns = 0\n=======\ns = 0.0\n>>>>>>> REPLACE",
}


@pytest.mark.parametrize("reply", READ.values(), ids=READ)
async def test_a_form_that_can_mean_but_one_thing_is_read(reply: str) -> None:
    done = await edited(reply)
    assert isinstance(done, EditOutcome), done
    assert done.edit.apply() == NEW


REFUSED = {
    "two alternatives": "Option 1:\n" + fenced(NEW) + "Option 2:\n" + fenced(NEW.replace("0.0", "float()")),
    "a diff": fenced("--- a/x.py\n+++ b/x.py\n@@ -1,5 +1,5 @@\n def total(items):\n-    s = 0\n+    s = 0.0", "diff"),
    "a diff without heads": fenced(" def total(items):\n-    s = 0\n+    s = 0.0\n     for i in items:"),
    "a diff of two lines": fenced("-    s = 0\n+    s = 0.0"),
    "a diff with bare context": fenced("def total(items):\n-    s = 0\n+    s = 0.0\n    for i in items:"),
    "a patch": "*** Begin Patch\n*** Update File: x.py\n@@ def total(items):\n-    s = 0\n+    s = 0.0\n*** End Patch",
    "a fenced patch": fenced("*** Begin Patch\n*** Update File: x.py\n@@\n-    s = 0\n+    s = 0.0\n*** End Patch", ""),
    "a conflict": "<<<<<<< HEAD\n    s = 0\n=======\n    s = 0.0\n>>>>>>> new",
    "tags in place of a fence": "<code>\n" + NEW + "</code>",
    "tags within the fence": fenced("<code>\n" + NEW + "</code>"),
    "JSON": '{"code": "' + NEW.replace("\n", "\\n") + '"}',
    "fenced JSON": fenced('{"code": "' + NEW.replace("\n", "\\n") + '"}', "json"),
    "line ends spelt out": fenced(NEW.replace("\n", "\\n")),
    "a use of it behind": fenced(NEW) + "Usage:\n" + fenced("print(total([]))"),
    "two files": "shop.py\n" + fenced(NEW) + "test_shop.py\n" + fenced("import shop\n"),
    "a session": fenced(">>> total([])\n0.0", "pycon"),
    "a refusal": "I'm sorry, but I can't assist with that request.",
    "a fenced refusal": fenced("I'm sorry, I can't help with that."),
    "a mark of the cursor": fenced(NEW.replace("0.0", "0.0<CURSOR>")),
    "a mark of the model within": fenced(NEW + "<|endoftext|>"),
    "a cell's magic": fenced("%%writefile shop.py\n" + NEW),
    "no-break spaces": fenced(NEW.replace("    ", "\u00a0" * 4)),
    "a blank of no width": fenced(NEW.replace("s = 0.0", "s\u200b = 0.0")),
}


@pytest.mark.parametrize("reply", REFUSED.values(), ids=REFUSED)
async def test_a_form_that_may_mean_something_else_is_refused(reply: str) -> None:
    assert not isinstance(await edited(reply), EditOutcome)


LEFT_OUT = """
# ... (rest of code unchanged)
# (unchanged)
# Rest as before
# ...existing code...
# [...]
# <...>
# <existing code>
# <rest of the function>
# --- snip ---
# - snip -
# 8< ---- >8
# etc.
# and so on
# (same as above)
# same as before
# No changes here
# no changes below this line
# unchanged code omitted for brevity
# [omitted for brevity]
# omitted
# code continues
# continue as before...
# your code here
# Your existing code here
# keep the rest
# keep existing implementation
# Keep the remaining methods unchanged
# other functions remain the same
# (other methods...)
# remaining functions go here
# mean() stays as it was
# mean remains unchanged
# All other functions are unchanged.
# The remainder of the file is unchanged
# The rest of the module is left untouched
# ... der restliche Code bleibt gleich ...
# Rest unverändert
# restlicher Code wie oben
# (hier folgt der restliche Code)
# ... le reste du code ...
# Le reste est identique
# suite inchangée
# ... resto del código ...
# El resto permanece igual
# (el resto sin cambios)
# ... resto do código ...
# O restante permanece inalterado
# ... 其余代码 ...
# 其余代码保持不变
# 后面的代码不变
# 省略其他代码
# ……
# 以下略
# （以下同じ）
# 以下省略
# 残りは同じ
# 既存のコード
# ... остальной код ...
# остальное без изменений
# далее как раньше
# ... rest van de code ...
# (ongewijzigd)
# ... pozostały kod ...
# reszta bez zmian
# zbytek kódu beze změny
# resten af koden er uændret
# resten oförändrad
# loput ennallaan
# kodun geri kalanı aynı
# sisa kode tetap sama
# phần còn lại giữ nguyên
# 나머지 코드는 동일합니다
# 기존 코드 유지
# बाकी कोड वही रहेगा
# باقي الكود كما هو
# שאר הקוד ללא שינוי
# υπόλοιπος κώδικας
# il resto del codice rimane invariato
# [rest of file]
# {{ existing_code }}
# {{UNCHANGED}}
# @@ unchanged @@
# … lines 7-9 unchanged …
# lines 8-9 omitted
# 2 lines hidden
# truncated
# [truncated]
# (see above)
# as in original
# identical to the original
# Same implementation
# implementation unchanged
# untouched
# previous code
# ... previous functions ...
# more functions below
# additional functions...
# TODO: rest of the code
# TODO: add remaining code
# --- rest of file unchanged ---
# === existing code ===
# (code omitted)
# skipping the rest
# everything else stays the same
# everything below is the same
# nothing else changes
# [Previous code remains the same]
# Other code...
#...
# …
"""


@pytest.mark.parametrize("line", LEFT_OUT.strip().split("\n"))
async def test_a_comment_in_the_place_of_code_is_refused_in_any_words(line: str) -> None:
    kept = "def total(items):\n    return sum(i.price for i in items)\n\n\n"
    assert not isinstance(await edited(fenced(kept + line)), EditOutcome)


@pytest.mark.parametrize(
    "line",
    [
        "# the price of each item, added up",
        "# an empty list gives zero",
        "# See PEP 8 for the rest",
        "# keep the order of the items",
        "# unchanged since 1.0",
        "# same units as before the move",
    ],
)
async def test_a_comment_beside_the_code_stays(line: str) -> None:
    done = await edited(fenced(NEW.replace("    s = 0.0", f"    {line}\n    s = 0.0")))
    assert isinstance(done, EditOutcome), done


@pytest.mark.parametrize(
    ("new", "instruction"),
    [
        ("def total(items):\n    # as the library does it\n    return sum(i.price for i in items)\n", "Use sum."),
        ("def total(items):\n    return sum(i.price for i in items)\n# mean is gone\n", "Delete mean."),
        (CODE.replace("def mean", "# def mean").replace("    return total", "#     return total"), "Comment mean out."),
    ],
)
async def test_a_comment_beside_what_takes_the_place_of_code_stays(new: str, instruction: str) -> None:
    done = await edited(fenced(new), instruction=instruction)
    assert isinstance(done, EditOutcome), done
    assert done.edit.apply() == new
