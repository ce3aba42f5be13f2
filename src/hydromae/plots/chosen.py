"""Which stations of a file are drawn."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.base.station_ids import id_texts

MOST: Final = 6  # stations in one figure


def chosen_stations(dataset: xr.Dataset, asked: Sequence[str], where: str, most: int = MOST) -> list[int]:
    """Positions of the stations that are asked for by id or by a part of their name; all where none is named.

    Args:
        dataset: with a dimension `station`, and names in `station_name` where it has them.
        asked: ids, or parts of names in any case.
        where: the file, for messages.
        most: how many may be drawn.

    Raises:
        DataError: a station is not there, a name fits several, or there are too many for one figure.
    """
    ids = id_texts(dataset["station"].values, where)
    named = "station_name" in dataset.coords or "station_name" in dataset
    names = [str(name) for name in dataset["station_name"].values] if named else [""] * len(ids)
    places = [_place(ids, names, text.strip(), where) for text in asked] or list(range(len(ids)))
    if len(places) > most:
        raise DataError(
            f"{where}: has {len(places)} stations, and a figure holds {most}; name some with --station, as "
            f"{', '.join(ids[:3])}"
        )
    return places


def station_label(dataset: xr.Dataset, place: int) -> str:
    """A station's id with its name, where it has one."""
    station = str(dataset["station"].values[place])
    name = str(dataset["station_name"].values[place]) if "station_name" in dataset.coords else ""
    return f"{station}, {name}" if name else station


def _place(ids: Sequence[str], names: Sequence[str], text: str, where: str) -> int:
    if text in ids:
        return ids.index(text)
    fitting = [place for place, name in enumerate(names) if text and text.casefold() in name.casefold()]
    exact = [place for place in fitting if names[place].casefold() == text.casefold()]
    if len(fitting) == 1 or len(exact) == 1:
        return exact[0] if exact else fitting[0]
    if fitting:
        several = ", ".join(f"{ids[place]} ({names[place]})" for place in fitting[:MOST])
        raise DataError(f"{where}: the name {text!r} fits {len(fitting)} stations, {several}; give an id")
    shown = np.unique(ids)[:MOST].tolist()
    more = f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else ""
    raise DataError(f"{where}: has no station {text!r}; it has {', '.join(shown)}{more}")
