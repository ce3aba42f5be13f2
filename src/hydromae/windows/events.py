"""Flood days: days on which many rivers run high at once.

As in Kay et al. (2024, HESS 28, 2635, doi:10.5194/hess-28-2635-2024) for Great Britain, a river is high where it
exceeds a percentile of its own flow, and a flood is widespread where many rivers exceed theirs at once; so large rivers
do not outweigh small ones (Keef et al. 2009, J. Hydrol. 378, 240, doi:10.1016/j.jhydrol.2009.09.026, map the same
dependence). They take the 99.5th percentile and areas of a grid. Here it is the 98th, since training needs more days
than a study of extremes, and the share of the stations, since stations do not cover the land evenly.
"""

import numpy as np
from jaxtyping import Bool

from hydromae.base.areas import is_flow
from hydromae.base.errors import ConfigError
from hydromae.store.store import Store

HIGH = 0.98  # quantile of a station's own flow in the training period, above which it is high
WIDESPREAD = 0.98  # quantile of the days' shares of high stations, from which on a day is a flood day
FEWEST_DAYS = 50  # with fewer observed days a station's 98th percentile is no more than its largest value
_STATIONS = 256  # read at once


def flood_days(store: Store, name: str | None = None) -> Bool[np.ndarray, "day"]:
    """The flood days of the training period, in a mask over all days of the store.

    A station is high on a day on which its flow exceeds its own 98th percentile over the observed training days
    (stations with fewer than 50 take no part). The share of a day is the share of its observed stations that are high;
    days on which fewer than half as many stations are observed as on the median day have no share, since one station
    would decide it. Days that are declared wrong (`data.exclude_dates`) take no part. Flood days are those with a share
    above 0 and not below the 98th percentile of the shares.

    Args:
        store: the data.
        name: the series that counts; None takes the first in m3/s.

    Raises:
        ConfigError: there is no such series, or its stations are observed too little in the training period.
    """
    name = name if name is not None else _flow(store)
    training = store.period_slice("train")
    n_days = training.stop - training.start
    high, observed = np.zeros(n_days, np.int64), np.zeros(n_days, np.int64)
    for first in range(0, len(store.station_ids), _STATIONS):
        block = slice(first, first + _STATIONS)
        seen = store.present(name)[training, block] & store.usable[training, None]
        usable = np.count_nonzero(seen, axis=0) >= FEWEST_DAYS  # [stations of the block]
        if usable.any():
            flow = store.read_usable(name, training)[:, block][:, usable]  # [days, stations]
            high += np.count_nonzero(flow > np.nanquantile(flow, HIGH, axis=0), axis=1)
            observed += np.count_nonzero(seen[:, usable], axis=1)
    compared = observed > 0
    if not compared.any():
        raise ConfigError(
            f"data.event_share: no station has {FEWEST_DAYS} days of {name} in the training period, so no flood can "
            f"be found; set data.event_share=0 or name another series with data.event_modality"
        )
    compared &= observed >= np.median(observed[compared]) / 2
    share = np.where(compared, high / np.maximum(observed, 1), 0.0)
    floods = np.zeros(store.n_days, bool)
    floods[training] = (share > 0) & (share >= np.quantile(share[compared], WIDESPREAD))
    return floods


def _flow(store: Store) -> str:
    for name in store.names:
        if store.kind(name) == "series" and is_flow(store.units(name)):
            return name
    raise ConfigError(
        f"data.event_share: {store.path} has no series in m3/s to find floods in; "
        f"name one with data.event_modality, or set data.event_share=0"
    )
