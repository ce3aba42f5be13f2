"""How well gaps of each length are filled: observed spans are hidden, filled and scored, beside common methods."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import torch
import xarray as xr

from hydromae.baselines.infill import METHODS
from hydromae.evaluation.forecast_scores import PERCENTILES
from hydromae.evaluation.hidden_spans import SPANS, hide_spans
from hydromae.evaluation.infill_scores import MIN_PAIRS, score_infill
from hydromae.evaluation.standing import MODEL, Rival, listed, sentence, standing
from hydromae.evaluation.tables import ScoreTable, number_text, short
from hydromae.masks.tasks import ValueMask
from hydromae.metrics.ordered import ascending, quantile
from hydromae.prediction.central_days import CentralDays, Values, answers, middle_days
from hydromae.prediction.choices import target_series
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import Runs, open_runs, require_alike, require_same_windows
from hydromae.prediction.trained_for import beyond_filling
from hydromae.store.store import Store
from hydromae.tasks.task_scores import (
    TaskScores,
    folder_of,
    scored_days,
    task_overlap,
    training_period,
    usable_series,
)

_SHOWN: Final = ("nse", "log_nse", "kge", "rmse", "percent_bias", "filled_share")
STEM: Final = "infill_scores"


def evaluate_infill(
    runs: Runs,
    output: str | Path | None = None,
    data: str | Path | Store | None = None,
    split: str | None = None,
    target: str | None = None,
    spans: Mapping[int, int] = SPANS,
    seed: int = 0,
    min_pairs: int = MIN_PAIRS,
    allow_overlap: bool = False,
    on_progress: Callable[[float], None] = lambda done: None,
) -> TaskScores:
    """Hide observed spans of a series, fill them with the model and the baselines, and score both on the hidden days.

    Spans of one length are hidden at a time, at every station at once, so that model and donors see the same. The
    baselines of `hydromae.baselines.infill` learn from the run's training period. Written are `infill_scores.md`, a
    table of medians over stations for each length, and `infill_scores.csv`, with quartiles.

    Args:
        runs: run directory, or several, as seeds of one training, whose fills are averaged.
        output: folder; None is `evaluation/infill_<split>` in the (first) run directory.
        data: other data: a store, its directory, or a configuration; None is the run's own store.
        split: the period in which spans are hidden; None is val where there is one, else test.
        target: the series; None is the river flow, see `target_series`.
        spans: days in a span -> number of such spans at each station.
        seed: of the draw of spans.
        min_pairs: stations with fewer filled hidden days are not scored.
        allow_overlap: score days that a run was trained on, too; every row says so.
        on_progress: called with the share that is done.

    Returns:
        The tables; `scores` is [model, length, station], as `score_infill` has them.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the split or the target is not clear, a run was trained on its days, or the runs do not fit each
            other.
        DataError: no station can hold the spans.
    """
    predictors = open_runs(runs, data)
    predictor = predictors[0]
    name = target_series(predictor.config, target)
    require_alike(predictors, [name], observed=True)
    require_same_windows(predictors)
    split, days = scored_days(predictor.store, split)
    overlap = task_overlap(predictors, split, days, allow_overlap)
    train = training_period(predictor)
    observed = usable_series(predictors, name)
    first, last = predictor.store.days[days.start], predictor.store.days[days.stop - 1]
    scores: dict[str, list[xr.Dataset]] = {method: [] for method in ("hydromae", *METHODS)}
    for done, length in enumerate(sorted(spans)):
        hidden = hide_spans(observed, period=slice(str(first), str(last)), spans={length: spans[length]}, seed=seed)
        with_gaps = hidden.hide(observed)

        def report(share: float, done: int = done) -> None:
            on_progress((done + share) / len(spans))

        mask = hidden.mask.values
        filled = {"hydromae": with_gaps.copy(data=_filled(predictors, name, with_gaps.values, mask, days, report))}
        filled |= {method: fill(with_gaps, train=train) for method, fill in METHODS.items()}
        for method, series in filled.items():
            scores[method].append(score_infill(series, observed, hidden, min_pairs))
    each = [xr.concat(some, "length", combine_attrs="override") for some in scores.values()]
    together = xr.concat(each, pd.Index(list(scores), name="model"), combine_attrs="override")
    words = f"{name}, {first} to {last}: days hidden and filled; median over stations"
    spread = _quartiles(together)
    verdict = _verdict(spread, beyond_filling(predictors, [name]))
    result = TaskScores(_tables(spread, words), _records(spread), together, verdict).with_overlap(overlap)
    result.write(folder_of(predictor, output, f"infill_{split}"), STEM)
    return result


def _filled(
    predictors: list[Predictor],
    name: str,
    with_gaps: np.ndarray,
    hidden: np.ndarray,
    days: slice,
    report: Callable[[float], None],
) -> np.ndarray:
    """The series [time, station], with the model's mean where it was hidden."""
    values = with_gaps.copy()

    def masked(central: CentralDays, window: Values) -> tuple[Values, ValueMask]:
        inside = slice(central.window, central.window + central.length)
        target = np.zeros((central.length, hidden.shape[1]), bool)
        target[central.inside] = hidden[central.first : central.stop]
        # Hidden values are set to missing, as in a gap, rather than unseen, so that the run's own fill applies to them.
        return {**window, name: torch.from_numpy(with_gaps[inside])}, ValueMask({name: torch.from_numpy(target)}, {})

    spans = middle_days(predictors[0], days)
    for number, (central, predicted) in enumerate(answers(predictors, spans, masked)):
        if name in predicted:
            mean = predicted[name].mean.numpy()
            inside = slice(central.first, central.stop)
            values[inside] = np.where(hidden[inside], mean, values[inside])
        report((number + 1) / len(spans))
    return values


