"""The days, stations and modalities of a task, with defaults where none are named."""

from collections.abc import Sequence
from difflib import get_close_matches

import numpy as np
from jaxtyping import Bool

from hydromae.base.areas import is_flow
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.given import Names, Span, as_names, as_period
from hydromae.base.station_ids import id_texts, named_stations, places_among
from hydromae.config import Config
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.store.store import Store


def chosen_days(store: Store, period: Span | None) -> slice:
    """Positions of a period on the days of a store; all days where none is given.

    Raises:
        ConfigError: the period is not within the store's days.
    """
    period = as_period(period)
    if period is None:
        return slice(0, store.n_days)
    first, last = (int((np.datetime64(day, "D") - store.first_day).astype(int)) for day in period)
    if not 0 <= first <= last < store.n_days:
        raise ConfigError(
            f"the period {period[0]} to {period[1]} is not within the data of {store.path}; "
            f"give a first and a last day from {store.days[0]} to {store.days[-1]}"
        )
    return slice(first, last + 1)


def predicted_stations(predictor: Predictor, chosen: Names | None) -> list[int]:
    """Positions of the chosen stations among the predictor's; None is all stations that its data have.

    Raises:
        DataError: a chosen station is not among those.
    """
    here = set(predictor.store.station_ids)
    in_data = [place for place, station in enumerate(predictor.stations) if station in here]
    return [in_data[place] for place in chosen_stations([predictor.stations[place] for place in in_data], chosen)]


def stations_left_out(predictor: Predictor) -> str:
    """A sentence on the run's stations that the data lack, and those of the data unknown to the run; empty if none."""
    taught, here = predictor.data.trained_on["stations"], predictor.store.station_ids
    absent = [str(station) for station in taught if station not in set(here)]
    unknown = [station for station in here if station not in set(predictor.stations)]
    said = []
    if absent and 2 * len(absent) < len(taught):  # data of a few gauges, or of another region, lack most of them
        said.append(f"{named_stations(absent)} of the run {'is' if len(absent) == 1 else 'are'} not in the data")
    if unknown:
        said.append(
            f"{named_stations(unknown)} of the data {'is' if len(unknown) == 1 else 'are'} not known to the run"
        )
    return f"{predictor.store.path}: {' and '.join(said)}, so nothing is predicted there" if said else ""


def chosen_stations(station_ids: Sequence[str], names: Names | None) -> list[int]:
    """Positions of chosen stations among all that can be predicted, each once and in their order; None is all.

    Raises:
        DataError: a station is unknown or ambiguous.
    """
    names = as_names(names)
    if names is None:
        return list(range(len(station_ids)))
    names = id_texts(names, "the stations")
    places = places_among(names, station_ids).tolist()
    for station, place in zip(names, places, strict=True):
        if place < 0:
            near = get_close_matches(station, station_ids, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(station_ids[:5])}, ..."
            raise DataError(f"station {station} is not among those that the run can predict in these data; {hint}")
    return list(dict.fromkeys(places))


def target_series(config: Config, target: str | None = None) -> str:
    """The series that is the river flow: the one that is named, else the one that the run forecasts or that is in m3/s.

    Raises:
        ConfigError: it is no series of the run, or it is not clear which series it is.
    """
    series = [name for name, modality in config.data.modalities.items() if modality.kind == "series"]
    if target is not None:
        if target not in series:
            raise ConfigError(f"{target} is no series of the run, which has {', '.join(series) or 'none'}")
        return target
    flows = [name for name in series if is_flow(config.data.modalities[name].units)]
    for candidates in (list(config.masking.forecast or ()), flows, series):
        if len(candidates) == 1 and candidates[0] in series:
            return candidates[0]
    raise ConfigError(f"it is not clear which series is the river flow; name one of {', '.join(series)} as the target")


def limited(answer: Answer, config: Config, name: str) -> Answer:
    """Predictions clipped to the limits of the configuration (`minimum`, `maximum`); NaN stays NaN."""
    modality = config.data.modalities[name]
    if modality.minimum is None and modality.maximum is None:
        return answer
    low, high = modality.minimum, modality.maximum
    mean = answer.mean.clamp(low, high)
    return Answer(mean, None if answer.quantiles is None else answer.quantiles.clamp(low, high))


def excluded_days(config: Config, store: Store) -> Bool[np.ndarray, "day"]:
    """Days that a store or the configuration of the run declares wrong (`data.exclude_dates`)."""
    return ~store.with_excluded(config.data.exclude_dates).usable
