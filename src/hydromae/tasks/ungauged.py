"""Simulate the flow of ungauged stations: the model sees their weather and attributes, but never their flow."""

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.given import Names, Span
from hydromae.base.version import VERSION
from hydromae.masks.tasks import ValueMask, ungauged_mask
from hydromae.prediction.central_days import CentralDays, Values, answers, last_days
from hydromae.prediction.choices import predicted_stations, target_series
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.prediction.several_runs import (
    Runs,
    first_run,
    notes_of,
    open_runs,
    require_alike,
    require_same_windows,
    shared_days,
)
from hydromae.prediction.trained_for import beyond_ungauged, flagged
from hydromae.results.target import check_target, inputs_of, refuse_inputs
from hydromae.results.write import SERIES_DAYS, Block, to_come, write_streamed
from hydromae.store.cf import named, outline, over_the_day
from hydromae.store.store import Store
from hydromae.tasks.task_scores import units_of

_log = logging.getLogger(__name__)


def ungauged(
    runs: Runs,
    output: str | Path | None = None,
    data: str | Path | Store | None = None,
    period: Span | None = None,
    stations: Names | None = None,
    donors: bool = False,
    target: str | None = None,
    on_progress: Callable[[float], None] = lambda done: None,
    overwrite: bool = False,
) -> xr.Dataset:
    """Simulate daily flow from weather and attributes, with the flow of the stations hidden.

    Each day is predicted by a window in which it comes late, with the days before as its spin-up (`last_days`). The
    flow of no station is visible; with `donors`, in runs whose windows hold several stations, the flow of the
    neighbours is, except of those that are simulated. Values on the run's `data.exclude_dates` are not visible. The
    simulation is the model's mean, within the `minimum` and `maximum` of the modality. The memory needed depends on a
    block of days, not on the length of the period.

    Args:
        runs: run directory, or several, as seeds of one training, whose simulations are averaged. Where each station
            has a scale of its own, stations outside the training get what their attributes and climate tell.
        output: .nc, .zarr, .csv or .parquet; None is `ungauged.nc` in the (first) run directory, which is replaced.
        data: other data, which may lack the flow: a store, its directory, or a configuration; None is the run's own.
        period: first and last day; None is all days of the data; of several runs, the days that all of their data have.
        stations: ids of the stations to simulate; None is all in the data that the run can predict.
        donors: whether the flow of the other stations is visible.
        target: the series to simulate; None is the river flow, see `target_series`.
        on_progress: called with the share that is done.
        overwrite: replace an existing output that hydromae wrote.

    Returns:
        The file (of a table, its content in memory): `<target>` float32 [time, station] in the unit of the run's data;
        `<target>_quantiles` [time, station, quantile] of a model with quantiles; and `spin_up` int32 [time], the days
        of the window before that day, fewer at the beginning of the data. The attribute `not_trained_for` says for
        which part of it the runs were not trained; in a table it is a column if it applies.

    Raises:
        RunError: the run, its data or its model cannot be used.
        ConfigError: the period, the target or the format cannot be used, donors are asked for where there are none, or
            the runs do not fit each other.
        DataError: a station is unknown or has no catchment area, or the file exists already or cannot be written.
    """
    if output is not None:
        check_target(Path(output), overwrite)
    name = target_series(first_run(runs).config(), target)
    predictors = open_runs(runs, data, unseen=() if donors else (name,))
    first = predictors[0]
    path = Path(output) if output is not None else first.run.own_output("ungauged.nc")
    read = inputs_of(*(predictor.store for predictor in predictors))
    if output is None:
        refuse_inputs(path, read)
    else:
        check_target(path, overwrite, read)
    simulation = Simulation(predictors, name, stations, donors)
    days = shared_days(predictors, period)
    notes = notes_of(predictors, stations) | flagged(beyond_ungauged(predictors, name))
    replace = overwrite or output is None
    return write_streamed(_outline(simulation, days, notes), path, _blocks(simulation, days, on_progress), replace)


