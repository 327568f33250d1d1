"""Text as editors make it while one types: what is accepted leaves the line as it was meant.

Each case: description, language, text with the cursor (‸), what the model writes, the text once that was accepted
(unchanged where nothing may be shown).
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hybrid_lsp.backends.fake import FakeBackend, FakeReply
from hybrid_lsp.completion.cursor import Cursor
from hybrid_lsp.completion.paired import closed_right
from hybrid_lsp.completion.pipeline import CompletionPipeline
from hybrid_lsp.completion.place import Place, where
from hybrid_lsp.completion.query import Answer, Query, Selected
from hybrid_lsp.config import CompletionConfig, Config
from hybrid_lsp.context.grammars import Trees
from hybrid_lsp.document import Document, Span
from hybrid_lsp.routing.router import Router
from hybrid_lsp.types import Reason, Suggestion, Tier

CONFIG = Config(completion=CompletionConfig(debounce_ms=0))
IDLE = 'if state == "idle":\n    pass\n'

_JAVA = "class A {{\n    void f() {{\n        {}\n    }}\n}}\n"
_TWO = "class A:\n    def {}\n\n\nclass B:\n    def pop(self):\n        return 1\n"
QUOTES = [
    ("a comparison", "python", f'{IDLE}if state == "‸"\n', 'idle":', f'{IDLE}if state == "idle":\n'),
    ("the end of a call", "python", 'print("‸")\n', 'done")', 'print("done")\n'),
    ("only the text", "python", 'open("‸")\n', "a.txt", 'open("a.txt")\n'),
    ("more arguments", "python", 'open("‸")\n', 'a.txt", "w")', 'open("a.txt", "w")\n'),
    ("and a suite", "python", 'with open("‸")\n', 'a.txt") as file:', 'with open("a.txt") as file:\n'),
    ("text right of the cursor", "python", 'c = "one ‸ three"\n', 'two"', 'c = "one two three"\n'),
    ("text that is repeated", "python", 'c = "one ‸ three"\n', 'two three"', 'c = "one two three"\n'),
    ("astral signs", "python", "x = '📦‸📦'\n", "🚚'", "x = '📦🚚📦'\n"),
    ("a statement after it", "python", 'f("‸"); g()\n', 'a"); h()', 'f("a"); g()\n'),
    ("a colon after it", "python", 'if a == "‸":\n    pass\n', 'b":', 'if a == "b":\n    pass\n'),
    ("a raw string", "python", "x = r'‸'\n", "\\d'", "x = r'\\d'\n"),
    ("bytes", "python", "x = b'‸'\n", "ab'", "x = b'ab'\n"),
    ("an escaped quote", "python", "x = '‸'\n", "it\\'s'", "x = 'it\\'s'\n"),
    ("a formatted string", "python", 'x = f"{‸}"\n', 'name}"', 'x = f"{name}"\n'),
    ("more of a formatted string", "python", 'x = f"{‸}"\n', 'a} and {b}"', 'x = f"{a} and {b}"\n'),
    ("a quote in a formatted string", "python", "x = f\"{a['‸']}\"\n", "b']}\"", "x = f\"{a['b']}\"\n"),
    ("triple quotes", "python", 'def f():\n    """‸"""\n', 'Return it."""', 'def f():\n    """Return it."""\n'),
    (
        "triple quotes below",
        "python",
        'def f():\n    """Return ‸\n\n    Raises ValueError.\n    """\n',
        'it."""',
        'def f():\n    """Return it.\n\n    Raises ValueError.\n    """\n',
    ),
    ("a dictionary", "python", 'x = {"‸"}\n', 'a": 1}', 'x = {"a": 1}\n'),
    ("a list", "python", "x = ['‸']\n", "a', 'b", "x = ['a', 'b']\n"),
    ("nothing but the quote", "python", 'x = "abc‸"\n', '"', 'x = "abc"\n'),
    ("a template", "javascript", "x = `‸`\n", "a${b}`;", "x = `a${b}`;\n"),
    ("code in a template", "javascript", "x = `a ${‸}`\n", "b}`;", "x = `a ${b}`;\n"),
    ("a template below", "javascript", "x = `a ‸\nc`;\n", "b`;\ny();", "x = `a b\nc`;\n"),
    ("a template in a template", "javascript", "x = `‸ z`;\n", "${a ? `b` : c}`;", "x = `${a ? `b` : c} z`;\n"),
    ("an import", "typescript", "import { a } from '‸'\n", "./a';", "import { a } from './a';\n"),
    ("a string of Java", "java", 'class A { String a = "‸" }\n', 'b";', 'class A { String a = "b"; }\n'),
    ("a string of Go", "go", 'var a = []string{"‸"}\n', 'b", "c"}', 'var a = []string{"b", "c"}\n'),
    ("a raw string of Go below", "go", "var a = `b ‸\nc`\n", "d`", "var a = `b d\nc`\n"),
    (
        "a raw string of Rust",
        "rust",
        'fn f() {\n    let a = r#"b ‸\nc"#;\n}\n',
        'd"#;',
        'fn f() {\n    let a = r#"b d\nc"#;\n}\n',
    ),
    ("a lifetime is no quote", "rust", "fn f<'a>(x: &'a str, ‸)\n", "y: u8) {", "fn f<'a>(x: &'a str, y: u8) {\n"),
    ("a heredoc of a shell", "shellscript", "cat <<EOF\na ‸\nEOF\n", "b\nEOF\nexit", "cat <<EOF\na b\nEOF\n"),
    ("a variable in a shell's string", "shellscript", 'echo "${‸}"\n', 'HOME}"', 'echo "${HOME}"\n'),
    ("interpolation in Ruby", "ruby", 'x = "#{‸}"\n', 'a}"', 'x = "#{a}"\n'),
    ("a language without a grammar", "kotlin", 'val x = "‸"\n', 'a$b"', 'val x = "a$b"\n'),
    ("an apostrophe in prose", "markdown", "It isn't (‸)\n", "so).", "It isn't (so).\n"),
    ("an apostrophe in a comment", "python", "# don't (‸)\n", "do it)", "# don't (do it)\n"),
    ("a bracket in a string", "python", 'print("(‸)")\n', 'a)")', 'print("(a)")\n'),
]
BRACKETS = [
    ("a head in a class", "python", "class A:\n    def pop(‸)\n", "self, key):", "class A:\n    def pop(self, key):\n"),
    ("a condition", "python", "if isinstance(‸)\n", "a, int):", "if isinstance(a, int):\n"),
    ("a loop", "python", "for i in range(‸)\n", "10):", "for i in range(10):\n"),
    ("a with", "python", "with open(‸)\n", "path) as file:", "with open(path) as file:\n"),
    ("a class", "python", "class Inner(‸)\n", "Outer):", "class Inner(Outer):\n"),
    (
        "a class whose colon is there",
        "python",
        "class Inner(‸):\n    pass\n",
        "Outer",
        "class Inner(Outer):\n    pass\n",
    ),
    ("no more than is missing", "python", "foo(bar(‸))\n", "a))", "foo(bar(a))\n"),
    ("a second call", "python", "x = foo(‸)\n", "a) + bar(b)", "x = foo(a) + bar(b)\n"),
    ("a call of Java", "java", _JAVA.format("g(‸)"), "1);", _JAVA.format("g(1);")),
    ("a call of C++", "cpp", "int main() {\n    f(‸)\n}\n", "1, 2);", "int main() {\n    f(1, 2);\n}\n"),
    ("a call of Rust", "rust", "fn f() {\n    g(‸)\n}\n", "1)?;", "fn f() {\n    g(1)?;\n}\n"),
    ("its last argument alone", "java", _JAVA.format("g(1, ‸, 3)"), "2", _JAVA.format("g(1, 2, 3)")),
    ("braces with blanks", "javascript", "const { ‸ }\n", "a, b } = x;", "const { a, b } = x;\n"),
    ("braces that stay", "javascript", "f({ ‸ })\n", "a: 1 })", "f({ a: 1 })\n"),
    ("a body", "javascript", "if (a) {‸}\n", "\n  b();\n}", "if (a) {\n  b();\n}\n"),
    ("an arrow", "javascript", "x.map(‸)\n", "(y) => y + 1);", "x.map((y) => y + 1);\n"),
]
WORDS = [
    ("the rest of the word", "python", "print(total_‸weight([1]))\n", "weight)", "print(total_weight([1]))\n"),
    ("the whole word", "python", "print(total_‸weight([1]))\n", "total_weight)", "print(total_weight([1]))\n"),
    ("a part of the rest", "python", "print(total_‸weight([1]))\n", "wei", "print(total_weight([1]))\n"),
    ("another word", "python", "print(total_‸weight([1]))\n", "net_", "print(total_net_weight([1]))\n"),
    ("the word right of the cursor", "python", "foo(‸a, b)\n", "a, c)", "foo(a, b)\n"),
    ("one more argument", "python", "foo(‸a, b)\n", "c, ", "foo(c,a, b)\n"),
    ("arguments again", "python", "foo‸(a)\n", "(b)", "foo(a)\n"),
]
PLACES = [
    ("a line above a deeper one", "python", "def f(a):\n    ‸\n        return a\n", "b = 1", ""),
    (
        "a head above a deeper one",
        "python",
        "def f(a):\n    ‸\n        return a\n",
        "if a:",
        "def f(a):\n    if a:\n        return a\n",
    ),
    ("a line in brackets", "python", "x = [\n    ‸\n        2,\n]\n", "1,", "x = [\n    1,\n        2,\n]\n"),
    (
        "a docstring after a statement",
        "python",
        "def f(a):\n    b = a + g(1)\n    h(b)\n    ‸\n",
        '"""Return b."""',
        "",
    ),
    (
        "a docstring in a function",
        "python",
        "def f(a):\n    ‸\n",
        '"""Return a."""',
        'def f(a):\n    """Return a."""\n',
    ),
    ("a docstring in a branch", "python", "def f(a):\n    if a:\n        ‸\n", '"""Return a."""', ""),
    ("a docstring of a name", "python", "LIMIT = 3\n‸\n", '"""How many."""', 'LIMIT = 3\n"""How many."""\n'),
    ("prose", "python", "def f(a):\n    ‸\n", "Return the sum of all", ""),
    ("a doctest", "python", "def f(a):\n    ‸\n", ">>> f(1)", ""),
    ("a statement of three words", "python", "def f(a):\n    ‸\n", "return not a", "def f(a):\n    return not a\n"),
    ("the second line below", "python", "def f(a):\n    ‸\n    b = a + 1\n    return b * 2\n", "return b * 2", ""),
    (
        "a method that stands below",
        "python",
        "class A:\n    def ‸\n\n    def pop(self):\n        return 1\n",
        "pop(self):",
        "",
    ),
    ("the same name in another class", "python", _TWO.format("‸"), "pop(self):", _TWO.format("pop(self):")),
]
_SQL = 'q = """\n    SELECT *\n    '
_TEMPLATE = "const q = `\n  SELECT *\n  "
LAST_LINES = [
    (
        "a string beside one that ends",
        "python",
        f'{_SQL}""" % (name, "‸")\n',
        'a", b)',
        f'{_SQL}""" % (name, "a", b)\n',
    ),
    ("a call beside one that ends", "python", f'{_SQL}""".format(f(‸))\n', "a, b)", f'{_SQL}""".format(f(a, b))\n'),
    ("a key beside one that ends", "python", f'{_SQL}""" % x[\'‸\']\n', "a'] + b", f'{_SQL}""" % x[\'a\'] + b\n'),
    (
        "a template that ends",
        "javascript",
        f"{_TEMPLATE}` + f(['‸'])\n",
        "a', 'b'])",
        f"{_TEMPLATE}` + f(['a', 'b'])\n",
    ),
    ("a raw string that ends", "go", 'q := `\n a` + f("‸")\n', 'b", 1)', 'q := `\n a` + f("b", 1)\n'),
    ("one that begins", "python", 'q = 1\nq = """ (‸)"""\n', "a", 'q = 1\nq = """ (a)"""\n'),
]
REST_OF_LINE = [
    ("a comment before arguments", "python", "f(‸, b)\n", "a)  # note", ""),
    ("a comment before a statement", "javascript", "f(‸); g();\n", "a) // note", "f(a); g();\n"),
    ("a comment after a string", "python", "f('‸', b)\n", "a') # note", "f('a', b)\n"),
    ("nothing but a comment", "python", "f(a‸, b)\n", "  # note", "f(a, b)\n"),
    ("a sign in a string", "python", "f(‸, b)\n", "'#fff'", "f('#fff', b)\n"),
    ("a sign in the string around it", "python", "f('‸', b)\n", "a # b", "f('a # b', b)\n"),
    ("an address", "javascript", "f('‸', b);\n", "http://a", "f('http://a', b);\n"),
    ("a closed comment", "javascript", "f(‸, b);\n", "/* first */ a", "f(/* first */ a, b);\n"),
    (
        "words of a docstring",
        "python",
        'def f():\n    """See\n    issue ‸ there.\n    """\n',
        "a # b",
        'def f():\n    """See\n    issue a # b there.\n    """\n',
    ),
    ("a comment at the line's end", "python", "x = ‸\n", "1  # note", "x = 1  # note\n"),
]
CASES = [
    pytest.param(*case[1:], id=f"{kind}: {case[0]}")
    for kind, cases in (
        *(("quotes", QUOTES), ("brackets", BRACKETS), ("words", WORDS), ("places", PLACES)),
        *(("last lines", LAST_LINES), ("the rest of a line", REST_OF_LINE)),
    )
    for case in cases
]


