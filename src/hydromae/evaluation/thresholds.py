"""Thresholds of floods and low flows at each station, from a record on which no forecast is scored."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import xarray as xr

from hydromae.evaluation.l_moments import l_moments
from hydromae.metrics.ordered import ascending, quantile
from hydromae.metrics.pairs import days

RETURN_PERIODS: Final = (2.0, 5.0)
_MIN_DAYS = 330  # observed days of a water year; with fewer its maximum may have been missed
_MIN_YEARS = 10
_EULER = 0.5772156649015329


def annual_maxima(record: xr.DataArray, min_days: int = _MIN_DAYS) -> xr.DataArray:
    """Highest daily flow of each water year, which begins on 1 October and is named after the year it ends in.

    Args:
        record: [time, station].
        min_days: observed days that a year needs.

    Returns:
        float64 [water_year, station], NaN for years with fewer days.
    """
    record = record.sortby("time").transpose("time", "station")
    day = days(record["time"])
    months = day.astype("datetime64[M]").astype(np.int64)  # since January 1970
    year = (months + 3) // 12 + 1970
    first = np.flatnonzero(np.diff(year, prepend=year[:1] - 1))
    values = record.values.astype(np.float64)
    highest = np.fmax.reduceat(values, first, axis=0) if len(first) else values[:0]  # [water_year, station]
    observed_days = np.add.reduceat(np.isfinite(values), first, axis=0, dtype=np.int64) if len(first) else values[:0]
    return xr.DataArray(
        np.where(observed_days >= min_days, highest, np.nan),
        {
            "water_year": (
                "water_year",
                year[first],
                {"long_name": "water year from 1 October, by the year it ends in"},
            ),
            "station": record["station"],
        },
        ("water_year", "station"),
        attrs={**_units(record), "long_name": "annual maximum of daily flow"},
    )


def flood_thresholds(
    record: xr.DataArray,
    return_periods: Sequence[float | int] = RETURN_PERIODS,
    *,
    min_years: int = _MIN_YEARS,
    min_days: int = _MIN_DAYS,
) -> xr.DataArray:
    """Flows of given return periods: a Gumbel distribution of annual maxima (Gumbel 1958), by L-moments (Hosking 1990).

    The flow of return period T is location - scale * log(-log(1 - 1 / T)), with scale = l2 / log 2 and location =
    mean - 0.5772 * scale, l2 being the second L-moment. A distribution of two parameters is stable for records of a few
    decades, and also gives thresholds between the ranks of the maxima.

    Args:
        record: [time, station], of days that no forecast is scored on.
        return_periods: years, each above 1.
        min_years: annual maxima that a station needs; on L-moments of few, see doi:10.1111/j.2517-6161.1990.tb01775.x.
        min_days: observed days that a year needs for a maximum.

    Returns:
        float64 [return_period, station] in the unit of the record, NaN where there are too few years.

    Raises:
        ValueError: a return period is at most 1 year, which an annual maximum cannot have.
    """
    periods = np.asarray(return_periods, np.float64)
    if (periods <= 1).any():
        raise ValueError(f"return periods {periods.tolist()} must be above 1 year")
    maxima = annual_maxima(record, min_days)
    (mean, l2, _), number = l_moments(maxima.values.T)  # [station]
    scale = np.where(number >= max(min_years, 3), l2 / np.log(2), np.nan)
    location = mean - _EULER * scale
    values = location - scale * np.log(-np.log1p(-1 / periods))[:, None]  # [return_period, station]
    attributes = {"long_name": "return period of the annual maximum", "units": "years"}
    return xr.DataArray(
        values,
        {"return_period": ("return_period", periods, attributes), "station": record["station"]},
        ("return_period", "station"),
        attrs={**_units(record), "long_name": "flow of a return period", "references": "Hosking (1990)"},
    )


def low_flow_threshold(record: xr.DataArray, exceeded: float = 0.95, min_days: int = 365) -> xr.DataArray:
    """The flow that is exceeded on 95 % of the days of a record, Q95 (Gustard et al. 1992, IH Report 108).

    Args:
        record: [time, station], of days that no forecast is scored on.
        exceeded: share of days with more flow, in (0, 1).
        min_days: observed days that a station needs.

    Returns:
        float64 [station] in the unit of the record, NaN where there are too few days.
    """
    ordered, number = ascending(record.transpose("station", "time").values.astype(np.float64))
    value = quantile(ordered, number, 1 - exceeded)
    return xr.DataArray(
        np.where(number >= min_days, value, np.nan),
        {"station": record["station"]},
        ("station",),
        attrs={**_units(record), "long_name": f"flow exceeded on {100 * exceeded:g} % of days"},
    )


def _units(record: xr.DataArray) -> dict[str, str]:
    return {"units": str(record.attrs["units"])} if record.attrs.get("units") else {}
