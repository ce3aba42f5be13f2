"""Forecasts of a held-out period: scores by lead time beside those of baselines, and hydrographs with fans."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.drawing.encode import Picture
from hydromae.evaluation.compare import ALPHA
from hydromae.evaluation.forecast_verdict import forecast_verdict
from hydromae.evaluation.overlap import MARK, overlap_of
from hydromae.evaluation.tables import short
from hydromae.metrics.efficiency import nse
from hydromae.report.evaluation import REGIMES, Evaluation
from hydromae.report.hydrographs import draw_hydrograph

_QUANTILES: Final = (0.95, 0.65, 0.35, 0.05)  # of the stations' scores: a good, two middling and a poor one
_CHOSEN_BY_LEAD: Final = 3
_MARKS: Final = {1.0: " +", -1.0: " \N{MINUS SIGN}", 0.0: ""}


@dataclass(frozen=True)
class ScoreCell:
    """A median score: its text, with a mark where it differs from the reference's, and whether it is the best."""

    text: str
    best: bool


@dataclass(frozen=True)
class RegimeTable:
    """Scores of one regime: a row for each model, a column for each lead time; tested against the reference."""

    title: str
    leads: tuple[int, ...]
    rows: tuple[tuple[str, tuple[ScoreCell, ...]], ...]
    reference: str


@dataclass(frozen=True)
class Forecasts:
    """The section of the page.

    Attributes:
        period: what was forecast, in words.
        verdict: which baselines are beaten.
        tables: one for each regime.
        pictures: one for each chosen station; none without the observations.
        folder: where the files lie, relative to the run.
    """

    period: str
    verdict: str
    tables: tuple[RegimeTable, ...]
    pictures: tuple[Picture, ...]
    folder: str


def forecasts_section(evaluation: Evaluation) -> Forecasts:
    """Tables and figures of what `hydromae evaluate RUN` wrote; no figures without the observations."""
    return Forecasts(
        period=evaluation.period,
        verdict=" ".join((forecast_verdict(evaluation.scores), *_overlaps(evaluation.scores))).strip(),
        tables=tuple(_table(regime, dataset) for regime, dataset in evaluation.scores.items()),
        pictures=_pictures(evaluation.made, evaluation.observed),
        folder=evaluation.folder,
    )


def _overlaps(scores: Mapping[str, xr.Dataset]) -> list[str]:
    """Notes on scored days that were trained on, each sentence once."""
    overlaps = [overlap_of(dataset.attrs) for dataset in scores.values()]
    return list(dict.fromkeys(f"{overlap.note}." for overlap in overlaps if overlap is not None))


def _table(regime: str, scores: xr.Dataset) -> RegimeTable:
    median = scores["score"].sel(metric="nse", percentile=50).transpose("model", "lead_time").values
    tested = scores[["difference", "p_value"]].sel(statistic="nse").transpose("model", "lead_time")
    differs = np.where(tested["p_value"].values < ALPHA, np.sign(tested["difference"].values), 0.0)
    # A lead time at which no station could be scored has no best model.
    best = np.isfinite(median) & (median == np.max(np.where(np.isnan(median), -np.inf, median), axis=0))
    overlap = overlap_of(scores.attrs)
    names = [f"{name}{'' if overlap is None else MARK}" for name in scores["model"].values]
    rows = tuple(
        (
            name,
            tuple(
                ScoreCell(short(v).replace("-", "\N{MINUS SIGN}") + _MARKS[d], bool(b))
                for v, b, d in zip(*row, strict=True)
            ),
        )
        for name, *row in zip(names, median, best, differs, strict=True)
    )
    untested = np.isnan(tested["difference"].values).all(axis=1)
    reference = names[int(np.flatnonzero(untested)[0])] if untested.any() else ""
    return RegimeTable(
        f"{REGIMES[regime].capitalize()} ({regime})", tuple(scores["lead_time"].values.tolist()), rows, reference
    )


def _pictures(made: dict[str, xr.Dataset], observed: xr.DataArray | None) -> tuple[Picture, ...]:
    if observed is None:
        return ()
    name = str(observed.name)
    skill = {regime: nse(forecast[name], observed, min_pairs=2) for regime, forecast in made.items()}
    first = next(iter(skill.values()))
    lead = min(_CHOSEN_BY_LEAD, int(first["lead_time"].max()))
    stations = _choose(first.sel(lead_time=lead).values)
    return tuple(
        draw_hydrograph(
            {regime: forecast.isel(station=place) for regime, forecast in made.items()},
            observed.sel(station=made[next(iter(made))]["station"].values[place]),
            {regime: efficiency.isel(station=place) for regime, efficiency in skill.items()},
        )
        for place in stations
    )


def _choose(scores: Float[np.ndarray, " station"]) -> Sequence[int]:
    """Stations at the quantiles of the scores, each once."""
    ranked = np.flatnonzero(np.isfinite(scores))
    ranked = ranked[np.argsort(scores[ranked], kind="stable")]
    if not ranked.size:
        return []
    return list(dict.fromkeys(int(ranked[round(q * (len(ranked) - 1))]) for q in _QUANTILES))
