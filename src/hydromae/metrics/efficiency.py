"""Efficiencies: NSE and KGE with its components, computed by `scores`; cases that it leaves undefined are NaN or 0."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import xarray as xr

from hydromae.metrics.catalogue import described
from hydromae.metrics.pairs import MIN_PAIRS, pair, point_forecast, sample_dim

# Below this standard deviation a prediction is constant, and its correlation with anything is 0.
_CONSTANT = 1e-9


@contextmanager
def quiet() -> Iterator[None]:
    """No warnings: stations without pairs or variance are NaN by intent."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def nse(predicted: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS) -> xr.DataArray:
    """Nash-Sutcliffe efficiency (Nash and Sutcliffe 1970): 1 - sum((P - Q)^2) / sum((Q - mean Q)^2).

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: fewest complete pairs of a station.

    Returns:
        float64 [lead_time, station] or [station], unit 1; NaN where there are fewer pairs or the observations are
        constant.

    Raises:
        DataError: as `pair`.
    """
    from scores.continuous import nse as scores_nse

    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    sample = sample_dim(predicted)
    with quiet():
        value = scores_nse(predicted, observed, reduce_dims=[sample])
    return described(value.where((observed.std(sample) > 0) & np.isfinite(value)), "nse")


def kge(predicted: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS) -> xr.Dataset:
    """Kling-Gupta efficiencies of 2009 (Gupta et al.) and 2012 (Kling et al.) with their components.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: fewest complete pairs of a station.

    Returns:
        `kge`, `kge_2012`, `kge_r`, `kge_alpha`, `kge_beta`, `kge_gamma`, float64 [lead_time, station] or [station],
        unit 1. A constant prediction has the correlation 0. NaN where there are fewer pairs, or the observations are
        constant or have a mean of at most 0; `kge_2012` and `kge_gamma` also where the predictions' mean is 0.

    Raises:
        DataError: as `pair`.
    """
    from scores.continuous import kge as scores_kge

    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    sample = sample_dim(predicted)
    with quiet():
        parts = scores_kge(predicted, observed, reduce_dims=[sample], include_components=True)
        defined = (observed.std(sample) > 0) & (observed.mean(sample) > 0)
        r = parts["rho"].where(predicted.std(sample) > _CONSTANT, 0.0).where(defined)
        alpha, beta = parts["alpha"].where(defined), parts["beta"].where(defined)
        gamma = (alpha / beta).where(beta != 0)
    values = {
        "kge": _from_components(r, alpha, beta),
        "kge_2012": _from_components(r, gamma, beta),
        "kge_r": r,
        "kge_alpha": alpha,
        "kge_beta": beta,
        "kge_gamma": gamma,
    }
    return xr.Dataset({name: described(value, name) for name, value in values.items()})


def _from_components(r: xr.DataArray, spread: xr.DataArray, beta: xr.DataArray) -> xr.DataArray:
    return 1 - ((r - 1) ** 2 + (spread - 1) ** 2 + (beta - 1) ** 2) ** 0.5
