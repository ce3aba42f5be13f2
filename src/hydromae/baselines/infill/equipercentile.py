"""Equipercentile transfer: the donor's percentile in its flow duration curve, read off the target's curve."""

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.baselines.donors import MIN_COMMON_DAYS, best_first, first_present, rank_correlation
from hydromae.baselines.infill.gaps import into_gaps, ordered
from hydromae.baselines.training_period import training_days


def fill(observed: xr.DataArray, *, train: slice, min_common_days: int = MIN_COMMON_DAYS) -> xr.DataArray:
    """Fill each gap with the flow that is exceeded as often at the target as that day's flow is at its donor.

    Hughes & Smakhtin (1996, Hydrol. Sci. J. 41, 851-871) transfer flows between duration curves; Harvey, Dixon &
    Hannaford (2012, Hydrol. Res. 43, 618-636, doi:10.2166/nh.2012.110) find it, with multiple regression, the best of
    15 methods for daily flows of the United Kingdom, and the choice of a hydrologically similar donor decisive. Here
    the donor is, among the stations observed on the day, the one whose percentiles correlate best with the target's in
    the training record.

    Both curves come from the training days that the two have in common, so that a wet decade at one is no wet bias at
    the other. Equal flows of the donor get the mean of the target's flows at their ranks. Between ranks the curve is
    linear, and a flow beyond the donor's training record gives the end of the target's.

    Args:
        observed: [time, station], NaN where missing; units may differ from station to station.
        train: first and last day to learn from.
        min_common_days: training days that a donor must share with the target.

    Returns:
        [time, station] in the same unit and dtype; NaN on days on which no donor is observed.

    Raises:
        DataError: no day lies in the training period.
    """
    observed = ordered(observed)
    flow = np.ascontiguousarray(observed.values.T, np.float64)  # [station, time]
    training = flow[:, training_days(observed, train)]
    likeness = rank_correlation(training.T, min_common_days)
    estimate = np.full_like(flow, np.nan)
    for target in np.flatnonzero(np.isnan(flow).any(axis=1)).tolist():
        gaps = np.flatnonzero(np.isnan(flow[target]))
        order = best_first(likeness[target])
        place = first_present(np.isfinite(flow[np.ix_(order, gaps)]).T, 1)[:, 0]  # [gap day]
        for n in np.unique(place[place >= 0]).tolist():
            donor, days = order[n], gaps[place == n]
            curve = duration_curves(training[donor], training[target])
            estimate[target, days] = np.interp(flow[donor, days], *curve)
    return into_gaps(observed, estimate.T)


def duration_curves(
    donor: Float[np.ndarray, "time"], target: Float[np.ndarray, "time"]
) -> tuple[Float[np.ndarray, "level"], Float[np.ndarray, "level"]]:
    """The donor's distinct flows on common days, rising, and the target's flow at the percentile of each."""
    common = np.isfinite(donor) & np.isfinite(target)
    levels, first = np.unique(np.sort(donor[common]), return_index=True)
    same_rank = np.sort(target[common])
    return levels, np.add.reduceat(same_rank, first) / np.diff(first, append=len(same_rank))
