"""Stations by easting and northing; the known places are published, not computed here."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import DataError
from hydromae.config import AttributesConfig
from hydromae.config.read import build_config
from hydromae.sources.attributes import Attributes, read_attributes

# Caister water tower in the test data of Ordnance Survey's OSTN15: OSGB36 easting and northing, ETRS89 degrees.
EASTING, NORTHING, LATITUDE, LONGITUDE = 651409.804, 313177.450, 52.65800783, 1.716073973
CAMELS = Path("/work/shared/data/camels_gb/CAMELS_GB_topographic_attributes.csv")


def _read(path: Path, names: tuple[str, str] = ("latitude", "longitude"), crs: str | None = "EPSG:27700") -> Attributes:
    return read_attributes(path, AttributesConfig(id="id", columns=(*names, "area"), crs=crs), (-9999.0,))


def _write(path: Path, east: Any, north: Any, names: tuple[str, str] = ("easting", "northing")) -> Path:
    table = {"id": [1, 2], names[0]: east, names[1]: north, "area": [10.0, 20.0]}
    pd.DataFrame(table).to_csv(path, index=False)
    return path


@pytest.mark.parametrize("names", [("easting", "northing"), ("gauge_easting", "gauge_northing"), ("X", "Y")])
def test_a_station_of_the_national_grid_is_found_by_its_degrees_to_10_m(tmp_path, names):
    found = _read(_write(tmp_path / "a.csv", [EASTING, -9999], [NORTHING, 100.0], names))
    metres = (found.values[0, :2] - [LATITUDE, LONGITUDE]) * 111_200 * np.array([1, np.cos(np.radians(LATITUDE))])
    assert np.abs(metres).max() < 10
    assert np.isnan(found.values[1, :2]).all() and found.values[1, 2] == 20  # an unknown place stays unknown


def test_degrees_of_the_table_are_taken_before_computed_ones(tmp_path):
    path = tmp_path / "a.csv"
    pd.DataFrame({"id": [1], "lat": [50.0], "easting": [EASTING], "northing": [NORTHING], "area": [1]}).to_csv(path)
    assert _read(path, ("lat", "lon")).values[0, 0] == 50.0
    assert _read(path, ("lat", "lon")).values[0, 1] == pytest.approx(LONGITUDE, abs=1e-3)


def test_what_is_hardly_in_the_system_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.csv: easting and northing are below 2000 at every station.*metres"):
        _read(_write(tmp_path / "a.csv", [651.4, 400], [313.2, 300]))
    with pytest.raises(DataError, match=r"of station 2 lie at -?[0-9.]+ north, .* British National Grid is not used"):
        _read(_write(tmp_path / "a.csv", [EASTING, 400_000], [NORTHING, 5_313_177]))
    with pytest.raises(DataError, match=r"a\.csv: has no columns easting and northing .*it has id, e, n, area"):
        _read(_write(tmp_path / "a.csv", [EASTING, 1], [NORTHING, 1], ("e", "n")))


def test_without_a_system_the_key_is_named(tmp_path):
    path = _write(tmp_path / "a.csv", [EASTING, 1], [NORTHING, 1])
    with pytest.raises(DataError, match=r"has no column latitude; it has easting and northing, .*attributes\.crs"):
        _read(path, crs=None)
    with pytest.raises(Exception, match="'EPSG:0' is no coordinate reference system"):
        build_config({"data": {"attributes": {"crs": "EPSG:0"}}})


@pytest.mark.skipif(not CAMELS.exists(), reason="needs the real data")
def test_gauges_of_camels_gb_lie_where_it_says_in_degrees(tmp_path):
    table = pd.read_csv(CAMELS)
    table.drop(columns=["gauge_lat", "gauge_lon"]).to_csv(tmp_path / "a.csv", index=False)
    settings = AttributesConfig(id="gauge_id", columns=("gauge_lat", "gauge_lon"), crs="EPSG:27700")
    found = read_attributes(tmp_path / "a.csv", settings, ()).values
    # Its degrees have two decimals.
    np.testing.assert_allclose(found, table[["gauge_lat", "gauge_lon"]].to_numpy(), atol=0.0075)
