"""Scores as tables: for a page (Markdown), a terminal (rich) and a spreadsheet (CSV)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import xarray as xr

from hydromae.base.csv_text import rows_text
from hydromae.base.secret_values import concealed
from hydromae.base.shown_text import shown

if TYPE_CHECKING:
    from rich.table import Table

HEADLINE: Final = (
    "nse",
    "kge",
    "rmse",
    "percent_bias",
    "fhv",
    "flv",
    "fms",
    "peak_timing",
    "missed_peaks",
    "persistence_skill",
    "crps",
    "coverage",
    "flood_f1",
    "low_flow_f1",
)


@dataclass(frozen=True)
class ScoreTable:
    """Cells as text, one row for each metric or model.

    Args:
        title: above the table.
        columns: heads of the columns; the first columns hold words, those from `numbers` on hold numbers.
        rows: each as long as `columns`.
        note: below the table.
        numbers: position of the first column of numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    numbers: int = 1

    def markdown(self) -> str:
        """The table in GitHub's Markdown, with its title and note."""
        rule = ["---" if i < self.numbers else "--:" for i in range(len(self.columns))]
        lines = [f"| {' | '.join(map(_in_markdown, row))} |" for row in (self.columns, rule, *self.rows)]
        return "\n".join([*([f"**{self.title}**", ""] if self.title else []), *lines, *self._noted()]) + "\n"

    def csv(self) -> str:
        """Comma-separated values with a header, without title and note."""
        return rows_text([self.columns, *self.rows])

    def rich(self) -> "Table":
        """A table for the terminal."""
        from rich.table import Table
        from rich.text import Text

        title, note = (Text(words) if words else None for words in (self.title, self.note))
        table = Table(title=title, caption=note, title_justify="left")
        for i, column in enumerate(self.columns):
            table.add_column(Text(column), justify="left" if i < self.numbers else "right")
        for row in self.rows:
            table.add_row(*map(Text, row))
        return table

    def _noted(self) -> list[str]:
        return ["", self.note] if self.note else []


def quartile_table(
    quartiles: xr.Dataset, metrics: Sequence[str] = HEADLINE, *, spread: bool = True, title: str = ""
) -> ScoreTable:
    """Medians over stations, with lower and upper quartiles: one row for each metric, one column for each lead time.

    Args:
        quartiles: as `forecast_scores.quartiles` returns.
        metrics: names; a name without brackets stands for all its variants, as `flood_f1` for every return period and
            tolerance. Metrics that were not scored, or have no value, are left out.
        spread: whether quartiles are given beside the median.
        title: above the table.
    """
    by_lead = _with_lead(quartiles)
    score, number = by_lead["score"], by_lead["stations"]
    rows = []
    for name in _chosen([str(m) for m in quartiles["metric"].values], metrics):
        values = score.sel(metric=name).transpose("lead_time", "percentile").values
        if np.isfinite(values).any():
            cells = [_cell(low, median, high, spread) for low, median, high in values]
            stations = number.sel(metric=name).values
            units = str(by_lead["metric_units"].sel(metric=name).item())
            rows.append((name, "" if units == "1" else units, *cells, _range(stations)))
    words = "median over stations" + (" (lower to upper quartile)" if spread else "")
    return ScoreTable(title, ("metric", "unit", *_heads(quartiles), "stations"), tuple(rows), words, numbers=2)


def quartile_records(quartiles: xr.Dataset) -> ScoreTable:
    """Every score in a row of its own, in full precision, for a spreadsheet or a data frame."""
    by_lead = _with_lead(quartiles)
    score = by_lead["score"].transpose("metric", "lead_time", "percentile").values
    number = by_lead["stations"].transpose("metric", "lead_time").values
    heads = [str(lead) for lead in by_lead["lead_time"].values] if "lead_time" in quartiles.dims else [""]
    units = by_lead["metric_units"].values
    rows = tuple(
        (str(name), str(units[i]), head, *map(number_text, score[i, j]), str(int(number[i, j])))
        for i, name in enumerate(by_lead["metric"].values)
        for j, head in enumerate(heads)
    )
    columns = ("metric", "units", "lead_time", "lower_quartile", "median", "upper_quartile", "stations")
    return ScoreTable("", columns, rows, numbers=2)


def _in_markdown(cell: str) -> str:
    """A cell, which a line or a bar of its own would break."""
    return shown(str(concealed(cell))).replace("|", r"\|").replace("\n", " ")


def number_text(value: float) -> str:
    """A number in full precision; empty for NaN."""
    return repr(float(value)) if np.isfinite(value) else ""


def short(value: float) -> str:
    """A number as a table shows it, with three decimals below 10, fewer above; a dash for NaN."""
    if not np.isfinite(value):
        return "-"
    return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"


def _with_lead(quartiles: xr.Dataset) -> xr.Dataset:
    return quartiles if "lead_time" in quartiles.dims else quartiles.expand_dims(lead_time=[0])


def _heads(quartiles: xr.Dataset) -> list[str]:
    return [f"lead {lead}" for lead in quartiles["lead_time"].values] if "lead_time" in quartiles.dims else ["all days"]


def _chosen(scored: Sequence[str], metrics: Sequence[str]) -> list[str]:
    return [name for metric in metrics for name in scored if name == metric or name.startswith(f"{metric}[")]


def _cell(low: float, median: float, high: float, spread: bool) -> str:
    return f"{short(median)} ({short(low)} to {short(high)})" if spread and np.isfinite(median) else short(median)


def _range(stations: np.ndarray) -> str:
    low, high = int(stations.min()), int(stations.max())
    return str(low) if low == high else f"{low} to {high}"
