"""The readers on files as the archives serve them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from hydromae.config_io import build_config
from hydromae.data.check import check
from hydromae.data.prepare import prepare
from hydromae.data.readers import open_camels_gb, open_netcdf_grid, open_nrfa_gdf, open_table
from hydromae.data.sources import open_source

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


def test_three_years_of_haduk_12km_are_one_modality():
    settings = build_config({"data": {"modalities": {"precip": {"paths": "haduk/12km/*.nc"}}}}).data.modalities
    source = open_source("precip", settings["precip"], REAL, (1e20,))
    assert (len(source.pieces), source.shape, source.readers) == (36, (112, 82), ("netcdf_grid",))
    assert (str(source.first_day), str(source.last_day)) == ("2010-01-01", "2012-12-31")
    across = source.read(np.datetime64("2010-12-31"), 2)
    assert (np.isfinite(across[0]) == np.isfinite(across[1])).all() and not (across[0] == across[1]).all()


@pytest.mark.parametrize("variable", ["discharge_spec", "precipitation", "temperature"])
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
            "model": {"patch_size": 2, "image_height": 112, "image_width": 82},
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
