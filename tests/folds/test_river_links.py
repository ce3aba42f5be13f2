import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import DataError
from hydromae.folds.river_links import hydrometric_areas, linked

DISTANCE = np.array([[0.0, 8, 30], [8, 0, 25], [30, 25, 0]])


def links(apart_km, basins=None, **columns):
    """Which of three stations are linked, as text like 01."""
    found = linked(pd.DataFrame(columns, index=["a", "b", "c"]), DISTANCE, apart_km, basins)
    assert (found == found.T).all()
    return [f"{i}{j}" for i in range(3) for j in range(i + 1, 3) if found[i, j]]


def test_neighbours_are_closer_than_asked():
    assert links(8.0) == [] and links(8.1) == ["01"] and links(26.0) == ["01", "12"]


def test_the_reach_of_a_catchment_grows_with_its_area():
    assert links(1.0, area=[10.0, 10, np.pi * 29**2]) == ["12"]
    assert links(1.0, area=[10.0, 10, np.pi * 31**2]) == ["02", "12"]
    assert links(1.0, area=[10.0, np.nan, np.nan]) == []


def test_a_known_basin_overrules_the_guess_and_an_unknown_one_leaves_it():
    area = [10.0, 10, 4000]
    assert links(1.0, ["x", "x", "y"], area=area) == ["01"]
    assert links(1.0, ["x", "", "y"], area=area) == ["12"]
    assert links(9.0, ["x", "y", "z"], area=area) == ["01"]


def test_the_archives_number_names_the_basin():
    assert hydrometric_areas(["39001", "1001", "101002"]) == ["39", "1", "101"]
    for wrong in ("GB_39001", "101", ""):
        with pytest.raises(DataError, match=f"station {wrong} has no number of the National River Flow Archive"):
            hydrometric_areas(["39001", wrong])
