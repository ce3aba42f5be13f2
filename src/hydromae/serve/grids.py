"""Maps of one day of a grid, with the patches that are hidden by hand and what a run makes of them."""

from collections.abc import Collection
from functools import cache
from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int

from hydromae.base.patches import unpack, whole_patches
from hydromae.drawing.maps import colour_map_of, hexes, known_extent
from hydromae.drawing.packing import pack, squeeze
from hydromae.store.maps import to_grid
from hydromae.store.store import Store

_RANGE_DAYS: Final = 12  # days whose values give the range of the colours


class GridPictures:
    """Draws days of the grids of a store, as the page's own modules take them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        land = to_grid(store, store.land.astype(np.float32)) == 1
        self._rows, self._columns = known_extent(land)
        self._rises = store.y is not None and len(store.y) > 1 and bool(store.y[0] < store.y[-1])
        self._range_of = cache(self._range)

    def picture(
        self,
        name: str,
        day: int,
        hidden: Collection[int],
        filled: Float[np.ndarray, "patch cell"] | None = None,
        patches: Int[np.ndarray, " patch"] | None = None,
    ) -> str:
        """One day of a grid, packed; values are rounded to about 1 % of their range.

        Args:
            name: of the grid.
            day: since the first day of the store.
            hidden: numbers of the patches that are hidden.
            filled: what a run predicts there, NaN elsewhere; None where it predicts no grid.
            patches: numbers of those that it has.
        """
        store = self._store
        packed = store.read(name, slice(day, day + 1))[0]  # [patch, cell]
        is_hidden = np.isin(store.valid_patches, list(hidden))[:, None] & store.land
        observed = self._cut(to_grid(store, packed)).astype(np.float64)
        covered = self._cut(to_grid(store, is_hidden.astype(np.float32))) == 1
        made = np.full(observed.shape, np.nan)
        if filled is not None and patches is not None:
            made = self._cut(unpack(filled, patches, store.shape, store.patch_size)).astype(np.float64)
            made[~covered] = np.nan
        low, high = self._range_of(name)
        units, colours = store.units(name), colour_map_of(f"{store.standard_name(name)} {store.long_name(name)}")
        errors = np.abs((made - observed)[np.isfinite(made - observed)])
        offset, scale = np.array(low), np.array(max(high - low, 1e-12))
        described: dict[str, Any] = {
            "label": store.long_name(name),
            "units": "" if units == "1" else units,
            "predicts": filled is not None,
            "offset": float(offset),
            "scale": float(scale),
            "low": min(0.0, low) if colours == "YlGnBu" else low,
            "high": high if high > low else low + 1.0,
            "error": float(np.quantile(errors, 0.98)) if errors.size and errors.any() else 1.0,
            "colours": hexes(colours),
            "diverging": hexes("PuOr"),
            "x": self._centres(store.x, self._columns),
            "y": self._centres(store.y, self._rows, self._rises),
            "patch": store.patch_size,
            "across": whole_patches(store.shape, store.patch_size)[1],
            "first_row": int(self._rows.indices(store.shape[0])[0]),
            "first_column": int(self._columns.indices(store.shape[1])[0]),
            "turned": self._rises,
        }
        arrays = {
            "observed": squeeze(observed, offset, scale),
            "reconstructed": squeeze(made, offset, scale),
            "hidden": covered.astype(np.uint8),
        }
        return pack({"grid": described}, arrays)

    def _cut(self, field: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row column"]:
        """The part of a grid with land, north first."""
        part = field[self._rows, self._columns]
        return part[::-1] if self._rises else part

    def _range(self, name: str) -> tuple[float, float]:
        """Where the middle 98 % of the values of some days lie."""
        days = np.unique(np.linspace(0, self._store.n_days - 1, _RANGE_DAYS).round().astype(int))
        values = np.concatenate([self._store.read(name, slice(day, day + 1)).ravel() for day in days])
        values = values[np.isfinite(values)]
        if not values.size:
            return 0.0, 1.0
        return float(np.quantile(values, 0.01)), float(np.quantile(values, 0.99))

    def _centres(
        self, of_store: Float[np.ndarray, " any"] | None, part: slice, turned: bool = False
    ) -> list[float] | None:
        if of_store is None:
            return None
        centres = [float(f"{value:.7g}") for value in of_store[part]]
        return centres[::-1] if turned else centres