def _tables(quartiles: xr.Dataset, words: str) -> tuple[ScoreTable, ...]:
    """One table for each length of gap, with one row for each method: medians over stations."""
    units = str(quartiles["rmse"].attrs.get("units", ""))
    heads = {"rmse": f"rmse ({units})", "percent_bias": "percent_bias (%)"}
    columns = ("model", *(heads.get(metric, metric) for metric in _SHOWN), "stations")
    tables = []
    for length in quartiles["length"].values.tolist():
        rows = []
        for method in quartiles["model"].values:
            of_method = quartiles.sel(length=length, model=method)
            medians = [short(of_method[metric].sel(percentile=50).item()) for metric in _SHOWN]
            rows.append((str(method), *medians, str(of_method["nse_stations"].item())))
        title = f"Gaps of {length} day{'s' if length > 1 else ''}"
        tables.append(ScoreTable(title, columns, tuple(rows), words))
    return tuple(tables)


def _verdict(quartiles: xr.Dataset, untrained: Sequence[str]) -> str:
    """What the model is ahead of at which lengths, behind what, and what to try, in a sentence."""
    median = quartiles["nse"].sel(percentile=50).transpose("model", "length")
    lengths = [str(length) for length in median["length"].values]

    def where(places: Sequence[int]) -> str:
        if len(places) == len(lengths):
            return "at every length"
        return f"at {listed([lengths[place] for place in places])} days"

    rivals = {name: Rival(median.sel(model=name).values) for name in METHODS}
    stand = standing(median.sel(model=MODEL).values, rivals, where)
    advice = "train on gaps for longer, with the nearest stations in a window (data.stations_per_window of 8)"
    return sentence("In gaps", stand, untrained, advice)


def _records(quartiles: xr.Dataset) -> ScoreTable:
    """One row for each length, method and metric."""
    metrics = [str(name) for name in quartiles.data_vars if "percentile" in quartiles[name].dims]
    rows = []
    for length in quartiles["length"].values:
        for method in quartiles["model"].values:
            of_method = quartiles.sel(length=length, model=method)
            for metric in metrics:
                spread = map(number_text, of_method[metric].values)
                rows.append((str(length), str(method), metric, *spread, str(of_method[f"{metric}_stations"].item())))
    columns = ("length", "model", "metric", "lower_quartile", "median", "upper_quartile", "stations")
    return ScoreTable("", columns, tuple(rows), numbers=3)


def _quartiles(scores: xr.Dataset) -> xr.Dataset:
    """Quartiles of each metric [model, length, percentile], and `<metric>_stations`, how many stations have a value."""
    result = xr.Dataset()
    for metric, of_stations in scores.data_vars.items():
        values, count = ascending(of_stations.transpose("model", "length", "station").values)
        with np.errstate(invalid="ignore"):
            spread = np.stack([quantile(values, count, level / 100) for level in PERCENTILES], axis=-1)
        result[metric] = (("model", "length", "percentile"), spread, of_stations.attrs)
        result[f"{metric}_stations"] = (("model", "length"), count)
    places = {"model": scores["model"].values, "length": scores["length"].values, "percentile": list(PERCENTILES)}
    return result.assign_coords(places)
