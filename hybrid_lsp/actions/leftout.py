"""What a model left out of its new code, or hinted at: to write that into a file would delete what was there.

Four kinds: a line that stands for others (`# ... rest of the function stays the same ...`), a comment that stands where
code was, a body that is a mere placeholder where there was a real one, and a selection that became empty though nobody
asked for that.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from hybrid_lsp.actions import indentation, names
from hybrid_lsp.context import grammars, scope, symbols
from hybrid_lsp.document import Document, line_diff

if TYPE_CHECKING:  # loaded at first use: an editor window starts without it
    from tree_sitter import Node

_PROSE = frozenset({"markdown", "mdx", "plaintext", "restructuredtext", "asciidoc", "git-commit"})
"""Languages in whose lines `#` and `*` begin no comment."""
_LEADER = r"(?:#+|//+|/\*+|\*+|--+|;+|%+|<!--|\{/\*|\{-|\(\*|'|\"|REM\b|rem\b|!|@REM\b)"
_COMMENT = re.compile(rf"^\s*{_LEADER}\s*(?P<said>.*?)\s*(?:\*+/\}}?|-->|-\}}|\*\))?\s*$")
_REMARK = re.compile(r"^\s*(?:#(?!!?\[)|//|/\*|--\s|<!--|;;|%\s|\(\*|\{-|\{/\*)")
_SHARP_IS_CODE = frozenset(
    {"c", "cpp", "csharp", "objective-c", "objective-cpp", "rust", "php", "css", "scss", "javascript"}
)
_MARKUP = re.compile(r"^\s*<!--\s*(?P<said>.*?)\s*-->\s*$")
_ASIDE = re.compile(r"^\s*(?:[*_]{1,3}\s*)?[\[(](?P<said>[^\[\]()]*)[\])](?:\s*[*_]{1,3})?\s*$")
"""A line of prose that is all in brackets."""
_TRAILING = re.compile(r"\s(?:#|//|--|/\*)\s?(?P<said>(?:\.{3}|…)[^*]*)(?:\*/)?$")
_BESIDE_NOTHING = re.compile(r"^\s*(?:pass|return|continue|\.{3}|…)\s*;?\s*(?:#|//)\s*(?P<said>\S.*?)\s*$")
"""A comment behind a statement that does nothing."""
_INLINE = re.compile(r"/\*\s*(?P<said>[^*]{1,80}?)\s*\*/")
_ADORNED = " \t[](){}<>-=*~_#/:|`'\""
"""What may stand around the words of such a comment."""
_TODO = re.compile(r"(?i)^(?:todo|fixme|note|mark)\b\s*(?:\([^)]*\))?\s*:?\s*-?\s*")
_SPACED_DOTS = re.compile(r"\.(?:\s+\.){2,}")
_OTHER_DOTS = str.maketrans("⋮⋯︙", "………")
_LONGEST_LINE = 300
"""Characters; a longer line is no comment that stands for code, and takes long to look at."""
_DOTS = r"(?:\.{3,}|…)"
_BARE = re.compile(rf"^\s*[\[(<{{]?\s*{_DOTS}\s*(?:(?:existing|rest|remaining|other|same|unchanged)\b.*)?[\])>}}]?\s*$")
_THINGS = (
    r"(?:code|methods?|functions?|class(?:es)?|body|lines?|imports?|content|logic|implementation|fields?|cases?|file"
    r"|propert(?:y|ies)|tests?|rules?|routes?|styles?|markup|script|template|statements?|definitions?|members?|items?"
    r"|handlers?|configuration|config|settings?|loop|block|section|parts?|stuff|query|list|table|page|elements?|nodes?|entries"
    r"|keys|options?|columns?|imports?|arms?|branches|calls?|components?|document|page|text|paragraphs?|sections?|rows?"
    r"|variables|constants|types|instructions|dependencies|helpers|constructors?|getters|setters|steps?|checks?)"
)
_HINT = re.compile(
    r"\b(?:existing|rest|remain\w*|unchanged|same|previous|other|omit\w*|original|code|more|here|before|above|below|etc"
    r"|implementation|skip\w*|continu\w*|keep|truncat\w*|snip\w*|unver\w+|rest\w*|resto|reste|restante|igual)\b"
    r"|其余|其他|不变|省略|同上|残り|остальн|без изменений",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    rf"""(?ix)
    ^(?:the\s+)?(?:rest|remainder)\s+of\s+(?:the\s+|your\s+|this\s+)?(?:\w+\s+){{0,3}}?{_THINGS}\b
    |^(?:the\s+)?(?:existing|remaining|other|previous|original|old)\s+(?:\w+\s+){{0,2}}?{_THINGS}
      (?:\s+(?:(?:goes|go)\s+)?(?:here|above|below|unchanged|omitted|similarly|(?:as|like)\s+before
        |(?:remains?|stays?|is|are)\s+(?:here|below|above|unchanged|omitted|not\s+shown|as\s+\w+|the\s+same|similar)\b.*
      ))?[.:]?$
    |^(?:[\w.,`()]+\s+){{0,5}}(?:remains?|stays?|is|are|left|kept)\s+(?:unchanged|the\s+same|as\s+(?:is|before))[.]?$
    |^(?:(?:the|your|all)\s+)?(?:(?:rest|remaining|existing|other|original)\s+(?:of\s+)?(?:the\s+)?)?
      (?:{_THINGS}|rest|remainder|everything|others?)\s+(?:else\s+)?(?:is\s+|are\s+|kept\s+|left\s+)*
      (?:unchanged|omitted|elided|the\s+same|same|as\s+(?:is|before|above))(?:\s+\w+){{0,2}}[.]?$
    |^\d+\s+(?:\w+\s+)?lines?\s+(?:\w+\s+)?(?:omitted|unchanged|skipped|elided|truncated)
    |^(?:the\s+|your\s+)?(?:\w+\s+)?{_THINGS}\s+(?:goes|go|comes|follows)\s+here\b
    |^(?:etc|rest|and\s+so\s+on)[.]?$
    |^same\s+(?:\w+\s+)?(?:{_THINGS}\b|as\s+(?:in\s+|the\s+)*original)(?:\s+as\s+(?:before|above))?$
    |^(?:continue\s+with\s+)?(?:the\s+)?existing\s+{_THINGS}(?:\s+continues?)?[.]?$
    |^(?:unchanged|omitted|snip(?:ped)?|elided|truncated|(?:same\s+)?as\s+(?:before|above)|no\s+changes?(?:\s+here)?)
      (?:\s+(?:here|above|below|before|from|in|for|to|the|this|part|code|lines?|original|needed|brevity|{_THINGS}))*[.]?$
    |^[\w.,`()-]+(?:\s+[\w.,`()-]+){{0,2}}\s+(?:unchanged|omitted|elided)[.]?$
    |^keep\b.{{0,40}}\s(?:unchanged|the\s+same|as\s+(?:is|before|it\s+is|they\s+are))[.]?$
    |^see\s+(?:the\s+)?(?:original|previous|existing|above)\b
    |^(?:(?:handle|add|do|repeat|process|implement)\s+)?(?:the\s+)?(?:other|remaining|rest\b.*?|others)\b.{{0,40}}
      \s(?:similarly|likewise|accordingly|in\s+the\s+same\s+way)[.]?$
    |^(?:repeat|do\s+the\s+same|and\s+so\s+on)\s+for\s+(?:the\s+|all\s+)?(?:other|remaining|rest)\b
    |\bfor\s+brevity\b
    |^(?:put\s+|add\s+|insert\s+|write\s+)?(?:your|the)\s+(?:\w+\s+){{0,2}}{_THINGS}\s+(?:goes\s+|go\s+)?here\b
    |^keep\s+(?:the\s+|your\s+)?(?:rest|existing|other|remaining|original)(?:\s+(?:of\s+)?(?:the\s+|your\s+)?\w+)?
      (?:\s+(?:unchanged|the\s+same|here|as\s+(?:is|before|it\s+is)))?[.]?$
    |^{_THINGS}\s+continues?\b
    |^(?:restlicher?|übriger?)\s+code\b|\bbleib(?:t|en)\s+(?:gleich|unverändert)
    |^(?:el\s+)?resto\s+del\s+código|\bsin\s+cambios[.]?$|^(?:le\s+)?reste\s+du\s+code|\binchangée?s?[.]?$
    |^(?:o\s+)?rest(?:o|ante)\s+do\s+código
    |其余.{{0,6}}(?:代码|不变)|其他代码|既存の?コード|原有代码|保持不变|代码省略|残りのコード|остальной\s+код|без\s+изменений
    """
)
"""What stands for left out code without dots; it counts only where code is gone as well."""

_PLACEHOLDER = re.compile(
    r"""(?ix)^\{?\s*(?:
    (?:return\s+)?(?:\.{3} | …) | todo!\s*\(.*\) | unimplemented!\s*\(.*\) | raise\s+NotImplementedError\b.*
    | throw\s+(?:new\s+)?\w*(?:NotImplemented|UnsupportedOperation)\w*\s*\(.*\)
    | throw\s+new\s+\w*(?:Error|Exception)\s*\(\s*['"`](?:not\s+(?:yet\s+)?implemented|todo|unimplemented).*\)
    | panic\s*\(\s*"(?:not\s+(?:yet\s+)?implemented|todo|unimplemented).*\)
    )\s*;?\s*\}?$""",
    re.DOTALL,
)
_STUB = re.compile(r"^\s*(?:TODO\(.*\)|\?\?\?|fatalError\(.*\)|throw\s+UnimplementedError\(.*\);?)\s*$")
"""The same where no grammar tells bodies."""
_NOTHING = re.compile(r"^\{?\s*(?:pass|end|return)?\s*;?\s*\}?$")
_WANTS_STUB = re.compile(
    r"(?i)\b(?:stubs?|abstract|interface|protocol|placeholder|todo|not\W?implemented|skeleton)\b|\.{3}"
)
_WANTS_LESS = re.compile(
    r"(?i)\b(?:delet\w*|remov\w*|drop\w*|eras\w*|discard\w*|get\s+rid|throw\s+away|eliminat\w*|purg\w*|wipe\w*"
    r"|(?:empty|clear|cut|strip|kill)\s+(?:out|this|it|all|everything|the)\b|take\s+(?:\w+\s+)+out"
    r"|lösch\w*|entfern\w*|supprim\w*|effac\w*|enl[eè]v\w*|elimin\w*|borr\w*|quita\w*|apag\w*|exclu\w*|verwijder\w*)\b"
    r"|удал|убер|删除|移除|去掉|削除|삭제|제거"
)
_NEEDLESS = re.compile(
    r"(?i)\b(?:unused|unreachable|redundant|duplicate\w*|redefin\w*|redeclar\w*|unnecessary|useless|dead|superfluous"
    r"|extraneous|remove|(?:never|not)\s+(?:\w+\s+)?(?:used|read|accessed|called|referenced)|no\s+effect|pointless"
    r"|obsolete|shadowed|already\s+(?:defined|declared|imported))\b"
)
_FEW_WORDS = 5
_MOST_LINES = 3000
"""Of a longer piece of code lines are not compared."""
_SHOWN = 60


def asks_to_delete(instruction: str) -> bool:
    """Whether a user's words may mean that nothing is to be left."""
    return bool(_WANTS_LESS.search(instruction))


