import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.check import check
from hydromae.config import ATTRIBUTES, Config
from hydromae.config.read import load_config
from hydromae.init import InitResult, check_target, config_text, init, long_tables, survey, write_config
from hydromae.init.write import patch_size
from hydromae.readers import Reader, Request
from hydromae.sample import SIZES
from hydromae.sample.write import write_sample
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.setup import build_model
from support.readers_sources import write_camels, write_months, write_netcdf, write_nrfa
from support.sources import day_range, make_world, write_attributes, write_grid, write_mask, write_table

DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2003-01-01"))
RANDOM = np.random.default_rng(0)
COARSE = replace(SIZES["tiny"], shape=(30, 20))


def rain(days: int = len(DAYS), shape: tuple[int, int] = (6, 4)) -> np.ndarray:
    return np.maximum(RANDOM.gamma(0.5, 6, (days, *shape)) - 2, 0).astype(np.float32)


def warmth(days: int = len(DAYS), shape: tuple[int, int] = (6, 4)) -> np.ndarray:
    return RANDOM.normal(9, 7, (days, *shape)).astype(np.float32)


def flow(days: int = len(DAYS), stations: int = 3) -> np.ndarray:
    return RANDOM.lognormal(1, 1, (days, stations)).astype(np.float32)


def written(result: InitResult, folder: Path) -> Config:
    return load_config(write_config(result, folder / "my.yaml", overwrite=True))


def taken(result: InitResult) -> dict[str, tuple[str, str]]:
    return {name: (group.kind, group.variable.units) for name, group in result.chosen.taken.items()}


def reason(result: InitResult, path: str) -> str:
    return next(row.reason for row in result.rows if row.path.startswith(path) and not row.taken_for)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A sample with all its files, of a quarter of the cells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SIZES, "tiny", COARSE)
        return write_sample(tmp_path_factory.mktemp("init") / "tiny", "tiny").series.parent


@pytest.fixture(scope="module")
def found(tiny) -> InitResult:
    return init(tiny)


@pytest.mark.slow
def test_the_sample_is_prepared_from_what_init_writes(tmp_path):
    config = written(init(write_sample(tmp_path / "tiny", "tiny").series.parent), tmp_path)
    assert set(config.data.modalities) == {"precip", "soil", "temp", "evap", "riverflow"}
    assert config.data.attributes.columns == ATTRIBUTES and config.data.land_mask == "gb_temp_valid_mask_60x40.pt"
    assert [str(day) for day in config.data.train or ()] == ["2001-01-01", "2003-12-31"]  # as the files are named
    assert check(config).exit_code == 0
    store = prepare(config.model_copy(update={"data": config.data.model_copy(update={"store": str(tmp_path / "s")})}))
    assert len(store.station_ids) == 12 and store.shape == (60, 40) and store.n_days == 1461


def test_the_same_folder_gives_the_same_text(tiny, found):
    assert config_text(init(tiny), "my") == config_text(found, "my")


def test_every_file_is_in_the_table_once_with_a_reason(tiny, found):
    rows = found.rows
    paths = [re.sub(": .*", "", row.path) for row in rows]
    files = {path.relative_to(tiny).as_posix() for path in tiny.rglob("*") if path.is_file()}
    assert set(paths) == files and all(row.reason for row in rows)
    assert [row.taken_for for row in rows if row.path == "sample.json"] == [""]


