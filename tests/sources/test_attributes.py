import numpy as np
import pytest
import xarray as xr

from hydromae.base.areas import complete_areas
from hydromae.base.errors import DataError
from hydromae.config import AttributesConfig
from hydromae.sources.attributes import read_attributes
from support.sources import write_attributes

SETTINGS = AttributesConfig(columns=("dpsbar", "bfihost"))
COLUMNS = {"bfihost": [0.4, -99999, None], "catchment-area": [10, None, 30], "dpsbar": [1, 2, 3], "name": list("abc")}


def test_values_come_in_the_order_of_the_configuration_and_gaps_are_missing(tmp_path):
    read = read_attributes(write_attributes(tmp_path / "a.csv", [7, 5, 6], COLUMNS), SETTINGS, (-99999.0,))
    assert read.ids == ("7", "5", "6") and read.names == ("dpsbar", "bfihost")
    np.testing.assert_array_equal(read.values, [[1, 0.4], [2, np.nan], [3, np.nan]])
    np.testing.assert_array_equal(read.areas, [10, np.nan, 30])
    np.testing.assert_array_equal(read.of(["6", "7"]).values[:, 0], [3, 1])


@pytest.mark.parametrize(
    ("ids", "changes", "message"),
    [
        ([7, 5, 7], {}, "station 7 more than once .line 4"),
        ([7, None, 6], {}, "a row without an id .line 3"),
        ([7, 5, 6], {"dpsbar": [1, "steep", 3]}, "dpsbar of station 5 is 'steep'; write a number"),
        ([7, 5, 6], {"dpsbar": [1, "inf", 3]}, "dpsbar of station 5 is 'inf'"),
        ([7, 5, 6], {"catchment-area": [1, 0, 3]}, "catchment-area of station 5 is not above 0"),
    ],
)
def test_wrong_rows_are_named(tmp_path, ids, changes, message):
    path = write_attributes(tmp_path / "a.csv", ids, COLUMNS | changes)
    with pytest.raises(DataError, match=rf"a\.csv: .*{message}"):
        read_attributes(path, SETTINGS, ())


def test_an_unknown_column_suggests_the_near_one(tmp_path):
    path = write_attributes(tmp_path / "a.csv", [1, 2, 3], COLUMNS)
    with pytest.raises(DataError, match=r"a\.csv: has no column bfi-host; did you mean bfihost; set"):
        read_attributes(path, AttributesConfig(columns=("bfi-host",)), ())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_another_separator_gives_the_same(tmp_path, separator):
    path = write_attributes(tmp_path / "a.csv", [7, 5, 6], COLUMNS)
    expected = read_attributes(path, SETTINGS, ())
    path.write_text(path.read_text().replace(",", separator))
    read = read_attributes(path, SETTINGS, ())
    assert read.ids == expected.ids
    np.testing.assert_array_equal(read.values, expected.values)


def test_any_column_of_numbers_can_be_chosen_and_one_of_text_is_refused(tmp_path):
    path = write_attributes(tmp_path / "a.csv", [7, 5, 6], COLUMNS | {"p_mean": [1.5, 2, None]})
    read = read_attributes(path, AttributesConfig(columns=("p_mean",)), ())
    np.testing.assert_array_equal(read.values[:, 0], [1.5, 2, np.nan])
    with pytest.raises(
        DataError, match=r"a\.csv: name is a column of text \('a' for station 7\); name columns of numbers"
    ):
        read_attributes(path, AttributesConfig(columns=("p_mean", "name")), ())
    comma = write_attributes(tmp_path / "b.csv", [7, 5, 6], COLUMNS | {"dpsbar": [1, 2, "3,5"]})
    with pytest.raises(DataError, match=r"dpsbar of station 6 is '3,5'; write it with a decimal point"):
        read_attributes(comma, SETTINGS, ())


def test_a_column_that_is_there_twice_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("id,bfihost,dpsbar,dpsbar\n1,2,3,4\n")
    with pytest.raises(DataError, match=r"a\.csv: has two columns dpsbar"):
        read_attributes(tmp_path / "a.csv", SETTINGS, ())


def test_an_assumed_area_gives_the_median_specific_flow():
    areas, notes = complete_areas(np.array([100.0, 50.0, np.nan, np.nan]), np.array([2.0, 1.0, 0.5, np.nan]), "abcd")
    np.testing.assert_allclose(areas, [100, 50, 25, 75])
    assert ["station c" in notes[0], "station d" in notes[1], len(notes)] == [True, True, 2]


def test_variables_over_the_stations_of_netcdf_are_attributes(tmp_path):
    path = tmp_path / "a.nc"
    stations, flow = ["01013500", "39001"], np.ones((2, 3))
    data = xr.Dataset(
        {
            "catchment-area": ("gauge", [10.5, np.nan]),
            "latitude": ("gauge", np.array([50, 51])),
            "gauge_name": ("gauge", ["Thames", "Fish"]),
            "flow": (("gauge", "time"), flow),
        },
        {"gauge_id": ("gauge", stations)},
    )
    data.to_netcdf(path, engine="h5netcdf")
    settings = AttributesConfig(columns=("latitude", "catchment-area"))
    found = read_attributes(path, settings, ())
    assert found.ids == tuple(stations) and found.station_names == {"01013500": "Thames", "39001": "Fish"}
    np.testing.assert_array_equal(found.values, [[50, 10.5], [51, np.nan]])
    np.testing.assert_array_equal(found.areas, [10.5, np.nan])
    with pytest.raises(DataError, match=r"a\.nc: has no column flow; it has id, catchment-area, latitude, gauge_name"):
        read_attributes(path, AttributesConfig(columns=("flow",)), ())
    data.drop_vars("gauge_id").to_netcdf(tmp_path / "b.nc", engine="h5netcdf")
    with pytest.raises(DataError, match=r"b\.nc: has 0 dimensions that may be that of the stations; .*attributes\.id"):
        read_attributes(tmp_path / "b.nc", settings, ())
