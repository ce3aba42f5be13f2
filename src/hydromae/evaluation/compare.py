"""Several forecasts side by side: scored on the same days, with significant differences marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Final, get_args

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.evaluation.forecast_scores import quartiles, score_forecast
from hydromae.evaluation.overlap import Overlap, overlap_of
from hydromae.evaluation.significance import BLOCK_DAYS, RESAMPLES, Statistic, bootstrap_difference, diebold_mariano
from hydromae.evaluation.tables import ScoreTable, number_text, short
from hydromae.metrics.pairs import MIN_PAIRS, pair, sample_dim, with_whole_leads

ALPHA: Final = 0.05
# Scores of every forecast that are kept for each station, beside the quartiles over stations.
OF_STATIONS: Final = ("nse", "kge", "rmse", "percent_bias")
UNSCORED: Final = "unscored"  # attribute of scores that says why some are missing
TESTED: Final[tuple[Statistic, ...]] = get_args(Statistic)


@dataclass(frozen=True)
class Comparison:
    """The scores of several forecasts, and whether they differ from a reference.

    Args:
        scores: `score` [model, metric, lead_time, percentile] and `stations` [model, metric, lead_time] as `quartiles`
            returns; `difference`, `lower`, `upper`, `p_value` [model, statistic, lead_time] as `bootstrap_difference`
            against the reference, NaN for itself; `stations_better` and `stations_worse` [model, lead_time], the shares
            of stations whose squared errors differ from the reference's by Diebold's and Mariano's test at `ALPHA`.
            Without lead_time where series are compared. Its attributes say if days were trained on.
        reference: the model that the others are tested against.
        note: how the differences were tested, in words.
        stations: `<metric>_of_models` [model, lead_time, station] of each of `OF_STATIONS`; without lead_time where
            series are compared.
    """

    scores: xr.Dataset
    reference: str
    note: str
    stations: xr.Dataset = field(default_factory=xr.Dataset)

    def table(self, metric: str = "nse", title: str = "") -> ScoreTable:
        """Medians over stations of one metric: one row for each model, one column for each lead time.

        A `+` or `-` after a number of `nse` or `kge` says that it is above or below the reference's, `p < ALPHA`.
        """
        by_lead = self._by_lead
        score = by_lead["score"].sel(metric=metric, percentile=50).transpose("model", "lead_time").values
        marks = np.full(score.shape, "", dtype=object)
        if metric in TESTED:
            tested = by_lead.sel(statistic=metric).transpose("model", "lead_time", ...)
            means = tested["p_value"].values < ALPHA
            marks[means & (tested["difference"].values > 0)] = " +"
            marks[means & (tested["difference"].values < 0)] = " -"
        number = by_lead["stations"].sel(metric=metric).max("lead_time").values
        rows = tuple(
            (str(name), *(short(v) + mark for v, mark in zip(score[i], marks[i], strict=True)), str(int(number[i])))
            for i, name in enumerate(by_lead["model"].values)
        )
        note = f"median over stations. {self.note}" if metric in TESTED else "median over stations"
        if why := self.scores.attrs.get(UNSCORED):
            note = f"{note}. {why}"
        table = ScoreTable(title or metric, ("model", *self._heads, "stations"), rows, note)
        return table if self.overlap is None else self.overlap.table(table)

    @property
    def overlap(self) -> Overlap | None:
        """Scored days that a model was trained on, which every row of the tables then says."""
        return overlap_of(self.scores.attrs)

    def with_overlap(self, overlap: Overlap | None) -> "Comparison":
        """The same comparison, which says that some of its days were trained on, if any were."""
        return self if overlap is None else replace(self, scores=self.scores.assign_attrs(overlap.attributes()))

    def with_reason(self, why: str) -> "Comparison":
        """The same comparison, whose tables say why they have no scores, unless `why` is empty."""
        return replace(self, scores=self.scores.assign_attrs({UNSCORED: why})) if why else self

    def records(self, metrics: Sequence[str] = TESTED) -> ScoreTable:
        """Scores, differences and p values in full precision, one row for each model, metric and lead time."""
        by_lead, rows = self._by_lead, []
        heads = [str(lead) for lead in by_lead["lead_time"].values] if "lead_time" in self.scores.dims else [""]
        for name in by_lead["model"].values:
            for metric in metrics:
                of_metric = by_lead.sel(model=name, metric=metric)
                spread = of_metric["score"].transpose("lead_time", "percentile").values
                tests = np.full((len(heads), 4), np.nan)
                if metric in TESTED:
                    tested = of_metric.sel(statistic=metric)
                    tests = np.stack([tested[k].values for k in ("difference", "lower", "upper", "p_value")], -1)
                rows += [
                    (
                        str(name),
                        metric,
                        head,
                        *map(number_text, (*spread[j], *tests[j])),
                        str(int(of_metric["stations"][j])),
                    )
                    for j, head in enumerate(heads)
                ]
        columns = ("model", "metric", "lead_time", "lower_quartile", "median", "upper_quartile")
        tests_of = ("difference", "difference_lower", "difference_upper", "p_value", "stations")
        table = ScoreTable("", (*columns, *tests_of), tuple(rows), numbers=2)
        return table if self.overlap is None else self.overlap.records(table)

    @property
    def _by_lead(self) -> xr.Dataset:
        return self.scores if "lead_time" in self.scores.dims else self.scores.expand_dims(lead_time=[0])

    @property
    def _heads(self) -> list[str]:
        if "lead_time" not in self.scores.dims:
            return ["all days"]
        return [f"lead {lead}" for lead in self.scores["lead_time"].values]


def compare(
    forecasts: Mapping[str, xr.DataArray],
    observed: xr.DataArray,
    *,
    training: xr.DataArray | None = None,
    reference: str | None = None,
    min_pairs: int = MIN_PAIRS,
    resamples: int = RESAMPLES,
    block_days: int = BLOCK_DAYS,
    seed: int = 0,
) -> Comparison:
    """Score several forecasts on the pairs that all of them have, and test them against one of them.

    Args:
        forecasts: by name, [issue_time, lead_time, station] or [time, station], with or without `quantile`; lead
            times may differ, and each is then scored for the forecasts that have it.
        observed: [time, station] in the same unit.
        training: [time, station], the training record, for thresholds of floods and low flows and for persistence.
        reference: name of the forecast that the others are tested against; by default the first.
        min_pairs: a station and lead time with fewer complete pairs is not scored.
        resamples: number of resamples of the block bootstrap.
        block_days: length of its blocks.
        seed: of its draws.

    Raises:
        DataError: there is no forecast, the reference is unknown, or no pair is in all; or as for `score_forecast`.
    """
    if not forecasts:
        raise DataError("no forecast to compare; give at least one")
    reference = next(iter(forecasts)) if reference is None else reference
    if reference not in forecasts:
        raise DataError(f"{reference}: not among the forecasts; the reference is one of {', '.join(forecasts)}")
    shared = _on_common_pairs({name: with_whole_leads(forecast) for name, forecast in forecasts.items()})
    of_stations = [score_forecast(f, observed, reference=training, min_pairs=min_pairs) for f in shared.values()]
    each = [quartiles(scored) for scored in of_stations]
    words = _words(each)
    models = np.array(list(shared), dtype=object)
    numbers = [q.drop_vars(("metric_units", "long_name")) for q in each]
    scores = xr.concat(numbers, "model", join="outer", combine_attrs="override").assign_coords(model=models)
    scores["stations"] = scores["stations"].fillna(0).astype(np.int64)
    scores = scores.sel(metric=list(words)).assign_coords(
        metric_units=("metric", np.array([unit for unit, _ in words.values()], dtype=object)),
        long_name=("metric", np.array([name for _, name in words.values()], dtype=object)),
    )
    tests = [
        _tested(f, shared[reference], observed, min_pairs, resamples, block_days, seed) if name != reference else None
        for name, f in shared.items()
    ]
    tested = [t for t in tests if t is not None]
    if tested:
        empty = tested[0] * np.nan
        joined = xr.concat([empty if t is None else t for t in tests], "model", join="outer", combine_attrs="override")
        scores = scores.merge(joined.assign_coords(model=models), join="outer")
    else:
        scores = scores.assign(_nothing_tested(scores))
    note = (
        f"+ or -: above or below {reference}, p < {ALPHA:g} "
        f"(block bootstrap of time, {resamples} resamples of {block_days}-day blocks)"
    )
    return Comparison(scores, reference, note, _side_by_side(of_stations, models))


def _side_by_side(of_stations: Sequence[xr.Dataset], models: np.ndarray) -> xr.Dataset:
    kept = [scored[list(OF_STATIONS)].astype(np.float32) for scored in of_stations]
    joined = xr.concat(kept, "model", join="outer", combine_attrs="override").assign_coords(model=models)
    return joined.rename({name: f"{name}_of_models" for name in OF_STATIONS})


def common_pairs(forecasts: Mapping[str, xr.DataArray], observed: xr.DataArray) -> xr.DataArray:
    """Number of days on which `compare` scores each station, [lead_time, station] or [station].

    Args:
        forecasts: by name; the lead times are those of the first forecast.
        observed: [time, station].

    Raises:
        DataError: as for `compare`.
    """
    shared = _on_common_pairs({name: with_whole_leads(forecast) for name, forecast in forecasts.items()})
    _, seen = pair(next(iter(shared.values())), observed, 1)
    return seen.notnull().sum(sample_dim(seen))


def _on_common_pairs(forecasts: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """The forecasts on shared days and stations, where all forecasts that have the lead time have a value."""
    there = {}
    for name, forecast in forecasts.items():
        finite = xr.DataArray(np.isfinite(forecast))
        there[name] = finite.all("quantile") if "quantile" in finite.dims else finite
    places = [d for d in ("issue_time", "time", "station") if all(d in mask.dims for mask in there.values())]
    masks = xr.align(*there.values(), join="inner", exclude=["lead_time"])
    if not all(masks[0].sizes[d] for d in places):
        raise DataError(f"{', '.join(forecasts)}: no issue time and station that all have; forecast the same ones")
    every_lead = sorted({int(lead) for mask in masks if "lead_time" in mask.dims for lead in mask["lead_time"].values})
    if every_lead:
        # a lead time without any value in one forecast stays with the others
        masks = tuple(m.where(m.any(places), True).reindex(lead_time=every_lead, fill_value=True) for m in masks)
    common = reduce(lambda first, second: first & second, masks)
    if not common.any():
        raise DataError(f"{', '.join(forecasts)}: no issue time and station that all have; forecast the same ones")
    return {
        name: f.sel({d: common[d] for d in (*places, "lead_time") if d in f.dims and d != "lead_time"})
        .where(common.sel(lead_time=f["lead_time"]) if "lead_time" in f.dims else common)
        .transpose(*f.dims)
        .assign_attrs(f.attrs)
        for name, f in forecasts.items()
    }


def _words(each: Sequence[xr.Dataset]) -> dict[str, tuple[str, str]]:
    """Unit and name of every metric that any forecast has, the first forecast's metrics first."""
    words: dict[str, tuple[str, str]] = {}
    for q in each:
        for metric, *of in zip(q["metric"].values, q["metric_units"].values, q["long_name"].values, strict=True):
            words.setdefault(str(metric), (str(of[0]), str(of[1])))
    return words


