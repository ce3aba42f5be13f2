"""What is served: trained models and their data, or data without a model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hydromae.base.areas import is_flow
from hydromae.base.errors import ConfigError
from hydromae.prediction.choices import predicted_stations
from hydromae.prediction.known_data import data_of
from hydromae.prediction.predictor import Predictor
from hydromae.prediction.several_runs import open_runs, require_alike
from hydromae.prediction.trained_for import forecast_names
from hydromae.runs.shipped import located
from hydromae.serve.question import Known
from hydromae.store.store import Store
from hydromae.tasks.forecast import require_series


@dataclass(frozen=True)
class ServedRun:
    """One run.

    Attributes:
        label: what it is called in the page.
        predictor: it and its data.
        names: the series that it forecasts.
        given: the data that were given; None where they are the run's own.
        device: that it computes on.
    """

    label: str
    predictor: Predictor
    names: tuple[str, ...]
    given: Store | None
    device: str

    @cached_property
    def unrecorded(self) -> Predictor:
        """The same run, which does not scale new stations by their own records, for what must know nothing of these."""
        predictor = self.predictor
        known = set(map(str, predictor.data.trained_on["stations"]))
        if known.issuperset(predictor.stations):
            return predictor
        return Predictor(predictor.run.path, self.given, self.device)


class Served:
    """Runs that are compared on the stations of the first, or only data.

    Attributes:
        runs: none where only data are looked at.
        store: the data of the first run, or those that are looked at.
    """

    def __init__(self, runs: Sequence[ServedRun], store: Store) -> None:
        self.runs, self.store = tuple(runs), store

    @classmethod
    def open(
        cls, sources: Sequence[str | Path], data: str | Path | Store | None = None, device: str = "auto"
    ) -> "Served":
        """Open runs, models by their names, and at most one store.

        Args:
            sources: run directories and names of models that come with the package; a store among them is the data.
            data: of all runs: a store, its directory or a configuration; None is each run's own.
            device: auto, cpu or cuda.

        Raises:
            RunError: a run, its data or its model cannot be used.
            DataError: the store cannot be opened.
            ConfigError: nothing or more than one store is named, or the runs do not fit each other or the data.
        """
        stores = [source for source in sources if (located(source) / "store.json").is_file()]
        runs = [source for source in sources if source not in stores]
        if len(stores) + (data is not None) > 1:
            raise ConfigError("data are named more than once; name one store, or --data")
        given = data_of(data if data is not None else located(stores[0])) if stores or data is not None else None
        if not runs:
            if given is None:
                raise ConfigError("nothing to serve is named; give a run, a model (`hydromae models`) or a store")
            if not any(given.kind(name) == "series" for name in given.names):
                raise ConfigError(f"{given.path}: has no series of stations, which the page is about; give other data")
            return cls([], given)
        predictors = [open_runs(run, given, device, own_records=True)[0] for run in runs]
        names = forecast_names(predictors[0])
        require_series(predictors, names)
        require_alike(predictors, names)
        called = [predictor.config.name for predictor in predictors]
        twice = {name for name, count in Counter(called).items() if count > 1}
        return cls(
            [
                ServedRun(str(predictor.run) if name in twice else name, predictor, names, given, device)
                for predictor, name in zip(predictors, called, strict=True)
            ],
            predictors[0].store,
        )

    @cached_property
    def stations(self) -> tuple[str, ...]:
        """Their ids."""
        if not self.runs:
            return self.store.station_ids
        first = self.runs[0].predictor
        return tuple(first.stations[place] for place in predicted_stations(first, None))

    @cached_property
    def in_store(self) -> list[int]:
        """Places of the stations in the store."""
        here = {station: place for place, station in enumerate(self.store.station_ids)}
        return [here[station] for station in self.stations]

    @cached_property
    def series(self) -> tuple[str, ...]:
        """Series of the data that the first run reads, what it forecasts first; without a run all, flow first."""
        if not self.runs:
            names = [name for name in self.store.names if self.store.kind(name) == "series"]
            return tuple(sorted(names, key=lambda name: not is_flow(self.store.units(name))))
        run, shapes = self.runs[0], self.runs[0].predictor.model.shapes
        return run.names + tuple(name for name in shapes if shapes[name].kind == "series" and name not in run.names)

    @cached_property
    def predicted(self) -> tuple[str, ...]:
        """The series that may be asked for."""
        return self.runs[0].names if self.runs else self.series

    @cached_property
    def grids(self) -> tuple[str, ...]:
        """Grids of the data."""
        return tuple(name for name in self.store.names if self.store.kind(name) == "grid")

    @cached_property
    def known(self) -> Known:
        """What a question may name."""
        names = {name for run in self.runs for name in run.predictor.model.shapes} | {*self.series, *self.grids}
        first, last = (day.item() for day in self.store.days[[0, -1]])
        patches = frozenset(self.store.valid_patches.tolist()) if self.grids else frozenset()
        stations = dict.fromkeys(self.stations)
        return Known(stations, (first, last), self.predicted, sorted(names), self.grids, patches)

    def units(self, name: str) -> str:
        """Of a series."""
        return self.runs[0].predictor.data.units[name] if self.runs else self.store.units(name)

    def label(self, name: str) -> str:
        """A modality in words."""
        return self.store.long_name(name) if name in self.store.names else name

    def read(self, name: str, station: str, first: int, days: int) -> Float[np.ndarray, " day"]:
        """A series of one station as the first run reads it, NaN where missing.

        Args:
            name: of the series.
            station: its id.
            first: days since the first day of the store; days may lie before or after those of the store.
            days: number of them.
        """
        if self.runs:
            data = self.runs[0].predictor.data
            return data.read(name, first, days)[:, data.stations.index(station)]
        values = np.full(days, np.nan, np.float32)
        begin, end = max(first, 0), min(first + days, self.store.n_days)
        if begin < end:
            place = self.store.station_ids.index(station)
            values[begin - first : end - first] = self.store.read(name, slice(begin, end))[:, place]
        return values
