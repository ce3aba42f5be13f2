"""Other data for a model to be trained further on: read on its own scales, with a part held out."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from hydromae.base.errors import ConfigError
from hydromae.base.secret_values import revealed
from hydromae.config import Config, DataConfig, Period
from hydromae.prediction.known_data import KnownData, data_of
from hydromae.prediction.store_as_read import store_as_read
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained
from hydromae.store.store import Store

HELD_OUT: Final = 0.2  # of the record, at its end
_LEAST_HELD_OUT = 91  # days
_WINDOWS = 512  # in an epoch, as far as windows that begin a week apart give so many
_LARGEST_BATCH = 32  # so that a short record is worth some steps


@dataclass(frozen=True)
class OwnData:
    """Data on the scales of a model.

    Attributes:
        store: what the model reads.
        data: the configuration of it.
        keys: of other sections, as overrides, that the length of the record decides.
    """

    store: Store
    data: DataConfig
    keys: tuple[str, ...]


def own_data(run: RunDirectory, given: str | Path | Store, path: Path, rolling: bool) -> OwnData:
    """Write the store of other data as a run's model reads them, and decide on how to train on it.

    The last fifth of the training period of the data, 91 days at least, is held out for validation, unless the data
    have a validation period of their own.

    Args:
        run: of the model.
        given: a store, its directory, or a configuration.
        path: of the new store.
        rolling: whether only forecasts from many issue days are trained, whose first days are not scored, so that they
            may lie before the validation period.

    Raises:
        ConfigError: the data do not fit the model, or their record is too short.
        DataError: they cannot be read, or the new store cannot be written.
    """
    trained, store = run.config(), data_of(given)
    model = load_pretrained(run.path)
    periods, window = dict(store.periods), trained.data.window
    names = trained.masking.forecast or tuple(model.shapes)
    warm_up = trained.masking.warm_up
    if "val" not in periods:
        least = _LEAST_HELD_OUT if rolling else window
        train, val = _divided(store, names, window, least)
        periods |= {"train": train, "val": val}
    held_out = (periods["val"][1] - periods["val"][0]).days + 1
    if rolling:
        warm_up = max(warm_up, window - held_out)
    fitted = store.with_periods(periods)
    data = KnownData(model, fitted, every_station=False, settings=trained.data, own_records=True)
    written = store_as_read(data, path, periods)
    days, batch = fitted.period_slice("train"), min(trained.training.batch_size, _LARGEST_BATCH)
    starts = (days.stop - days.start - window + 1) * len(data.stations)
    stride = int(np.clip(starts // _WINDOWS, 7, trained.data.stride))
    return OwnData(
        written,
        _settings(trained, store, written, periods, stride),
        (f"masking.warm_up={warm_up}", f"training.batch_size={batch}"),
    )


def _divided(store: Store, names: tuple[str, ...], window: int, least: int) -> tuple[Period, Period]:
    """The record of what is forecast within the training period, as a part to train on and a part held out."""
    period = store.period_slice("train")
    observed = np.zeros(period.stop - period.start, bool)
    for name in names:
        if name in store.names:
            observed |= store.present(name)[period].any(axis=1)
    days = np.flatnonzero(observed)
    length = int(days[-1] - days[0]) + 1 if len(days) else 0
    held_out = max(int(HELD_OUT * length), least)
    if length - held_out < window:
        raise ConfigError(
            f"{store.path}: holds {length} days of {', '.join(names)} in its training period; tuning takes windows of "
            f"{window} days and {held_out} days beside them that are held out, so {window + least} at least; forecast "
            f"with the model as it is"
        )
    first = store.days[period.start + int(days[0])].item()
    begin = first + timedelta(days=length - held_out)
    return (first, begin - timedelta(days=1)), (begin, first + timedelta(days=length - 1))


def _settings(trained: Config, store: Store, written: Store, periods: dict[str, Period], stride: int) -> DataConfig:
    """The run's settings of its data, for the new store."""
    raw: dict[str, Any] = trained.data.model_dump(mode="json")
    for name, modality in raw["modalities"].items():
        # The limits are those of the unit of the training, and the values passed those of their own data.
        modality |= {"paths": [], "sources": {}, "units": written.units(name), "minimum": None, "maximum": None}
        modality["convert_from"] = None
    raw |= {
        "store": str(written.path),
        "root": revealed(store.provenance.root),
        "attributes": {**raw["attributes"], "columns": list(written.attribute_names)},
        "exclude_stations": [],
        "train_stations": None,
        "exclude_dates": list(store.excluded),
        "stride": stride,
        "val": None,
        "test": None,
        **{split: [str(day) for day in period] for split, period in periods.items()},
    }
    return DataConfig.model_validate(raw)
