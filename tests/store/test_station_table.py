import numpy as np
import pytest
import xarray as xr

from hydromae import open_store
from hydromae.base.errors import DataError
from hydromae.store.station_table import station_table


def test_the_table_of_a_store_has_its_coordinates_areas_and_attributes(prepared):
    _, store = prepared
    table = station_table(open_store(store))
    assert table.index.tolist() == list(store.station_ids) and (table.dtypes == np.float64).all()
    assert {"latitude", "area", "bfihost"} <= set(table)
    np.testing.assert_array_equal(table["area"], store.areas)
    place = store.attribute_names.index("bfihost")
    np.testing.assert_array_equal(table["bfihost"], store.attributes[:, place])


def test_ids_that_were_read_as_numbers_become_text_and_series_are_left_out():
    data = xr.Dataset(
        {"flow": (("time", "station"), np.ones((3, 2))), "catchment_area": ("station", [5.0, 6.0])},
        {"station": [39001, 1001], "name": ("station", ["a", "b"])},
    )
    table = station_table(data)
    assert table.index.tolist() == ["39001", "1001"] and "flow" not in table and "name" not in table
    assert table["area"].tolist() == [5, 6]


def test_a_data_set_without_stations_is_refused():
    with pytest.raises(DataError, match="no dimension station"):
        station_table(xr.Dataset({"rain": (("time", "y"), np.ones((2, 2)))}))
