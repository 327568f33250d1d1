"""What a grammar says must come: the name of the element, block or environment that a closing tag has just begun.

`</`, `{/`, `{% end`, `{{/` and `\\end{` can close nothing but the innermost of what is open. Text alone is read, so
that it works in every language that has such tags, with a grammar or without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import attrs

_BEFORE_CHARS = 20_000
_MOST_NAME = 80
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"}
    | {"!doctype"}
)
_ELEMENTS = frozenset(
    {"html", "xhtml", "htm", "xml", "xsl", "svg", "vue", "svelte", "astro", "javascriptreact", "typescriptreact"}
    | {"php", "handlebars", "jinja", "jinja-html", "django-html", "html.erb", "erb", "eex", "heex", "blade", "razor"}
    | {"ejs", "twig", "liquid", "htmldjango", "mustache", "xaml", "aspnetcorerazor"}
)
_CASELESS = frozenset(
    {"html", "htm", "php", "django-html", "jinja-html", "htmldjango", "erb", "html.erb", "ejs", "blade"}
)
_BLOCKS = frozenset({"jinja", "jinja-html", "django-html", "htmldjango", "twig", "liquid", "html", "nunjucks"})


@attrs.frozen
class _Kind:
    """Tags of one kind: `begun` is a closing tag up to the cursor with the part of its `name`, `tags` finds those that
    open (a `name`), close (an `end`) or do neither (`alone`); `end` is what follows the name."""

    languages: frozenset[str]
    begun: re.Pattern[str]
    tags: re.Pattern[str]
    end: str


_KINDS = (
    _Kind(
        _ELEMENTS,
        re.compile(r"</(?P<name>[\w.:-]*)\Z"),
        re.compile(
            r"<!--(?:(?!<!--|-->).)*-->|<(?:(?P<end>/[\w.:-]*)|(?P<name>[A-Za-z][\w.:-]*|(?=>)))"
            r"(?:=>|\"[^\"]*\"|'[^']*'|[^<>\"'])*?(?P<alone>/)?>",
            re.DOTALL,
        ),
        ">",
    ),
    _Kind(
        frozenset({"svelte"}),
        re.compile(r"\{/(?P<name>\w*)\Z"),
        re.compile(r"\{(?:#(?P<name>\w+)|(?P<end>/\w*))"),
        "}",
    ),
    _Kind(
        frozenset({"handlebars", "mustache"}),
        re.compile(r"\{\{/(?P<name>\w*)\Z"),
        re.compile(r"\{\{~?(?:[#^](?P<name>\w+)|(?P<end>/\w*))"),
        "}}",
    ),
    _Kind(
        _BLOCKS,
        re.compile(r"\{%-?\s*end(?P<name>\w*)\Z"),
        re.compile(
            r"\{%-?\s*(?:end(?P<end>\w*)|(?P<name>if|for|block|with|macro|call|filter|autoescape|raw|trans|unless|case"
            r"|comment|spaceless|embed|apply|verbatim|capture|tablerow|blocktrans(?:late)?)\b)"
        ),
        " %}",
    ),
    _Kind(
        frozenset({"latex", "tex", "rsweave"}),
        re.compile(r"\\end\{(?P<name>[\w*]*)\Z"),
        re.compile(r"\\begin\{(?P<name>[\w*]+)\}|(?P<end>\\end\{[\w*]*\})"),
        "}",
    ),
)


def closing(language: str, prefix: str, suffix: str) -> str:
    """The rest of a closing tag that the text before the cursor has begun; empty where none has, or nothing is open."""
    line = prefix[max(prefix.rfind("\n", max(0, len(prefix) - _MOST_NAME)) + 1, len(prefix) - _MOST_NAME) :]
    for kind in _KINDS:
        begun = kind.begun.search(line) if language in kind.languages else None
        if begun is None:
            continue
        above = prefix[-_BEFORE_CHARS : len(prefix) - len(begun.group())]
        name = next(_open(kind, above, language), None)
        if name is None or not name.startswith(begun["name"]):
            return ""
        rest = name[len(begun["name"]) :]
        return rest if suffix.startswith(kind.end) else rest + kind.end
    return ""


def _open(kind: _Kind, text: str, language: str) -> Iterator[str]:
    """The names of what is open at the end of a text, the innermost first."""
    plain: Callable[[str], str] = str.lower if language in _CASELESS else str
    is_open: list[str] = []
    for tag in kind.tags.finditer(text):
        found = tag.groupdict()
        if found["end"] is not None:
            name = found["end"].lstrip("/")
            if is_open and (not name or name.startswith("\\") or plain(is_open[-1]) == plain(name)):
                is_open.pop()
        elif found["name"] is not None and not found.get("alone") and found["name"].lower() not in _VOID:
            is_open.append(found["name"])
    yield from reversed(is_open)
