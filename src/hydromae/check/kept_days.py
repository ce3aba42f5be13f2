"""Days of a grid that the page shows as maps, evenly spread over those that are looked at."""

from typing import Final

import numpy as np
from jaxtyping import Float

_MOST: Final = 12  # maps of a grid


class KeptDays:
    """Takes a grid in blocks of days.

    Args:
        n_days: of the grid.
        n_cells: of a map.
        most: cells that may be kept in all.
    """

    def __init__(self, n_days: int, n_cells: int, most: int) -> None:
        count = max(1, min(_MOST, n_days, most // max(n_cells, 1)))
        self._due = np.linspace(0, n_days, count, endpoint=False).round().astype(int).tolist()
        self.positions: list[int] = []
        self.maps: list[Float[np.ndarray, " cell"]] = []

    def take(self, first: int, block: Float[np.ndarray, "day cell"]) -> None:
        """Consecutive days from the position `first`; blocks come in order."""
        while self._due and first + len(block) > self._due[0]:
            place = max(self._due.pop(0) - first, 0)
            if not self.positions or self.positions[-1] < first + place:
                self.positions.append(first + place)
                self.maps.append(np.where(np.isfinite(block[place]), block[place], np.nan).astype(np.float32))
