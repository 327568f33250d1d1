"""Plots as SVG that needs nothing from anywhere: no script, no font, no address; colours are the page's own."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pygal
from pygal.style import Style

# It adds a finder of modules for its plugins, of a kind that Python warns of at each later import; there are none here.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != pygal.__name__]

_COLOURS = 6
"""`--c1` and so on, which the page defines for light and for dark."""
_INK, _FAINT = "var(--ink)", "var(--faint)"
_NOT_NEEDED = re.compile(r"<!--.*?-->|<script.*?</script>", re.DOTALL)
_ALL_LABELS, _MOST_LABELS = 13, 10

Values = Sequence[float | None]


def lines(days: Sequence[str], series: Mapping[str, Values], unit: str) -> str:
    """A line a series, a point a day."""
    chart = pygal.Line(**_look(unit), dots_size=2.5, stroke_style={"width": 2})
    return _drawn(_labelled(chart, days), series)


def bars(names: Sequence[str], series: Mapping[str, Values], unit: str, *, most: float | None = None) -> str:
    """Groups of bars, side by side."""
    chart = pygal.Bar(**_look(unit), range=(0, most) if most else None)
    return _drawn(_labelled(chart, names), series)


def shares(names: Sequence[str], series: Mapping[str, Values]) -> str:
    """A bar a name, of parts that make up 100 per cent."""
    chart = pygal.HorizontalStackedBar(**_look("%"), range=(0, 100))
    # It draws from below.
    chart.x_labels = list(reversed(names))
    return _drawn(chart, {name: list(reversed(values)) for name, values in series.items()})


def _labelled(chart: Any, names: Sequence[str]) -> Any:
    """Names below; of very many (days) only some."""
    every = max(1, -(-len(names) // _MOST_LABELS)) if len(names) > _ALL_LABELS else 1
    chart.x_labels, chart.x_labels_major = list(names), list(names[::every])
    chart.show_minor_x_labels = False
    return chart


def _look(unit: str) -> dict[str, Any]:
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground=_INK,
        foreground_strong=_INK,
        foreground_subtle=_FAINT,
        guide_stroke_color=_FAINT,
        major_guide_stroke_color=_FAINT,
        colors=tuple(f"var(--c{number})" for number in range(1, _COLOURS + 1)),
        value_colors=(_INK,) * _COLOURS,
        font_family="inherit",
        label_font_size=12,
        major_label_font_size=12,
        legend_font_size=13,
        opacity=1,
        opacity_hover=1,
        transition="0s",
    )
    return {
        "js": [],
        "style": style,
        "width": 760,
        "height": 280,
        "margin": 8,
        "legend_at_bottom": True,
        "legend_box_size": 11,
        "truncate_legend": -1,
        "truncate_label": -1,
        "include_x_axis": True,
        "value_formatter": lambda value: f"{value:.4g}{' ' + unit if unit else ''}",
    }


def _drawn(chart: Any, series: Mapping[str, Values]) -> str:
    for name, values in series.items():
        chart.add(name, list(values))
    svg = chart.render(is_unicode=True, disable_xml_declaration=True)
    assert isinstance(svg, str)
    # Beside it stands a table of the same numbers.
    return _NOT_NEEDED.sub("", svg).replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
