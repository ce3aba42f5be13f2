"""GB-Flow-7: daily flow at 604 stations of Great Britain, 1 to 7 days ahead.

Issue times are every 5 days from 2009-10-01 to 2012-09-20; everything up to and including that day is known. With
forcing `none` no later weather is known; with `perfect` the observed precipitation, temperature and evaporation of the
seven days are.
Training ends on 2009-09-30. Each station with at least 100 pairs of a lead time is scored, in mm/d; where there are
quantiles the 0.5 one is the point forecast. A forecast that is missing where a flow was observed is an error.
"""

from datetime import date
from typing import Final

import pandas as pd
import xarray as xr

from hydromae.base.errors import DataError
from hydromae.config import Period
from hydromae.evaluation.forecast_scores import score_forecast
from hydromae.metrics.pairs import at_valid_times, with_whole_leads

TARGET: Final = "riverflow"
UNITS: Final = "mm/d"
HORIZON: Final = 7
EVERY: Final = 5
MIN_PAIRS: Final = 100
TABLE: Final = "catchment_daily_604_1970_2012.parquet"
ATTRIBUTES: Final = "Catchment_attributes_nrfa.csv"
# The record whose mean is the last flow known at stations without any before the issue time.
RECORD: Final[Period] = (date(1989, 1, 1), date(2009, 9, 30))
ISSUED: Final[Period] = (date(2009, 10, 1), date(2012, 9, 20))
# Years inside the training period on which settings are chosen, and the years then trained on. All networks see the
# same weather in all catchments, so whole years must be held out to see what was memorised.
HELD_OUT: Final[Period] = (date(1981, 1, 1), date(1988, 12, 31))
HELD_OUT_TRAIN: Final[Period] = (date(1989, 1, 1), date(2009, 9, 30))
HELD_OUT_EVERY: Final = 10


def issue_days() -> list[date]:
    """The issue times of the benchmark."""
    return [stamp.date() for stamp in pd.date_range(*ISSUED, freq=f"{EVERY}D")]


def held_out_days() -> list[date]:
    """Issue times in the held-out years."""
    last = pd.Timestamp(HELD_OUT[1]) - pd.Timedelta(days=HORIZON)
    return [stamp.date() for stamp in pd.date_range(HELD_OUT[0], last, freq=f"{HELD_OUT_EVERY}D")]


def require_complete(forecast: xr.DataArray, observed: xr.DataArray) -> None:
    """Refuse a forecast that the benchmark does not score.

    Args:
        forecast: [issue_time, lead_time, station], with `quantile` or without.
        observed: [time, station].

    Raises:
        DataError: an issue time or a station is missing, or a forecast where a flow was observed.
    """
    have = pd.DatetimeIndex(forecast["issue_time"].values)
    lacking = pd.DatetimeIndex(issue_days()).difference(have)
    if len(lacking):
        raise DataError(f"{len(lacking)} issue times are not forecast, the first {lacking[0].date()}; forecast them")
    lost = sorted({str(s) for s in observed["station"].values} - {str(s) for s in forecast["station"].values})
    if lost:
        raise DataError(f"{len(lost)} stations are not forecast, as {lost[0]}; forecast every station of the data")
    there = forecast.notnull()
    there = there.all("quantile") if "quantile" in there.dims else there
    missing = at_valid_times(observed, forecast).notnull() & ~there
    if missing.any():
        raise DataError(
            f"{int(missing.sum())} forecasts are missing where a flow was observed; forecast every station and day"
        )


def score(forecast: xr.DataArray, observed: xr.DataArray) -> xr.Dataset:
    """Every metric of a forecast by the rules of the benchmark.

    Args:
        forecast: [issue_time, lead_time, station], with `quantile` or without, mm/d.
        observed: [time, station], mm/d, all years available.

    Returns:
        As `score_forecast`.

    Raises:
        DataError: as `require_complete`.
    """
    forecast = with_whole_leads(forecast)
    require_complete(forecast, observed)
    forecast = forecast.sel(issue_time=pd.DatetimeIndex(issue_days()))
    forecast = forecast.sel(lead_time=[lead for lead in forecast["lead_time"].values if 1 <= lead <= HORIZON])
    record = observed.sel(time=slice(str(RECORD[0]), str(RECORD[1])))
    return score_forecast(forecast, observed, reference=record, min_pairs=MIN_PAIRS)
