"""The scores of a task as tables, and where a run keeps them."""

from dataclasses import dataclass
from pathlib import Path

import xarray as xr

from hydromae.data.store import Store
from hydromae.errors import ConfigError
from hydromae.evaluation.tables import ScoreTable
from hydromae.files import write_text
from hydromae.tasks.predictor import Predictor


@dataclass(frozen=True)
class TaskScores:
    """What a model and its rivals scored in a task.

    Attributes:
        tables: for reading, one after the other.
        records: every number in full, a row each.
        scores: of every station, as they were computed.
    """

    tables: tuple[ScoreTable, ...]
    records: ScoreTable
    scores: xr.Dataset

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write `<stem>.md` and `<stem>.csv` into a folder, and say where."""
        page, table = folder / f"{stem}.md", folder / f"{stem}.csv"
        write_text(page, "\n".join(one.markdown() for one in self.tables))
        write_text(table, self.records.csv())
        return page, table


def folder_of(predictor: Predictor, output: str | Path | None, name: str) -> Path:
    """Where scores are written: the folder that is given, or one of that name in the run."""
    return predictor.run.path / "evaluation" / name if output is None else Path(output)


def scored_days(store: Store, split: str | None) -> tuple[str, slice]:
    """A split and its days: where none is named, test if there is one, else val.

    Raises:
        ConfigError: there is no such split.
    """
    if split is None:
        held_out = [name for name in ("test", "val") if name in store.periods]
        if not held_out:
            raise ConfigError(f"{store.path}: has neither a test nor a val period; give data that have one, or a split")
        split = held_out[0]
    return split, store.period_slice(split)


def training_period(predictor: Predictor) -> slice:
    """First and last day that the run was trained on, as baselines take them."""
    first, last = predictor.data.trained_on["period"]
    return slice(first, last)


def observed_series(predictor: Predictor, name: str) -> xr.DataArray:
    """A series over all days of the data, float32 [time, station] of the predictor's stations, with its unit."""
    values = predictor.data.read(name, 0, predictor.store.n_days)
    coordinates = {"time": predictor.store.days.astype("datetime64[s]"), "station": list(predictor.stations)}
    return xr.DataArray(values, coordinates, ("time", "station"), name, {"units": units_of(predictor, name)})


def units_of(predictor: Predictor, name: str) -> str:
    """The unit of a modality as the run was trained on it."""
    return str(predictor.data.trained_on["modalities"][name]["units"])
