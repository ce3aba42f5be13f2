import os
import re
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import xarray as xr
from readers_sources import write_camels, write_months, write_netcdf, write_nrfa
from sources import day_range, make_world, write_attributes, write_grid, write_mask, write_table

from hydromae.config import ATTRIBUTES, Config
from hydromae.config_io import load_config
from hydromae.data.check import check
from hydromae.data.init import InitResult, check_target, config_text, init, long_tables, survey, write_config
from hydromae.data.init.advice import series_settings
from hydromae.data.prepare import prepare
from hydromae.data.readers import Reader, Request
from hydromae.data.sample.write import write_sample
from hydromae.errors import ConfigError, DataError
from hydromae.training.estimate import estimate
from hydromae.training.setup import build_model

DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2003-01-01"))
RANDOM = np.random.default_rng(0)


def rain(days: int = len(DAYS), shape: tuple[int, int] = (6, 4)) -> np.ndarray:
    return np.maximum(RANDOM.gamma(0.5, 6, (days, *shape)) - 2, 0).astype(np.float32)


def warmth(days: int = len(DAYS), shape: tuple[int, int] = (6, 4)) -> np.ndarray:
    return RANDOM.normal(9, 7, (days, *shape)).astype(np.float32)


def flow(days: int = len(DAYS), stations: int = 3) -> np.ndarray:
    return RANDOM.lognormal(1, 1, (days, stations)).astype(np.float32)


def written(result: InitResult, folder: Path) -> Config:
    return load_config(write_config(result, folder / "my.yaml", overwrite=True))


def taken(result: InitResult) -> dict[str, tuple[str, str]]:
    return {name: (group.kind, group.guess.units) for name, group in result.chosen.taken.items()}


def reason(result: InitResult, path: str) -> str:
    return next(row.reason for row in result.rows if row.path.startswith(path) and not row.taken_for)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return write_sample(tmp_path_factory.mktemp("init") / "tiny", "tiny").series.parent


def test_the_sample_is_prepared_from_what_init_writes(tiny, tmp_path):
    config = written(init(tiny), tmp_path)
    assert set(config.data.modalities) == {"precip", "soil", "temp", "evap", "riverflow"}
    assert config.data.attributes.columns == ATTRIBUTES and config.data.land_mask == "gb_temp_valid_mask_60x40.pt"
    assert [str(day) for day in config.data.train or ()] == ["2001-01-01", "2003-12-31"]  # as the files are named
    assert check(config).exit_code == 0
    store = prepare(config.model_copy(update={"data": config.data.model_copy(update={"store": str(tmp_path / "s")})}))
    assert len(store.station_ids) == 12 and store.shape == (60, 40) and store.n_days == 1461
    # It counts the tokens of the model that is trained.
    found = estimate(config, store, torch.device("cpu"))
    tokens = sum(shape.tokens(config.data.window) for shape in build_model(config, store).shapes.values())
    assert found.every_token == tokens
    assert f"A window has about {tokens} tokens" in " ".join(
        (tmp_path / "my.yaml").read_text().replace("#", "").split()
    )


def test_the_same_folder_gives_the_same_text(tiny):
    assert config_text(init(tiny), "my") == config_text(init(tiny), "my")


def test_every_file_is_in_the_table_once_with_a_reason(tiny):
    rows = init(tiny).rows
    paths = [re.sub(": .*", "", row.path) for row in rows]
    files = {path.relative_to(tiny).as_posix() for path in tiny.rglob("*") if path.is_file()}
    assert set(paths) == files and all(row.reason for row in rows)
    assert [row.taken_for for row in rows if row.path == "sample.json"] == [""]


def test_a_file_that_is_there_is_replaced_only_when_asked(tiny, tmp_path):
    result, path = init(tiny), tmp_path / "my.yaml"
    path.write_text("mine: true\n")
    with pytest.raises(ConfigError, match=r"my\.yaml: is there already"):
        write_config(result, path)
    assert path.read_text() == "mine: true\n"
    write_config(result, path, overwrite=True)
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


def test_values_decide_where_a_name_contradicts_them(tmp_path):
    write_grid(tmp_path / "precipitation_a.h5", warmth() + 273.15, DAYS)
    write_grid(tmp_path / "temperature_b.h5", rain(), DAYS)
    result = init(tmp_path)
    assert taken(result) == {"precip": ("grid", "mm/d"), "temp": ("grid", "K")}
    assert result.chosen.taken["temp"].pieces[0].path == "precipitation_a.h5"
    assert "says precipitation, but" in result.chosen.reasons["temp"]
    settings = written(result, tmp_path).data.modalities["temp"]
    assert (settings.units, settings.minimum, settings.maximum) == ("K", 213.15, 333.15)


