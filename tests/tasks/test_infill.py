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
from hydromae.prediction.central_days import last_days, middle_days
from hydromae.prediction.choices import chosen_days
from hydromae.prediction.predictor import Predictor
from hydromae.runs.directory import RunDirectory
from hydromae.store.maps import to_grid
from hydromae.store.store import Store
from hydromae.tasks.infill import infill
from support.series_run import bits, move_weights, other_store, series_run
from support.sources import World

PERIOD = (date(2001, 5, 3), date(2001, 6, 30))
OBSERVED, FILLED, MISSING = 0, 1, 2


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return series_run(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module")
def filled(trained: RunDirectory, tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    with infill(trained.path, tmp_path_factory.mktemp("filled") / "out.nc") as file:
        return file.load()


def test_what_was_observed_comes_back_bit_for_bit_and_every_gap_is_filled(
    filled: xr.Dataset, trained: RunDirectory
) -> None:
    store = trained.store()
    for name in ("evap", "riverflow"):
        values, found = store.read(name, slice(None)), filled[name].values
        gaps = np.isnan(values)
        assert found.dtype == np.float32 and bits(found[~gaps]) == bits(values[~gaps])
        assert np.isfinite(found).all()
        np.testing.assert_array_equal(filled[f"{name}_flag"].values, np.where(gaps, FILLED, OBSERVED))
    assert (filled["riverflow_flag"] == FILLED).any() and (filled["riverflow"] >= 0).all()


def test_the_file_says_what_its_numbers_are(filled: xr.Dataset, trained: RunDirectory) -> None:
    flow, flag = filled["riverflow"], filled["riverflow_flag"]
    assert flow.dims == ("time", "station") and flow.attrs["units"] == "m3/s"
    assert flow.attrs["standard_name"] == "water_volume_transport_in_river_channel"
    assert flow.attrs["ancillary_variables"].split() == ["riverflow_flag"]
    assert flag.attrs["flag_meanings"].split() == ["observed", "filled", "missing"]
    assert list(flag.attrs["flag_values"]) == [0, 1, 2]
    assert all(isinstance(station, str) for station in filled["station"].values)
    assert list(filled["station"].values) == list(trained.store().station_ids)
    assert {"latitude", "longitude"} <= set(filled.coords) and filled["area"].attrs["units"] == "km2"
    np.testing.assert_array_equal(filled["time"].values.astype("datetime64[D]"), trained.store().days)


def test_a_fill_is_what_the_model_says_of_the_window_in_whose_middle_the_gap_lies(
    filled: xr.Dataset, trained: RunDirectory
) -> None:
    predictor = Predictor(trained.path)
    values = predictor.read(0, 200)["riverflow"]
    day, station = next((int(d), int(s)) for d, s in values.isnan().nonzero() if 60 < d < 140)
    central = next(c for c in middle_days(predictor, slice(0, 200)) if c.first <= day < c.stop)
    assert central.length == 28 and central.stop - central.first == 7
    assert min(day - central.window, central.window + central.length - 1 - day) >= 10
    shown = predictor.read(central.window, central.length)
    wanted = torch.zeros(28, 4, dtype=torch.bool)
    wanted[day - central.window, station] = True
    found = predictor.ask(central.window, shown, ValueMask({"riverflow": wanted}, {}))["riverflow"].mean
    expected = float(found[day - central.window, station])
    assert float(filled["riverflow"][day, station]) == pytest.approx(max(expected, 0), rel=1e-4)


def test_a_period_has_the_values_of_the_whole_bit_for_bit(
    filled: xr.Dataset, trained: RunDirectory, tmp_path: Path
) -> None:
    with infill(trained.path, tmp_path / "part.nc", period=PERIOD) as part:
        assert part.sizes["time"] == 59
        for name in ("riverflow", "riverflow_flag", "evap"):
            assert bits(part[name].values) == bits(filled[name].sel(time=part["time"]).values)


def test_memory_in_blocks_changes_nothing(
    filled: xr.Dataset, trained: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hydromae.tasks.infill.SERIES_DAYS", 20)
    with infill(trained.path, tmp_path / "part.nc") as blocks:
        for name in ("riverflow", "riverflow_flag", "evap"):
            assert bits(blocks[name].values) == bits(filled[name].values)


def test_other_stations_do_not_matter_where_a_window_holds_one(
    filled: xr.Dataset, trained: RunDirectory, tmp_path: Path
) -> None:
    def spoil(series: dict[str, np.ndarray]) -> None:
        for values in series.values():
            values[:, 1:][np.isfinite(values[:, 1:])] = 3.0  # all but 39001

    store = other_store(tmp_path, spoil)
    with infill(trained.path, tmp_path / "out.nc", data=store) as spoilt:
        for name in ("riverflow", "evap"):
            own, before = (file[name].sel(station="39001").values for file in (spoilt, filled))
            assert bits(own) == bits(before)
        assert not np.array_equal(spoilt["riverflow"].values, filled["riverflow"].values)


def test_excluded_days_are_given_back_but_not_shown(trained: RunDirectory, tmp_path: Path) -> None:
    settings = {"exclude_dates": [["2001-06-01", "2001-06-03"]]}
    run = series_run(tmp_path / "excluding", **settings)

    def spoil(series: dict[str, np.ndarray]) -> None:
        days = slice(151, 154)
        series["riverflow"][days] = np.where(np.isnan(series["riverflow"][days]), np.nan, 999.0)

    store = other_store(tmp_path / "other", spoil, **settings)
    with infill(run.path, tmp_path / "a.nc") as before, infill(run.path, tmp_path / "b.nc", data=store) as after:
        gaps = before["riverflow_flag"].values == FILLED
        assert gaps[100:].any() and bits(before["riverflow"].values[gaps]) == bits(after["riverflow"].values[gaps])
        assert (after["riverflow"].values[151:154][~gaps[151:154]] == 999).all()


def test_a_gap_longer_than_a_window_is_filled_from_the_rest(trained: RunDirectory, tmp_path: Path) -> None:
    def lose(series: dict[str, np.ndarray]) -> None:
        series["riverflow"][60:150, 2] = np.nan

    store = other_store(tmp_path, lose)
    with infill(trained.path, tmp_path / "out.nc", data=store) as file:
        assert (file["riverflow_flag"].sel(station="27003")[60:150] == FILLED).all()
        assert np.isfinite(file["riverflow"].values).all()


def test_stations_and_modalities_can_be_chosen_in_an_order(
    filled: xr.Dataset, trained: RunDirectory, tmp_path: Path
) -> None:
    with infill(trained.path, tmp_path / "out.nc", stations=["101", "39001"], modalities=["riverflow"]) as part:
        assert list(part["station"].values) == ["101", "39001"] and "evap" not in part
        chosen = filled.sel(station=["101", "39001"])
        np.testing.assert_allclose(part["riverflow"], chosen["riverflow"], rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(part["latitude"], chosen["latitude"])


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_holds_what_the_netcdf_holds(
    filled: xr.Dataset, trained: RunDirectory, tmp_path: Path, suffix: str
) -> None:
    made = infill(trained.path, tmp_path / f"out{suffix}", period=PERIOD)
    path = tmp_path / f"out{suffix}"
    table = pd.read_csv(path, dtype={"ID": str}) if suffix == ".csv" else pd.read_parquet(path)
    expected = filled.sel(time=made["time"])
    assert list(table.columns) == ["date", "ID", "evap", "evap_flag", "riverflow", "riverflow_flag"]
    assert len(table) == 59 * 4 and table["ID"].iloc[:4].tolist() == list(filled["station"].values)
    found = table["riverflow"].to_numpy(np.float32).reshape(59, 4)
    np.testing.assert_array_equal(found, expected["riverflow"].values)
    words = np.array(["observed", "filled", "missing"])[expected["riverflow_flag"].values]
    np.testing.assert_array_equal(table["riverflow_flag"].to_numpy(str).reshape(59, 4), words)
    assert pd.to_datetime(table["date"]).iloc[-1] == pd.Timestamp("2001-06-30")
    assert [path.name for path in tmp_path.iterdir()] == [f"out{suffix}"]


def test_grids_are_filled_on_land_when_asked(run: RunDirectory, prepared: tuple[World, Store], tmp_path: Path) -> None:
    store = prepared[1]
    with infill(run.path, tmp_path / "out.nc", grids=True, period=PERIOD) as file:
        days = chosen_days(store, PERIOD)
        for name in ("precip", "soil"):
            packed = store.read(name, days)
            observed = to_grid(store, packed)
            land = to_grid(store, np.broadcast_to(store.land, packed.shape).astype(np.float32)) == 1
            found, flag = file[name].values, file[f"{name}_flag"].values
            known = np.isfinite(observed)
            assert bits(found[known]) == bits(observed[known]) and (flag[known] == OBSERVED).all()
            gaps = land & ~known
            assert gaps.any() and np.isfinite(found[gaps]).all() and (flag[gaps] == FILLED).all()
            assert np.isnan(found[~land]).all() and (flag[~land] == MISSING).all()
            assert file[name].dims == ("time", "y", "x")
        assert "riverflow" in file


def test_several_runs_are_averaged_and_what_was_observed_stays(
    trained: RunDirectory, filled: xr.Dataset, tmp_path: Path
) -> None:
    other = series_run(tmp_path / "other")
    move_weights(other)
    with infill(other.path, tmp_path / "other.nc") as file:
        alone = file.load()
    with infill([trained.path, other.path], tmp_path / "both.nc") as file:
        together = file.load()
    flag = filled["riverflow_flag"].values
    np.testing.assert_array_equal(together["riverflow_flag"], flag)
    one, two, both = (made["riverflow"].values for made in (filled, alone, together))
    assert not np.allclose(one[flag == FILLED], two[flag == FILLED])
    np.testing.assert_allclose(both[flag == FILLED], (one + two)[flag == FILLED] / 2, rtol=1e-4, atol=1e-6)
    assert bits(both[flag == OBSERVED]) == bits(one[flag == OBSERVED])
    with pytest.raises(ConfigError, match=r"has windows of 35 days, but .* of 28"):
        infill([trained.path, series_run(tmp_path / "longer", window=35).path], tmp_path / "none.nc")


def test_quantiles_of_the_fills_rise_with_their_level(tmp_path: Path) -> None:
    levels = [0.05, 0.5, 0.95]
    made = series_run(tmp_path, model={"quantiles": levels})
    with infill(made.path, tmp_path / "out.nc", period=PERIOD) as file:
        quantiles, flag = file["riverflow_quantiles"], file["riverflow_flag"].values
        assert quantiles.dims == ("time", "station", "quantile") and list(file["quantile"].values) == levels
        np.testing.assert_array_equal(np.isfinite(quantiles.values).all(-1), flag == FILLED)
        assert (np.diff(quantiles.values[flag == FILLED], axis=-1) >= 0).all()
    infill(made.path, tmp_path / "out.csv", period=PERIOD, modalities=["riverflow"])
    columns = ["date", "ID", "riverflow", "riverflow_flag", "riverflow_q0.05", "riverflow_q0.5", "riverflow_q0.95"]
    assert list(pd.read_csv(tmp_path / "out.csv").columns) == columns


@pytest.mark.parametrize("spans", [middle_days, last_days])
@pytest.mark.parametrize("days", [slice(0, 200), slice(13, 14), slice(190, 200), slice(0, 3)])
def test_each_day_is_in_one_core_and_each_core_in_its_window(trained: RunDirectory, spans: Any, days: slice) -> None:
    predictor = Predictor(trained.path)
    made = spans(predictor, days)
    assert [central.stop for central in made[:-1]] == [central.first for central in made[1:]]
    assert made[0].first <= days.start and made[-1].stop >= days.stop
    for central in made:
        assert 0 <= central.window <= central.first < central.stop <= central.window + central.length <= 200
        if spans is last_days and central.stop >= 28:
            assert central.window + central.length == central.stop


def test_what_cannot_be_filled_is_said_in_a_sentence(trained: RunDirectory, tmp_path: Path) -> None:
    def ask(**arguments: Any) -> None:
        infill(trained.path, **{"output": tmp_path / "out.nc", **arguments})

    with pytest.raises(DataError, match="station 3900 is not among"):
        ask(stations=["3900"])
    with pytest.raises(ConfigError, match="snow is not among what the run and its data have: evap, riverflow"):
        ask(modalities=["snow"])
    with pytest.raises(ConfigError, match=r"take one of \.nc, \.zarr"):
        ask(output=tmp_path / "out.xlsx")
    with pytest.raises(ConfigError, match="is not within the data"):
        ask(period=(date(1999, 1, 1), date(2001, 1, 2)))
    assert not list(tmp_path.iterdir())
