"""A text as words: names, numbers, single signs, blanks, newlines with their indentation."""

import re

LEXEMES = re.compile(r"\n[ \t]*|[ \t]+|[^\W\d]\w*|\d+|[^\w\s]|\s")
FIRST_WORD = re.compile(r"\s*(\w+|[^\w\s]+)")
WORD_END = re.compile(r"\w+\Z")

LONG_LINE = 2000  # characters; what a line has more is data or minified, and stays one lexeme that nothing matches
LONG_WORD = 200  # characters; a longer lexeme is no word
LONG_STEM = 200  # characters before a cursor in which the word that it stands in is looked for


def lex(text: str) -> list[str]:
    """A text as words. No word reaches over a newline but the newline itself, with the blanks that follow it."""
    if len(text) <= LONG_LINE or max(map(len, text.split("\n"))) <= LONG_LINE:
        return LEXEMES.findall(text)
    lines = text.split("\n")
    return [word for number, line in enumerate(lines) for word in _lex_line("\n" + line if number else line)]


def _lex_line(line: str) -> list[str]:
    rest = line[LONG_LINE + 1 :]
    return LEXEMES.findall(line[: LONG_LINE + 1]) + ([rest] if rest else [])


def first_word(text: str) -> str:
    """The first word or run of signs, with the blanks before it."""
    match = FIRST_WORD.match(text)
    return match.group() if match else ""


def stem_of(prefix: str) -> str:
    """The part of a word that stands before a cursor."""
    match = WORD_END.search(prefix[-LONG_STEM:])
    return match.group() if match else ""
