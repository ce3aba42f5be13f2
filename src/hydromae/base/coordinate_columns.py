"""Finds latitude and longitude, or easting and northing, among the columns of a table of stations, by their names."""

import re
from collections.abc import Mapping, Sequence

_DEGREES = {"latitude": {"latitude", "lat"}, "longitude": {"longitude", "lon", "long", "lng"}}
_PROJECTED = {"easting": {"easting", "eastings", "x"}, "northing": {"northing", "northings", "y"}}


def coordinate_columns(names: Sequence[str]) -> dict[str, int]:
    """The places of `latitude` and `longitude` among the names of attributes, by their words.

    Two names whose other words are the same belong together, as gauge_lat and gauge_lon do. Of several pairs the one
    with the fewest other words is taken, so latitude and longitude before those of a centroid. One without the other
    counts only where its name has no other word.
    """
    return _places(names, _DEGREES)


def projected_columns(names: Sequence[str]) -> dict[str, int]:
    """The places of `easting` and `northing`, or x and y, among the names of columns, as `coordinate_columns` finds."""
    return _places(names, _PROJECTED)


def _places(names: Sequence[str], spelled: Mapping[str, set[str]]) -> dict[str, int]:
    places_of: dict[str, dict[tuple[str, ...], int]] = {coordinate: {} for coordinate in spelled}
    for place, name in enumerate(names):
        parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        words = [word for word in re.split(r"[^a-z0-9]+", parted) if word]
        for coordinate, spellings in spelled.items():
            if spellings & set(words):
                places_of[coordinate].setdefault(tuple(word for word in words if word not in spellings), place)
    one, other = places_of.values()
    pairs = [others for others in one if others in other]
    chosen = min(pairs, key=len, default=())
    return {coordinate: places[chosen] for coordinate, places in places_of.items() if chosen in places}
