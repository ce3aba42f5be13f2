"""The defects of real records: flow that starts late or has gaps, and attributes that are blank."""

from datetime import date

import numpy as np
import pandas as pd
from jaxtyping import Bool

SINGLE_DAY_RATE = 0.004  # gaps of one day, per day
SPAN_RATE = 0.0018  # longer gaps, per day
SPAN_DAYS = (2, 21)
LATE_SHARE = 0.1
STATIONS_WITHOUT_SOIL_ATTRIBUTES = 2


def missing_flow(
    dates: np.ndarray, n_stations: int, first_flow: date, last_start: date, rng: np.random.Generator
) -> Bool[np.ndarray, "day station"]:
    """True where a gauge has no value.

    No station has flow before `first_flow`; a tenth of them start whole years later, at `last_start` at the latest;
    single days and spans of up to three weeks are missing at random.

    Args:
        dates: datetime64[D], [day], consecutive.
        n_stations: number of stations.
        first_flow: first day with flow of most stations.
        last_start: latest start of a station that starts late.
        rng: source of randomness.
    """
    n_days = len(dates)
    most_years = max(1, (last_start - first_flow).days // 365)
    years_late = np.zeros(n_stations, dtype=int)
    late = rng.choice(n_stations, max(1, round(LATE_SHARE * n_stations)), replace=False)
    years_late[late] = rng.integers(1, most_years + 1, len(late))
    starts = np.array([first_flow.replace(year=first_flow.year + int(years)) for years in years_late], "datetime64[D]")
    missing = dates[:, None] < starts  # [day, station]

    singles = rng.poisson(SINGLE_DAY_RATE * n_days, n_stations)
    spans = rng.poisson(SPAN_RATE * n_days, n_stations)
    lengths = np.concatenate([np.ones(singles.sum(), int), rng.integers(*SPAN_DAYS, spans.sum(), endpoint=True)])
    stations = np.concatenate([np.repeat(np.arange(n_stations), counts) for counts in (singles, spans)])
    begins = rng.integers(0, n_days, len(lengths))
    steps = np.zeros((n_days + 1, n_stations), dtype=int)
    np.add.at(steps, (begins, stations), 1)
    np.add.at(steps, (np.minimum(begins + lengths, n_days), stations), -1)
    return missing | (np.cumsum(steps, axis=0)[:-1] > 0)


def without_soil_attributes(attributes: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The attributes with propwet and bfihost blank at two stations, as the NRFA leaves them at many."""
    blanked = attributes.copy()
    rows = rng.choice(len(attributes), STATIONS_WITHOUT_SOIL_ATTRIBUTES, replace=False)
    blanked.loc[rows, ["propwet", "bfihost"]] = np.nan
    return blanked
