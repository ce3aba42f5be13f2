"""A small run directory, made here: two grids and two series with gaps, sea and hidden places."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from hydromae.report import write_report

DAYS, HEIGHT, WIDTH, STATIONS = 40, 30, 20, 6
MODALITIES = {
    "precip": {"kind": "grid", "units": "mm/d", "scaling": "log1p", "long_name": "precipitation"},
    "snow_depth": {"kind": "grid", "units": "m", "long_name": "depth of <snow> & ice, $5"},
    "flow": {"kind": "series", "units": "m3/s", "scaling": "log", "long_name": "river flow"},
    "level": {"kind": "series", "units": "m", "long_name": "groundwater level"},
}
MSE = {
    "precip": {"model": 1.25, "mean": 5.0, "nearest_day": 2.5},
    "snow_depth": {"model": 0.031, "mean": 0.04, "nearest_day": 0.01},
    "flow": {"model": 7.75, "mean": 6.5, "nearest_day": 7.25},
    "level": {"model": 0.5, "mean": 2.0, "nearest_day": 0.5},
}


def make_reconstruction() -> xr.Dataset:
    """Values of every modality with its estimate at hidden places and its state; a quarter of each grid is sea."""
    rng = np.random.default_rng(3)
    variables: dict[str, Any] = {}
    for name, modality in MODALITIES.items():
        dims = ("time", "y", "x") if modality["kind"] == "grid" else ("time", "station")
        shape = (DAYS, HEIGHT, WIDTH) if modality["kind"] == "grid" else (DAYS, STATIONS)
        observed = rng.gamma(1.0, 3.0, shape).astype(np.float32)
        hidden = rng.random(shape) < 0.4
        if modality["kind"] == "grid":
            hidden = np.kron(rng.random((DAYS, HEIGHT // 10, WIDTH // 10)) < 0.4, np.ones((1, 10, 10))).astype(bool)
            observed[:, :, : WIDTH // 4] = np.nan
        else:
            observed[rng.random(shape) < 0.05] = np.nan
        state = np.where(np.isnan(observed), 3, hidden).astype(np.int8)
        estimate = np.where(state == 1, observed * 0.9 + 0.1, np.nan).astype(np.float32)
        attrs = {"units": modality["units"], "long_name": modality["long_name"]}
        variables |= {name: (dims, observed, attrs), f"{name}_reconstructed": (dims, estimate, attrs)}
        variables[f"{name}_state"] = (dims, state, {"flag_meanings": "visible target ignored missing"})
    time = np.datetime64("2009-01-01") + np.arange(DAYS)
    stations = [f"{1000 + number}" for number in range(STATIONS)]
    return xr.Dataset(variables, coords={"time": time, "station": stations, "y": np.arange(HEIGHT)[::-1] * 5000.0})


def make_metrics() -> list[dict[str, Any]]:
    """Falling losses: 50 training records and 5 of validation."""
    records: list[dict[str, Any]] = []
    for step in range(10, 501, 10):
        losses = {name: float(np.exp(-step / 300)) for name in MODALITIES}
        common = {"step": step, "epoch": step / 100, "loss": sum(losses.values()), "losses": losses}
        speed = {"lr": 1e-4, "grad_norm": 1.0, "windows_per_second": 50.0}
        records.append({"event": "train", **common, **speed})
        if step % 100 == 0:
            records.append({"event": "validation", **common})
    return records


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """Metrics as a training writes them; Python's JSON spells NaN and Infinity out."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def make_scores() -> dict[str, Any]:
    """Scores as an evaluation writes them."""
    modalities = {
        name: {
            "kind": modality["kind"],
            "units": modality["units"],
            "measure": "land cells" if modality["kind"] == "grid" else "median over stations",
            "mse": dict(MSE[name]),
            "values": 4321,
        }
        for name, modality in MODALITIES.items()
    }
    return {"split": "val", "period": ["2009-01-01", "2009-02-09"], "windows": 4, "modalities": modalities}


def make_run(folder: Path) -> Path:
    """A run that holds a configuration and nothing else, in a folder whose name has a space."""
    run = folder / "first run"
    run.mkdir()
    config = {"name": "first", "data": {"modalities": MODALITIES, "train": ["2001-01-01", "2008-12-31"]}}
    (run / "config.yaml").write_text(yaml.safe_dump(config))
    return run


@pytest.fixture
def metrics() -> list[dict[str, Any]]:
    return make_metrics()


@pytest.fixture
def write_metrics() -> Callable[[Path, list[dict[str, Any]]], None]:
    return write_lines


@pytest.fixture
def reconstruction() -> xr.Dataset:
    return make_reconstruction()


@pytest.fixture
def scores() -> dict[str, Any]:
    return make_scores()


@pytest.fixture
def bare_run(tmp_path: Path) -> Path:
    return make_run(tmp_path)


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that holds everything the page can show, and its page; tests only read it."""
    run = make_run(tmp_path_factory.mktemp("report"))
    write_lines(run / "metrics.jsonl", make_metrics())
    (run / "scores.json").write_text(json.dumps(make_scores()))
    summary = {"parameters": 1234567, "seconds": 3900.0, "steps": 500, "device": "cpu", "version": "0.1.0"}
    (run / "summary.json").write_text(json.dumps(summary))
    make_reconstruction().to_netcdf(run / "reconstruction.nc", engine="h5netcdf")
    write_report(run)
    return run


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with scores and a reconstruction of a grid and a series, without a page; tests copy it."""
    run = make_run(tmp_path_factory.mktemp("small"))
    (run / "scores.json").write_text(json.dumps(make_scores()))
    kept = [f"{name}{part}" for name in ("precip", "flow") for part in ("", "_reconstructed", "_state")]
    make_reconstruction()[kept].to_netcdf(run / "reconstruction.nc", engine="h5netcdf")
    return run
