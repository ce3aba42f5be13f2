"""Catchment areas where the table of attributes lacks them."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from hydromae.base.units import same_units

# m3/s over km2 to mm/d: 86,400 s/d * 1,000 mm/m / 1e6 m2/km2
MM_PER_DAY = 86.4


def is_flow(units: str) -> bool:
    """Whether a unit is m3/s in any spelling: a volume flow depends on the area of the catchment, a depth does not."""
    return same_units(units, "m3/s")


def complete_areas(
    areas: Float[np.ndarray, "station"], mean_flow: Float[np.ndarray, "station"], ids: Sequence[str]
) -> tuple[Float[np.ndarray, "station"], list[str]]:
    """Give stations without an area one at which their specific mean flow is the median of the others.

    Args:
        areas: km2, NaN where missing; at least one must be known.
        mean_flow: m3/s over the training period, NaN where never observed.
        ids: the stations, for the notes.

    Returns:
        km2 for every station (the median area where there is no flow), and a sentence for each assumed area.
    """
    usable = np.isfinite(areas) & (mean_flow > 0)
    guess = np.full(len(areas), np.nanmedian(areas))
    if usable.any():
        specific = np.median(MM_PER_DAY * mean_flow[usable] / areas[usable])
        guess = np.where(mean_flow > 0, MM_PER_DAY * mean_flow / specific, guess)
    assumed = np.flatnonzero(np.isnan(areas))
    notes = [f"station {ids[i]} has no catchment area; {guess[i]:.4g} km2 assumed" for i in assumed.tolist()]
    return np.where(np.isnan(areas), guess, areas), notes
