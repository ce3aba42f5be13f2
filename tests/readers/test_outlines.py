"""Outlines in GeoJSON are those of the stations that they name, or are refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.readers.outlines import read_outlines

SQUARE = [[0.0, 50.0], [1.0, 50.0], [1.0, 51.0], [0.0, 50.0]]
ISLAND = [[5.0, 50.0], [6.0, 50.0], [6.0, 51.0], [5.0, 50.0]]


def feature(geometry: dict[str, Any], **said: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, **said}


def written(path: Path, *features: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return path


def test_each_station_has_the_rings_of_its_feature(tmp_path: Path) -> None:
    one = feature({"type": "Polygon", "coordinates": [SQUARE]}, properties={"gauge_id": 7})
    two = feature({"type": "MultiPolygon", "coordinates": [[SQUARE], [ISLAND]]}, id="b", properties=None)
    outlines = read_outlines(written(tmp_path / "o.geojson", two, one), ("007", "b", "c"))
    assert list(outlines) == ["007", "b"]
    np.testing.assert_array_equal(outlines["007"][0], SQUARE)
    np.testing.assert_array_equal(outlines["b"][1], ISLAND)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        ([feature({"type": "Point", "coordinates": [0, 0]}, id="7")], "the outline of 7 is a Point"),
        ([feature({"type": "Polygon", "coordinates": [SQUARE]})], "feature 1 does not say its station"),
        ([feature({"type": "Polygon", "coordinates": [SQUARE]}, id="9")], "has outlines of station 9, and of none"),
        ([feature({"type": "Polygon", "coordinates": [SQUARE]}, id="7")] * 2, "o.geojson.* 7"),
        (
            [
                feature(
                    {"type": "Polygon", "coordinates": [[[430000, 230000], [431000, 230000], [431000, 231000]]]}, id="7"
                )
            ],
            r"not in longitude and latitude.*to_crs\(4326\)",
        ),
        ([feature({"type": "Polygon", "coordinates": [[[0, 50], [1, 50], [2, 50]]]}, id="7")], "encloses nothing"),
        ([{"type": "Feature", "id": "7"}], "is no GeoJSON"),
    ],
)
def test_what_is_no_outline_is_refused(tmp_path: Path, made: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_outlines(written(tmp_path / "o.geojson", *made), ("7",))


def test_text_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.geojson").write_text("{")
    with pytest.raises(DataError, match=r"o\.geojson: is no GeoJSON"):
        read_outlines(tmp_path / "o.geojson", ("7",))
