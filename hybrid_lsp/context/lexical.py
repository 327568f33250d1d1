"""What every lexer knows of a language, as data: how its comments begin, and which quotes it has.

For the cursor's line alone, and for the languages without a grammar. Of a language that is not listed nothing is
guessed: it has no comments, and the quotes that nearly all have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

import attrs

_NEVER = r"(?!)"
_HASH, _SLASHES, _DASHES, _PERCENT, _SEMICOLON = "#", r"//|/\*", "--", r"(?<!\\)%", ";"
_HASH_APART = r"(?<![^\s;&|(){}])#"
"""Inside of a word it is no comment: `$#`, `${#name}`, `page#part`."""
_AT_START = r"^\s*[#;]"
# The scripts and styles in a page have comments of their own; `//` in its text belongs to an address.
_MARKUP = r"<!--|(?<!\S)//|/\*"

_HASHED = frozenset(
    {"python", "ruby", "toml", "perl", "perl6", "raku", "r", "makefile", "elixir", "julia", "powershell"}
    | {"cmake", "nim", "gdscript", "coffeescript", "graphql", "crystal", "starlark", "bazel", "awk", "tcl"}
    | {"rego", "sparql", "turtle", "gnuplot", "snakemake", "cython", "pyrex", "earthfile", "janet"}
    | {"just", "robotframework", "puppet", "meson", "gitignore", "ignore", "git-commit", "git-rebase", "mojo"}
)
_SLASHED = frozenset(
    {"javascript", "javascriptreact", "typescript", "typescriptreact", "go", "rust", "java", "c", "cpp"}
    | {"csharp", "swift", "kotlin", "scala", "dart", "groovy", "objective-c", "objective-cpp", "cuda-cpp"}
    | {"jsonc", "json5", "less", "scss", "sass", "zig", "d", "verilog", "systemverilog", "glsl", "hlsl", "wgsl"}
    | {"shaderlab", "proto", "proto3", "protobuf", "solidity", "v", "bicep", "prisma", "gleam", "haxe"}
    | {"jenkinsfile", "thrift", "apex", "pug", "stylus", "reason", "rescript", "odin", "vala", "cue", "jsonnet"}
    | {
        "cuda",
        "opencl",
        "metal",
        "move",
        "cairo",
        "actionscript",
        "qml",
        "cypher",
        "kusto",
        "powerquery",
        "typst",
        "dot",
    }
    | {"gomod", "go.mod", "pkl", "kdl", "ron", "wit", "nextflow", "ql", "snippets"}
)
_MARKS = {
    **dict.fromkeys(_HASHED, _HASH),
    **dict.fromkeys(("shellscript", "fish", "nushell", "yaml", "dockercompose", "dockerfile", "dotenv"), _HASH_APART),
    **dict.fromkeys(("nginx", "apacheconf", "caddyfile", "pip-requirements", "requirements"), _HASH_APART),
    **dict.fromkeys(("ssh_config", "http", "rest"), r"^\s*#"),
    **dict.fromkeys(("twig", "jinja", "jinja-html", "django-html"), r"\{#|<!--"),
    **dict.fromkeys(("erb", "ejs", "heex"), r"<%#|<!--"),
    "blade": r"\{\{--|<!--",
    "smarty": r"\{\*|<!--",
    "haml": r"^\s*-#",
    **dict.fromkeys(("coq", "sml", "mathematica", "wolfram"), r"\(\*"),
    "nsis": r"[;#]|/\*",
    "sas": r"/\*",
    "asciidoc": r"^//(?!/)",
    "plantuml": r"^\s*'",
    **dict.fromkeys(_SLASHED, _SLASHES),
    "php": r"//|/\*|#(?!\[)",
    "fsharp": r"//|\(\*",
    **dict.fromkeys(("terraform", "terraform-vars", "hcl", "nix"), r"#|//|/\*"),
    **dict.fromkeys(("css", "wxss"), r"/\*"),
    **dict.fromkeys(("lua", "ada", "vhdl", "applescript"), _DASHES),
    # Longer operators begin with two hyphens there: `-->`, `--|` is none.
    **dict.fromkeys(
        ("haskell", "elm", "purescript", "lean", "agda", "idris", "dhall"), r"--+(?![!#$%&*+./<=>?@\\^~:])"
    ),
    **dict.fromkeys(("sql", "plsql", "postgres"), r"--|/\*"),
    "mysql": r"--|#|/\*",
    **dict.fromkeys(("latex", "tex", "bibtex", "matlab", "octave", "erlang", "prolog"), _PERCENT),
    **dict.fromkeys(("clojure", "lisp", "commonlisp", "scheme", "racket", "elisp", "emacs-lisp", "asm"), _SEMICOLON),
    **dict.fromkeys(("hy", "fennel", "beancount", "autohotkey", "ahk"), _SEMICOLON),
    **dict.fromkeys(("html", "vue", "svelte", "astro"), _MARKUP),
    "handlebars": _MARKUP + r"|\{\{!",
    **dict.fromkeys(("razor", "aspnetcorerazor"), _MARKUP + r"|@\*"),
    **dict.fromkeys(("xml", "xsl", "svg", "markdown"), "<!--"),
    **dict.fromkeys(("ini", "editorconfig", "systemd", "git-config"), _AT_START),
    "properties": r"^\s*[#!]",
    "ocaml": r"\(\*",
    "bat": r"(?i)^\s*(?:::|@?rem\b)",
    **dict.fromkeys(("vb", "vbscript"), "'"),
    "viml": r'^\s*"',
    "vim": r'^\s*"',
    **dict.fromkeys(("fortran", "fortran-modern", "FortranFreeForm"), "!"),
}
"""How a comment begins on a line."""

_SLASH_STAR, _ARROWS = ("/*", "*/"), ("<!--", "-->")
_BLOCKS = {
    **{language: (_SLASH_STAR,) for language, marks in _MARKS.items() if r"/\*" in marks},
    **dict.fromkeys(("html", "vue", "svelte", "astro"), (_ARROWS, _SLASH_STAR)),
    **dict.fromkeys(("xml", "xsl", "svg", "markdown"), (_ARROWS,)),
    "powershell": (("<#", "#>"),),
    **dict.fromkeys(("twig", "jinja", "jinja-html", "django-html"), (("{#", "#}"), _ARROWS)),
    **dict.fromkeys(("erb", "ejs", "heex"), (("<%#", "%>"), _ARROWS)),
    **dict.fromkeys(("razor", "aspnetcorerazor"), (("@*", "*@"), _ARROWS, _SLASH_STAR)),
    "handlebars": (("{{!--", "--}}"), _ARROWS),
    "blade": (("{{--", "--}}"), _ARROWS),
    "smarty": (("{*", "*}"), _ARROWS),
    **dict.fromkeys(("coq", "sml", "mathematica", "wolfram"), (("(*", "*)"),)),
    "lean": (("/-", "-/"),),
    "julia": (("#=", "=#"),),
    "nim": (("#[", "]#"),),
    "ruby": (("\n=begin", "\n=end"),),
    "perl": (("\n=pod", "\n=cut"), ("\n=head", "\n=cut")),
    "cmake": (("#[[", "]]"),),
    "lua": (("--[[", "]]"),),
    "ocaml": (("(*", "*)"),),
    "fsharp": (("(*", "*)"),),
    "haskell": (("{-", "-}"),),
    "elm": (("{-", "-}"),),
    "matlab": (("%{", "%}"),),
}
"""How comments of several lines begin and end."""
_BLOCK_MARKS = frozenset({"/*", "<!--", "(*"})
_BLOCK_CHARS = 4000
"""Text before a cursor in which a comment of several lines is looked for."""

_MOST_MARKS = 4
"""So many that may begin one are looked at."""
_PATH_MARK = re.compile(r"[\w\[\\/*.]/\*")
"""`/*` in a path or a pattern of characters."""

PROSE = frozenset({"plaintext", "markdown", "latex", "tex", "bibtex", "restructuredtext"})
"""Languages whose text is no code: a quote in it is an apostrophe."""
_TRIPLE = frozenset({"python", "kotlin", "scala", "swift", "julia", "elixir", "toml", "java", "csharp", "gdscript"})
# There a single quote begins a lifetime, a type variable, a quoted form, or stands in a name.
_NO_SINGLE = PROSE | {
    *("rust", "clojure", "lisp", "commonlisp", "scheme", "racket", "elisp", "emacs-lisp", "haskell", "ocaml", "fsharp"),
    *("elm", "json", "jsonc", "vb", "html", "xml", "xsl", "svg"),
}
_SCRIPTS = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact", "vue", "svelte", "astro"})
_BACKTICKS = frozenset(
    _SCRIPTS
    | {"go", "shellscript", "markdown", "ruby", "perl", "php", "kotlin", "scala", "groovy", "sql", "mysql", "lua", "r"}
)
_RAW = {
    "go": "`",
    **dict.fromkeys(("shellscript", "powershell", "yaml", "dockercompose", "toml", "sql", "plsql", "postgres"), "'"),
    "vb": '"',
}
"""The quote of a language in whose text a backslash is none."""
_TEMPLATES = _SCRIPTS | {"go"}
"""Languages whose text in backticks goes on over lines."""
_GOES_ON = re.compile(r"[ \t]*[)%,.\]+};]")
"""What stands after the end of a string, and seldom at the beginning of one."""
_OPENS_CODE = {
    **dict.fromkeys(_SCRIPTS, re.compile(r"\$\{")),
    **dict.fromkeys(
        ("shellscript", "kotlin", "groovy", "dart", "scala", "terraform", "hcl", "nix"), re.compile(r"\$\{")
    ),
    **dict.fromkeys(("ruby", "crystal", "elixir", "coffeescript"), re.compile(r"#\{")),
    "php": re.compile(r"\{(?=\$)|\$\{"),
    "swift": re.compile(r"\\\("),
    "julia": re.compile(r"\$\("),
}
"""What begins code inside of a string."""
_BRACES = re.compile(r"\{(?!\{)")
_FORMATTED = re.compile(r"(?i)(?<!\w)(?:[ft]r?|r[ft])\Z|\$@?\Z|@\$\Z")
"""What stands before the quote of a string whose braces hold code, in Python and C#."""
_PLAIN = re.compile(r"[\w \t]+")
"""Characters that open and close nothing."""
_CLOSERS = {"(": ")", "[": "]", "{": "}"}


