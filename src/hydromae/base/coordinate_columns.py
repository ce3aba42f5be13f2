"""Finds latitude and longitude among the attributes of stations, by their names."""

import re
from collections.abc import Sequence

_COORDINATES = {"latitude": {"latitude", "lat"}, "longitude": {"longitude", "lon", "long", "lng"}}


def coordinate_columns(names: Sequence[str]) -> dict[str, int]:
    """The places of `latitude` and `longitude` among the names of attributes, by their words.

    Two names whose other words are the same belong together, as gauge_lat and gauge_lon do. Of several pairs the one
    with the fewest other words is taken, so latitude and longitude before those of a centroid. One without the other
    counts only where its name has no other word.
    """
    places_of: dict[str, dict[tuple[str, ...], int]] = {coordinate: {} for coordinate in _COORDINATES}
    for place, name in enumerate(names):
        parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
        words = [word for word in re.split(r"[^a-z0-9]+", parted) if word]
        for coordinate, spellings in _COORDINATES.items():
            if spellings & set(words):
                places_of[coordinate].setdefault(tuple(word for word in words if word not in spellings), place)
    pairs = [others for others in places_of["latitude"] if others in places_of["longitude"]]
    chosen = min(pairs, key=len, default=())
    return {coordinate: places[chosen] for coordinate, places in places_of.items() if chosen in places}
