"""Several runs that predict together, as seeds of one training do: their predictions are averaged."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.base.given import Names, Span
from hydromae.base.station_ids import named_stations
from hydromae.base.units import same_units
from hydromae.prediction.choices import chosen_days, excluded_days, stations_left_out
from hydromae.prediction.inputs import require_inputs
from hydromae.prediction.known_data import data_of
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.runs.directory import RunDirectory
from hydromae.store.store import Store

_log = logging.getLogger(__name__)

Runs = str | Path | Sequence[str | Path]
_BLOCK_DAYS: Final = 256  # number of days read at once to compare data
_NO_RUN: Final = "no run is named; give the output of `hydromae train`"


def open_runs(
    runs: Runs,
    data: str | Path | Store | None = None,
    device: str = "auto",
    unseen: Collection[str] = (),
    own_records: bool = False,
) -> list[Predictor]:
    """Predictors of some runs, checked for inputs that they need.

    Without other data each run reads its own, and they predict the days that all of them have (`Predictor.span`), so
    that their order does not matter. With other data, all runs read those.

    Args:
        runs: run directories.
        data: other data than the runs': a store, its directory, or a configuration.
        device: auto, cpu or cuda.
        unseen: modalities that are never visible in the task, which other data may lack.
        own_records: see `KnownData`.

    Raises:
        RunError: a run, its data or its model cannot be used.
        ConfigError: no run is named, the data lack an input of a run, or a run predicts other stations or quantiles
            than the first or has no day in common with it.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    if not paths:
        raise ConfigError(_NO_RUN)
    given = None if data is None else data_of(data)
    predictors = [Predictor(path, given, device, own_records) for path in paths]
    first = predictors[0]
    for name in first.data.computed:
        _log.warning(
            "%s: has no %s; it is computed from temperature and latitude (Oudin et al. 2005)", first.store.path, name
        )
    for predictor in predictors if given is not None else ():
        _warn_of_unlike(predictor)
    for predictor in predictors:
        predictor.absent = tuple(require_inputs(predictor, unseen))
        if predictor.absent:
            _log.warning(
                "%s: has no %s, which %s was trained on; it is predicted without",
                predictor.store.path,
                ", ".join(predictor.absent),
                predictor.run,
            )
    for other in predictors[1:]:
        if other.quantiles != first.quantiles:
            levels = [list(predictor.quantiles) or "none" for predictor in (other, first)]
            raise ConfigError(f"{other.run}: has the quantiles {levels[0]}, but {first.run} {levels[1]}")
        if other.stations != first.stations:
            apart = set(other.stations) ^ set(first.stations)
            what = f"only one of them has {min(apart)}" if apart else "their order differs"
            any_will_do = all(predictor.groups is not None for predictor in predictors)
            remedy = "; give one data set for all (--data)" if any_will_do and data is None else ""
            raise ConfigError(f"{other.run}: predicts other stations than {first.run}: {what}{remedy}")
    _share_days(predictors)
    return predictors


def _warn_of_unlike(predictor: Predictor) -> None:
    unlike = predictor.data.unlike_training
    if unlike:
        station, why = next(iter(unlike.items()))
        _log.warning(
            "%s: %s unlike all that %s was trained on, %s in %s; take what is predicted there with caution "
            "(unlike_training in the result)",
            predictor.store.path,
            f"{named_stations(list(unlike))} {'is' if len(unlike) == 1 else 'are'}",
            predictor.run,
            station,
            ", ".join(why),
        )


def _share_days(predictors: Sequence[Predictor]) -> None:
    """Restrict the days of predictions to those that the data of all runs have."""
    begin = max(predictor.store.days[0] for predictor in predictors)
    end = min(predictor.store.days[-1] for predictor in predictors)
    if end < begin:
        spans = " and ".join(f"{predictor.store.days[0]} to {predictor.store.days[-1]}" for predictor in predictors)
        raise ConfigError(
            f"{predictors[0].run}: has no day in common with the other runs, whose data are of {spans}; "
            f"give one data set for all (--data)"
        )
    for predictor in predictors:
        first = predictor.store.first_day
        predictor.span = slice(int((begin - first).astype(int)), int((end - first).astype(int)) + 1)


def first_run(runs: Runs) -> RunDirectory:
    """The first of some runs.

    Raises:
        RunError: there is none.
        ConfigError: no run is named.
    """
    paths = [runs] if isinstance(runs, str | Path) else list(runs)
    if not paths:
        raise ConfigError(_NO_RUN)
    return RunDirectory.open(paths[0])


