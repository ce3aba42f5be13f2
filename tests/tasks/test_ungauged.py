from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.masks.tasks import ValueMask
from hydromae.prediction.predictor import Predictor
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.ungauged import ungauged
from support.series_run import bits, move_weights, other_store, series_run, series_world
from support.small import small_config

RUNS_OF_ALL: dict[str, dict[str, Any]] = {"all": {}, "fewer": {"exclude_stations": ["101"]}}
PERIOD = (date(2001, 5, 3), date(2001, 6, 30))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Knows three of the four stations."""
    return series_run(tmp_path_factory.mktemp("series"), exclude_stations=["27003"])


@pytest.fixture(scope="module")
def everywhere(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Has all four."""
    return other_store(tmp_path_factory.mktemp("all"), lambda series: None)


@pytest.fixture(scope="module")
def simulated(trained: RunDirectory, everywhere: Store, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    with ungauged(trained.path, tmp_path_factory.mktemp("out") / "out.nc", data=everywhere) as file:
        return file.load()


@pytest.fixture(scope="module")
def neighbourly(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Windows of two stations."""
    return series_run(tmp_path_factory.mktemp("pairs"), stations_per_window=2)


def garbled(root: Path, stations: list[str], **data: Any) -> Store:
    """All stations, the flow of some being garbage, with values where there were none."""

    def spoil(series: dict[str, np.ndarray]) -> None:
        columns = [["39001", "9002", "27003", "101"].index(station) for station in stations]
        series["riverflow"][:, columns] = np.random.default_rng(1).uniform(0, 900, (200, len(columns)))

    return other_store(root, spoil, **data)


def test_every_day_of_every_station_is_simulated_also_of_one_that_the_run_never_saw(
    simulated: xr.Dataset, everywhere: Store
) -> None:
    flow = simulated["riverflow"]
    assert flow.dims == ("time", "station") and flow.dtype == np.float32 and flow.attrs["units"] == "m3/s"
    assert list(flow["station"].values) == list(everywhere.station_ids) and "27003" in flow["station"].values
    assert np.isfinite(flow.values).all() and (flow.values >= 0).all()
    np.testing.assert_array_equal(simulated["time"].values.astype("datetime64[D]"), everywhere.days)
    assert simulated["area"].sel(station="27003") == 80.0


def test_garbage_in_the_stations_own_flow_changes_nothing_bit_for_bit(
    simulated: xr.Dataset, trained: RunDirectory, tmp_path: Path
) -> None:
    store = garbled(tmp_path, ["39001", "9002", "27003", "101"])
    assert not np.array_equal(store.read("riverflow", slice(50, 60)), 0)
    with ungauged(trained.path, tmp_path / "out.nc", data=store) as found:
        assert bits(found["riverflow"].values) == bits(simulated["riverflow"].values)


def test_weather_does_matter(simulated: xr.Dataset, trained: RunDirectory, tmp_path: Path) -> None:
    def warmer(series: dict[str, np.ndarray]) -> None:
        series["evap"] += 1

    with ungauged(trained.path, tmp_path / "out.nc", data=other_store(tmp_path, warmer)) as found:
        assert (found["riverflow"].values != simulated["riverflow"].values).any(0).all()


def test_a_day_comes_late_in_its_window(simulated: xr.Dataset, trained: RunDirectory, everywhere: Store) -> None:
    spin_up = simulated["spin_up"].values
    assert (spin_up[28:] >= 28 - 7).all() and (spin_up <= 27).all()
    np.testing.assert_array_equal(spin_up[:21], np.arange(21))
    assert simulated["spin_up"].attrs["units"] == "days"
    predictor = Predictor(trained.path, everywhere)
    day = 100
    window = day - int(spin_up[day])
    values = predictor.read(window, 28)
    values["riverflow"][:] = torch.nan
    wanted = torch.zeros(28, 4, dtype=torch.bool)
    wanted[day - window] = True
    found = predictor.ask(window, values, ValueMask({"riverflow": wanted}, {}))["riverflow"].mean[day - window]
    np.testing.assert_allclose(simulated["riverflow"][day], found.clamp(min=0), rtol=1e-4)


def test_a_period_has_the_values_of_the_whole_bit_for_bit(
    simulated: xr.Dataset, trained: RunDirectory, everywhere: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hydromae.tasks.ungauged.SERIES_DAYS", 20)
    with ungauged(trained.path, tmp_path / "out.nc", data=everywhere, period=PERIOD) as part:
        expected = simulated.sel(time=part["time"])
        assert part.sizes["time"] == 59
        for name in ("riverflow", "spin_up"):
            assert bits(part[name].values) == bits(expected[name].values)


def test_with_donors_the_others_flow_is_seen_and_the_stations_own_is_not(
    neighbourly: RunDirectory, tmp_path: Path
) -> None:
    away = ["27003", "101"]
    pairs = {"stations_per_window": 2}
    own = garbled(tmp_path / "own", away, **pairs)
    others = garbled(tmp_path / "others", ["39001", "9002"], **pairs)

    def simulate(data: Store | None, donors: bool) -> np.ndarray:
        with ungauged(neighbourly.path, data=data, stations=away, donors=donors) as file:
            assert list(file["station"].values) == away
            return file["riverflow"].values

    seen = simulate(None, donors=True)
    assert bits(seen) == bits(simulate(own, donors=True))
    assert not np.array_equal(seen, simulate(others, donors=True))
    unseen = simulate(None, donors=False)
    assert bits(unseen) == bits(simulate(own, donors=False)) == bits(simulate(others, donors=False))
    assert not np.array_equal(seen, unseen)


def test_a_run_of_all_stations_has_donors_too(tmp_path: Path) -> None:
    run = series_run(tmp_path, stations_per_window=None)
    with (
        ungauged(run.path, tmp_path / "a.nc", stations=["101"], donors=True, period=PERIOD) as seen,
        ungauged(run.path, tmp_path / "b.nc", stations=["101"], period=PERIOD) as unseen,
    ):
        assert np.isfinite(seen["riverflow"].values).all() and seen["riverflow"].shape == (59, 1)
        assert not np.array_equal(seen["riverflow"].values, unseen["riverflow"].values)


def test_several_runs_are_averaged(
    trained: RunDirectory, everywhere: Store, simulated: xr.Dataset, tmp_path: Path
) -> None:
    other = series_run(tmp_path / "other", exclude_stations=["27003"])
    move_weights(other)
    with ungauged(other.path, tmp_path / "other.nc", data=everywhere) as file:
        alone = file["riverflow"].load()
    with ungauged([trained.path, other.path], tmp_path / "both.nc", data=everywhere) as file:
        together = file.load()
    assert not np.allclose(alone, simulated["riverflow"], equal_nan=True)
    np.testing.assert_allclose(together["riverflow"], (alone + simulated["riverflow"]) / 2, rtol=1e-4, atol=1e-6)
    assert str(trained.path) in together.attrs["runs"] and str(other.path) in together.attrs["runs"]


def test_runs_that_do_not_fit_each_other_are_refused(trained: RunDirectory, everywhere: Store, tmp_path: Path) -> None:
    longer = series_run(tmp_path / "longer", exclude_stations=["27003"], window=35)
    with pytest.raises(ConfigError, match=r"longer.*: has windows of 35 days, but .* of 28"):
        ungauged([trained.path, longer.path], tmp_path / "out.nc", data=everywhere)
    with pytest.raises(ConfigError, match="no run is named"):
        ungauged([], tmp_path / "out.nc")
    levels = series_run(tmp_path / "levels", exclude_stations=["27003"], model={"quantiles": [0.1, 0.9]})
    with pytest.raises(ConfigError, match=r"levels.*: has the quantiles \[0.1, 0.9\], but .* none"):
        ungauged([trained.path, levels.path], tmp_path / "out.nc", data=everywhere)
    whole = [series_run(tmp_path / name, stations_per_window=None, **data) for name, data in RUNS_OF_ALL.items()]
    with pytest.raises(ConfigError, match=r"fewer.*: predicts other stations than .*: only one of them has 101"):
        ungauged([run.path for run in whole], tmp_path / "out.nc", data=everywhere)
    assert not (tmp_path / "out.nc").exists()


def test_runs_of_other_units_are_refused_also_where_the_data_lack_the_flow(tmp_path: Path) -> None:
    runs = [
        series_run(
            tmp_path / unit,
            change_flow=lambda raw, unit=unit: {**raw, "units": unit, "per_area": False},
            exclude_stations=["101"],
        )
        for unit in ("m3/s", "mm/d")
    ]
    world = series_world(tmp_path / "without")
    del world.raw["data"]["modalities"]["riverflow"]
    config = small_config(world, tmp_path / "unused", data=world.raw["data"], model={"series_patch_size": 1})
    with pytest.raises(ConfigError, match=r"mm/d.*: riverflow is in mm/d, but in .* in m3/s"):
        ungauged([run.path for run in runs], tmp_path / "out.nc", data=prepare(config), target="riverflow")


def test_an_area_that_any_run_needs_is_asked_for_whatever_their_order(trained: RunDirectory, tmp_path: Path) -> None:
    flat = series_run(tmp_path / "flat", change_flow=lambda raw: {**raw, "per_area": False}, exclude_stations=["27003"])
    world = series_world(tmp_path / "without")
    table = pd.read_csv(world.root / "attributes.csv")
    table.loc[table["id"] == 27003, "catchment-area"] = np.nan
    table.to_csv(world.root / "attributes.csv", index=False)
    world.raw["data"]["modalities"]["riverflow"]["per_area"] = False
    config = small_config(world, tmp_path / "unused", data=world.raw["data"], model={"series_patch_size": 1})
    store = prepare(config)
    for runs in ([trained.path, flat.path], [flat.path, trained.path]):
        with pytest.raises(
            DataError, match="station 27003 has no catchment area, which is needed to bring the mm/d of"
        ):
            ungauged(runs, tmp_path / "out.nc", data=store)
    ungauged(flat.path, tmp_path / "out.nc", data=store).close()  # needs none


def test_a_scale_of_the_stations_own_flow_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def per_station(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "scaling_per": "station"}

    run = series_run(tmp_path, change_flow=per_station)
    ungauged(run.path, tmp_path / "out.nc", period=PERIOD).close()
    assert "what its attributes and climate tell" in caplog.text


def test_a_table_and_quantiles(tmp_path: Path) -> None:
    run = series_run(tmp_path, model={"quantiles": [0.1, 0.9]})
    made = ungauged(run.path, tmp_path / "out.csv", period=PERIOD, stations=["9002"])
    table = pd.read_csv(tmp_path / "out.csv", dtype={"ID": str})
    # Its masks were random, which never hide the whole of a series.
    columns = ["date", "ID", "riverflow", "spin_up", "riverflow_q0.1", "riverflow_q0.9", "not_trained_for"]
    assert list(table.columns) == columns
    assert table["ID"].unique().tolist() == ["9002"] and len(table) == 59
    np.testing.assert_array_equal(table["riverflow"].to_numpy(np.float32), made["riverflow"].values[:, 0])
    assert (table["riverflow_q0.1"] <= table["riverflow_q0.9"]).all()


def test_what_cannot_be_simulated_is_said_in_a_sentence(
    trained: RunDirectory, everywhere: Store, neighbourly: RunDirectory, tmp_path: Path
) -> None:
    out = tmp_path / "out.nc"
    with pytest.raises(DataError, match="station 27003 is not among"):
        ungauged(trained.path, out, stations=["27003"])
    with pytest.raises(ConfigError, match="no other station's flow can be seen"):
        ungauged(trained.path, out, data=everywhere, stations=["27003"], donors=True)
    with pytest.raises(ConfigError, match="no other station's flow can be seen"):
        ungauged(neighbourly.path, out, donors=True)
    with pytest.raises(ConfigError, match="precip is no series of the run"):
        ungauged(trained.path, out, target="precip")
    assert not list(tmp_path.iterdir())


def test_the_data_may_lack_the_flow_altogether(tmp_path: Path) -> None:
    def in_mm(raw: dict[str, Any]) -> dict[str, Any]:
        return {**raw, "units": "mm/d", "per_area": False, "standard_name": ""}

    run = series_run(tmp_path / "run", change_flow=in_mm, exclude_stations=["27003"])
    world = series_world(tmp_path / "other")
    del world.raw["data"]["modalities"]["riverflow"]
    config = small_config(world, tmp_path / "no", data=world.raw["data"], model={"series_patch_size": 1})
    store = prepare(config)
    assert store.names == ("evap",)
    with ungauged(run.path, tmp_path / "out.nc", data=store, target="riverflow", period=PERIOD) as file:
        assert np.isfinite(file["riverflow"].values).all() and file["riverflow"].attrs["units"] == "mm/d"
        assert "27003" in file["station"].values
    with pytest.raises(ConfigError, match="it is not clear which series is the river flow"):
        ungauged(run.path, tmp_path / "other.nc", data=store)
