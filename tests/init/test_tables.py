from hydromae.config import ATTRIBUTES
from hydromae.init.found import AttributeTable
from hydromae.init.tables import station_table


def table(path: str, **columns: str) -> AttributeTable:
    return AttributeTable(path, {name: tuple(text.split()) for name, text in columns.items()})


def test_known_attributes_are_taken_in_their_order_and_the_rest_named():
    columns = dict.fromkeys(reversed(ATTRIBUTES), "1.5 2.5 -9999")
    found = station_table([table("a", id="7 8 9", easting="1 2 3", name="x y z", slope="1 2 3", **columns)], ["7", "8"])
    assert found is not None
    assert (found.columns, found.id, found.area, found.located) == (ATTRIBUTES, "id", "catchment-area", True)
    assert set(found.left) == {"easting", "name", "slope"} and found.codes == (-9999.0,)


def test_coordinates_come_first_among_other_columns():
    one = table("a", gauge_id="a b", slope="1 2", gauge_lon="1 2", area_km2="10 20", gauge_lat="50 51", flat="3 3")
    found = station_table([one], ["a", "b", "c"])
    assert found is not None
    assert found.columns == ("gauge_lat", "gauge_lon", "slope", "area_km2") and found.area == "area_km2"
    assert found.absent == ("c",) and set(found.left) == {"flat"}


def test_coordinates_and_areas_that_cannot_be_are_not_taken_for_them():
    found = station_table([table("a", id="a b", lat="500000 200000", lon="1 2", area="0 5")], ["a", "b"])
    assert found is not None and not found.located and found.area is None


def test_the_table_with_more_stations_is_taken_and_one_with_few_never():
    few, many = table("a", id="1 5", slope="1 2"), table("b", id="1 2 3", slope="1 2 3")
    found = station_table([few, many], ["1", "2", "3"])
    assert found is not None and found.path == "b"
    assert station_table([few], ["1", "2", "3"]) is None
    assert station_table([table("c", id="x y", slope="1 2")], ["1"]) is None
