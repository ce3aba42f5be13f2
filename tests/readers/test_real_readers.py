"""The readers on files as the archives serve them."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.check.check import check
from hydromae.config import AttributesConfig
from hydromae.config.read import build_config
from hydromae.readers import (
    Request,
    open_camels_gb,
    open_caravan,
    open_netcdf_grid,
    open_nrfa_gdf,
    open_table,
    open_zarr_grid,
)
from hydromae.readers.detect import locate
from hydromae.sources.attributes import read_attributes
from hydromae.sources.source import open_source
from hydromae.store.prepare import prepare

REAL = Path("../shared/data")
pytestmark = pytest.mark.skipif(not (REAL / "haduk").is_dir(), reason=f"real data are not at {REAL}")
CAMELS = sorted((REAL / "camels_gb").glob("CAMELS_GB_hydromet*.csv"))


def test_haduk_5km_is_read_from_the_north():
    path = sorted((REAL / "haduk/5km").glob("*.nc"))[0]
    grid = open_netcdf_grid(path)
    with xr.open_dataset(path, engine="h5netcdf") as data:
        np.testing.assert_array_equal(grid[5:8].values, data["rainfall"][5:8, ::-1].values)
    assert grid.shape == (31, 290, 180) and str(grid["time"].values[0])[:10] == "2021-01-01"
    assert (grid["y"].values[0], grid["y"].values[-1]) == (1247500, -197500)
    first = grid[0].load()
    places = {"London": (530_000, 180_000), "Lerwick": (447_000, 1_141_000), "North Sea": (530_000, 870_000)}
    land = {name: bool(np.isfinite(first.sel(x=x, y=y, method="nearest"))) for name, (x, y) in places.items()}
    assert land == {"London": True, "Lerwick": True, "North Sea": False}


@pytest.mark.slow
def test_three_years_of_haduk_12km_are_one_modality():
    settings = build_config({"data": {"modalities": {"precip": {"paths": "haduk/12km/*.nc"}}}}).data.modalities
    source = open_source("precip", settings["precip"], REAL, (1e20,))
    assert (len(source.pieces), source.shape, source.readers) == (36, (112, 82), ("netcdf_grid",))
    assert (str(source.first_day), str(source.last_day)) == ("2010-01-01", "2012-12-31")
    across = source.read(np.datetime64("2010-12-31"), 2)
    assert (np.isfinite(across[0]) == np.isfinite(across[1])).all() and not (across[0] == across[1]).all()


@pytest.mark.parametrize(
    "variable",
    ["discharge_spec", *(pytest.param(name, marks=pytest.mark.slow) for name in ("precipitation", "temperature"))],
)
def test_camels_files_hold_what_the_table_of_604_catchments_holds(variable):
    files = open_camels_gb(CAMELS, variable)
    table = open_table(REAL / "gb/catchment_daily_604_1970_2012.parquet", variable)
    files, table = xr.align(files, table, join="inner")
    assert files.shape == (15341, len(CAMELS))
    both = np.isfinite(files.values) & np.isfinite(table.values)
    assert both.mean() > 0.9
    np.testing.assert_array_equal(files.values[both], table.values[both])


def test_nrfa_files_keep_their_gaps_and_first_values():
    paths = sorted((REAL / "nrfa").glob("*_gdf.csv"))
    series = open_nrfa_gdf(paths)
    assert series["station"].values.tolist() == ["7001", "33035", "33039", "54057"]
    assert series.attrs["units"] == "m3/s"
    for path in paths:
        rows = list(csv.reader(path.open(encoding="utf-8")))
        begin = next(i for i, row in enumerate(rows) if row[:2] == ["data", "last"]) + 1
        known = {row[0]: float(row[1]) for row in rows[begin:] if row[1]}
        read = series.sel(station=path.name.split("_")[0]).dropna("time")
        assert [str(day)[:10] for day in read["time"].values] == list(known)
        np.testing.assert_array_equal(read.values, np.array(list(known.values()), np.float32))


@pytest.mark.slow
def test_a_store_is_made_of_haduk_and_camels_files(tmp_path):
    config = build_config(
        {
            "data": {
                "root": str(REAL.resolve()),
                "store": str(tmp_path / "store"),
                "train": ["2010-01-01", "2011-12-31"],
                "val": ["2012-01-01", "2012-09-30"],
                "attributes": {"path": "gb/Catchment_attributes_nrfa.csv"},
                "modalities": {
                    "precip": {"paths": "haduk/12km/*.nc"},
                    "evap": {"paths": "camels_gb", "variable": "pet"},
                    "riverflow": {"paths": "camels_gb"},
                },
            },
            "model": {"patch_size": 2, "grid_height": 112, "grid_width": 82},
        }
    )
    report = check(config)
    assert report.exit_code == 0, [problem.text for problem in report.problems]
    assert [row.reader for row in report.rows] == ["netcdf_grid", "camels_gb", "camels_gb"]
    store = prepare(config)
    assert store.shape == (112, 82) and len(store.station_ids) == len(CAMELS) and store.n_days == 1004
    flow = open_camels_gb(CAMELS, "discharge_vol").sel(time=slice("2010-01-01", "2012-09-30"))
    np.testing.assert_array_equal(store.values("riverflow"), flow.sel(station=list(store.station_ids)).values)
    rain = np.asarray(store.values("precip"))
    assert 1 < np.nanmean(rain) < 6  # mm/d: the United Kingdom's mean is about 3


def test_a_folder_of_haduk_files_is_one_modality_and_says_its_hours_and_projection():
    settings = build_config({"data": {"modalities": {"precip": {"paths": "haduk/12km"}}}}).data.modalities["precip"]
    located = locate("precip", settings, REAL)
    assert len(located) == 36
    assert located[0].why == "a folder of 36, the first netCDF-4 with rainfall [31, 112, 82]"
    grid = located[0].reader.open(located[0].paths, Request("precip", settings))
    assert "a value covers 09:00 to 09:00 of the next day" in grid.attrs["notes"]
    assert grid.attrs["grid_mapping_attrs"]["false_northing"] == -100000.0 and set(grid.coords) == {"time", "y", "x"}


@pytest.mark.parametrize("form", ["zarr2", "zarr3", "classic"])
@pytest.mark.parametrize("resolution", ["12km", pytest.param("5km", marks=pytest.mark.slow)])
def test_haduk_in_zarr_and_classic_netcdf_is_what_it_is_in_netcdf_4(tmp_path, form, resolution):
    path = sorted((REAL / "haduk" / resolution).glob("*.nc"))[0]
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as data:
        data = data.isel(time=slice(0, 5)).load()
    for item in data.variables.values():
        item.encoding = {key: value for key, value in item.encoding.items() if key == "_FillValue"}
    if form == "classic":
        copy, opened = tmp_path / "a.nc", open_netcdf_grid
        data.to_netcdf(copy, engine="scipy")
    else:
        copy, opened = tmp_path / "a.zarr", open_zarr_grid
        data.to_zarr(copy, zarr_format=int(form[-1]), consolidated=False)
    expected, grid = open_netcdf_grid(path)[:5], opened(copy)
    assert grid.equals(expected) and grid.attrs["grid_mapping_attrs"] == expected.attrs["grid_mapping_attrs"]
    assert grid.attrs["notes"] == expected.attrs["notes"]


def test_camels_series_written_as_caravan_files_read_the_same(tmp_path):
    series = open_camels_gb(CAMELS[:3], "discharge_spec")
    paths = []
    for station in series["station"].values:
        one = series.sel(station=station, drop=True).rename(time="date").rename("streamflow")
        paths.append(tmp_path / f"camelsgb_{station}.nc")
        one.to_netcdf(paths[-1], engine="h5netcdf")
    read = open_caravan(paths, "streamflow")
    assert read["station"].values.tolist() == [f"camelsgb_{station}" for station in sorted(series["station"].values)]
    np.testing.assert_array_equal(read.values, series.sel(station=sorted(series["station"].values)).values)


def test_any_attributes_of_the_real_tables_are_read_and_names_are_refused():
    topographic = AttributesConfig(id="gauge_id", columns=("elev_mean", "area"), area="area")
    read = read_attributes(REAL / "camels_gb/CAMELS_GB_topographic_attributes.csv", topographic, ())
    assert read.of(["10002"]).values.tolist() == [[87, 325.72]] and read.of(["10002"]).areas.tolist() == [325.72]
    with pytest.raises(DataError, match="name is a column of text"):
        read_attributes(REAL / "gb/Catchment_attributes_nrfa.csv", AttributesConfig(columns=("name",)), ())


@pytest.mark.slow
def test_the_table_of_604_catchments_is_read_in_memory_of_the_result_and_a_piece():
    program = """
import resource, sys
from pathlib import Path
import numpy, pyarrow.csv, pyarrow.parquet, xarray
from hydromae.readers import open_table
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
series = open_table(Path(sys.argv[1]), "discharge_vol")
print(series.nbytes, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""
    path = str(REAL / "gb/catchment_daily_604_1970_2012.parquet")
    said = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=True).stdout
    result, peak = (int(number) for number in said.split())
    assert result == 15341 * 604 * 4 and peak < result + 160 * 2**20
