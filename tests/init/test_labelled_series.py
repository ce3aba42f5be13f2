"""Series over time and stations in netCDF and Zarr, as `init` finds them."""

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.config.read import load_config
from hydromae.init import init, write_config
from hydromae.sources.plan import make_plan

DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2004-01-01"))
IDS = ["01013500", "39001", "7001"]


def _series(first: int, last: int) -> xr.Dataset:
    values = np.random.default_rng(0).gamma(1.0, 3.0, (len(DAYS), 3))
    dims = ("time", "gauge_id")
    return xr.Dataset(
        {"discharge": (dims, values, {"units": "m3 s-1"}), "pet": (dims, values / 10, {"units": "mm/day"})},
        {"time": DAYS.astype("datetime64[ns]"), "gauge_id": IDS},
    ).isel(time=slice(first, last))


def test_init_finds_series_in_netcdf_and_zarr_and_writes_what_opens_them(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    _series(0, 700).drop_vars("pet").to_netcdf(data / "flow_1.nc", engine="h5netcdf")
    _series(700, 1095).drop_vars("pet").to_netcdf(data / "flow_2.nc", engine="h5netcdf")
    _series(0, 1095).drop_vars("discharge").to_zarr(data / "pet.zarr", zarr_format=2)
    places = {"easting": [410113, 394684, 651409], "northing": [848516, 830370, 313177]}
    table = pd.DataFrame({"id": IDS, "catchment-area": [10.0, 20, 30], **places})
    table.to_csv(data / "attributes.csv", index=False)
    result = init(data)
    assert {name: group.n_stations for name, group in result.chosen.taken.items()} == {"riverflow": 3, "evap": 3}
    config = load_config(write_config(result, tmp_path / "my.yaml"))
    assert "can be computed from easting and northing: set crs" in (tmp_path / "my.yaml").read_text().replace(
        "\n  # ", " "
    )
    flow, evap = config.data.modalities["riverflow"], config.data.modalities["evap"]
    assert flow.paths == ("flow_1.nc", "flow_2.nc") and flow.variable == "discharge" and flow.per_area
    assert evap.paths == ("pet.zarr",) and evap.variable == "pet"
    plan = make_plan(config)
    assert plan.station_ids == tuple(IDS)
    expected = _series(0, 1095)
    for source in plan.sources:
        name = source.settings.variable
        np.testing.assert_allclose(source.read(DAYS[0], len(DAYS)), expected[name].values, rtol=1e-6)


def test_a_series_that_cannot_be_taken_is_left_out_with_the_reason(tmp_path: Path) -> None:
    _series(0, 1095)[["discharge"]].to_netcdf(tmp_path / "flow.nc", engine="h5netcdf")
    hourly = _series(0, 48)[["pet"]].assign_coords(time=DAYS[0].astype("datetime64[ns]") + np.arange(48) * 3600 * 10**9)
    hourly.to_netcdf(tmp_path / "pet.nc", engine="h5netcdf")
    reasons = {row.path: row.reason for row in init(tmp_path).rows}
    assert "its values are hourly, not daily" in reasons["pet.nc: pet"]