def notes_of(predictors: Sequence[Predictor], stations: Names | None) -> dict[str, str]:
    """Attributes of a result that say what its runs lacked; a warning names stations without predictions.

    Args:
        predictors: the runs.
        stations: the chosen ones; None is all.
    """
    left_out = stations_left_out(predictors[0]) if stations is None else ""
    if left_out:
        _log.warning("%s", left_out)
    absent = sorted({name for predictor in predictors for name in predictor.absent})
    quantiles = ", ".join(f"{level:g}" for level in predictors[0].quantiles)
    unlike = {station: why for predictor in predictors for station, why in predictor.data.unlike_training.items()}
    return {
        "stations_left_out": left_out or "none",
        "absent_inputs": ", ".join(absent) or "none",
        "unlike_training": "; ".join(f"{station}: {', '.join(why)}" for station, why in unlike.items()) or "none",
        "quantiles": quantiles or "none: the model was trained without (model.quantiles)",
    }


def shared_days(predictors: Sequence[Predictor], period: Span | None) -> slice:
    """Positions of a period on the days of the first run's data; None is all days that all runs have.

    Raises:
        ConfigError: the period is not within the data of all.
    """
    if period is None:
        return predictors[0].span
    for predictor in predictors:
        chosen_days(predictor.store, period)
    return chosen_days(predictors[0].store, period)


def require_alike(predictors: Sequence[Predictor], names: Sequence[str], observed: bool = False) -> None:
    """Refuse runs whose predictions of some modalities cannot be averaged.

    Args:
        predictors: the runs.
        names: the modalities.
        observed: whether the result or its mask also depends on observed values, which must then be the same.

    Raises:
        ConfigError: a run lacks one, or differs from the first in its unit, patches or observations.
    """
    first = predictors[0]
    for other in predictors[1:]:
        for name in names:
            if name not in other.model.shapes:
                raise ConfigError(f"{other.run}: has no {name}, which {first.run} predicts")
            units = [predictor.data.units[name] for predictor in (other, first)]
            if not same_units(*units):
                raise ConfigError(f"{other.run}: {name} is in {units[0]}, but in {first.run} in {units[1]}")
            grid = first.model.shapes[name].kind == "grid"
            if grid and not torch.equal(other.model.valid_patches, first.model.valid_patches):
                raise ConfigError(f"{other.run}: was trained on other patches of {name} than {first.run}")
            if observed:
                _require_same_values(first, other, name)


def _require_same_values(first: Predictor, other: Predictor, name: str) -> None:
    """Refuse a run whose data have other observations on the days that both predict."""
    if first.store.path == other.store.path:
        return
    for begin in range(0, first.span.stop - first.span.start, _BLOCK_DAYS):
        days = min(_BLOCK_DAYS, first.span.stop - first.span.start - begin)
        first_values, other_values = (run.data.read(name, run.span.start + begin, days) for run in (first, other))
        both_missing = np.isnan(first_values) & np.isnan(other_values)
        differ = ~((first_values == other_values) | both_missing)
        if differ.any():
            day = first.store.days[first.span.start + begin + int(np.nonzero(differ)[0][0])]
            raise ConfigError(
                f"{other.run}: its data have another {name} on {day} than those of {first.run}, so what is "
                f"missing depends on which is asked; give one data set for all (--data)"
            )


def require_same_windows(predictors: Sequence[Predictor]) -> None:
    """Refuse runs that cannot predict the same days of the same windows.

    Raises:
        ConfigError: a run has longer or shorter windows or tokens than the first.
    """
    first = predictors[0]
    for other in predictors[1:]:
        for what, length, first_length in (
            ("windows", other.window, first.window),
            ("tokens", other.token_days, first.token_days),
        ):
            if length != first_length:
                raise ConfigError(f"{other.run}: has {what} of {length} days, but {first.run} of {first_length}")


def excluded_by_any(predictors: Sequence[Predictor]) -> Bool[np.ndarray, "day"]:
    """Days of the first run's data that the configuration of any run declares wrong; they are not scored."""
    wrong = [excluded_days(predictor.config, predictors[0].store) for predictor in predictors]
    return np.asarray(np.any(wrong, axis=0))


def average(answers: Sequence[Answer]) -> Answer:
    """Means of the predictions, in physical units; quantiles of one level are averaged, too."""
    quantiles = [answer.quantiles for answer in answers if answer.quantiles is not None]
    return Answer(_mean([answer.mean for answer in answers]), _mean(quantiles) if quantiles else None)


def _mean(numbers: Sequence[Float[Tensor, "*any"]]) -> Float[Tensor, "*any"]:
    """Mean in float64, so that rounding to float32 removes any effect of the order of the runs."""
    return torch.stack(list(numbers)).double().mean(0).to(numbers[0].dtype)
