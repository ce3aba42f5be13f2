"""Which stations take part: those that are not excluded and have enough values in every series."""

import difflib
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.station_ids import one_spelling, places_among
from hydromae.config import Period
from hydromae.config.types import Days
from hydromae.sources.attributes import Attributes
from hydromae.sources.exclusions import excluded_days
from hydromae.sources.source import Source

_BLOCK_DAYS = 1024


def spelled_alike(series: Sequence[Source], attributes: Attributes | None) -> list[Source]:
    """The series with each station under one id: that of the attributes, else the spelling with the most zeros.

    Raises:
        DataError: an id may be either of two stations.
    """
    all_ids = [station for source in series for station in source.station_ids]
    names = one_spelling(all_ids, attributes.ids if attributes else ())
    return [source.spelled_as(list(dict.fromkeys(names.values()))) for source in series]


def without_excluded(
    stations: Iterable[str], excluded: Sequence[str], other_ids: Iterable[str] = ()
) -> tuple[str, ...]:
    """The stations in their order, less those of `data.exclude_stations`.

    Args:
        stations: the stations of all series.
        excluded: ids to leave out.
        other_ids: further ids that may be excluded, as those of the attributes.

    Raises:
        ConfigError: an excluded id is unknown; the message names the nearest one.
        DataError: no station is left, or an id may be either of two.
    """
    stations = tuple(stations)
    all_ids = list(dict.fromkeys((*stations, *other_ids)))
    places = places_among(excluded, all_ids, "data.exclude_stations").tolist()
    for station, place in zip(excluded, places, strict=True):
        if place < 0:
            near = difflib.get_close_matches(station, all_ids, n=1)
            hint = f"did you mean {near[0]}?" if near else "correct it or take it out"
            raise ConfigError(f"data.exclude_stations names {station}, which no series or attribute table has; {hint}")
    left_out = {all_ids[place] for place in places}
    kept = tuple(station for station in stations if station not in left_out)
    if stations and not kept:
        raise DataError(f"data.exclude_stations names all {len(stations)} stations of the series; leave some in")
    return kept


def with_enough(
    ids: Sequence[str], series: Sequence[Source], training: Period, exclude: Days = ()
) -> tuple[tuple[str, ...], list[str]]:
    """The stations that lack no more of the training days than each series' `max_missing` allows, in their order.

    Args:
        ids: the stations.
        series: sources, of these stations or of more.
        training: first and last day of the training period.
        exclude: days that are declared wrong, which do not count.

    Returns:
        The stations that stay, in all series, and a sentence for each series that left some out, with their shares.

    Raises:
        DataError: no station is left.
    """
    dropped: set[str] = set()
    notes: list[str] = []
    for source in series:
        limit = source.settings.max_missing
        if limit is None:
            continue
        shares = missing_shares(source.for_stations(ids), training, exclude)
        lacking = np.flatnonzero(shares > limit).tolist()
        if lacking:
            single = len(lacking) == 1
            listed = ", ".join(f"{ids[i]} ({100 * shares[i]:.3g} %)" for i in lacking)
            notes.append(
                f"{source.name}: {len(lacking)} station{'' if single else 's'} lack{'s' if single else ''} more than "
                f"{100 * limit:g} % of data.train and {'is' if single else 'are'} left out: {listed}"
            )
            dropped |= {ids[i] for i in lacking}
    kept = tuple(station for station in ids if station not in dropped)
    if ids and not kept:
        keys = " or ".join(
            f"data.modalities.{s.name}.max_missing" for s in series if s.settings.max_missing is not None
        )
        raise DataError(
            f"{series[0].where}: none of {len(ids)} stations is left ({'; '.join(notes)}); raise {keys}, or change "
            f"data.train to days that they hold"
        )
    return kept, notes


def missing_shares(source: Source, training: Period, exclude: Days = ()) -> Float[np.ndarray, "station"]:
    """Share of the training days, without those declared wrong, on which each station has no value, float64."""
    first, last = (np.datetime64(day, "D") for day in training)
    n_days = int((last - first).astype(int)) + 1
    usable = ~excluded_days(first, n_days, exclude)
    missing = np.zeros(source.shape[0], np.int64)
    for start in range(0, n_days, _BLOCK_DAYS):
        block = slice(start, min(start + _BLOCK_DAYS, n_days))
        values = source.read(first + np.timedelta64(start, "D"), block.stop - start)  # [day, station]
        missing += np.isnan(values)[usable[block]].sum(axis=0)
    return missing / max(int(np.count_nonzero(usable)), 1)