def test_grids_of_other_cells_are_commented_out_with_a_rule(tmp_path):
    write_grid(tmp_path / "rain.h5", rain(), DAYS)
    write_grid(tmp_path / "temperature.h5", warmth(), DAYS)
    write_grid(tmp_path / "soil.h5", RANDOM.uniform(0.1, 0.9, (len(DAYS), 12, 8)).astype(np.float32), DAYS)
    result = init(tmp_path)
    assert set(result.chosen.taken) == {"precip", "temp"}
    assert re.search(r"\n    #soil:\n      #paths: \[soil\.h5\]\n(.*\n)*?      #regrid: ", config_text(result, "x"))
    text = re.sub(r"(?m)^( *)#(?=soil|paths|units|regrid)", r"\1", config_text(result, "x"))
    (tmp_path / "x.yaml").write_text(text)
    assert load_config(tmp_path / "x.yaml").data.modalities["soil"].regrid == "conservative"


def test_months_zarr_and_netcdf_are_found_as_grids(tmp_path):
    write_months(tmp_path / "tas_months", warmth(), DAYS)
    write_netcdf(tmp_path / "pr.nc", rain(), DAYS)
    with xr.open_dataset(write_netcdf(tmp_path / "soil.nc", rain(), DAYS), engine="h5netcdf") as data:
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
    assert not config.data.modalities["riverflow"].per_area and config.data.attributes.area == "area"
    assert config.data.attributes.columns == ("gauge_lat", "gauge_lon", "area")
    assert config.model.coordinate_attrs == (0, 1) and check(config).exit_code == 0


def test_stations_files_need_no_attributes(tmp_path):
    for station in ("7001", "33035"):
        write_nrfa(tmp_path / f"{station}_gdf.csv", station, DAYS, flow()[:, 0])
    config = written(init(tmp_path), tmp_path)
    assert config.data.modalities["riverflow"].paths == (".",) and not config.data.modalities["riverflow"].per_area
    assert config.data.attributes.path is None and check(config).exit_code == 0


def test_of_two_sources_the_one_with_more_is_taken_and_the_other_listed(tmp_path):
    write_camels(tmp_path / "camels", "9002", DAYS, {"discharge_vol": flow()[:, 0]})
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
    assert taken(result)["precip"] == ("series", "mm/d") and "days were in common" in reason(result, "rain.h5")
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


def test_a_large_table_is_sampled_from_its_beginning_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(long_tables, "_WHOLE", 4096)
    monkeypatch.setattr(long_tables, "_PIECE", 2048)
    path = write_table(tmp_path / "t.csv", DAYS, list(range(50)), {"discharge_vol": flow(stations=50)})
    result = init(tmp_path)
    group = result.chosen.taken["riverflow"]
    assert path.stat().st_size > 50 * 4096 and group.pieces[0].values.count < 2000
    assert "50 stations or more, at least 2001-01-01 to 2002-12-31" in group.extent


def test_rows_that_are_absent_are_said_to_be_missing(tmp_path):
    path = write_table(tmp_path / "t.parquet", DAYS, [1, 2], {"discharge_vol": flow(stations=2)})
    frame = pd.read_parquet(path)
    frame[(frame["ID"] == 1) | (frame["date"] >= "2002-01-01")].to_parquet(path)
    text = config_text(init(tmp_path), "my")
    assert "# 25% of its days and stations have no row" in text and "      #max_missing: 0.5" in text


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
    assert written(init(tmp_path), tmp_path).data.exclude_stations == ("2",)


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


def test_keys_that_are_commented_out_are_keys_without_the_sign(tmp_path):
    make_world(tmp_path / "data")
    text = config_text(init(tmp_path / "data"), "my")
    assert "\n#training:\n" in text
    (tmp_path / "my.yaml").write_text(re.sub(r"(?m)^( *)#(?! )", r"\1", text))
    config = load_config(tmp_path / "my.yaml")
    assert config.model.d_model == 64 and config.training.batch_size == 2 and config.model.patch_size == 5


def test_series_alone_are_told_of_the_benchmarks_model(tmp_path):
    for station in ("9001", "9002"):
        write_camels(tmp_path / "data", station, DAYS, {"discharge_vol": flow()[:, 0], "precipitation": flow()[:, 1]})
    text = config_text(init(tmp_path / "data"), "my")
    (tmp_path / "my.yaml").write_text(re.sub(r"(?m)^( *)#(?! )", r"\1", text))
    config = load_config(tmp_path / "my.yaml")
    for section, keys in series_settings().items():
        assert getattr(config, section).model_dump(include=set(keys)) == keys
    assert config.model.recurrent_dim > 0 and "GB-Flow-7" in text


def test_where_a_configuration_cannot_be_written_is_known_before_the_work(tmp_path):
    (tmp_path / "a.yaml").write_text("")
    with pytest.raises(ConfigError, match="is there already"):
        check_target(tmp_path / "a.yaml")
    assert check_target(tmp_path / "a.yaml", overwrite=True) == tmp_path / "a.yaml"
    with pytest.raises(ConfigError, match="name it a"):
        check_target(tmp_path / "a.txt")