def comment_mark(language: str) -> str:
    """A pattern of what begins a comment; one that never matches where there is none."""
    return _MARKS.get(language, _NEVER)


def in_block_comment(language: str, text: str, end: int) -> bool:
    """Whether a comment of several lines is still open at a place in a text."""
    before = ("\n" + text[max(0, end - _BLOCK_CHARS) : end])[-_BLOCK_CHARS:]
    return any(_opens(language, before, *marks) for marks in _BLOCKS.get(language, ()))


def _opens(language: str, before: str, opens: str, closes: str) -> bool:
    """Whether a mark stands after the last that closes, and begins a comment there."""
    at = before.rfind(closes)
    for _ in range(_MOST_MARKS):
        at = before.find(opens, at + 1)
        if at < 0 or not _in_text(language, before[: at + len(opens)], at):
            return at >= 0
    return False


def _in_text(language: str, text: str, at: int) -> bool:
    """Whether the mark at the end of a text stands in a string, a comment, a pattern or a path: `'src/**/*.ts'`."""
    start = text.rfind("\n", 0, at + 1)
    if start < 0:
        return True  # of a line whose beginning is not looked at nothing is guessed
    scanner = scan(language, text[start + 1 : at])
    return bool(scanner.string) or scanner.comment or _PATH_MARK.match(text, max(0, at - 1)) is not None


