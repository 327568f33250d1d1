"""What a fenced block of a reply says of itself: how long its fence is, and which language its info string names.

Fences are read as CommonMark reads them. A block in another language is no new version of the code: a shell command,
a diff, the output of a run.
"""

from __future__ import annotations

import re

import attrs

LINE = re.compile(r"^ {0,3}(`{3,}|~{3,})([^`\n]*)$")
"""A line that opens or closes a block."""
_INSIDE = re.compile(r"(?m)^[ \t]*(`{3,}|~{3,})")
_WORD = re.compile(r"[\w+#./\\-]+")
_SHORTEST = 3
_PROSE = frozenset({"markdown", "mdx", "quarto", "rmd", "rmarkdown", "myst"})
"""Languages in which new text may well bring fences along."""
_SAME = (
    "python py python3 py3 pyi ipython sage starlark bazel",
    "javascript js jsx mjs cjs es6 node ecmascript typescript ts tsx mts cts javascriptreact typescriptreact flow",
    "c cpp c++ cc cxx h hpp hh objective-c objective-cpp objc objectivec cuda cuda-cpp arduino ino glsl hlsl",
    "csharp cs c# dotnet csx",
    "fsharp fs f#",
    "vb vbnet visualbasic vba",
    "java",
    "kotlin kt kts",
    "scala sc sbt",
    "groovy gradle jenkinsfile",
    "go golang",
    "rust rs",
    "ruby rb erb jruby",
    "lua luau",
    "perl pl pm",
    "r rlang",
    "julia jl",
    "swift",
    "dart",
    "elixir ex exs heex",
    "erlang erl",
    "haskell hs lhs",
    "ocaml ml mli reason",
    "clojure clj cljs edn",
    "lisp elisp emacs-lisp common-lisp scheme racket",
    "zig",
    "nim",
    "sql mysql postgres postgresql pgsql plpgsql sqlite tsql plsql",
    "shellscript sh bash zsh shell ksh fish dash",
    "powershell ps1 pwsh",
    "bat cmd batch dosbatch",
    "console shell-session shellsession sh-session bash-session pycon python-repl irb ghci terminal output stdout log",
    "diff patch udiff",
    "json jsonc json5 jsonl geojson",
    "yaml yml dockercompose github-actions-workflow",
    "toml",
    "ini cfg conf properties dosini dotenv env editorconfig systemd",
    "dockerfile docker containerfile",
    "makefile make mk",
    "cmake",
    "terraform tf hcl",
    "graphql gql",
    "protobuf proto proto3",
    "css scss less sass stylus postcss",
    "html xhtml htm xml svg vue svelte astro handlebars jinja jinja-html html.erb blade razor ejs twig php",
    "markdown md mdx quarto qmd rmd rmarkdown myst",
    "latex tex bibtex",
    "restructuredtext rst",
)
"""Names of the same language, or of languages that share their files."""
_GROUPS = {name: number for number, names in enumerate(_SAME) for name in names.split()}
_WITHIN = {
    "html": "javascript css json",
    "ruby": "html",
    "elixir": "html",
    "makefile": "shellscript",
    "toml": "ini",
    "ini": "toml",
    "json": "javascript",
}
"""Languages that stand in files of another one, or that are one where it matters."""


@attrs.frozen
class Block:
    """A fenced block: its content, its fence and what stands behind that."""

    text: str
    fence: str
    info: str

    @property
    def language(self) -> str:
        """The language that the info string names, in lower case; the suffix where it names a file."""
        match = _WORD.search(self.info)
        if match is None:
            return ""
        word = match[0].lower().strip(".")
        return re.split(r"[./\\]", word)[-1] if "/" in word or "." in word else word

    @property
    def is_diff(self) -> bool:
        return _GROUPS.get(self.language) == _GROUPS["diff"]

    @property
    def is_known(self) -> bool:
        """Whether it names a language that has a group here; plain text is none."""
        return self.language in _GROUPS

    def names(self, language: str) -> bool:
        """Whether it says that it is in a language, by one of its names."""
        here = _GROUPS.get(language)
        return self.language == language or (here is not None and here == _GROUPS.get(self.language))

    def fits(self, language: str) -> bool:
        """Whether it may be code of a language id; a block that names none, or one that nobody knows, may."""
        here, there = _GROUPS.get(language), _GROUPS.get(self.language)
        if here is None or there is None or here == there or language in _PROSE:
            return here is not None or not (self.is_diff and language != "diff")
        return any(_GROUPS[each] == there for each in self._guests(here))

    @staticmethod
    def _guests(group: int) -> list[str]:
        return [each for host, names in _WITHIN.items() if _GROUPS[host] == group for each in names.split()]


@attrs.frozen
class Blocks:
    """The blocks of a reply in order; `unclosed` is the one that the reply ends in, `rest` what follows the last."""

    closed: tuple[Block, ...]
    unclosed: Block | None
    rest: str


def blocks(reply: str, shortest: int = _SHORTEST) -> Blocks:
    """The blocks whose fence is at least so long; shorter fences are text."""
    found: list[Block] = []
    lines: list[str] = []
    opened: re.Match[str] | None = None
    for line in reply.replace("\r\n", "\n").split("\n"):
        match = LINE.match(line)
        if opened is None and match is not None and len(match[1]) >= shortest:
            opened, lines = match, []
        elif opened is not None and match is not None and _closes(match, opened[1]):
            found.append(Block("\n".join(lines), opened[1], opened[2]))
            opened, lines = None, []
        else:
            lines.append(line)
    unclosed = Block("\n".join(lines), opened[1], opened[2]) if opened else None
    return Blocks(tuple(found), unclosed, "\n".join(lines) if opened is None else "")


def _closes(match: re.Match[str], fence: str) -> bool:
    return match[1][0] == fence[0] and len(match[1]) >= len(fence) and not match[2].strip()


def length_for(code: str, language: str) -> int:
    """How long a fence must be for code to stand in it unmistakably: longer than each fence in the code."""
    inner = max((len(found) for found in _INSIDE.findall(code)), default=0)
    return max(inner + 1 if inner else _SHORTEST, _SHORTEST + 1 if language in _PROSE else _SHORTEST)
