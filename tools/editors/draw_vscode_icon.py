"""Draws the VS Code extension's icon: a line of code, its ghost text, and the cursor between them (run by hand)."""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

from matplotlib import pyplot
from matplotlib.patches import FancyBboxPatch

ICON = Path(__file__).parent.parent.parent / "editors" / "vscode" / "media" / "icon.png"
PIXELS = 256
BACKGROUND, CODE, GHOST, CURSOR = "#1b2433", "#e6edf3", "#5b6b80", "#4cc38a"
# Bars of code as (left, bottom, width, colour), in per cent of the icon.
BARS = [
    (20, 67, 36, CODE),
    (20, 47, 24, CODE),
    (54, 47, 26, GHOST),
    (20, 27, 18, GHOST),
    (43, 27, 30, GHOST),
]


def bar(left: float, bottom: float, width: float, height: float, colour: str) -> FancyBboxPatch:
    shape = f"round,pad=0,rounding_size={min(width, height) / 2}"
    return FancyBboxPatch((left, bottom), width, height, boxstyle=shape, linewidth=0, facecolor=colour)


def main() -> None:
    figure = pyplot.figure(figsize=(1, 1), dpi=PIXELS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.axis("off")
    shape = "round,pad=0,rounding_size=20"
    axes.add_patch(FancyBboxPatch((2, 2), 96, 96, boxstyle=shape, linewidth=0, facecolor=BACKGROUND))
    for left, bottom, width, colour in BARS:
        axes.add_patch(bar(left, bottom, width, 9, colour))
    axes.add_patch(bar(47.5, 43, 3, 17, CURSOR))
    ICON.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(ICON, transparent=True)


if __name__ == "__main__":
    main()