def pipeline(*replies: FakeReply | str) -> tuple[CompletionPipeline, FakeBackend]:
    fake = FakeBackend()
    fake.enqueue(replies)
    return CompletionPipeline(Router({Tier.SMALL: fake}), lambda document: None), fake


def asked(marked: str, language: str = "python", *, invoked: bool = False, uri: str = "file:///a") -> Query:
    return Query(Document(uri, marked.replace("‸", ""), language=language), marked.index("‸"), invoked)


def accepted(query: Query, answer: Answer) -> str:
    """The text with the suggestion in it, as an editor puts it there; no suggestion leaves it as it is."""
    if not answer.suggestions:
        assert answer.reason is not None
        return query.document.text
    suggestion = answer.suggestions[0]
    return query.document.replace(suggestion.span, suggestion.text).text


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(("language", "marked", "reply", "expected"), CASES)
async def test_what_is_accepted_leaves_the_line_as_it_was_meant(
    language: str, marked: str, reply: str, expected: str, line_end: str
) -> None:
    typed, _ = pipeline(reply)
    inside_word = marked[marked.index("‸") + 1].isalnum()
    query = asked(marked.replace("\n", line_end), language, invoked=inside_word)
    answer = await typed.complete(query, CONFIG)
    assert accepted(query, answer) == (expected or marked.replace("‸", "")).replace("\n", line_end)


