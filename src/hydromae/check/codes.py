"""Finds numbers that stand for missing although no one declared them, as -9999, -999 or -32768."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from hydromae.base.units import same_units
from hydromae.check.quantity import Quantity

# What programs write for missing. A value that is exactly one of these and far from all others is no measurement.
TYPICAL = np.unique(
    np.array(
        [
            *(sign * (10.0**n - 1) for n in range(2, 8) for sign in (-1, 1)),  # 99, 999, ...
            *(-(10.0**n - 1) / 10**k for n in range(3, 8) for k in (1, 2, 3) if n - k > 1),  # -99.9, -999.99, ...
            *(-32768, -32767, -32766, 32766, 32767, 65534, 65535, -(2.0**31), 2.0**31),
            *(-6999, -7777, -8888, 1e10, -1e10, 1e15, -1e15),
        ],
        np.float32,
    )
)
_REPEATS = 3  # times that a value must occur if it is no typical code
_GAP, _OWN_GAP = 1.0, 5.0  # times the range of the other values: of the modality, and of one station of it
_DISTINCT = 20  # fewer different values are classes, which may lie far apart
_UNIT = 8  # more different impossible values in a block mean another unit, not codes
_ROUNDS = 2  # how many of a block's smallest and largest values are left out of the range of the others

# Daily values that no place on Earth exceeds, by a wide margin.
_POSSIBLE: dict[Quantity, tuple[tuple[str, float, float], ...]] = {
    "rain": (("mm/d", -0.5, 3000.0),),
    "temperature": (("degC", -95.0, 65.0), ("K", 150.0, 400.0), ("kelvin", 150.0, 400.0)),
    "evaporation": (("mm/d", -30.0, 100.0),),
    "soil": (("1", -0.5, 2.0),),
    "flow": (("m3/s", -20_000.0, 500_000.0), ("mm/d", -100.0, 5000.0)),
}
_NEVER_NEGATIVE = ("rain", "flow")  # a river may flow backwards, but not by exactly 9,999


@dataclass
class Sightings:
    """How often a value was seen, and where first: positions of its day and column."""

    count: int
    day: int
    column: int


class Codes:
    """Looks for codes in blocks of values.

    A value is a code if it is beyond what its quantity can be, or further from all other values than these are from
    each other; and it occurs three times or is one that programs write. Distance does not make 0 a code: a canal that
    is either shut or flows at 100 m3/s has it by nature.

    Args:
        quantity: what the modality measures.
        units: of its values.
    """

    def __init__(self, quantity: Quantity, units: str) -> None:
        self._possible = next(
            ((low, high) for unit, low, high in _POSSIBLE.get(quantity, ()) if same_units(unit, units)),
            (-np.inf, np.inf),
        )
        self._negative = quantity in _NEVER_NEGATIVE
        self._seen: dict[np.float32, Sightings] = {}
        self._own: set[np.float32] = set()
        self._low, self._high = np.inf, -np.inf
        self._distinct = np.zeros(0, np.float32)

    def clear(self, first: int, block: Float[np.ndarray, "day column"], column: int = 0, whole: bool = False) -> None:
        """Look at consecutive days and make missing, in place, what is certainly a code.

        Args:
            first: position of the first day.
            block: float32 values, NaN where missing; infinite ones are passed over.
            column: position of the first column.
            whole: whether the block holds all days of its columns, so that each column can be compared with itself.
        """
        finite = np.isfinite(block)
        if not finite.any():
            return
        suspect, far = np.isin(block, TYPICAL), finite & self._beyond(block)
        if np.unique(block[far]).size <= _UNIT:
            suspect |= far
        if whole and suspect.any():
            self._own |= _far_from_own(block, finite, suspect)
        for value in np.unique(block[suspect]).tolist():
            self._note(np.float32(value), block, first, column)
        rest = finite & ~suspect
        for _ in range(_ROUNDS):
            for end in (np.min, np.max):
                if rest.any() and (value := np.float32(end(block[rest]))) != 0:
                    rest &= block != value
                    self._note(value, block, first, column)
        if rest.any():
            values = block[rest]
            self._low, self._high = min(self._low, float(values.min())), max(self._high, float(values.max()))
            if self._distinct.size < _DISTINCT:
                some = values[:: max(values.size // 4096, 1)]
                self._distinct = np.unique(np.concatenate([self._distinct, some]))
        certain = [value for value in np.unique(block[suspect]).tolist() if self._is_code(np.float32(value))]
        if certain:
            block[np.isin(block, np.array(certain, np.float32))] = np.nan

    def found(self) -> dict[float, Sightings]:
        """Code -> where it was seen, the most frequent first; each as the shortest number with the same float32."""
        codes = [(value, seen) for value, seen in self._seen.items() if self._is_code(value)]
        return {float(str(value)): seen for value, seen in sorted(codes, key=lambda item: -item[1].count)}

    @property
    def others(self) -> tuple[float, float]:
        """Smallest and largest value that is no candidate for a code; inf and -inf where there is none."""
        return self._low, self._high

    def _is_code(self, value: np.float32) -> bool:
        typical = bool(np.isin(value, TYPICAL))
        if not typical and self._seen[value].count < _REPEATS:
            return False
        if value in self._own or self._beyond(np.array([value])).any():
            return True
        if value == 0 or self._distinct.size < _DISTINCT:
            return False
        return max(self._low - float(value), float(value) - self._high) > _GAP * (self._high - self._low)

    def _beyond(self, values: Float[np.ndarray, "*any"]) -> Bool[np.ndarray, "*any"]:
        low, high = self._possible
        beyond: np.ndarray = (values < low) | (values > high)
        return beyond | (np.isin(values, TYPICAL[TYPICAL < 0])) if self._negative else beyond

    def _note(self, value: np.float32, block: np.ndarray, first: int, column: int) -> None:
        at = block == value
        if value not in self._seen:
            day, place = np.unravel_index(int(at.argmax()), at.shape)
            self._seen[value] = Sightings(0, first + int(day), column + int(place))
        self._seen[value].count += int(at.sum())


def _far_from_own(block: np.ndarray, finite: np.ndarray, suspect: np.ndarray) -> set[np.float32]:
    """The suspect values that occur three times in a column and are far from its other values."""
    far_values = set[np.float32]()
    for column in np.flatnonzero(suspect.any(axis=0)).tolist():
        values, rest = block[:, column], finite[:, column] & ~suspect[:, column]
        if np.unique(values[rest]).size < _DISTINCT:
            continue
        low, high = float(values[rest].min()), float(values[rest].max())
        for value, count in zip(*np.unique(values[suspect[:, column]], return_counts=True), strict=True):
            if count >= _REPEATS and max(low - float(value), float(value) - high) > _OWN_GAP * (high - low):
                far_values.add(value)
    return far_values
