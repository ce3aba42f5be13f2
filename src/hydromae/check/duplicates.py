"""Finds maps and years that repeat others bit by bit."""

import hashlib

import numpy as np
from jaxtyping import Float

# A repeated map counts as a copy only if nature could hardly repeat it: a dry or saturated day is no copy.
_TELLING_SHARE, _TELLING_CELLS, _TELLING_VALUES = 0.01, 10, 10


class Digests:
    """Recognises maps that were seen before, in 16 bytes a day.

    Attributes:
        copies: position of a day -> position of the earlier day that it repeats.
        pairs: consecutive days that could be compared.
        held: of these, days that repeat the day before.
    """

    def __init__(self) -> None:
        self._seen: dict[bytes, int] = {}
        self.copies: dict[int, int] = {}
        self.pairs = self.held = 0

    def update(self, first: int, block: Float[np.ndarray, "day column"]) -> None:
        """Look at consecutive days, the first of them at position `first`."""
        before = b""
        for day, values in enumerate(block, start=first):
            digest = hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=16).digest()
            earlier = self._seen.setdefault(digest, day)
            self.pairs += day > first
            if earlier != day and _telling(values):
                self.copies[day] = earlier
                self.held += digest == before
            before = digest


def _telling(values: Float[np.ndarray, "column"]) -> bool:
    nonzero = values[np.isfinite(values) & (values != 0)]
    enough = max(_TELLING_CELLS, _TELLING_SHARE * np.isfinite(values).sum())
    return nonzero.size >= enough and np.unique(nonzero).size >= _TELLING_VALUES


def repeats_day_before(values: Float[np.ndarray, "day column"]) -> tuple[np.ndarray, np.ndarray]:
    """Days [day] on which every column equals the day before (or is missing on both), and how many are not 0."""
    before, after = values[:-1], values[1:]
    equal = np.equal(before, after)
    same = equal | (np.isnan(before) & np.isnan(after))
    nonzero = equal & np.not_equal(after, 0)
    none = np.zeros((1, values.shape[1]), bool)
    repeated = np.all(np.concatenate([none, same]), axis=1)
    return np.asarray(repeated), np.concatenate([none, nonzero]).sum(axis=1)


def copied_years(
    values: Float[np.ndarray, "day column"], starts: np.ndarray, days: int = 365
) -> list[tuple[int, int, int]]:
    """(column, year, earlier year) where a year's values are another's bit by bit, on 300 days at least.

    Args:
        values: columns of series.
        starts: position of the first day of each calendar year.
        days: of a year that are compared.
    """
    whole = [year for year, start in enumerate(starts.tolist()) if start + days <= len(values)]
    if len(whole) < 2:
        return []
    # One weighted sum of the bits stands for a year; only years with equal sums are compared in full.
    weights = np.random.default_rng(0).integers(1, 2**62, (days, 1))
    bits = np.nan_to_num(values.astype(np.float32), nan=-1.0).view(np.int32)
    signs = np.stack([(bits[starts[y] : starts[y] + days] * weights).sum(axis=0) for y in whole])  # [year, column]
    copies = []
    for column in np.flatnonzero((np.diff(np.sort(signs, axis=0), axis=0) == 0).any(axis=0)).tolist():
        first_with: dict[int, int] = {}
        for row, year in enumerate(whole):
            earlier = first_with.setdefault(int(signs[row, column]), year)
            if earlier != year and _same_year(values[:, column], int(starts[earlier]), int(starts[year]), days):
                copies.append((column, year, earlier))
    return copies


def _same_year(values: Float[np.ndarray, "day"], earlier: int, later: int, days: int) -> bool:
    a, b = values[earlier : earlier + days], values[later : later + days]
    observed = a[np.isfinite(a)]
    enough = observed.size >= 300 and np.unique(observed).size >= 30
    return enough and bool(np.array_equal(a, b, equal_nan=True))