@pytest.mark.parametrize(("language", "marked", "reply", "expected"), CASES)
async def test_by_hand_too(language: str, marked: str, reply: str, expected: str) -> None:
    typed, _ = pipeline(reply)
    query = asked(marked, language, invoked=True)
    assert accepted(query, await typed.complete(query, CONFIG)) == (expected or marked.replace("‸", ""))


@pytest.mark.parametrize("closed", ["", '"', '")', '"))'])
async def test_the_model_and_the_cache_see_what_was_typed_by_hand(closed: str) -> None:
    typed, fake = pipeline('a"))')
    query = asked(f'foo(bar("‸{closed}\nx = 1\n')
    answer = await typed.complete(query, CONFIG)
    assert accepted(query, answer) == 'foo(bar("a"))\nx = 1\n'
    prompt = fake.requests[0].prompt
    assert (prompt.prefix, prompt.suffix) == ('foo(bar("', "\nx = 1\n")  # type: ignore[union-attr]
    again = asked('foo(bar("‸"))\nx = 1\n')
    assert (await typed.complete(again, CONFIG)).reused
    assert len(fake.requests) == 1


async def test_a_selected_entry_and_a_closed_bracket() -> None:
    typed, _ = pipeline("1):")
    document = Document("file:///a.py", "if ran()\n", language="python")
    query = Query(document, 7, selected=Selected(Span(3, 6), "range"))
    suggestion = (await typed.complete(Query(document, 6, selected=Selected(Span(3, 6), "range(")), CONFIG)).suggestions
    assert query.document.text == "if ran()\n"
    assert all(each.text.startswith("range(") for each in suggestion)


