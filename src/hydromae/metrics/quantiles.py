"""Forecasts of quantiles: their loss, their reliability, and whether they cross."""

import numpy as np
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.metrics.catalogue import described
from hydromae.metrics.efficiency import quiet
from hydromae.metrics.pairs import MIN_PAIRS, pair, sample_dim


def probabilistic(predicted: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS) -> xr.Dataset:
    """Pinball loss, CRPS, coverage, PIT histogram and crossings of a forecast of quantiles.

    Args:
        predicted: [issue_time, lead_time, station, quantile] or [time, station, quantile], levels rising in (0, 1).
        observed: [time, station], or with the dimensions of `predicted` but quantile.
        min_pairs: fewest complete pairs of a station; a pair is complete where every quantile has a value.

    Returns:
        float64 [..., lead_time, station] or [..., station]:

        - `pinball` (Koenker and Bassett 1978), the mean over levels, and `crps`, twice the integral of the pinball loss
          over the level by trapezia with 0 at levels 0 and 1 (Gneiting and Ranjan 2011), both in the unit of
          `observed`.
        - `coverage` [interval, ...]: share of observations inside the interval from the k-th lowest to the k-th highest
          quantile, ends included; the coordinate `interval` is the probability it should have, widest first.
        - `pit_density` [pit_bin, ...]: histogram of the probability integral transform (Gneiting et al. 2007) whose
          bins lie between the levels; 1 everywhere where the forecast is reliable. The coordinate `pit_bin` is the
          middle of the bin; `pit_lower` and `pit_upper` are its ends. A value equal to a quantile lies below it.
        - `quantile_crossings`: number of pairs where a quantile is below one of a lower level.

    Raises:
        DataError: no quantiles, their levels do not rise within (0, 1), or as `pair`.
    """
    levels = _levels(predicted)
    units = str(observed.attrs.get("units", ""))
    predicted, observed = pair(predicted, observed, min_pairs)
    sample = sample_dim(predicted)
    count = observed.notnull().sum(sample)
    scored = count > 0
    loss = _pinball(predicted, observed, levels, sample)
    ends = np.concatenate([[0.0], levels, [1.0]])
    padded = loss.drop_vars("quantile").pad(quantile=1, constant_values=0.0).where(scored)  # [..., station, level]
    halves = (padded.isel(quantile=slice(1, None)) + padded.isel(quantile=slice(None, -1))) / 2
    crps = 2 * (halves * xr.DataArray(np.diff(ends), dims="quantile")).sum("quantile", skipna=False)
    result = {
        "pinball": described(loss.mean("quantile", skipna=False), "pinball", units),
        "crps": described(crps, "crps", units),
        "coverage": described(_coverage(predicted, observed, levels, count.where(scored)), "coverage"),
        "pit_density": described(_pit(predicted, observed, ends, count.where(scored)), "pit_density"),
        "quantile_crossings": described(
            (predicted.diff("quantile") < 0).any("quantile").sum(sample).where(scored), "quantile_crossings"
        ),
    }
    return xr.Dataset(result)


def _levels(predicted: xr.DataArray) -> np.ndarray:
    if "quantile" not in predicted.dims:
        raise DataError(f"{predicted.name or 'flow'}: the prediction has no quantiles to score")
    levels = predicted["quantile"].values.astype(np.float64)
    if (levels <= 0).any() or (levels >= 1).any() or (np.diff(levels) <= 0).any():
        raise DataError(f"{predicted.name or 'flow'}: quantile levels {levels.tolist()} must rise within (0, 1)")
    return levels


def _pinball(predicted: xr.DataArray, observed: xr.DataArray, levels: np.ndarray, sample: str) -> xr.DataArray:
    from scores.continuous import quantile_score

    with quiet():
        each = [
            quantile_score(predicted.isel(quantile=k, drop=True), observed, float(level), reduce_dims=[sample])
            for k, level in enumerate(levels)
        ]
    return xr.concat(each, "quantile").assign_coords(quantile=levels).transpose(..., "quantile")


def _coverage(predicted: xr.DataArray, observed: xr.DataArray, levels: np.ndarray, count: xr.DataArray) -> xr.DataArray:
    number, sample = len(levels) // 2, sample_dim(observed)
    places = np.arange(number)
    lower, upper = (predicted.isel(quantile=k).drop_vars("quantile") for k in (places, len(levels) - 1 - places))
    inside = (observed >= lower) & (observed <= upper)  # [lead_time, station, sample, interval]
    probability = levels[::-1][:number] - levels[:number]
    attributes = {"long_name": "probability of the central interval", "units": "1"}
    share = (inside.sum(sample) / count).rename(quantile="interval")
    return share.assign_coords(interval=("interval", probability, attributes)).transpose("interval", ...)


def _pit(predicted: xr.DataArray, observed: xr.DataArray, ends: np.ndarray, count: xr.DataArray) -> xr.DataArray:
    sample = sample_dim(observed)
    place = (predicted.drop_vars("quantile") < observed).sum("quantile").where(observed.notnull())
    bins = xr.DataArray(np.arange(len(ends) - 1), dims="pit_bin")
    share = (place == bins).sum(sample) / count  # [lead_time, station, pit_bin]
    density = share / xr.DataArray(np.diff(ends), dims="pit_bin")
    middle = {"long_name": "probability integral transform, middle of the bin", "units": "1"}
    return density.assign_coords(
        pit_bin=("pit_bin", (ends[1:] + ends[:-1]) / 2, middle),
        pit_lower=("pit_bin", ends[:-1], {"long_name": "lower end of the bin", "units": "1"}),
        pit_upper=("pit_bin", ends[1:], {"long_name": "upper end of the bin", "units": "1"}),
    ).transpose("pit_bin", ...)
