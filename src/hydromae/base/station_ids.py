"""Station ids: their spelling as text, and which spellings can only be one station.

Ids are texts, and those of many archives begin with zeros (01013500). Tables of numbers turn them into 1013500 or
1013500.0, arrays of bytes into b'01013500'. Two spellings that differ only in this way are one station.
"""

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal

import numpy as np
from jaxtyping import Int

from hydromae.base.errors import DataError

# What pads ids in files: the mark at the beginning of a text in UTF-8, and the end of an array of bytes.
_PADDING = "\ufeff\0 \t\r\n\f\v\xa0"
_BYTES = re.compile(r"b(['\"])(.*)\1")
_WHOLE = re.compile(r"([0-9]+)\.0*")
_FRACTION = re.compile(r"[0-9]+\.[0-9]*[1-9][0-9]*")
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+")
_NUMBER = re.compile(r"0*([0-9]+?)(\.0*)?")

_LISTED = 20  # stations that a message names


def id_texts(values: Iterable[object], where: str) -> list[str]:
    """The ids of one file, list or column as text: numbers without `.0`, bytes decoded, blanks around them removed.

    Numbers keep their `.0` where others have a fraction, as 10.0 beside 10.1.

    Args:
        values: texts, numbers or bytes.
        where: the file or key, for messages.

    Raises:
        DataError: an id is blank, or is a number that has lost digits.
    """
    texts = [_text(value, where) for value in values]
    if any(_FRACTION.fullmatch(text) for text in texts):
        return texts
    return [whole[1] if (whole := _WHOLE.fullmatch(text)) else text for text in texts]


def id_text(value: object, where: str) -> str:
    """One id as text; see `id_texts`."""
    return id_texts((value,), where)[0]


def _text(value: object, where: str) -> str:
    if isinstance(value, np.floating | float):
        exact = 2.0 ** (np.finfo(type(value)).nmant + 1)
        if np.isfinite(value) and abs(float(value)) > exact:
            raise _lost(where, str(value))
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    text = "" if value is None or value != value else str(value).strip(_PADDING)  # NaN is unlike itself
    if inside := _BYTES.fullmatch(text):
        text = inside[2].strip(_PADDING)
    if not text:
        raise DataError(f"{where}: has a station whose id is blank; give every station its id")
    if _ROUNDED.fullmatch(text) and (isinstance(value, float) or "+" in text or "." in text):
        raise _lost(where, text)
    return text


def _lost(where: str, text: str) -> DataError:
    return DataError(f"{where}: has the station id {text}, a number that has lost digits; write the ids as text")


def id_key(station: str) -> str:
    """What all spellings of one id have in common: the digits of a whole number without the zeros before them."""
    number = _NUMBER.fullmatch(station)
    return number[1] if number else station


def require_distinct(
    ids: Sequence[str], where: str, remedy: str = "keep one of them", first_line: int | None = None
) -> None:
    """Raise DataError, naming both, where two ids of one file are the same or differ only in zeros.

    Args:
        ids: the ids of the file.
        where: the file, for messages.
        remedy: what to do about a station that occurs twice.
        first_line: line of the first id, where each has a line.
    """
    if len(set(map(id_key, ids))) == len(ids):
        return
    seen: dict[str, str] = {}
    for place, station in enumerate(ids):
        other = seen.setdefault(id_key(station), station)
        if len(seen) > place:
            continue
        line = "" if first_line is None else f" (line {first_line + place})"
        if other == station:
            raise DataError(f"{where}: has station {station} more than once{line}; {remedy}")
        raise DataError(
            f"{where}: has the stations {other} and {station}{line}, which may be one whose id lost zeros; if they are "
            f"one station write both alike, else give one an id that differs in more than zeros"
        )


def places_among(ids: Iterable[str], known_ids: Sequence[str], where: str = "") -> Int[np.ndarray, "id"]:
    """The place of each id among the known ids: the same text, else the only one that can be the same station.

    Returns:
        int64, -1 for an id that is not among them.

    Raises:
        DataError: an id may be either of two known stations; the message names both.
    """
    exact: dict[str, int] = {}
    alike: dict[str, list[int]] = {}
    for place, station in enumerate(known_ids):
        if exact.setdefault(station, place) == place:
            alike.setdefault(id_key(station), []).append(place)
    result = []
    for station in ids:
        places = [exact[station]] if station in exact else alike.get(id_key(station), [])
        if len(places) > 1:
            first, second = (known_ids[place] for place in places[:2])
            before = f"{where}: " if where else ""
            raise DataError(f"{before}station {station} may be {first} or {second}; name it as one of them is spelled")
        result.append(places[0] if places else -1)
    return np.array(result, np.int64)


def respelled(ids: Sequence[str], known_ids: Sequence[str], where: str = "") -> list[str]:
    """The ids, each spelled as in `known_ids` if it is among them; see `places_among`.

    Raises:
        DataError: an id may be either of two known stations, or two ids are one known station.
    """
    places = places_among(ids, known_ids, where).tolist()
    taken: dict[int, str] = {}
    for station, place in zip(ids, places, strict=True):
        if place >= 0 and (other := taken.setdefault(place, station)) != station:
            before = f"{where}: " if where else ""
            raise DataError(
                f"{before}stations {other} and {station} would both be {known_ids[place]}; keep one of them"
            )
    return [known_ids[place] if place >= 0 else station for station, place in zip(ids, places, strict=True)]


def one_spelling(ids: Iterable[str], known_ids: Sequence[str] = (), where: str = "") -> dict[str, str]:
    """One spelling for each id of several files: that of `known_ids`, else the one with most zeros, as zeros get lost.

    Returns:
        Each id -> its spelling; in order of first appearance.

    Raises:
        DataError: an id may be either of two known stations.
    """
    distinct = list(dict.fromkeys(ids))
    longest: dict[str, str] = {}
    for station in distinct:
        key = id_key(station)
        longest[key] = max(longest.get(key, ""), station, key=len)
    places = places_among(distinct, known_ids, where).tolist()
    return {
        station: known_ids[place] if place >= 0 else longest[id_key(station)]
        for station, place in zip(distinct, places, strict=True)
    }


def sorted_ids(ids: Iterable[str]) -> list[str]:
    """Ids in order: as numbers where all are whole numbers, else as text."""
    ids = list(ids)
    return sorted(ids, key=lambda station: (int(station), station)) if all(i.isdecimal() for i in ids) else sorted(ids)


def named_stations(stations: Sequence[str]) -> str:
    """The stations in words; of many, the first ones and their number."""
    if len(stations) == 1:
        return f"station {stations[0]}"
    if len(stations) <= _LISTED:
        return f"stations {', '.join(stations)}"
    return f"{len(stations)} stations ({', '.join(stations[:_LISTED])}, ...)"
