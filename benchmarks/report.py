"""The figures of a run: one table in the terminal, and a JSON file for those who compare runs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import attrs
from rich.console import Console
from rich.table import Table

from hybrid_lsp.metrics.report import percentile


@attrs.frozen
class Figure:
    """One measurement. `most` or `least` is what it is held to, None where nothing is."""

    benchmark: str
    name: str
    value: float
    unit: str = ""
    most: float | None = None
    least: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether it is as it must be; None where nothing is asked."""
        if self.most is None and self.least is None:
            return None
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)

    @property
    def wanted(self) -> str:
        bounds = [f"≤ {self.most:g}"] if self.most is not None else []
        return " ".join(bounds + ([f"≥ {self.least:g}"] if self.least is not None else []))


@attrs.define
class Report:
    """What was measured, and in words what was left out and why."""

    figures: list[Figure] = attrs.field(factory=list)
    notes: list[str] = attrs.field(factory=list)

    def add(
        self,
        benchmark: str,
        name: str,
        value: float | None,
        unit: str = "",
        *,
        most: float | None = None,
        least: float | None = None,
    ) -> None:
        """Add a figure; None, where there was nothing to measure, becomes a note."""
        if value is None:
            self.notes.append(f"{benchmark}: {name}: nothing to measure.")
        else:
            self.figures.append(Figure(benchmark, name, value, unit, most, least))

    def table(self) -> Table:
        table = Table(title="hybrid-lsp benchmarks")
        for heading in ("benchmark", "figure", "value", "wanted", ""):
            table.add_column(heading, justify="right" if heading == "value" else "left")
        last = ""
        for each in self.figures:
            mark = {None: "", True: "[green]met[/green]", False: "[red]missed[/red]"}[each.met]
            shown = f"{_short(each.value)} {each.unit}".rstrip()
            table.add_row(each.benchmark if each.benchmark != last else "", each.name, shown, each.wanted, mark)
            last = each.benchmark
        return table

    def print(self, console: Console) -> None:
        console.print(self.table())
        for note in self.notes:
            console.print(f"- {note}", highlight=False, markup=False)

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        figures = [attrs.asdict(each) | {"met": each.met} for each in self.figures]
        path.write_text(json.dumps({"figures": figures, "notes": self.notes}, indent=1) + "\n", encoding="utf-8")


Which = Literal["p50", "p95"]


def quantile(values: Sequence[float], which: Which) -> float | None:
    """The median, or the value that 95 of 100 do not exceed."""
    if which == "p50":
        return statistics.median(values) if values else None
    return percentile(sorted(values), 0.95)


def ratio(value: float | None, other: float | None) -> float | None:
    """How many times the other it is."""
    return value / other if value is not None and other else None


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