async def test_lines_of_a_block_end_as_the_files_do() -> None:
    typed, fake = pipeline(FakeReply("a = 1\n    b = 2\n", logprob=-0.01))
    query = asked("def f():\r\n    ‸\r\n\r\n\r\nx = 1\r\n")
    answer = await typed.complete(query, CONFIG)
    assert answer.suggestions[0].text == "a = 1\r\n    b = 2"
    prompt = fake.requests[0].prompt
    assert "\r" not in prompt.prefix + prompt.suffix  # type: ignore[union-attr]


async def test_tabs_are_blanks_for_a_model_of_python_and_tabs_in_the_file() -> None:
    typed, fake = pipeline(FakeReply("for x in y:\n        total += x\n    return total\n", logprob=-0.01))
    query = asked("def f(y):\n\ttotal = 0\n\t‸\n")
    answer = await typed.complete(query, CONFIG)
    assert accepted(query, answer) == "def f(y):\n\ttotal = 0\n\tfor x in y:\n\t\ttotal += x\n\treturn total\n"
    assert fake.requests[0].prompt.prefix == "def f(y):\n    total = 0\n    "  # type: ignore[union-attr]


@pytest.mark.parametrize("language", ["go", "makefile", "c"])
async def test_tabs_of_other_languages_are_theirs(language: str) -> None:
    typed, fake = pipeline("b")
    await typed.complete(asked("a:\n\t‸\n", language), CONFIG)
    assert fake.requests[0].prompt.prefix == "a:\n\t"  # type: ignore[union-attr]