class Simulation:
    """Flow of some stations, predicted without having seen it.

    Args:
        predictors: trained models, whose simulations are averaged, and data.
        name: the flow.
        stations: ids of the stations to simulate; None is all.
        donors: whether the flow of the others is visible.

    Raises:
        ConfigError: donors are asked for, but no other station is visible, or the runs differ in windows or series.
        DataError: a station is unknown or has no catchment area.
    """

    def __init__(self, predictors: Sequence[Predictor], name: str, stations: Names | None, donors: bool) -> None:
        first = predictors[0]
        self.predictors, self.predictor, self.name, self.donors = predictors, first, name, donors
        require_alike(predictors, [name])
        require_same_windows(predictors)
        here = {station: place for place, station in enumerate(first.store.station_ids)}
        self.places = predicted_stations(first, stations)
        self.in_store = [here[first.stations[place]] for place in self.places]
        self._simulated = torch.zeros(len(first.stations), dtype=torch.bool)
        self._simulated[self.places] = True
        self._unseen = self._simulated if donors else torch.ones_like(self._simulated)
        single = any(predictor.groups is not None and predictor.groups.shape[1] == 1 for predictor in predictors)
        if donors and (self._simulated.all() or single):
            raise ConfigError(
                "no other station's flow can be seen: name the stations to simulate, so that the others are donors, "
                "and take a run whose windows hold several (data.stations_per_window)"
            )
        for predictor in predictors:
            factor = predictor.data.scalers[name].factor
            for place in self.places:
                if factor is not None and not np.isfinite(factor[place]):
                    raise DataError(
                        f"{predictor.store.path}: station {predictor.stations[place]} has no "
                        f"catchment area, which is needed to bring the mm/d of {predictor.run} to "
                        f"{units_of(predictor, name)}; give it in the table of attributes"
                    )

    @property
    def stations(self) -> list[str]:
        """Ids of the stations that are simulated, in order."""
        return [self.predictor.stations[place] for place in self.places]

    def scaled_by_own_flow(self) -> Path | None:
        """The first run that scales each station's flow by its own mean and deviation; None where none does."""
        runs = (predictor.run.path for predictor in self.predictors if len(predictor.data.scalers[self.name].mean) > 1)
        return next(runs, None)

    def run(self, spans: Sequence[CentralDays]) -> Iterator[tuple[CentralDays, Answer]]:
        """The flow of the stations, [central days, stations], one group of central days after the other."""
        for central, predicted in answers(self.predictors, spans, self._masked):
            answer = predicted[self.name]
            quantiles = None if answer.quantiles is None else answer.quantiles[:, self.places]
            yield central, Answer(answer.mean[:, self.places], quantiles)

    def _masked(self, central: CentralDays, values: Values) -> tuple[Values, ValueMask]:
        return values, ungauged_mask(values, central.inside, self.name, self._simulated, self._unseen)


def _blocks(simulation: Simulation, days: slice, on_progress: Callable[[float], None]) -> Iterator[Block]:
    predictor, name = simulation.predictor, simulation.name
    if (run := simulation.scaled_by_own_flow()) is not None:
        _log.warning(
            f"{run}: scales {name} by each station's own mean flow, which an ungauged station does not have: a "
            f"station of the training gets its own, any other what its attributes and climate tell"
        )
    spans = last_days(predictor, days)
    size = max(1, SERIES_DAYS // max(central.stop - central.first for central in spans))
    simulated = simulation.run(spans)
    for begin in range(0, len(spans), size):
        means, quantiles, spin_up = [], [], []
        for number in range(begin, min(begin + size, len(spans))):
            central, answer = next(simulated)
            inside = slice(max(central.first, days.start) - central.first, min(central.stop, days.stop) - central.first)
            means.append(answer.mean[inside].numpy())
            spin_up.append(np.arange(central.first - central.window, central.stop - central.window)[inside])
            if answer.quantiles is not None:
                quantiles.append(answer.quantiles[inside].numpy())
            on_progress((number + 1) / len(spans))
        first = max(spans[begin].first, days.start) - days.start
        spread = {f"{name}_quantiles": np.concatenate(quantiles)} if quantiles else {}
        yield first, {name: np.concatenate(means), **spread, "spin_up": np.concatenate(spin_up)}


def _outline(simulation: Simulation, days: slice, notes: dict[str, str]) -> xr.Dataset:
    first, name = simulation.predictor, simulation.name
    modality = first.config.data.modalities[name]
    names = ", ".join(predictor.config.name for predictor in simulation.predictors)
    data = outline(
        first.store,
        first.store.days[days],
        {"series"},
        simulation.in_store,
        first.quantiles,
        {
            "title": f"Flow of ungauged stations by {names}",
            "source": f"hydromae {VERSION}",
            "window_days": first.window,
            "runs": ", ".join(str(predictor.run) for predictor in simulation.predictors),
            "data": str(simulation.predictors[0].store.path),
            "donors": "the other stations' flow was seen" if simulation.donors else "no flow was seen",
            **notes,
        },
    )
    long_name, units = f"{modality.long_name or name}, simulated", units_of(first, name)
    described = {"units": units, "long_name": long_name, **named(modality.standard_name), **over_the_day(units)}
    words = {"units": "days", "long_name": "days of weather before the day in its window"}
    variables = {
        name: to_come(data.sizes, ("time", "station"), "f4", described),
        "spin_up": to_come(data.sizes, ("time",), "i4", words),
    }
    if first.quantiles:
        spread = {**described, "long_name": f"quantiles of {long_name}"}
        spread.pop("standard_name", None)
        variables[f"{name}_quantiles"] = to_come(data.sizes, ("time", "station", "quantile"), "f4", spread)
    return data.assign(variables)