def quotes(language: str) -> tuple[str, ...]:
    """The quotes that begin a string, the longest first."""
    single = () if language in _NO_SINGLE else ("'",)
    back = ("`",) if language in _BACKTICKS else ()
    plain = ('"', *single, *back)
    return (*(quote * 3 for quote in plain[:2] if language in _TRIPLE and quote != "`"), *plain)


def code_from(language: str, text: str, start: int, end: int) -> int:
    """Where code begins on the part of a line from `start` to `end`: after a string that began on a line above.

    By whether as many such quotes stand above as come in pairs, and by what stands after the first on the line.
    """
    over_lines = (*(quote for quote in quotes(language) if len(quote) == 3), *("`" if language in _TEMPLATES else ""))
    return min((at for quote in over_lines if (at := _ends(quote, text, start, end)) >= 0), default=start)


def _ends(quote: str, text: str, start: int, end: int) -> int:
    at = text.find(quote, start, end)
    after = at + len(quote)
    return after if at >= 0 and _GOES_ON.match(text, after, end) and text.count(quote, 0, start) % 2 else -1


def line_comment(language: str, text: str, scanner: Scanner) -> int:
    """Where the last line of a text begins a comment that goes on to the line's end; -1 where it does not.

    `scanner` has read what stands before the text on its line; it is not changed.
    """
    there, read = scanner.copy(), 0
    for mark in _comment(language).finditer(text, text.rfind("\n") + 1):
        there.read(text[read : mark.start()])
        read = mark.start()
        if not there.string and not there.comment and mark.group().strip() not in _BLOCK_MARKS:
            return mark.start()
    return -1


@lru_cache(maxsize=64)
def _comment(language: str) -> re.Pattern[str]:
    return re.compile(comment_mark(language))


@attrs.frozen
class Open:
    """Something that is open at a place, and what would close it.

    `loose`: a bracket in the text of a string or comment, which editors pair too and parsers do not.
    """

    closer: str
    loose: bool = False
    code: re.Pattern[str] | None = None
    raw: bool = False

    @property
    def is_text(self) -> bool:
        return self.closer not in _CLOSERS.values()