def _tested(
    forecast: xr.DataArray,
    reference: xr.DataArray,
    observed: xr.DataArray,
    min_pairs: int,
    resamples: int,
    block_days: int,
    seed: int,
) -> xr.Dataset:
    differences = [
        bootstrap_difference(
            forecast,
            reference,
            observed,
            statistic=statistic,
            min_pairs=min_pairs,
            resamples=resamples,
            block_days=block_days,
            seed=seed,
        ).drop_vars("stations")
        for statistic in TESTED
    ]
    result = xr.concat(differences, "statistic").assign_coords(statistic=np.array(TESTED, dtype=object))
    test = diebold_mariano(forecast, reference, observed, min_pairs)
    number = test["difference"].notnull().sum("station")
    for name, better in (("stations_better", test["difference"] < 0), ("stations_worse", test["difference"] > 0)):
        share = (better & (test["p_value"] < ALPHA)).sum("station") / number.where(number > 0)
        words = f"share of stations with squared errors {name[9:]} than the reference's, Diebold-Mariano, p < {ALPHA:g}"
        result[name] = share.assign_attrs(long_name=words, units="1")
    return result


def _nothing_tested(scores: xr.Dataset) -> xr.Dataset:
    nothing = scores["score"].isel(metric=0, percentile=0, drop=True) * np.nan
    several = nothing.expand_dims(statistic=np.array(TESTED, dtype=object))
    names = ("difference", "lower", "upper", "p_value")
    return xr.Dataset({**dict.fromkeys(names, several), "stations_better": nothing, "stations_worse": nothing})
