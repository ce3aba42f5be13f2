"""The stations of the small sources, given coordinates: two in the south, two in the north."""

from typing import Any

from support.sources import World, write_attributes

LATITUDE = {"9002": 50.0, "101": 58.0, "39001": 58.2, "27003": 50.1}
LONGITUDE = {"9002": -3.0, "101": -4.0, "39001": -4.1, "27003": -2.9}
AREA = {"9002": 100.0, "101": 20.0, "39001": 400.0, "27003": 80.0}
BFIHOST = {"9002": 0.3, "101": None, "39001": 0.5, "27003": 0.8}


def place(world: World, area: dict[str, Any] | None = None, latitude: dict[str, Any] | None = None) -> None:
    """Write attributes where south and north alternate, and make tokens of two stations."""
    columns = {
        "latitude": list((latitude or LATITUDE).values()),
        "longitude": list(LONGITUDE.values()),
        "catchment-area": list((area or AREA).values()),
        "bfihost": list(BFIHOST.values()),
    }
    write_attributes(world.root / "attributes.csv", list(LATITUDE), columns)
    world.raw["data"]["attributes"]["columns"] = list(columns)
    world.raw["model"]["series_patch_size"] = 2
