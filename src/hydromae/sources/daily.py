"""From values of less than a day to days, by the rule of the settings: a day that lacks one value is missing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from hydromae.base.errors import DataError
from hydromae.base.stamps import seconds_of
from hydromae.base.units import conversion, is_amount
from hydromae.config import ModalityConfig
from hydromae.readers.dates import check_days
from hydromae.sources.cleaning import LARGEST, limits, missing_to_nan, number_text
from hydromae.sources.pieces import BEGINS, Piece, read_values

_DAY = 24 * 60 * 60
_READ_BYTES = 2**27  # of float64 values that are held at once
_RULES: dict[str, Callable[..., np.ndarray]] = {"sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min}
_ROUNDING = 1e-6


def to_days(
    pieces: Sequence[Piece], name: str, settings: ModalityConfig, codes: tuple[float, ...]
) -> tuple[Piece, ...]:
    """The same files with daily values, read and joined when they are asked for; a series is joined at once.

    A day belongs to the file that holds its first value, and may reach into the files behind it.

    Args:
        pieces: whose `days` are moments, in order and each once, over all of them.
        name: of the modality, for messages.
        settings: with `daily`, `day_start` and `stamped`.
        codes: numbers that mean missing.

    Raises:
        DataError: the values are daily already, come in steps that make up no day, or are of a unit that the rule
            makes no daily value of.
    """
    assert settings.daily is not None
    key = f"data.modalities.{name}"
    _check_units(pieces, key, settings)
    stamps = np.concatenate([piece.days for piece in pieces])
    step, begins = _steps(pieces, stamps, key, settings)
    day = (begins - (settings.day_start or 0) * 3600) // _DAY
    days, first = np.unique(day, return_index=True)
    count, size = np.diff(np.append(first, len(day))), _DAY // step
    complete = count == size
    held = np.flatnonzero(complete)
    if not held.size:
        raise DataError(
            f"{pieces[0].path}: holds no whole day of {size} values; {_spaced(step)} values are needed from "
            f"{settings.day_start or 0:02d}:00 on ({key}.day_start, .stamped)"
        )
    inside = slice(held[0], held[-1] + 1)  # the first and the last day may be cut by where the files begin and end
    days, first, complete = days[inside].astype("datetime64[D]"), first[inside], complete[inside]
    ends = np.cumsum([len(piece.days) for piece in pieces])
    owner = np.searchsorted(ends, first, side="right")
    joined = _Joined(pieces, ends, first, complete, size, days, settings, codes)
    notes = _notes(step, settings, int((~complete).sum()))
    made: list[Piece] = []
    for place, piece in enumerate(pieces):
        own = np.flatnonzero(owner == place)
        if not own.size:  # it holds the rest of a day, or less than one
            if made:
                made[-1] = replace(made[-1], files=(*made[-1].files, *piece.files))
            continue
        if settings.kind == "grid":
            # The reader has looked for gaps in a calendar that lacks real days.
            check_days(piece.path, days[own], settings.allow_absent_days or settings.align_on is not None)
        made.append(_piece(piece, joined, days, slice(own[0], own[-1] + 1), notes))
    return tuple(made)


def _piece(piece: Piece, joined: "_Joined", days: np.ndarray, own: slice, notes: tuple[str, ...]) -> Piece:
    values = piece.values
    lazy = xr.Variable(values.dims, indexing.LazilyIndexedArray(joined))[own]
    coords = {name: of for name, of in values.coords.items() if "time" not in of.dims}
    attrs = {**values.attrs, "notes": (*values.attrs.get("notes", ()), *notes)}
    daily = xr.DataArray(lazy, coords={**coords, "time": days[own]}, name=values.name, attrs=attrs)
    daily.encoding = {k: of for k, of in values.encoding.items() if k == "source"}
    if chunks := values.encoding.get("chunksizes"):
        daily.encoding["chunksizes"] = (max(1, chunks[0] // joined.per_day), *chunks[1:])
    if "station" in values.dims:
        daily = daily.load()
    return replace(piece, values=daily, days=days[own])


def _notes(step: int, settings: ModalityConfig, incomplete: int) -> tuple[str, ...]:
    hour = settings.day_start or 0
    until = f"{hour:02d}:00 of the next day" if hour else "24:00"
    said = f"{_spaced(step)} values become daily by {settings.daily}; a value covers {hour:02d}:00 to {until}"
    lacking = f"{incomplete} day{'s lack' if incomplete > 1 else ' lacks'} some values of less than a day: missing"
    return (said, lacking) if incomplete else (said,)


def _spaced(step: int) -> str:
    """How often values come, in a word."""
    if step == 3600:
        return "hourly"
    return f"{step // 3600}-hourly" if step % 3600 == 0 else f"{step / 60:g}-minute"


def _moment(moment: np.datetime64) -> str:
    return str(moment).replace("T", " ")


def _steps(pieces: Sequence[Piece], stamps: np.ndarray, key: str, settings: ModalityConfig) -> tuple[int, np.ndarray]:
    """Seconds from one value to the next, and when what each value covers begins, seconds since 1970 [value]."""
    path, seconds = pieces[0].path, seconds_of(stamps).astype(np.int64)
    step = int(np.diff(seconds).min()) if len(seconds) > 1 else _DAY
    if step >= _DAY:
        raise DataError(f"{path}: holds one value a day or less; leave {key}.daily out")
    if _DAY % step:
        raise DataError(
            f"{path}: its values come every {step / 3600:g} hours, which make up no day; write them in steps that do"
        )
    bounded = all(BEGINS in piece.values.coords for piece in pieces)
    if bounded and settings.stamped is None:
        begins = np.concatenate([seconds_of(piece.values[BEGINS].values).astype(np.int64) for piece in pieces])
    else:
        begins = seconds - {None: 0, "begin": 0, "middle": step // 2, "end": step}[settings.stamped]
    apart = (begins - (settings.day_start or 0) * 3600) % step
    if (wrong := np.flatnonzero(apart)).size:
        i = wrong[0]
        at = _moment(begins[i].astype("datetime64[s]"))
        remedy = "set" if settings.stamped is None else "correct"
        hour = settings.day_start or 0
        raise DataError(
            f"{path}: a value begins at {at}, and {_spaced(step)} values have to begin at {hour:02d}:00 "
            f"and at whole steps from there; {remedy} {key}.stamped (begin, middle or end) or day_start, or leave out "
            f"values between the steps"
        )
    return step, begins


def _check_units(pieces: Sequence[Piece], key: str, settings: ModalityConfig) -> None:
    """Raise DataError where the rule makes no daily value of the unit in which the files are, as far as they say it."""
    for piece in pieces:
        unit = settings.convert_from or piece.values.attrs.get("units")
        amount = None if unit is None else is_amount(str(unit))
        if amount is False and settings.daily == "sum":
            raise DataError(
                f"{piece.path}: {piece.values.name} is in {unit}, a rate or a state, of which a sum over a day is no "
                f"daily value; set {key}.daily to mean, max or min"
            )
        if amount and settings.daily != "sum" and is_amount(settings.units) is False:
            raise DataError(
                f"{piece.path}: {piece.values.name} is in {unit}, an amount, whose {settings.daily} over a day is not "
                f"in {settings.units}; set {key}.daily to sum"
            )


class _Joined(BackendArray):
    """Daily values [day, *place] of all files, made of those that are read for the days that are asked for."""

    def __init__(
        self,
        pieces: Sequence[Piece],
        ends: np.ndarray,
        first: np.ndarray,
        complete: np.ndarray,
        size: int,
        days: np.ndarray,
        settings: ModalityConfig,
        codes: tuple[float, ...],
    ) -> None:
        self.pieces, self.ends, self.first, self.complete, self.per_day = pieces, ends, first, complete, size
        self.days, self.settings, self.codes = days, settings, codes
        self.shape: tuple[int, ...] = (len(days), *pieces[0].values.shape[1:])
        self.dtype: np.dtype[Any] = np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        read: np.ndarray = indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.BASIC, self._read
        )
        return read

    def _read(self, key: tuple[int | slice, ...]) -> np.ndarray:
        asked = np.arange(self.shape[0])[key[0]]
        places = np.atleast_1d(asked)
        values = np.full((len(places), *self.shape[1:]), np.nan, np.float32)
        chunks = self.pieces[0].values.encoding.get("chunksizes") or (1,)
        a_day = 8 * self.per_day * max(int(np.prod(self.shape[1:])), 1)
        at_once = max(1, chunks[0] // self.per_day, _READ_BYTES // a_day)
        for begin in range(0, len(places), at_once):
            some = places[begin : begin + at_once]
            values[begin : begin + at_once] = self._days(some)
        taken: np.ndarray = values[(slice(None) if isinstance(key[0], slice) else 0, *key[1:])]
        return taken

    def _days(self, places: np.ndarray) -> np.ndarray:
        made = np.full((len(places), *self.shape[1:]), np.nan, np.float32)
        whole = np.flatnonzero(self.complete[places])
        if not whole.size:
            return made
        starts = self.first[places[whole]]
        begin = int(starts.min())
        block = self._values(begin, int(starts.max()) + self.per_day)
        taken = block[(starts - begin)[:, None] + np.arange(self.per_day)]  # [day, value, *place]
        with np.errstate(over="ignore", invalid="ignore"):  # what is infinite is found and named later
            made[whole] = _RULES[str(self.settings.daily)](taken, axis=1)
        return made

    def _values(self, begin: int, end: int) -> np.ndarray:
        """Values of less than a day by position among those of all files, float64, NaN where missing."""
        parts, before = [], 0
        for piece, after in zip(self.pieces, self.ends.tolist(), strict=True):
            if begin < after and end > before:
                read = read_values(piece, max(begin - before, 0), min(end, after) - before)
                parts.append(read.astype(np.float32))
            before = after
        block = np.concatenate(parts)
        missing_to_nan(block, self.codes)
        values = block.astype(np.float64)
        self._check_lower(values, begin)
        return values

    def _check_lower(self, values: np.ndarray, begin: int) -> None:
        """What is below 0, or below another limit, would be hidden in a mean; by rounding it becomes the limit."""
        low = limits(self.settings)[0]
        if low is None or (self.settings.daily == "sum" and low != 0):
            return
        given, units = self.settings.convert_from, self.settings.units
        factor, offset = (1.0, 0.0) if given is None else conversion(given, units)
        lowest = (low - offset) / factor
        admitted = lowest - _ROUNDING * max(1.0, abs(low)) / factor
        if self.settings.minimum is not None and self.settings.minimum < low:
            admitted = (self.settings.minimum - offset) / factor
        wrong = (values < admitted) & (values > -LARGEST)
        if wrong.any():
            index = tuple(int(i) for i in np.unravel_index(int(wrong.argmax()), wrong.shape))
            place = int(np.searchsorted(self.ends, begin + index[0], side="right"))
            piece = self.pieces[place]
            moment = piece.days[begin + index[0] - (int(self.ends[place - 1]) if place else 0)]
            raise DataError(
                f"{piece.path}: {piece.values.name} at {_moment(moment)} is {number_text(values[index])}, below the "
                f"smallest possible value ({lowest:g}); correct the file, list the value in data.missing_values if it "
                f"means missing, or change the modality's minimum"
            )
        values[(values < lowest) & (values >= admitted)] = lowest