def is_needless(message: str) -> bool:
    """Whether a problem may be mended by deleting what it stands on."""
    return bool(_NEEDLESS.search(message))


def complaint(old: Document, new: Document, instruction: str = "") -> str | None:
    """What is left out of `new` that is in `old`, in words that a model can act on."""
    for line, kind in _stand_ins(old, new, wants_stub=bool(_WANTS_STUB.search(instruction))):
        if kind or _lost(old.text, new.text):
            shown = line.strip() if len(line.strip()) <= _SHOWN else f"{line.strip()[: _SHOWN - 3]}..."
            return f"The line `{shown}` stands for code that is left out: write all of the code."
    if hollow := _hollow(old, new, instruction):
        return f"The body of `{hollow}` is left out: write all of the code."
    remark = None if asks_to_delete(instruction) else _in_the_place_of_code(old, new)
    return f"The line `{remark[:_SHOWN]}` stands where code was: write all of the code." if remark else None


def _stand_ins(old: Document, new: Document, *, wants_stub: bool) -> Iterator[tuple[str, bool]]:
    """New lines that may stand for others; with True those that cannot mean anything else."""
    known = Counter(line.strip() for line in old.text.split("\n"))
    inside = indentation.lines_in_strings(new.text, new.language)
    for number, line in enumerate(new.text.split("\n")):
        if number in inside:
            continue
        if known[line.strip()] > 0:
            known[line.strip()] -= 1
        elif (said := _said(line, new.language)) is not None:
            if (certain := _stands_for_more(said)) is not None:
                yield line, certain
        elif _is_bare(line, new.language) or (not wants_stub and _is_stub(line, new.language)):
            yield line, False
    yield from (("...", False) for _ in range(_ellipses(new) - _ellipses(old)))


