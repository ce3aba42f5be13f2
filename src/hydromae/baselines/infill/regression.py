"""Multiple regression on the flows of donor stations."""

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from hydromae.baselines.donors import MIN_COMMON_DAYS, best_first, first_present, rank_correlation
from hydromae.baselines.infill.gaps import into_gaps, ordered
from hydromae.baselines.training_period import training_days


def fill(
    observed: xr.DataArray, *, train: slice, donors: int = 2, min_common_days: int = MIN_COMMON_DAYS
) -> xr.DataArray:
    """Fill each gap by least squares on the flows of some donors on that day, with an intercept.

    With two donors this is the multiple regression that Harvey, Dixon & Hannaford (2012, Hydrol. Res. 43, 618-636,
    doi:10.2166/nh.2012.110) find best for daily flows of the United Kingdom together with equipercentile transfer. Here
    the donors are, among the stations observed on the day, those whose percentiles correlate best with the target's in
    the training record.

    Each set of donors has its own coefficients, from the training days that all of them and the target have. Where a
    set shares fewer than `min_common_days`, or where fewer donors are observed, only the best ones are used. A flow
    below zero becomes zero.

    Args:
        observed: [time, station], NaN where missing; units may differ from station to station.
        train: first and last day to learn from.
        donors: the largest number used at once, 1 or more.
        min_common_days: training days that donors must share with the target.

    Returns:
        [time, station] in the same unit and dtype; NaN on days on which no donor is observed.

    Raises:
        DataError: no day lies in the training period.
    """
    assert donors >= 1
    observed = ordered(observed)
    flow = np.ascontiguousarray(observed.values.T, np.float64)  # [station, time]
    training = flow[:, training_days(observed, train)]
    likeness = rank_correlation(training.T, min_common_days)
    estimate = np.full_like(flow, np.nan)
    for target in np.flatnonzero(np.isnan(flow).any(axis=1)).tolist():
        gaps = np.flatnonzero(np.isnan(flow[target]))
        order = best_first(likeness[target])
        places = first_present(np.isfinite(flow[np.ix_(order, gaps)]).T, donors)  # [gap day, donors]
        sets, which = np.unique(places, axis=0, return_inverse=True)
        for n, chosen in enumerate(sets):
            days = gaps[which.reshape(-1) == n]
            lenders = order[chosen[chosen >= 0]]
            if len(lenders):
                lenders, weights = _fitted(training, target, lenders, min_common_days)
                estimate[target, days] = np.maximum(weights[0] + weights[1:] @ flow[np.ix_(lenders, days)], 0)
    return into_gaps(observed, estimate.T)


def _fitted(
    training: Float[np.ndarray, "station time"], target: int, lenders: Int[np.ndarray, "donor"], min_common_days: int
) -> tuple[Int[np.ndarray, "used"], Float[np.ndarray, "weight"]]:
    """The donors that are used, best first, and the intercept followed by their coefficients."""
    common = np.isfinite(training[[target, *lenders]]).cumprod(
        axis=0
    )  # row n: the target and n donors all have a value
    enough = max(int(np.count_nonzero(common[1:].sum(axis=1) >= min_common_days)), 1)  # one donor always has enough
    lenders, days = lenders[:enough], common[enough].astype(bool)
    donor_flow = training[np.ix_(lenders, np.flatnonzero(days))]
    predictors = np.vstack([np.ones(donor_flow.shape[1]), donor_flow]).T  # [day, 1 + donors]
    weights = np.linalg.lstsq(predictors, training[target, days])[0]  # by SVD: donors may be copies of each other
    return lenders, weights