async def test_what_was_asked_by_hand_is_not_shown_unasked() -> None:
    typed, fake = pipeline("a * b * c", "a + b", "second", "third")
    text = "def add(a, b):\n    return ‸"
    strict = Config(completion=CompletionConfig(debounce_ms=0, min_confidence=0.999))
    assert (await typed.complete(asked(text), strict)).reason is Reason.LOW_CONFIDENCE
    by_hand = await typed.complete(asked(text, invoked=True), strict)
    assert by_hand.suggestions
    for uri in ("file:///a", "file:///other"):
        assert (await typed.complete(asked(text, uri=uri), strict)).suggestions == ()
    # Who types into it sees the rest of it, where it was asked for.
    first = by_hand.suggestions[0].text
    further = text.replace("‸", first[0] + "‸")
    assert (await typed.complete(asked(further), strict)).suggestions[0].text == first[1:]
    assert (await typed.complete(asked(further, uri="file:///other"), strict)).suggestions == ()
    # By hand it is known.
    count = len(fake.requests)
    assert (await typed.complete(asked(text, invoked=True), strict)).reused
    assert len(fake.requests) == count


@pytest.mark.parametrize(
    ("language", "before", "place"),
    [
        *[(name, "a # b", Place.COMMENT) for name in ("powershell", "cmake", "terraform", "nim", "r", "julia")],
        *[(name, "a % b", Place.COMMENT) for name in ("latex", "matlab", "erlang")],
        *[(name, "a ; b", Place.COMMENT) for name in ("clojure", "lisp", "scheme")],
        *[(name, "<p> <!-- b", Place.COMMENT) for name in ("html", "vue", "svelte", "xml")],
        *[(name, "x // b", Place.COMMENT) for name in ("vue", "svelte", "kotlin", "scss", "swift", "proto3")],
        *[(name, "a: http://b", Place.CODE) for name in ("ini", "css", "vue", "html", "yaml", "properties", "toml")],
        *[(name, "a // b -- c # d ; e % f", Place.CODE) for name in ("plaintext", "jsonl", "unheard-of")],
        *[(name, "; a", Place.COMMENT) for name in ("ini", "clojure", "asm")],
        ("css", "a { /* b", Place.COMMENT),
        ("html", "<!-- a\nb", Place.COMMENT),
        ("html", "<!-- a -->\nb", Place.CODE),
        ("scss", "/* a\nb", Place.COMMENT),
        ("powershell", "<# a\nb", Place.COMMENT),
        ("latex", r"5 \% of", Place.CODE),
        ("shellscript", "echo ${#a} $#", Place.CODE),
        ("yaml", "a: b#c", Place.CODE),
        ("kotlin", 'val a = "http://b', Place.STRING),
    ],
)
def test_comments(language: str, before: str, place: Place) -> None:
    document = Document("file:///a", before, language=language)
    assert where(document, len(before), Trees().parse(document)) is place


text_ = st.text(alphabet=st.sampled_from(list("ab ()[]{}\"'`\\.,:;\n\r\t📦")), max_size=40)


@given(text_, text_, text_, st.sampled_from(["python", "javascript", "rust", "shellscript", "markdown", "go"]))
def test_nothing_of_the_file_is_lost(before: str, rest: str, text: str, language: str) -> None:
    """Whatever is written: what is replaced are closers that stand in the text once more, in their order."""
    document = Document("file:///a", before + rest, language=language)
    cursor = Cursor.of(Query(document, len(before)))
    suggestion = Suggestion("1", text, Span(0, 0), Tier.SMALL, "fake")
    for one in cursor.placed(Answer(suggestions=(suggestion,))).suggestions:
        assert one.span.start == document.offset(*document.position(len(before)))
        replaced = iter(one.text)
        assert all(closer in replaced for closer in document.slice(one.span) if not closer.isspace())


@given(text_.filter(lambda text: "\n" not in text and "\r" not in text), st.sampled_from(["python", "go", "php"]))
def test_accepting_by_hand_or_beside_closers_is_the_same(text: str, language: str) -> None:
    """A text that closes all it finds open leaves the line as if no editor had closed anything."""
    before = 'x = f(["'
    closed = closed_right(Document("", before + '"])', language=language), len(before))
    assert closed.closers == ('"', "]", ")")
    whole = text.replace('"', "").replace("\\", "").replace("`", "").replace("{", "") + '"])'
    fitted, taken = closed.fitted(whole)
    assert before + fitted + '"])'[taken:] == before + whole or not whole.endswith('"])')
