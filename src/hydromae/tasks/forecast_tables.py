"""Tables of forecasts and baselines: for a reader, as Markdown and as CSV."""

from collections.abc import Mapping
from typing import Final

from hydromae.evaluation.compare import Comparison
from hydromae.evaluation.forecast_verdict import forecast_verdict
from hydromae.evaluation.tables import ScoreTable

_SHOWN: Final = ("nse", "kge", "rmse", "fhv", "persistence_skill", "crps")
_FORCING: Final = {"none": "no weather after the issue time", "perfect": "observed weather of the horizon"}


def shown_tables(comparison: Comparison, regime: str, title: str = "") -> list[ScoreTable]:
    """The tables of the metrics that a reader asks for first."""
    metrics = [str(metric) for metric in comparison.scores["metric"].values]
    units = dict(zip(metrics, comparison.scores["metric_units"].values, strict=True))
    names = dict(zip(metrics, comparison.scores["long_name"].values, strict=True))
    head = f"{title}; forcing {regime}: {_FORCING[regime]}".removeprefix("; ") if regime in _FORCING else title
    return [
        comparison.table(metric, f"{names[metric]}{_unit(units[metric])}. {head}")
        for metric in _SHOWN
        if metric in metrics
    ]


def markdown_tables(comparisons: Mapping[str, Comparison], title: str = "") -> list[str]:
    """What the scores say, and all tables of all regimes, each as Markdown."""
    pages = [verdict_of(comparisons) + "\n"]
    pages += [
        table.markdown()
        for regime, comparison in comparisons.items()
        for table in shown_tables(comparison, regime, title)
    ]
    return [page for page in pages if page.strip()]


def verdict_of(comparisons: Mapping[str, Comparison]) -> str:
    """What the forecast is ahead of, where not, and what to try; and which of the days were trained on."""
    overlaps = [comparison.overlap for comparison in comparisons.values()]
    notes = dict.fromkeys(f"{overlap.note}." for overlap in overlaps if overlap is not None)
    verdict = forecast_verdict({regime: comparison.scores for regime, comparison in comparisons.items()})
    return " ".join((verdict, *notes)).strip()


def csv_table(comparisons: Mapping[str, Comparison]) -> str:
    """Every score of every model in a row of its own, with the regime first."""
    tables = {
        regime: comparison.records([str(metric) for metric in comparison.scores["metric"].values])
        for regime, comparison in comparisons.items()
    }
    columns = next(iter(tables.values())).columns
    rows = tuple((regime, *row) for regime, table in tables.items() for row in table.rows)
    return ScoreTable("", ("forcing", *columns), rows).csv()


def _unit(units: object) -> str:
    return "" if units in ("", "1") else f" ({units})"
