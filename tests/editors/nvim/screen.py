"""The screen that Neovim draws: cells with text and highlights, as its `ext_linegrid` events build it up."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import attrs
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.text import Text

_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)
GHOST_GROUPS = {"ComplHint", "HybridLspGhost"}


@attrs.define
class Screen:
    """`cells` holds (text, highlight) by row and column; the cursor counts from 0.

    `complete` says whether Neovim has drawn all that it wanted to; `ghostly` are the highlights of ghost text.
    """

    cells: list[list[tuple[str, int]]] = attrs.field(factory=list)
    cursor: tuple[int, int] = (0, 0)
    complete: bool = False
    highlights: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    ghostly: set[int] = attrs.field(factory=set)
    defaults: tuple[int, int] = (0xFFFFFF, 0)

    @property
    def lines(self) -> list[str]:
        return ["".join(text for text, _ in row).rstrip() for row in self.cells]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def before_cursor(self) -> str:
        row, column = self.cursor
        return "".join(text for text, _ in self.cells[row][:column])

    @property
    def ghost(self) -> str:
        """The ghost text from the cursor on, to the end of its line."""
        row, column = self.cursor
        found = ""
        for text, highlight in self.cells[row][column:]:
            if highlight not in self.ghostly:
                break
            found += text
        return found

    def ghost_below(self, lines: int) -> list[str]:
        """The next lines where they are ghost text."""
        row = self.cursor[0]
        below = self.cells[row + 1 : row + 1 + lines]
        return ["".join(text for text, highlight in cells if highlight in self.ghostly).rstrip() for cells in below]

    def take(self, event: Sequence[Any]) -> bool:
        """Take in one kind of event; True for the one that says that all is drawn."""
        name, *batches = event
        handler = getattr(self, f"_{name}", None)
        for batch in batches if handler else []:
            handler(*batch)
        self.complete = name == "flush"
        return self.complete

    def _grid_resize(self, grid: int, width: int, height: int) -> None:
        old = self.cells
        self.cells = [[(" ", 0)] * width for _ in range(height)]
        for row, cells in zip(self.cells, old, strict=False):
            row[: len(cells)] = cells[:width]

    def _grid_clear(self, grid: int) -> None:
        self.cells = [[(" ", 0)] * len(row) for row in self.cells]

    def _grid_cursor_goto(self, grid: int, row: int, column: int) -> None:
        self.cursor = (row, column)

    def _grid_line(self, grid: int, row: int, column: int, cells: list[list[Any]], *_: Any) -> None:
        highlight = 0
        for text, *rest in cells:
            highlight = rest[0] if rest else highlight
            for _ in range(rest[1] if len(rest) > 1 else 1):
                self.cells[row][column] = (text, highlight)
                column += 1

    def _grid_scroll(self, grid: int, top: int, bottom: int, left: int, right: int, rows: int, _: int) -> None:
        order = range(top, bottom - rows) if rows > 0 else range(bottom - 1, top - rows - 1, -1)
        for row in order:
            self.cells[row][left:right] = self.cells[row + rows][left:right]

    def _hl_attr_define(self, number: int, attributes: dict[str, Any], _: Any, state: list[dict[str, Any]]) -> None:
        self.highlights[number] = attributes
        self.ghostly.discard(number)
        if any(each.get("hi_name") in GHOST_GROUPS for each in state):
            self.ghostly.add(number)

    def _default_colors_set(self, foreground: int, background: int, *_: Any) -> None:
        self.defaults = (foreground, background)

    def save(self, path: Path, title: str) -> None:
        """As a picture (SVG) of a terminal."""
        console = Console(record=True, width=len(self.cells[0]), file=io.StringIO(), legacy_windows=False)
        for number, row in enumerate(self.cells):
            looks = [(highlight, (number, column) == self.cursor) for column, (_, highlight) in enumerate(row)]
            line = Text()
            for (highlight, cursor), cells in groupby(zip(looks, row, strict=True), key=lambda pair: pair[0]):
                line.append("".join(text for _, (text, _) in cells), self._style(highlight, cursor=cursor))
            console.print(line, no_wrap=True)
        # Without the fonts that it would have a reader fetch from elsewhere.
        picture = _FONT.sub("", console.export_svg(title=title, unique_id=path.stem))
        path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")

    def _style(self, highlight: int, *, cursor: bool) -> Style:
        attributes = self.highlights.get(highlight, {})
        front, back = attributes.get("foreground", self.defaults[0]), attributes.get("background", self.defaults[1])
        if bool(attributes.get("reverse")) != cursor:
            front, back = back, front
        return Style(
            color=Color.parse(f"#{front:06x}"),
            bgcolor=Color.parse(f"#{back:06x}"),
            bold=attributes.get("bold"),
            italic=attributes.get("italic"),
            underline=attributes.get("underline"),
        )
