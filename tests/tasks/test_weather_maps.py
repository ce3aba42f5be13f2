"""Maps of weather in netCDF: their means over catchments, of numbers that are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from hydromae.base.errors import ConfigError, DataError
from hydromae.tasks import weather_labelled
from support.stamped import DAYS
from support.weather_maps import open_maps

ISSUE = 2  # days since the first one
LATITUDE, LONGITUDE = np.array([52.0, 53.0, 54.0]), np.array([0.0, 1.0, 2.0, 3.0])  # from the south


def maps(days: int = 3, name: str = "precip", units: str = "mm/d", longitude: np.ndarray = LONGITUDE) -> xr.DataArray:
    """Values that all differ, over the days after the issue time."""
    values = np.arange(days * 3 * len(longitude), dtype=float).reshape(days, 3, len(longitude)) / 7
    time = (DAYS[ISSUE] + np.arange(1, days + 1)).astype("datetime64[ns]")
    coordinates = {
        "time": time,
        "lat": ("lat", LATITUDE, {"units": "degrees_north"}),
        "lon": ("lon", longitude, {"units": "degrees_east"}),
    }
    return xr.DataArray(values, coordinates, ("time", "lat", "lon"), name=name, attrs={"units": units})


def turned_globe(made: xr.DataArray) -> xr.DataArray:
    made = made.rename(lat="rlat", lon="rlon")
    for axis, name, dim in (("Y", "grid_latitude", "rlat"), ("X", "grid_longitude", "rlon")):
        made[dim].attrs.update(axis=axis, standard_name=name, units="degrees")
    return made


def written(path: Path, *variables: xr.DataArray) -> Path:
    made = xr.merge([variable.to_dataset() for variable in variables])
    made.to_zarr(path, consolidated=False) if path.suffix == ".zarr" else made.to_netcdf(path, engine="h5netcdf")
    return path


@pytest.mark.parametrize("suffix", [".nc", ".zarr"])
def test_a_catchment_across_two_cells_has_their_mean(tmp_path: Path, suffix: str) -> None:
    made = maps()
    weather = open_maps(written(tmp_path / f"w{suffix}", made), longitude=(1.5, 2.0))
    values = made.values
    expected = np.stack([(values[:, 2, 1] + values[:, 2, 2]) / 2, values[:, 0, 2]], -1)
    np.testing.assert_allclose(weather.after("precip", ISSUE, 3)[0], expected, rtol=1e-6)
    assert weather.members == () and weather.without(("7", "12")) == []


def test_longitudes_of_the_whole_earth_meet_at_their_ends(tmp_path: Path) -> None:
    made = maps(1, longitude=np.arange(360.0))
    weather = open_maps(written(tmp_path / "w.nc", made), longitude=(-0.5, -1.0))
    values = made.values[0]
    expected = [(values[2, 359] + values[2, 0]) / 2, values[0, 359]]
    np.testing.assert_allclose(weather.after("precip", ISSUE, 1)[0, 0], expected, rtol=1e-6)


def test_a_projected_grid_is_averaged_where_its_mapping_says_and_is_refused_without(tmp_path: Path) -> None:
    # The British National Grid in km: the stations at 54 N, 1.5 W and 52 N, 1.6 W are at 433, 457 and 428, 234.
    axes = {"y": ("y", [250.0, 350.0, 450.0], {"units": "km"}), "x": ("x", [350.0, 450.0], {"units": "km"})}
    values = np.arange(6.0).reshape(1, 3, 2)
    day = (DAYS[[ISSUE]] + np.timedelta64(1, "D")).astype("datetime64[ns]")
    made = xr.DataArray(values, {"time": day, **axes}, ("time", "y", "x"), name="precip", attrs={"units": "mm/d"})
    places = {"latitude": (54.0, 52.0), "longitude": (-1.5, -1.6)}
    with pytest.raises(DataError, match="does not say in which system its cells lie"):
        open_maps(written(tmp_path / "plain.nc", made), **places)
    mapped = made.assign_attrs(grid_mapping="crs").to_dataset()
    mapped["crs"] = xr.DataArray(0, attrs=CRS.from_epsg(27700).to_cf())
    mapped.to_netcdf(tmp_path / "w.nc", engine="h5netcdf")
    made = open_maps(tmp_path / "w.nc", **places).after("precip", ISSUE, 1)
    assert made[0, 0].tolist() == [5.0, 1.0]


def test_an_outline_is_averaged_by_its_area(tmp_path: Path) -> None:
    # A quarter lies west of the border between two cells at 1.5 degrees east; of the second station there is none.
    corners = [[1.25, 53.8], [2.25, 53.8], [2.25, 54.2], [1.25, 54.2], [1.25, 53.8]]
    feature = {"properties": {"station": "007"}, "geometry": {"type": "Polygon", "coordinates": [corners]}}
    outlines = tmp_path / "basins.geojson"
    outlines.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    made = maps(1)
    weather = open_maps(written(tmp_path / "w.nc", made), outlines=outlines)
    values = made.values[0]
    expected = [values[2, 1] / 4 + values[2, 2] * 3 / 4, values[0, 2]]
    np.testing.assert_allclose(weather.after("precip", ISSUE, 1)[0, 0], expected, rtol=2e-3)
    assert "averaged over the outlines of 1 catchments, averaged over a circle" in weather.notes[0]
    feature["properties"] = {"station": "99"}
    outlines.write_text(json.dumps(feature | {"type": "Feature"}))
    with pytest.raises(DataError, match="has outlines of station 99, and of none of the data's"):
        open_maps(tmp_path / "w.nc", outlines=outlines)


def test_a_station_beyond_the_grid_has_no_weather_and_none_at_all_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "w.nc", maps())
    weather = open_maps(path, latitude=(54.0, 40.0))
    assert weather.without(("7", "12")) == ["12"]
    assert weather.after("precip", ISSUE, 3)[0, :, 1].isnan().all()
    with pytest.raises(DataError, match="its grid holds none of the stations"):
        open_maps(path, latitude=(10.0, 40.0))


def test_members_stay_apart_whatever_their_dimension_is_called(tmp_path: Path) -> None:
    made = xr.concat([maps(), maps() + 100, maps() + 200], "number").assign_coords(number=[0, 1, 2])
    made.attrs["units"] = "mm/d"
    weather = open_maps(written(tmp_path / "w.nc", made))
    assert weather.members == ("0", "1", "2")
    single = maps().values[:, 2, 1]
    for member in range(3):
        np.testing.assert_allclose(weather.after("precip", ISSUE, 3)[member, :, 0], single + 100 * member, rtol=1e-6)


def test_each_issue_time_has_its_own_maps_in_another_unit(tmp_path: Path) -> None:
    kelvin = maps(2, "temp", "K") + 280
    made = xr.concat([kelvin, kelvin + 10], "issue_time").rename(time="lead_time")
    issued = DAYS[ISSUE : ISSUE + 2].astype("datetime64[ns]")
    made = made.assign_coords(issue_time=issued, lead_time=("lead_time", [1, 2], {"units": "days"}))
    made.attrs["units"] = "K"
    weather = open_maps(written(tmp_path / "w.nc", made))
    celsius = maps(2).values[:, 2, 1] + 280 - 273.15
    for later in (0, 1):
        of_issue = weather.after("temp", ISSUE + later, 2)[0, :, 0]
        np.testing.assert_allclose(of_issue, celsius + 10 * later, rtol=1e-5)
    assert "temp: K converted to degC" in weather.notes
    with pytest.raises(DataError, match=rf"w\.nc: temp has no issue time {DAYS[ISSUE + 2]}"):
        weather.after("temp", ISSUE + 2, 2)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda made: made.rename(time="step").assign_coords(step=[1, 2, 3]), "issue_time is the last day known"),
        (
            lambda made: made.assign_attrs(GRIB_stepType="accum"),
            r"was made of GRIB \(accum\).*give the GRIB file itself",
        ),
        (lambda made: made.assign_attrs(units=""), "has no unit"),
        (lambda made: made.assign_attrs(units="m3/s"), "cannot become mm/d"),
        (lambda made: turned_globe(made), "is on degrees of a turned globe"),
        (lambda made: made.isel(lat=[0, 2, 1]), "lat neither grows nor falls"),
        (lambda made: made.rename("rain"), "name its variables so"),
    ],
)
def test_what_would_be_misread_is_refused(tmp_path: Path, changed, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_maps(written(tmp_path / "w.nc", changed(maps())))


def test_an_impossible_value_is_not_hidden_in_a_mean(tmp_path: Path) -> None:
    made = maps()
    made[1, 2, 1] = 900.0
    weather = open_maps(written(tmp_path / "w.nc", made), longitude=(1.5, 2.0))
    with pytest.raises(DataError, match=rf"precip .* on {DAYS[ISSUE + 2]} is 900 mm/d, above the largest"):
        weather.after("precip", ISSUE, 3)
    made[1, 2, 1] = -99.0  # a code of the run's data
    weather = open_maps(written(tmp_path / "coded.nc", made), longitude=(1.5, 2.0))
    assert weather.after("precip", ISSUE, 3)[0, 1, 0] == pytest.approx(made.values[1, 2, 2])


def test_more_cells_than_any_grid_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weather_labelled, "MAX_CELLS", 11)
    with pytest.raises(DataError, match="declares 3 x 4 cells"):
        open_maps(written(tmp_path / "w.nc", maps()))


def test_a_rule_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="regridded by cubic; give one of coarsen, nearest, bilinear, conservative"):
        open_maps(tmp_path / "w.nc", regrid="cubic")
