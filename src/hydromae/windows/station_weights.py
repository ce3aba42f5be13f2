"""How much the errors of each station count in training."""

import numpy as np
import torch
from jaxtyping import Float

from hydromae.base.errors import ConfigError
from hydromae.base.moments import Moments
from hydromae.store.store import Store

# Keeps stations whose values hardly change from outweighing all others (Kratzert et al. 2019).
_FLOOR = 0.1
_DAYS = 1024  # read at once


def station_weights(store: Store, name: str) -> Float[np.ndarray, " station"]:
    """Weights by which squared errors become those of the Nash-Sutcliffe efficiency, float32.

    w = 1 / (s + 0.1)^2 (Kratzert et al. 2019, Hydrol. Earth Syst. Sci. 23, 5089, equation 1), where s is the standard
    deviation of a station's scaled values on the training days that are not declared wrong, so that to predict only
    the mean would cost about 1 at every station. Where all stations have one scaler, as ungauged ones need, the wettest
    stations would decide without these weights. A station that was never observed has 1.

    Args:
        store: the data.
        name: a series.

    Raises:
        ConfigError: there is no such series.
    """
    if name not in store.names or store.kind(name) != "series":
        series = ", ".join(other for other in store.names if store.kind(other) == "series") or "none"
        raise ConfigError(f"training.station_weights: {name} is no series of {store.path}, whose series are: {series}")
    training, moments = store.period_slice("train"), Moments(len(store.station_ids))
    for first in range(training.start, training.stop, _DAYS):
        values = store.read_usable(name, slice(first, min(first + _DAYS, training.stop)))
        moments.update(store.scaler(name).scale(torch.tensor(values)).numpy())
    return np.nan_to_num((moments.observed_std() + _FLOOR) ** -2, nan=1.0).astype(np.float32)