def _in_the_place_of_code(old: Document, new: Document) -> str | None:
    """A new comment, in whatever language it is written, for which lines of code went that nothing else replaces.

    Only where it cannot be a remark on what follows: a definition went there, or a block ends behind it.
    """
    before, after = old.text.split("\n"), new.text.split("\n")
    if max(len(before), len(after)) > _MOST_LINES or old.language in _PROSE:
        return None
    gone = set(names.defined(old)) - set(names.defined(new))
    commented = {line.strip().lstrip("#/*-;%! ") for line in after}
    for kind, start, end, at, until in line_diff(before, after).get_opcodes():
        lost = [line for line in before[start:end] if line.strip() and not _is_remark(line, old.language)]
        put = [line for line in after[at:until] if line.strip()]
        if kind != "replace" or not put or not all(_is_remark(line, old.language) for line in put):
            continue
        if any(line.strip() in commented for line in lost):
            continue  # code that is a comment now
        takes = any(re.search(rf"(?<!\w){re.escape(name.rsplit('.')[-1])}(?!\w)", " ".join(lost)) for name in gone)
        if takes or (len(lost) > 1 and _ends_block(after, until, put[-1])):
            return put[-1].strip()
    return None


def _is_remark(line: str, language: str) -> bool:
    """Whether a line is nothing but a comment; in doubt it is code."""
    if language in _SHARP_IS_CODE and line.lstrip().startswith("#"):
        return False
    return len(line) <= _LONGEST_LINE and _REMARK.match(line) is not None