@attrs.define
class Scanner:
    """Reads a text from a place outside of any string, and knows what is open: brackets, and the string around.

    One character costs one step. `lowest` is the least number of open ones since it was last set; no line's end closes
    the first `floor` of them.
    """

    language: str
    open: list[Open] = attrs.field(factory=list)
    lowest: int = 0
    floor: int = 0
    comment: bool = False
    _before: str = ""

    @property
    def string(self) -> str:
        """What closes the string that the place is inside of; empty in code."""
        firm = [each for each in self.open if not each.loose]
        return firm[-1].closer if firm and firm[-1].is_text else ""

    def copy(self) -> Scanner:
        """One that reads on by itself."""
        return attrs.evolve(self, open=list(self.open))

    def closers(self, *, loose: bool) -> list[str]:
        """What would close all that is open, the innermost first, with or without the brackets in text."""
        return [each.closer for each in reversed(self.open) if loose or not each.loose]

    def read(self, text: str) -> Scanner:
        """Go on to the end of a text."""
        at = 0
        while at < len(text):
            at += self._step(text, at)
            if (plain := _PLAIN.match(text, at)) is not None:
                at = plain.end()
        self._before = (self._before + text)[-4:]
        return self

    def _step(self, text: str, at: int) -> int:
        """Read one character or one quote; how long it is."""
        character = text[at]
        if character == "\n":
            self._end_line()
            return 1
        if self.comment:
            return self._in_text(text, at)
        if string := self._string():
            return self._in_string(string, text, at)
        if character == "\\" and self.language == "shellscript":
            return 2
        if _comment(self.language).match(text, at):
            self.comment = True
            return 1
        for quote in quotes(self.language):
            if text.startswith(quote, at):
                self._push(self._string_of(quote, text, at))
                return len(quote)
        return self._bracket(character, loose=False)

    def _string(self) -> Open | None:
        firm = next((each for each in reversed(self.open) if not each.loose), None)
        return firm if firm is not None and firm.is_text else None

    def _string_of(self, quote: str, text: str, at: int) -> Open:
        """What begins with a quote: in Python and C# the letters before it say whether its braces hold code."""
        code = _OPENS_CODE.get(self.language) if quote != "'" else None
        if self.language in ("python", "csharp", "mojo") and _FORMATTED.search((self._before + text[:at])[-4:]):
            code = _BRACES
        raw = quote == _RAW.get(self.language)
        return Open(quote, code=code, raw=raw)

    def _in_string(self, string: Open, text: str, at: int) -> int:
        if string.code and (begins := string.code.match(text, at)):
            self._push(Open(_CLOSERS[begins.group()[-1]]))
            return len(begins.group())
        if text[at] == "\\" and not string.raw:
            return 2
        if text.startswith(string.closer, at):
            self._pop(string)
            return len(string.closer)
        if text.startswith("{{", at) and string.code is _BRACES:
            return 2
        return self._in_text(text, at)

    def _in_text(self, text: str, at: int) -> int:
        """A bracket in text is open until the text ends."""
        return self._bracket(text[at], loose=True)

    def _bracket(self, character: str, *, loose: bool) -> int:
        if character in _CLOSERS:
            self._push(Open(_CLOSERS[character], loose))
        elif self.open and self.open[-1].closer == character and self.open[-1].loose is loose:
            self._pop(self.open[-1])
        return 1

    def _end_line(self) -> None:
        """Comments end, and strings in single quotes (an unfinished one is not taken for the rest of the file)."""
        self.comment = False
        while len(self.open) > self.floor and (self.open[-1].loose or self.open[-1].closer in ("'", '"')):
            self._pop(self.open[-1])

    def _push(self, opened: Open) -> None:
        self.open.append(opened)

    def _pop(self, closed: Open) -> None:
        del self.open[len(self.open) - 1 - self.open[::-1].index(closed) :]
        self.lowest = min(self.lowest, len(self.open))


def scan(language: str, text: str) -> Scanner:
    """What is open at the end of a text that begins in code."""
    return Scanner(language).read(text)


def first_unescaped(text: str, delimiters: Iterable[str], *, raw: bool = False) -> int:
    """Where the first delimiter stands that no backslash precedes, and that is in no `${...}`; -1 where none does."""
    ends = tuple(delimiters)
    at = depth = 0
    while at < len(text):
        if text[at] == "\\" and not raw:
            at += 2
            continue
        if depth == 0 and text.startswith(ends, at):
            return at
        if text.startswith("${", at) and "`" in ends:
            depth += 1
        elif depth and text[at] == "}":
            depth -= 1
        at += 1
    return -1