def test_a_file_that_is_there_is_replaced_only_when_asked(found, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("mine: true\n")
    with pytest.raises(ConfigError, match=r"my\.yaml: is there already"):
        write_config(found, path)
    assert path.read_text() == "mine: true\n"
    write_config(found, path, overwrite=True)
    assert load_config(path).name == "my"


def test_a_folder_without_data_is_refused_with_what_lies_there(tmp_path):
    with pytest.raises(DataError, match=r"nothing to train on; looked for .*it is empty"):
        init(tmp_path)
    (tmp_path / "README.md").write_text("nothing")
    write_attributes(tmp_path / "a.csv", [1, 2], {"latitude": [50.0, 51.0]})
    with pytest.raises(DataError, match=r"README\.md \(no data of a known format \(\.md\)\), a\.csv \(a table without"):
        init(tmp_path)
    with pytest.raises(DataError, match="is no folder"):
        init(tmp_path / "absent")


def test_units_that_the_file_says_are_converted_and_others_are_asked_for(tmp_path):
    warm = write_netcdf(tmp_path / "t.nc", warmth() + 273.15, DAYS, units="K")
    with xr.open_dataset(warm, engine="h5netcdf") as data:
        data.rename(rainfall="tas").drop_encoding().to_netcdf(tmp_path / "tas.nc", engine="h5netcdf")
    warm.unlink()
    write_grid(tmp_path / "rain.h5", rain(shape=(6, 4)), DAYS)
    config = written(init(tmp_path), tmp_path)
    temp, precip = (config.data.modalities[name] for name in ("temp", "precip"))
    assert (temp.units, temp.convert_from, temp.maximum) == ("degC", "K", 60.0)
    assert (precip.units, precip.convert_from) == ("mm/d", None)
    assert "units: mm/d  # TODO: the file does not say its units" in (tmp_path / "my.yaml").read_text()


def test_a_grid_of_which_no_name_says_what_it_is_is_a_line_to_do(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    write_grid(tmp_path / "x.h5", warmth(), DAYS)
    result = init(tmp_path)
    assert list(result.chosen.taken) == ["precip"] and reason(result, "x.h5") == "no name says which modality it is"
    text = config_text(result, "my")
    assert "# Not taken. What the model is to know too" in text and "# x.h5: data (grid, 6 x 4 cells" in text


def test_grids_of_other_cells_are_named_with_the_rule_that_they_need(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    write_grid(tmp_path / "temperature.h5", warmth(), DAYS)
    write_grid(tmp_path / "soil.h5", RANDOM.uniform(0.1, 0.9, (len(DAYS), 12, 8)).astype(np.float32), DAYS)
    result = init(tmp_path)
    assert set(result.chosen.taken) == {"precip", "temp"}
    assert "its cells are not those of the grids taken (6 x 4)" in reason(result, "soil.h5")
    assert "as regrid: conservative" in config_text(result, "x")


def test_months_zarr_and_netcdf_are_found_as_grids(tmp_path):
    days = DAYS[:210]
    write_months(tmp_path / "tas_months", warmth(len(days)), days)
    write_netcdf(tmp_path / "pr.nc", rain(len(days)), days)
    with xr.open_dataset(write_netcdf(tmp_path / "soil.nc", rain(len(days)), days), engine="h5netcdf") as data:
        wet = data.rename(rainfall="swvl1")
        wet["swvl1"] = (wet["swvl1"].dims, RANDOM.uniform(0.2, 0.6, wet["swvl1"].shape), {"units": "m3 m-3"})
        wet.drop_encoding().to_zarr(tmp_path / "soil.zarr", consolidated=False)
    (tmp_path / "soil.nc").unlink()
    result = init(tmp_path)
    assert {name: group.pieces[0].reader for name, group in result.chosen.taken.items()} == {
        "precip": "netcdf_grid",
        "soil": "zarr_grid",
        "temp": "monthly_hdf5",
    }
    assert taken(result)["soil"] == ("grid", "1") and check(written(result, tmp_path)).exit_code in (0, 1)


def write_caravan(folder: Path, station: str, values: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    date = ("date", np.arange(len(values)), {"units": "days since 2001-01-01"})
    data = xr.Dataset(
        {
            "streamflow": ("date", values, {"units": "mm/d"}),
            "temperature_2m_max": ("date", RANDOM.normal(12, 7, len(values))),
            "temperature_2m_mean": ("date", RANDOM.normal(9, 7, len(values))),
        },
        coords={"date": date},
    )
    data.to_netcdf(folder / f"{station}.nc", engine="h5netcdf")


def test_a_caravan_folder_gives_series_of_means_and_flow_by_its_units(tmp_path):
    for i in range(3):
        write_caravan(tmp_path / "timeseries", f"camelsgb_{i}", flow()[:, 0])
    ids = [f"camelsgb_{i}" for i in range(3)]
    attributes = {"gauge_lat": [50.0, 51.0, 52.0], "gauge_lon": [0.1, 0.2, 0.3], "area": [10.0, 20.0, 30.0]}
    write_attributes(tmp_path / "attributes.csv", ids, attributes)
    result = init(tmp_path)
    assert taken(result) == {"temp": ("series", "degC"), "riverflow": ("series", "mm/d")}
    config = written(result, tmp_path)
    assert config.data.modalities["temp"].variable == "temperature_2m_mean"
    modeled = config.data.modalities["riverflow"]
    assert not modeled.per_area and config.data.attributes.area == "area"
    assert (modeled.scaling, modeled.scaling_per) == ("standard", "station")  # as it is scored
    assert config.data.attributes.columns == ("gauge_lat", "gauge_lon", "area")
    assert config.model.coordinate_attrs == (0, 1) and check(config).exit_code == 0


def test_stations_files_need_no_attributes(tmp_path):
    for station in ("7001", "33035"):
        write_nrfa(tmp_path / f"{station}_gdf.csv", station, DAYS, flow()[:, 0])
    config = written(init(tmp_path), tmp_path)
    assert config.data.modalities["riverflow"].paths == (".",) and not config.data.modalities["riverflow"].per_area
    assert config.data.attributes.path is None and check(config).exit_code == 0


def test_of_two_sources_the_one_with_more_is_taken_and_the_other_listed(tmp_path):
    write_camels(tmp_path / "camels", "2", DAYS, {"discharge_vol": flow()[:, 0]})
    write_table(tmp_path / "long.csv", DAYS, [1, 2, 3], {"discharge_vol": flow()})
    result = init(tmp_path)
    assert result.chosen.taken["riverflow"].pieces[0].path == "long.csv"
    assert "it holds more (3 stations" in reason(result, "camels")


def test_a_short_grid_does_not_cut_long_series_of_the_same_variable(tmp_path):
    days = day_range(DAYS[0].item(), DAYS[0].item().replace(year=2005))
    columns = {"precipitation": rain(len(days), (1, 3))[:, 0], "discharge_vol": flow(len(days))}
    write_table(tmp_path / "series.parquet", days, [1, 2, 3], columns)
    write_grid(tmp_path / "rain.h5", rain(300), days[:300])
    result = init(tmp_path)
    assert taken(result)["precip"] == ("series", "mm/d") and "days of the series were in common" in reason(
        result, "rain.h5"
    )
    write_grid(tmp_path / "rain.h5", rain(len(days)), days)
    assert taken(init(tmp_path))["precip"] == ("grid", "mm/d")


def test_columns_of_dates_and_ids_are_found_under_any_name(tmp_path):
    path = write_table(tmp_path / "t.csv", DAYS, ["a7", "b8"], {"streamflow": flow(stations=2)})
    text = path.read_text().replace("date,ID,", "day,gauge_id,", 1)
    path.write_text(text)
    settings = written(init(tmp_path), tmp_path).data.modalities["riverflow"]
    assert (settings.date_column, settings.id_column, settings.variable) == ("day", "gauge_id", "streamflow")


def test_a_table_with_a_column_a_station_is_one_variable(tmp_path):
    text = "date,27001,27002\n" + "".join(
        f"{day},{a},{b}\n" for day, (a, b) in zip(DAYS, flow(stations=2), strict=True)
    )
    (tmp_path / "streamflow.csv").write_text(text)
    config = written(init(tmp_path), tmp_path)
    assert list(config.data.modalities) == ["riverflow"] and check(config).exit_code == 0


def test_all_rows_of_a_large_table_say_its_stations_and_days(tmp_path, monkeypatch):
    monkeypatch.setattr(long_tables, "_HEAD", 4096)
    monkeypatch.setattr(long_tables, "_ROWS", 1000)
    values = flow(stations=50)
    values[:100] = np.nan  # so that the first rows are blank
    path = write_table(tmp_path / "t.csv", DAYS, list(range(50)), {"discharge_vol": values})
    assert path.stat().st_size > 50 * 4096
    assert init(tmp_path).chosen.taken["riverflow"].extent == "50 stations, 2001-01-01 to 2002-12-31"


def test_stamps_with_a_time_zone_are_days(tmp_path):
    frame = pd.DataFrame({"date": DAYS.astype("datetime64[s]"), "ID": 7, "flow": flow(stations=1)[:, 0]})
    frame.assign(date=frame["date"].dt.tz_localize("UTC")).to_parquet(tmp_path / "t.parquet")
    assert str(init(tmp_path).chosen.common[1]) == "2002-12-31"


def test_a_table_of_a_few_of_the_stations_gives_no_attributes(tmp_path):
    write_table(tmp_path / "t.csv", DAYS, [1, 2, 3], {"discharge_vol": flow()})
    write_attributes(tmp_path / "a.csv", [1, 8], {"latitude": [50.0, 51.0]})
    result = init(tmp_path)
    assert result.table is None and "less than half of the stations" in reason(result, "a.csv")


def test_codes_that_mean_missing_are_listed(tmp_path):
    values = flow()
    values[::3, 0] = -9999
    write_table(tmp_path / "t.csv", DAYS, [1, 2, 3], {"discharge_vol": values})
    config = written(init(tmp_path), tmp_path)
    assert -9999 in config.data.missing_values and check(config).exit_code == 0


def test_days_of_a_grid_without_dates_are_guessed_from_years_that_fit_its_length(tmp_path):
    write_grid(tmp_path / "rain_2001_2002.h5", rain(), None)
    write_grid(tmp_path / "temperature_2001.h5", warmth(), None)
    result = init(tmp_path)
    config = written(result, tmp_path)
    settings = config.data.modalities["precip"]
    assert check(config).exit_code == 0 and (str(settings.start), str(settings.end)) == ("2001-01-01", "2002-12-31")
    assert list(result.chosen.taken) == ["precip"] and "key start" in reason(result, "temperature_2001.h5")


def test_absent_days_between_files_are_allowed_for(tmp_path):
    write_grid(tmp_path / "rain_a.h5", rain(300), DAYS[:300])
    write_grid(tmp_path / "rain_b.h5", rain(400), DAYS[310:710])
    config = written(init(tmp_path), tmp_path)
    assert config.data.modalities["precip"].allow_absent_days and check(config).exit_code == 0


def test_stations_that_the_attributes_lack_are_excluded_by_name(tmp_path):
    write_table(tmp_path / "t.csv", DAYS, [1, 2, 3], {"discharge_vol": flow()})
    write_attributes(tmp_path / "a.csv", [1, 3], {"latitude": [50.0, 51.0], "bfihost": [0.1, 0.2]})
    result = init(tmp_path)
    assert written(result, tmp_path).data.exclude_stations == ("2",)
    assert reason(result, "station 2") == "has no row in a.csv"


def test_columns_of_attributes_that_are_not_taken_are_in_the_table(tmp_path):
    write_table(tmp_path / "t.csv", DAYS, [1, 3], {"discharge_vol": flow(stations=2)})
    write_attributes(tmp_path / "a.csv", [1, 3], {"bfihost": [0.1, 0.2], "name": ["x", "y"], "easting": [1, 2]})
    result = init(tmp_path)
    assert result.table is not None and result.table.columns == ("bfihost",)
    assert reason(result, "a.csv: name") == "not numbers"
    assert reason(result, "a.csv: easting") == "no property of the catchment"


def test_a_netcdf_map_of_0_and_1_is_the_land_mask(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    land = xr.Dataset({"land": (("y", "x"), np.eye(6, 4))}, {"y": np.arange(6.0)[::-1], "x": np.arange(4.0)})
    land.to_netcdf(tmp_path / "land.nc", engine="h5netcdf")
    assert written(init(tmp_path), tmp_path).data.land_mask == "land.nc"


def test_a_mask_of_other_cells_is_left_out(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    write_mask(tmp_path / "a.pt", np.ones((3, 4), bool))
    write_mask(tmp_path / "b.npy", np.ones((6, 4), bool))
    result = init(tmp_path)
    assert result.mask is not None and result.mask.path == "b.npy"
    assert reason(result, "a.pt") == "a map of 0 and 1 of 3 x 4 cells, but the grids have 6 x 4"


@pytest.mark.parametrize("name", ["a # b", "[1] *", "ro'w\"s", "${HOME}", "line\nbreak", "- é: 木", "{x}, y", "null"])
def test_any_name_of_folder_and_file_reads_back_as_it_is(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    write_table(folder / f"{name}.csv", DAYS, [1, 2], {"discharge_vol": flow(stations=2)})
    (folder / f"{name}.txt").write_text("left out")
    config = written(init(folder), tmp_path)
    assert config.data.root == str(folder) and config.data.modalities["riverflow"].paths == (f"{name}.csv",)
    assert check(config).exit_code == 0


def test_names_that_are_not_utf8_are_left_out_or_refused(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    (tmp_path / os.fsdecode(b"\xff.csv")).write_text("a,b")
    config = written(init(tmp_path), tmp_path)
    assert list(config.data.modalities) == ["precip"]
    assert "\\udcff.csv: its name is not UTF-8" in (tmp_path / "my.yaml").read_text()
    with pytest.raises(DataError, match=r"caf\\udce9.*not UTF-8"):
        init(folder)


def test_readers_of_other_packages_are_asked_too(tmp_path, monkeypatch):
    def read(paths: Sequence[Path], request: Request) -> xr.DataArray:
        coords = {"time": DAYS, "station": np.array(["a", "b"], object)}
        return xr.DataArray(flow(stations=2), dims=("time", "station"), coords=coords, name="discharge")

    mine = Reader("mine", "series", "mine", lambda path: "mine" if path.suffix == ".mine" else "", read)
    monkeypatch.setattr(survey, "registered_readers", lambda taken: ((mine,), ()))
    (tmp_path / "x.mine").write_text("x")
    result = init(tmp_path)
    group = result.chosen.taken["riverflow"]
    assert (group.pieces[0].reader, group.pieces[0].path, group.n_stations) == ("mine", "x.mine", 2)
    assert "\n      reader: mine\n" in config_text(result, "my")


def test_damaged_circular_and_huge_files_do_no_harm(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    (tmp_path / "cut.h5").write_bytes((tmp_path / "rain.h5").read_bytes()[:3000])
    (tmp_path / "empty.parquet").touch()
    (tmp_path / "text.parquet").write_text("not parquet")
    (tmp_path / "evil.pt").write_bytes(b"\x80\x02cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    (tmp_path / "gone.csv").symlink_to("nowhere.csv")
    (tmp_path / "loop").symlink_to(tmp_path)
    with (tmp_path / "huge.csv").open("wb") as file:
        file.truncate(2**34)
    with h5py.File(tmp_path / "wide.h5", "w") as file:
        file.create_dataset("data", (100, 10**6, 10**6), "f4", chunks=(1, 100, 100))
    os.mkfifo(tmp_path / "pipe.csv")
    result = init(tmp_path)
    assert list(result.chosen.taken) == ["precip"] and not (tmp_path / "ran").exists()
    left = {row.path for row in result.rows if not row.taken_for}
    names = {
        "cut.h5",
        "empty.parquet",
        "text.parquet",
        "evil.pt",
        "gone.csv",
        "loop",
        "huge.csv",
        "wide.h5",
        "pipe.csv",
    }
    assert left == names


def test_the_model_of_grids_is_small_without_a_word_of_the_user(tmp_path):
    make_world(tmp_path / "data")
    config = written(init(tmp_path / "data"), tmp_path)
    # The files do not say where the cells lie, so no mean over those around a station can be read.
    assert (config.model.d_model, config.model.grid_patch_days, config.model.recurrent_grids) == (64, 7, 0)
    built = build_model(config, store_of(config, tmp_path))
    assert sum(parameter.numel() for parameter in built.parameters()) < 2_000_000
    assert config.model.patch_size == 5 and config.training.batch_size == 2
    assert config.masking.strategies == {"rolling_forecast": 1} and config.model.rolling == ("riverflow",)


def store_of(config: Config, tmp_path: Path) -> Store:
    return prepare(config.model_copy(update={"data": config.data.model_copy(update={"store": str(tmp_path / "s")})}))


def gauges(folder: Path, years: int, stations: int = 2, flow_name: str = "discharge_vol") -> InitResult:
    days = np.arange(np.datetime64("1980-10-01"), np.datetime64(f"{1980 + years}-10-01"))
    for station in range(9001, 9001 + stations):
        columns = {flow_name: flow(len(days))[:, 0], "precipitation": flow(len(days))[:, 1]}
        write_camels(folder, str(station), days, columns)
    return init(folder)


def test_gauges_get_forecasts_quantiles_and_windows_of_a_station(tmp_path):
    result = gauges(tmp_path / "data", 20)
    assert not re.search(r"(?m)^ *#(?! )", config_text(result, "my"))  # nothing has to be uncommented
    config = written(result, tmp_path)
    assert config.masking.strategies == {"rolling_forecast": 1} and config.masking.forecast == ("riverflow",)
    assert config.model.rolling == ("riverflow",) and len(config.model.quantiles) == 5
    assert (config.data.window, config.data.stations_per_window, config.masking.warm_up) == (98, 1, 21)
    built = build_model(config, store_of(config, tmp_path))
    assert sum(parameter.numel() for parameter in built.parameters()) < 200_000
    assert config.training.patience == 6 and config.data.val is not None and config.data.test is not None


def test_a_training_is_as_long_as_the_records_are_worth(tmp_path):
    steps = {}
    for years, stations in ((4, 1), (20, 2), (20, 8)):
        config = written(gauges(tmp_path / f"{years}_{stations}", years, stations), tmp_path)
        first, last = config.data.train or (None, None)
        assert first is not None and last is not None
        windows = stations * ((last - first).days + 1) / config.data.stride
        steps[years, stations] = config.training.epochs * windows / config.training.batch_size
    assert steps[4, 1] == pytest.approx(400, rel=0.1)
    assert steps[20, 2] == pytest.approx(64 * (2 * 14) ** 0.5, rel=0.2) or steps[20, 2] == pytest.approx(400, rel=0.1)
    assert steps[20, 8] == pytest.approx(64 * (8 * 14) ** 0.5, rel=0.1)


def test_without_flow_or_days_there_is_nothing_to_forecast(tmp_path):
    config = written(gauges(tmp_path / "rain", 4, flow_name="humidity"), tmp_path)
    assert list(config.data.modalities) == ["precip"] and config.masking.strategies == {"random": 1}
    assert not config.model.rolling and config.model.recurrent_dim == 64
    (tmp_path / "week").mkdir()
    for name in ("rain_mm", "flow_m3s"):
        few = pd.DataFrame(flow(30, 2), columns=["9001", "9002"]).assign(date=DAYS[:30])
        few.to_csv(tmp_path / "week" / f"{name}.csv", index=False)
    config = written(init(tmp_path / "week"), tmp_path)
    assert config.data.window == 4 and config.masking.strategies == {"random": 1}


def test_what_the_files_do_not_say_is_listed_by_its_key(tmp_path):
    table = pd.DataFrame({"date": DAYS, "ID": "9001", "rain_mm": flow()[:, 0], "temp": flow()[:, 1], "flow_m3s": 1.0})
    table.to_csv(tmp_path / "daily.csv", index=False)
    result = init(tmp_path)
    assert result.to_do == ("data.modalities.temp.units",)
    assert config_text(result, "my").count("TODO") == 1
    table.rename(columns={"temp": "temp_c"}).to_csv(tmp_path / "daily.csv", index=False)
    assert init(tmp_path).to_do == () and "TODO" not in config_text(init(tmp_path), "my")


@pytest.mark.parametrize(
    ("shape", "size"), [((290, 180), 10), ((15, 10), 5), ((24, 16), 8), ((112, 82), 10), ((7, 5), 7), ((3, 3), 3)]
)
def test_patches_are_near_10_cells_and_divide_the_grid_where_they_can(shape, size):
    assert patch_size(shape) == size


def test_where_a_configuration_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    with pytest.raises(ConfigError, match="is there already"):
        check_target(tmp_path / "a.yaml")
    assert check_target(tmp_path / "a.yaml", overwrite=True) == tmp_path / "a.yaml"
    with pytest.raises(ConfigError, match="name it a"):
        check_target(tmp_path / "a.txt")


def wide_table(path: Path, names: Sequence[str], **beside: object) -> None:
    frame = pd.DataFrame(flow(stations=len(names)), columns=list(names))
    frame.assign(date=DAYS.astype(str), **beside).to_csv(path, index=False)


def test_columns_beside_the_stations_of_a_wide_table_are_none_for_init_either(tmp_path):
    wide_table(tmp_path / "streamflow.csv", ["27001", "27002"], mean=1.0, year=2001, index=range(len(DAYS)))
    result = init(tmp_path)
    assert result.chosen.taken["riverflow"].pieces[0].stations == ("27001", "27002")
    config = written(result, tmp_path)
    assert check(config).exit_code == 0 and config.data.modalities["riverflow"].layout is None
    store = prepare(config.model_copy(update={"data": config.data.model_copy(update={"store": str(tmp_path / "s")})}))
    assert store.station_ids == ("27001", "27002")


def test_columns_with_names_are_stations_where_a_table_of_attributes_has_them(tmp_path):
    names = ["Thames at Kingston", "Severn at Bewdley"]
    wide_table(tmp_path / "streamflow.csv", names)
    with pytest.raises(
        DataError, match=r"has no column of ids, and its other columns do not look like stations; set layout: wide"
    ):
        init(tmp_path)
    write_attributes(tmp_path / "a.csv", names, {"latitude": [50.0, 51.0], "slope": [1.0, 2.0]})
    config = written(init(tmp_path), tmp_path)
    assert config.data.modalities["riverflow"].layout == "wide" and check(config).exit_code == 0


def test_the_table_of_one_basin_is_left_out_with_what_it_lacks(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    wide_table(tmp_path / "basin.csv", ["prcp", "tmax", "QObs(mm/d)"])
    wide_table(tmp_path / "other.csv", ["srad", "vp"])
    result = init(tmp_path)
    assert list(result.chosen.taken) == ["precip"] and "no column of station ids" in reason(result, "basin.csv")
    assert "no column of ids" in reason(result, "other.csv")


@pytest.mark.parametrize("spell", ["{:08d}", "{}.0", " {}"])
def test_attributes_that_spell_the_ids_otherwise_are_found(tmp_path, spell):
    write_table(tmp_path / "t.csv", DAYS, [1013500, 2, 3], {"discharge_vol": flow()})
    ids = [spell.format(i) for i in (1013500, 2)]
    write_attributes(tmp_path / "a.csv", ids, {"latitude": [50.0, 51.0], "slope": [1.0, 2.0]})
    config = written(init(tmp_path), tmp_path)
    assert config.data.attributes.path == "a.csv" and config.data.exclude_stations == ("3",)
    store = prepare(config.model_copy(update={"data": config.data.model_copy(update={"store": str(tmp_path / "s")})}))
    assert store.station_ids == tuple(text.strip().removesuffix(".0") for text in ids)


def with_days(folder: Path, values: np.ndarray, stations: list[str], days: np.ndarray = DAYS) -> None:
    """One long table a station, named after it."""
    for column, station in enumerate(stations):
        write_table(folder / f"flow_{station}.csv", days, [station], {"discharge_vol": values[:, [column]]})


def stored(config: Config, folder: Path) -> dict[str, np.ndarray]:
    data = config.data.model_copy(update={"store": str(folder / "store")})
    store = prepare(config.model_copy(update={"data": data}))
    values = store.read("riverflow", slice(0, store.n_days))
    return {station: values[:, i] for i, station in enumerate(store.station_ids)}


def test_archives_of_different_stations_are_joined(tmp_path):
    one, other, third = flow(), flow(), flow()
    for place, station in enumerate(("1001", "1002")):
        write_camels(tmp_path / "camels", station, DAYS, {"discharge_vol": one[:, place], "pet": other[:, place] % 9})
    (tmp_path / "nrfa").mkdir()
    write_nrfa(tmp_path / "nrfa/1002_gdf.csv", "1002", DAYS, third[:, 0])
    write_nrfa(tmp_path / "nrfa/2003_gdf.csv", "2003", DAYS[100:], np.round(third[100:, 1], 3))
    result = init(tmp_path)
    config = written(result, tmp_path)
    settings = config.data.modalities["riverflow"]
    assert {name: (one.paths, one.variable) for name, one in settings.sources.items()} == {
        "camels_gb": (("camels",), "discharge_vol"),
        "nrfa_gdf": (("nrfa",), None),
    }
    assert config.data.modalities["evap"].paths == ("camels",) and not settings.paths
    joined = [(row.path, row.taken_for) for row in result.rows if "both are joined" in row.reason]
    assert joined == [("nrfa", "riverflow")]
    got = stored(config, tmp_path)
    np.testing.assert_array_equal(got["1002"], one[:, 1])
    np.testing.assert_array_equal(got["2003"][100:], np.round(third[100:, 1], 3))
    assert sorted(got) == ["1001", "1002", "2003"] and check(config).exit_code in (0, 1)


def test_a_source_without_a_new_station_or_in_other_units_is_not_joined(tmp_path):
    write_table(tmp_path / "long.csv", DAYS, [1, 2, 3], {"discharge_vol": flow()})
    write_camels(tmp_path / "camels", "2", DAYS, {"discharge_vol": flow()[:, 0]})
    write_caravan(tmp_path / "caravan", "x_9", flow()[:, 0])
    settings = written(init(tmp_path), tmp_path).data.modalities["riverflow"]
    assert settings.paths == ("long.csv",) and not settings.sources


def test_tables_of_a_station_each_are_all_taken(tmp_path):
    values, stations = flow(stations=5), ["11", "12", "13", "14", "15"]
    (tmp_path / "data").mkdir()
    with_days(tmp_path / "data", values, stations)
    result = init(tmp_path / "data")
    settings = written(result, tmp_path).data.modalities["riverflow"]
    assert settings.paths == ("*.csv",) and not settings.sources
    assert result.chosen.taken["riverflow"].n_stations == 5
    assert [row.taken_for for row in result.rows] == ["riverflow"]
    got = stored(written(result, tmp_path), tmp_path)
    for column, station in enumerate(stations):
        np.testing.assert_array_equal(got[station], values[:, column])


def test_tables_of_one_column_a_station_are_all_taken(tmp_path):
    folder, values = tmp_path / "data/streamflow", flow(stations=5)
    folder.mkdir(parents=True)
    for column, station in enumerate(range(39001, 39006)):
        pd.DataFrame({str(station): values[:, column]}, pd.Index(DAYS.astype(str), name="date")).to_csv(
            folder / f"{station}.csv"
        )
    got = stored(written(init(tmp_path / "data"), tmp_path), tmp_path)
    np.testing.assert_array_equal(np.stack([got[str(station)] for station in range(39001, 39006)], axis=1), values)


def test_tables_that_follow_each_other_in_time_are_all_taken(tmp_path):
    values = flow(stations=2)
    write_table(tmp_path / "b.csv", DAYS[:300], [1, 2], {"discharge_vol": values[:300]})
    write_table(tmp_path / "a.csv", DAYS[300:], [1, 2], {"discharge_vol": values[300:]})
    result = init(tmp_path)
    config = written(result, tmp_path)
    assert config.data.modalities["riverflow"].paths == ("b.csv", "a.csv")
    assert [str(day) for day in result.chosen.common] == ["2001-01-01", "2002-12-31"]
    got = stored(config, tmp_path)
    np.testing.assert_array_equal(np.stack([got["1"], got["2"]], axis=1), values)


def test_two_tables_of_the_same_station_and_days_are_not_mixed(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "clean").mkdir()
    with_days(tmp_path / "raw", flow(), ["1", "2", "3"])
    with_days(tmp_path / "clean", flow(), ["1", "2", "3"])
    result = init(tmp_path)
    paths = written(result, tmp_path).data.modalities["riverflow"].paths
    assert paths == tuple(f"clean/flow_{station}.csv" for station in "123")
    assert "it holds as much" in reason(result, "raw/flow_1.csv")


def test_bounds_of_three_dimensions_do_not_hide_the_grid(tmp_path):
    corners = (("projection_y_coordinate", "projection_x_coordinate", "nv"), np.zeros((6, 4, 4)))
    place = (("projection_y_coordinate", "projection_x_coordinate"), np.zeros((6, 4)), {"bounds": "lat_bnds"})
    unsaid = (("projection_y_coordinate", "projection_x_coordinate", "nv"), np.zeros((6, 4, 4)))
    write_netcdf(tmp_path / "rain.nc", rain(), DAYS, latitude=place, lat_bnds=corners, vertices=unsaid)
    result = init(tmp_path)
    assert [(group.pieces[0].variable, group.pieces[0].n_days) for group in result.chosen.taken.values()] == [
        ("rainfall", len(DAYS))
    ]
    assert "has no time" in reason(result, "rain.nc: vertices")
    config = written(result, tmp_path)
    assert config.data.modalities["precip"].variable == "rainfall" and check(config).exit_code in (0, 1)


@pytest.mark.parametrize(
    ("separator", "name"), [(";", "a.csv"), ("\t", "a.csv"), (";", "camels_topo.txt"), ("\t", "a.tsv")]
)
def test_attributes_are_found_whatever_parts_their_columns(tmp_path, separator, name):
    write_table(tmp_path / "t.parquet", DAYS, [1, 2, 3], {"discharge_vol": flow()})
    rows = [["id", " bfihost", "catchment-area"], ["1", "0.1", "10"], ["2", "0.2", "20"], ["3", "0.3", "30"]]
    (tmp_path / name).write_text("\n".join(separator.join(row) for row in rows))
    config = written(init(tmp_path), tmp_path)
    assert config.data.attributes.path == name
    assert config.data.attributes.columns == ("bfihost", "catchment-area") and check(config).exit_code == 0
    got = stored(config, tmp_path)
    assert sorted(got) == ["1", "2", "3"]


def test_series_that_are_not_parted_by_commas_are_left_out_with_what_the_reader_says(tmp_path):
    write_table(tmp_path / "t.csv", DAYS, [1, 2], {"discharge_vol": flow(stations=2)})
    (tmp_path / "s.csv").write_text((tmp_path / "t.csv").read_text().replace(",", ";"))
    (tmp_path / "u.txt").write_text((tmp_path / "t.csv").read_text())
    result = init(tmp_path)
    assert result.chosen.taken["riverflow"].pieces[0].path == "t.csv"
    assert reason(result, "s.csv").startswith("its columns are separated by semicolons; write it with commas")
    assert reason(result, "u.txt").startswith("tables are read from .parquet and .csv files")


def test_a_first_column_without_a_name_is_row_numbers_or_the_days(tmp_path):
    frame = pd.DataFrame({"date": DAYS.astype(str), "ID": 7, "discharge_vol": flow(stations=1)[:, 0]})
    for name in ("numbered", "dated", "wide", "parquet"):
        (tmp_path / name).mkdir()
    frame.to_csv(tmp_path / "numbered/t.csv")
    frame.set_index(pd.Index(DAYS.astype(str))).drop(columns="date").to_csv(tmp_path / "dated/t.csv")
    wide = pd.DataFrame(flow(stations=2), DAYS.astype(str), ["27001", "27002"])
    wide.to_csv(tmp_path / "wide/streamflow.csv")
    frame.iloc[::-1].to_parquet(tmp_path / "parquet/t.parquet")
    for name, stations in (("numbered", ["7"]), ("dated", ["7"]), ("wide", ["27001", "27002"]), ("parquet", ["7"])):
        config = written(init(tmp_path / name), tmp_path)
        (tmp_path / f"of_{name}").mkdir()
        got = stored(config, tmp_path / f"of_{name}")
        assert sorted(got) == stations, name
        expected = wide["27001"] if name == "wide" else frame["discharge_vol"]
        np.testing.assert_array_equal(got[stations[0]], expected.to_numpy(np.float32))
    attributes = pd.DataFrame({"id": [27001, 27002], "bfihost": [0.2, 0.3]})
    attributes.to_csv(tmp_path / "wide/attributes.csv")
    chosen = written(init(tmp_path / "wide"), tmp_path).data.attributes
    assert (chosen.id, chosen.columns) == ("id", ("bfihost",))


def test_a_zarr_map_of_0_and_1_is_the_land_mask(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    land = xr.Dataset({"land": (("y", "x"), np.eye(6, 4))}, {"y": np.arange(6.0)[::-1], "x": np.arange(4.0)})
    land.to_zarr(tmp_path / "land.zarr", consolidated=False)
    assert written(init(tmp_path), tmp_path).data.land_mask == "land.zarr"


def test_a_text_beside_the_series_of_a_station_does_not_hide_them(tmp_path):
    for station in ("x_1", "x_2"):
        write_caravan(tmp_path / "timeseries", station, flow()[:, 0])
        with xr.open_dataset(tmp_path / f"timeseries/{station}.nc", engine="h5netcdf") as data:
            noted = data.load()
        noted["note"] = ("date", np.array(["a"] * len(DAYS)))
        noted.to_netcdf(tmp_path / f"timeseries/{station}.nc", engine="h5netcdf")
    assert "riverflow" in written(init(tmp_path), tmp_path).data.modalities