def _ends_block(lines: Sequence[str], at: int, line: str) -> bool:
    following = next((each.expandtabs() for each in lines[at:] if each.strip()), "")
    deep, line = len(following) - len(following.lstrip()), line.expandtabs()
    return deep < len(line) - len(line.lstrip()) or not following


def _is_bare(line: str, language: str) -> bool:
    """Whether a line is dots without a comment, where these are no code."""
    return language not in ("python", "yaml") and bool(_BARE.match(line))


def _is_stub(line: str, language: str) -> bool:
    return not grammars.known(language) and bool(_STUB.match(line))


def _stands_for_more(said: str) -> bool | None:
    """Whether a comment's words stand for other lines: True for certain, False where lines are gone; else None."""
    said = _SPACED_DOTS.sub("...", said.translate(_OTHER_DOTS)).strip(_ADORNED + "!")
    if not re.search(r"\w", said):
        return True if re.search(_DOTS, said) else None
    words = _TODO.sub("", said).strip(_ADORNED).strip(".… ") or said
    if re.search(rf"^{_DOTS}", said) and _HINT.search(said):
        return True
    if re.search(rf"^{_DOTS}.*{_DOTS}$", said) and len(words.split()) <= _FEW_WORDS:
        return False
    is_short = re.search(rf"{_DOTS}$", said) and len(words.split()) <= _FEW_WORDS
    return False if _SENTENCE.search(words) or (is_short and _HINT.search(said)) else None


