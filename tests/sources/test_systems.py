"""Grids in different systems of coordinates; the known places are published, not computed here."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import pytest
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.sources.source import Source, open_source
from hydromae.sources.target_grid import bring_to_target

# Caister water tower in the test data of Ordnance Survey's OSTN15: OSGB36 easting and northing, ETRS89 degrees.
EASTING, NORTHING, LATITUDE, LONGITUDE = 651409.804, 313177.450, 52.65800783, 1.716073973
# CORDEX Europe: the North Pole of the rotated grid at 39.25 N, 162 W, so its origin lies at 50.75 N, 18 E.
ROTATED = {
    "grid_mapping_name": "rotated_latitude_longitude",
    "grid_north_pole_latitude": 39.25,
    "grid_north_pole_longitude": -162.0,
}


def _grid(
    root: Path,
    name: str,
    y: Any,
    x: Any,
    axes: tuple[str, str],
    values: Any = 0.0,
    mapping: Any = None,
    **settings: Any,
) -> Source:
    """One day of a grid over y and x; `values` [y, x]."""
    units = {"latitude": "degrees_north", "longitude": "degrees_east"}
    dims = ("rlat", "rlon") if axes[0] == "grid_latitude" else ("y", "x")
    held = np.broadcast_to(np.asarray(values, float), (len(y), len(x)))[None]
    data = xr.Dataset(
        {name: (("time", *dims), held, {"units": "1"} | ({"grid_mapping": "crs"} if mapping else {}))},
        {
            "time": ("time", [0], {"units": "days since 2010-03-01"}),
            **{
                dim: (dim, np.asarray(of, float), {"standard_name": axis, "units": units.get(axis, "m")})
                for dim, of, axis in zip(dims, (y, x), axes, strict=True)
            },
        },
    )
    if mapping:
        for dim in dims if axes[0] == "grid_latitude" else ():
            data[dim].attrs["units"] = "degrees"
        data["crs"] = ((), 0, mapping)
    path = root / f"{len(list(root.iterdir()))}.nc"  # the files of grids are open
    data.to_netcdf(path, engine="h5netcdf")
    modality = ModalityConfig(kind="grid", units="1", paths=path.name, **settings)
    return open_source(name, modality, root, ())


def _degrees(root: Path, latitude: float, longitude: float, step: float = 0.01) -> Source:
    """Cells of 0.01 degrees, the middle one of which has its centre at a place."""
    about = np.array([1, 0, -1])
    return _grid(root, "target", latitude + step * about, longitude - step * about, ("latitude", "longitude"))


def _osgb(root: Path, values: Any, **settings: Any) -> Source:
    y, x = NORTHING + 1000 * np.arange(5, -6, -1) - 300, EASTING + 1000 * np.arange(-5, 6) + 200
    northing, easting = np.meshgrid(y, x, indexing="ij")
    return _grid(
        root,
        "fine",
        y,
        x,
        ("projection_y_coordinate", "projection_x_coordinate"),
        values(northing, easting),
        **settings,
    )


def _middle(target: Source, grid: Source, system: str | None = None) -> float:
    brought = bring_to_target([target, grid], None, system)[1]
    assert brought.regrid is not None
    return float(brought.read(np.datetime64("2010-03-01"), 1)[0, 1, 1])


@pytest.mark.parametrize(("axis", "expected"), [(0, NORTHING), (1, EASTING)])
def test_a_place_of_the_national_grid_is_found_by_its_degrees_to_10_m(tmp_path, axis, expected):
    target = _degrees(tmp_path, LATITUDE, LONGITUDE)
    # Less the place, so that float32 holds single metres; a linear field is its own bilinear mean.
    grid = _osgb(tmp_path, lambda *place: place[axis] - expected, regrid="bilinear")
    assert abs(_middle(target, grid, "EPSG:27700")) < 10


def test_nearest_takes_the_cell_that_holds_the_place(tmp_path):
    target = _degrees(tmp_path, LATITUDE, LONGITUDE)
    grid = _osgb(tmp_path, lambda north, east: np.arange(121).reshape(11, 11), regrid="nearest")
    # The place lies 300 m north and 200 m west of the centre of row 5, column 5, in cells of 1000 m.
    assert _middle(target, grid, "EPSG:27700") == 5 * 11 + 5
    brought = bring_to_target([target, grid], None, "EPSG:27700")[1]
    assert brought.notes == (
        "fine: 11 x 11 cells are brought to 3 x 3 by nearest from OSGB36 / British National Grid to WGS 84",
    )


@pytest.mark.parametrize("rule", ["nearest", "bilinear"])
def test_a_rotated_pole_lies_where_its_mapping_says(tmp_path, rule):
    target = _degrees(tmp_path, 50.75, 18.0)
    rotated = np.arange(-5, 6) * 0.11
    values = 10 * rotated[::-1, None] + rotated
    axes = ("grid_latitude", "grid_longitude")
    grid = _grid(tmp_path, "model", rotated[::-1], rotated, axes, values, ROTATED, regrid=rule)
    assert _middle(target, grid) == pytest.approx(0, abs=1e-4)
    shifted = _grid(tmp_path, "model", rotated[::-1], rotated + 360, axes, values, ROTATED, regrid=rule)
    assert _middle(target, shifted) == pytest.approx(0, abs=1e-4)


def test_what_lies_beyond_the_grid_is_missing(tmp_path):
    target = _degrees(tmp_path, LATITUDE, LONGITUDE, step=0.06)  # 6.7 km to the north, of a grid that reaches 5 km
    for rule in ("nearest", "bilinear"):
        grid = _osgb(tmp_path, lambda north, east: 1.0, regrid=rule)
        found = bring_to_target([target, grid], None, "EPSG:27700")[1].read(np.datetime64("2010-03-01"), 1)[0]
        assert np.isfinite(found[1, 1]) and np.isnan(found[[0, 2]]).all()


RANDOM = np.random.default_rng(3)
SPHERE = 6_371_000.0
PROJECTED = ("projection_y_coordinate", "projection_x_coordinate")


def _sample(places: Callable[[Any, Any], tuple[Any, Any]], y: Any, x: Any, parts: int = 160) -> tuple[Any, Any]:
    """Places all over rectangular cells, [cell, place], as `places` takes them elsewhere."""
    share = (np.arange(parts) + 0.5) / parts - 0.5
    at_y = (np.asarray(y)[:, None] + abs(y[1] - y[0]) * share)[:, None, :, None]
    at_x = (np.asarray(x)[:, None] + abs(x[1] - x[0]) * share)[None, :, None, :]
    shape = (len(y), len(x), parts, parts)
    taken = places(np.broadcast_to(at_x, shape).ravel(), np.broadcast_to(at_y, shape).ravel())
    return tuple(part.reshape(len(y) * len(x), -1) for part in taken)  # type: ignore[return-value]


def _read(grids: list[Source], system: str | None = None) -> Any:
    brought = bring_to_target(grids, None, system)[1]
    assert brought.regrid is not None and "conservative from" in brought.regrid.rule
    return brought.read(np.datetime64("2010-03-01"), 1)[0]


def test_a_mean_over_shared_area_is_that_of_many_places_of_the_cell(tmp_path):
    values = RANDOM.gamma(1.0, 3.0, (20, 20))
    y, x = np.arange(53.95, 51.95, -0.1), np.arange(-2.95, -0.95, 0.1)
    north, east = np.arange(420_000.0, 380_000, -12_000), np.arange(370_000.0, 410_000, 12_000)
    target = _grid(tmp_path, "target", north, east, PROJECTED)
    fine = _grid(tmp_path, "fine", y, x, ("latitude", "longitude"), values, regrid="conservative")
    found = _read([target, fine], "EPSG:27700")
    to_degrees = pyproj.Transformer.from_crs(27700, 4326, always_xy=True).transform
    longitude, latitude = _sample(to_degrees, north, east)
    row, column = np.rint((y[0] - latitude) / 0.1).astype(int), np.rint((longitude - x[0]) / 0.1).astype(int)
    expected = values[row, column].mean(axis=1).reshape(found.shape)
    np.testing.assert_allclose(found, expected, rtol=0.012)  # as near as 160 x 160 places come: 40 x 40 miss by 0.036


def test_the_total_is_kept_to_the_difference_of_the_areas_on_paper(tmp_path):
    values = RANDOM.gamma(1.0, 3.0, (30, 30))
    north, east = np.arange(445_000.0, 295_000, -5000), np.arange(350_000.0, 500_000, 5000)
    y, x = np.arange(54.6, 51.9, -0.3), np.arange(-3.6, 1.0, 0.4)  # all of the fine grid and more
    target = _grid(tmp_path, "target", y, x, ("latitude", "longitude"))
    # A cell of which less than half has values is missing; so all around is 0.
    around = np.pad(values, 40)
    wide = (np.arange(645_000.0, 95_000, -5000), np.arange(150_000.0, 700_000, 5000))
    fine = _grid(tmp_path, "fine", *wide, PROJECTED, around, regrid="conservative")
    found = _read([target, fine], "EPSG:27700")
    assert len(north) == len(east) == 30 and np.isfinite(found).all()
    edges = np.sin(np.radians(np.append(y + 0.15, y[-1] - 0.15)))
    areas = SPHERE**2 * np.outer(-np.diff(edges), np.full(len(x), np.radians(0.4)))
    # Square metres of the national grid, by its scale (0.9996 to 1.0007) and on an ellipsoid.
    assert (found * areas).sum() == pytest.approx(values.sum() * 5000**2, rel=0.005)


@pytest.mark.parametrize("turn", [0, 360])
def test_a_field_of_one_value_keeps_it_from_a_rotated_pole_and_is_missing_where_half_of_a_cell_has_none(tmp_path, turn):
    rotated = np.arange(-15, 16) * 0.11
    held = np.where(rotated < 0, np.nan, 7.0)[None, :] * np.ones((31, 1))
    axes = ("grid_latitude", "grid_longitude")
    target = _grid(
        tmp_path, "target", 50.75 + 0.3 * np.arange(2, -3, -1), 18 + 0.4 * np.arange(-2, 3), ("latitude", "longitude")
    )
    grid = _grid(tmp_path, "model", rotated[::-1], rotated + turn, axes, held, ROTATED, regrid="conservative")
    found = _read([target, grid])
    assert np.isnan(found[:, :2]).all() and (found[:, 3:] == 7).all()


def test_longitudes_from_0_to_360_reach_over_greenwich(tmp_path):
    north, east = np.arange(420_000.0, 250_000, -30_000), np.arange(370_000.0, 650_000, 30_000)
    y, x = np.arange(59.0, 45, -0.5), np.arange(0.25, 360, 0.5)
    values = np.cos(np.radians(x))[None] * np.ones((len(y), 1))
    target = _grid(tmp_path, "target", north, east, PROJECTED)
    grid = _grid(tmp_path, "world", y, x, ("latitude", "longitude"), values, regrid="conservative")
    np.testing.assert_allclose(_read([target, grid], "EPSG:27700"), 1, atol=0.002)


def test_grids_that_have_no_place_in_common_are_refused(tmp_path):
    target = _degrees(tmp_path, -33.0, 151.0)
    grid = _osgb(tmp_path, lambda north, east: 1.0, regrid="nearest")
    with pytest.raises(DataError, match="no place in common; check the grid mapping"):
        bring_to_target([target, grid], None, "EPSG:27700")
