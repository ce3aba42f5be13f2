"""A store as the generic data set of neuralhydrology, and settings that train its models on it."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hydromae.base.errors import DataError
from hydromae.store.store import Store

TARGET = "riverflow"
KNOWN, MISSING, SEASON = f"{TARGET}_known", f"{TARGET}_missing", ("season_sin", "season_cos")
DAYS_OF_A_YEAR = 365.2425


def write_generic(store: Store, folder: Path) -> tuple[str, ...]:
    """Write `time_series/<station>.nc`, `attributes/attributes.csv` and `stations.txt`, unless they are there.

    neuralhydrology drops every training window in which an input is missing, so none is here: what is missing is the
    mean of the station in the training period, and of an attribute that of all stations. Of flow, the target
    `riverflow` stays as observed; inputs are `riverflow_known`, filled so, and `riverflow_missing`, 1 where it was.

    Returns:
        The names of the weather's series, which every file has.

    Raises:
        DataError: the store has no series of river flow.
    """
    weather = tuple(name for name in store.names if name != TARGET and store.kind(name) == "series")
    if TARGET not in store.names or store.kind(TARGET) != "series":
        raise DataError(f"{store.path}: has no series {TARGET!r}, but {', '.join(store.names)}; prepare one with it")
    if (folder / "stations.txt").exists():
        return weather
    (folder / "time_series").mkdir(parents=True, exist_ok=True)
    (folder / "attributes").mkdir(exist_ok=True)
    observed = {name: np.asarray(store.read_usable(name, slice(None))) for name in (*weather, TARGET)}
    filled = {name: _filled(store, name, values) for name, values in observed.items()}
    days = pd.DatetimeIndex(store.days, name="date")
    angle = (2 * np.pi / DAYS_OF_A_YEAR * days.day_of_year.to_numpy()).astype(np.float32)
    for place, station in enumerate(store.station_ids):
        columns = {name: filled[name][:, place] for name in weather}
        columns |= {TARGET: observed[TARGET][:, place], KNOWN: filled[TARGET][:, place]}
        columns |= {MISSING: np.isnan(observed[TARGET][:, place]).astype(np.float32)}
        columns |= dict(zip(SEASON, (np.sin(angle), np.cos(angle)), strict=True))
        file = folder / "time_series" / f"{station}.nc"
        pd.DataFrame(columns, index=days).to_xarray().to_netcdf(file, engine="h5netcdf")
    stations = pd.Index(store.station_ids, name="gauge_id")
    attributes = pd.DataFrame(store.attributes, index=stations, columns=list(store.attribute_names))
    attributes.fillna(attributes.mean()).to_csv(folder / "attributes" / "attributes.csv")
    (folder / "stations.txt").write_text("\n".join(store.station_ids) + "\n", encoding="utf-8")
    return weather


def _filled(store: Store, name: str, values: np.ndarray) -> np.ndarray:
    """[days, stations] with the mean of the training period where a value is missing."""
    means = store.mean(name)
    means = np.where(np.isnan(means), np.nanmean(means), means)
    return np.where(np.isnan(values), means, values).astype(np.float32)


def cudalstm(weather: tuple[str, ...], horizon: int) -> dict[str, Any]:
    """An LSTM over days, each with its weather and the flow of `horizon` days before."""
    lagged = {KNOWN: horizon, MISSING: horizon}
    inputs = [*weather, *(f"{name}_shift{lag}" for name, lag in lagged.items())]
    return {"model": "cudalstm", "dynamic_inputs": inputs, "lagged_features": lagged}


def handoff(weather: tuple[str, ...], horizon: int, width: int, forcing: str) -> dict[str, Any]:
    """An LSTM over the past with all flow until the issue day, which hands its state to one over the horizon."""
    past, future = [*weather, KNOWN, MISSING], list(weather if forcing == "perfect" else SEASON)
    return {
        "model": "handoff_forecast_lstm",
        "dynamic_inputs": sorted({*past, *future}),
        "hindcast_inputs": past,
        "forecast_inputs": future,
        "forecast_seq_length": horizon,
        "state_handoff_network": {"type": "fc", "hiddens": [width], "activation": "tanh", "dropout": 0.0},
    }


def settings(
    store: Store, folder: Path, model: dict[str, Any], train: tuple[date, date], test: tuple[date, date], **others: Any
) -> dict[str, Any]:
    """What neuralhydrology's `Config` takes, for its generic data set in a folder and a model of this file.

    Args:
        store: of which `write_generic` wrote the folder.
        folder: in which runs are written too.
        model: from `cudalstm` or `handoff`.
        train: first and last day that is learnt from.
        test: the first and the last day that is forecast.
        others: keys of neuralhydrology, which win: at least hidden_size, seq_length, batch_size and predict_last_n.
    """
    stations = str(folder / "stations.txt")
    days = {"train": train, "validation": test, "test": test}
    return {
        "experiment_name": model["model"],
        "run_dir": str(folder / "runs"),
        "data_dir": str(folder),
        "dataset": "generic",
        **{f"{period}_basin_file": stations for period in days},
        **{f"{period}_start_date": first.strftime("%d/%m/%Y") for period, (first, _) in days.items()},
        **{f"{period}_end_date": last.strftime("%d/%m/%Y") for period, (_, last) in days.items()},
        "target_variables": [TARGET],
        "static_attributes": list(store.attribute_names),
        "head": "regression",
        "loss": "NSE",
        "optimizer": "Adam",
        "learning_rate": {0: 1e-3},
        "initial_forget_bias": 3,
        "output_dropout": 0.1,
        "clip_gradient_norm": 1,
        "epochs": 1,
        "device": "cpu",
        "num_workers": 0,
        "seed": 0,
        "verbose": 0,
        "log_tensorboard": False,
        "log_interval": 10**6,
        "log_n_figures": 0,
        "save_weights_every": 1,
        "validate_every": None,
        "save_train_data": False,
        **model,
        **others,
    }