def _ellipses(document: Document) -> int:
    """Statements of Python that are three dots, but for those that are all of a definition's body."""
    tree = symbols.tree(document) if document.language == "python" else None
    found = (node for node in grammars.walk(tree.root_node) if node.type == "ellipsis") if tree else ()
    return sum(_stands_in_a_block(node) for node in found)


def _stands_in_a_block(node: Node) -> bool:
    statement = node.parent
    block = statement.parent if statement is not None and statement.type == "expression_statement" else None
    owner = block.parent if block is not None and block.type == "block" else None
    if owner is None or block is None:
        return False
    others = [each for each in block.named_children if "comment" not in each.type and not symbols.is_docstring(each)]
    return owner.type not in ("function_definition", "class_definition") or len(others) > 1


def _said(line: str, language: str) -> str | None:
    """The words of a line's comment."""
    if len(line) > _LONGEST_LINE:
        return None
    patterns = (_MARKUP, _ASIDE) if language in _PROSE else (_COMMENT, _BESIDE_NOTHING, _TRAILING, _INLINE)
    return next((match["said"] for each in patterns if (match := each.search(line))), None)


def _lost(old: str, new: str) -> bool:
    """Whether lines are gone."""
    kept = Counter(line.strip() for line in new.split("\n"))
    return any(count > kept[line] for line, count in Counter(map(str.strip, old.split("\n"))).items() if line)


def _hollow(old: Document, new: Document, instruction: str) -> str | None:
    """A definition that has become a placeholder, or empty."""
    before, after = Counter(_hollows(old)), Counter(_hollows(new))
    had, has = _real(old, before), _real(new, after)
    broken = bool(symbols.syntax_errors(new))  # then an empty body may be one that was not read
    for (name, empty), count in after.items():
        wanted = asks_to_delete(instruction) if empty else bool(_WANTS_STUB.search(instruction))
        # Overloads of Python stand beside what they declare.
        if has[name] < had[name] and not wanted and not (empty and broken) and count > before[name, empty]:
            return name
    return None


def _real(document: Document, hollows: Counter[tuple[str, bool]]) -> Counter[str]:
    """How often each name is defined with a body that does something."""
    return Counter(name for name, _ in _bodies(document)) - Counter(name for name, _ in hollows.elements())


def _hollows(document: Document) -> Iterator[tuple[str, bool]]:
    """Names of the definitions whose body is a placeholder (False), or nothing (True)."""
    for name, body in _bodies(document):
        if _PLACEHOLDER.match(body):
            yield name, False
        elif _NOTHING.match(body):
            yield name, True


def _bodies(document: Document) -> Iterator[tuple[str, str]]:
    """Each function of a piece of code with its body, without comments and docstrings."""
    tree = symbols.tree(document)
    for node in grammars.walk(tree.root_node) if tree else ():
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if node.type in scope.SCOPES and name is not None and body is not None:
            yield symbols.text_of(document, name), _bare(document, body)


def _bare(document: Document, body: Node) -> str:
    parts, at = list[str](), body.start_byte
    for child in body.children:
        if "comment" in child.type or symbols.is_docstring(child):
            parts.append(document.text[at : child.start_byte])
            at = child.end_byte
    return "".join([*parts, document.text[at : body.end_byte]]).strip()


def holds_code(document: Document) -> bool:
    """Whether there is more than comments and white space; without a grammar any text counts."""
    tree = symbols.tree(document)
    if tree is None:
        return bool(document.text.strip())
    return any("comment" not in child.type for child in tree.root_node.named_children)
