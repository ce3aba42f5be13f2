"""The flood levels and the low flow of each station, and the probability that a forecast lies beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.areas import is_flow
from hydromae.base.units import same_units
from hydromae.evaluation.extremes import RETURN_PERIODS, Extreme, floods, low_flows
from hydromae.evaluation.tail_probability import probability_below
from hydromae.prediction.choices import excluded_days
from hydromae.prediction.predictor import Predictor

_EXCEEDED: Final = (0.95,)
_EVENT: Final = {"long_name": "flood, a flow above the threshold, or low flow, one below it"}


@dataclass(frozen=True)
class Events:
    """Floods and low flows of the stations of a forecast, as `hydromae evaluate --task flood` and `drought` have them.

    Attributes:
        extremes: of single days and without a season, with the thresholds of the stations.
        said: the period that gave the thresholds in words, and what lacks one.
    """

    extremes: Sequence[Extreme]
    said: str

    @property
    def coordinate(self) -> xr.Variable:
        """The names of the events."""
        return xr.Variable("event", np.array([extreme.name for extreme in self.extremes], dtype=object), _EVENT)

    @cached_property
    def _limits(self) -> Float[np.ndarray, "event station"]:
        return np.stack([extreme.threshold[0] for extreme in self.extremes])

    def thresholds(self, attributes: dict[str, str]) -> xr.Variable:
        """The flow that each event lies beyond [event, station].

        Args:
            attributes: of the flow.
        """
        said = {"units": attributes["units"], "long_name": f"threshold of {attributes['long_name']}"}
        return xr.Variable(("event", "station"), self._limits.astype(np.float32), {**said, "comment": self.said})

    def probability(
        self, quantiles: Float[np.ndarray, "member lead station quantile"], levels: Sequence[float]
    ) -> Float[np.ndarray, "lead station event"]:
        """The probability of each event at each lead time: the mean of the members', float32; NaN where none has any.

        Args:
            quantiles: of each member, from one issue time.
            levels: of the quantiles, at least two.
        """
        below = probability_below(self._limits[:, None, None], quantiles, levels)  # [event, member, lead, station]
        above = np.array([extreme.above for extreme in self.extremes])[:, None, None, None]
        each = np.where(above, 1 - below, below).astype(np.float32)
        known = np.isfinite(each)
        total = np.where(known, each, 0.0).sum(1, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            return np.moveaxis((total / known.sum(1)).astype(np.float32), 0, -1)


def is_river_flow(units: str, words: str) -> bool:
    """Whether a series is river flow, by its unit, or by its name where that is mm/d."""
    return is_flow(units) or (same_units(units, "mm/d") and "flow" in words.lower())


def events_of(predictor: Predictor, name: str, chosen: np.ndarray) -> Events | None:
    """The events of a series that is forecast, from the training period of the data; None if it is no river flow.

    Args:
        predictor: the first of the runs, which thresholds do not depend on.
        name: the series.
        chosen: places of the stations that are forecast, among those of the predictor.
    """
    store = predictor.store
    if not is_river_flow(predictor.data.units[name], f"{name} {store.long_name(name)}"):
        return None
    first, last = store.periods["train"]
    begin, end = (int((np.datetime64(day, "D") - store.first_day).astype(int)) for day in (first, last))
    values = predictor.data.read(name, begin, end - begin + 1)[:, chosen]
    values[excluded_days(predictor.config, store)[begin : end + 1]] = np.nan
    days = store.days[begin : end + 1].astype("datetime64[s]")
    record = xr.DataArray(
        values, {"time": days, "station": np.array(predictor.stations, dtype=object)[chosen]}, ("time", "station")
    )
    extremes = [*floods(record, return_periods=RETURN_PERIODS), *low_flows(record, exceeded=_EXCEEDED)]
    said = f"from the flow of the training period of the data, {first} to {last}"
    for what, extreme, needs in (
        ("flood level", extremes[0], "10 water years (from 1 October) of 330 observed days"),
        ("Q95", extremes[-1], "365 observed days"),
    ):
        if lacking := int(np.isnan(extreme.threshold[0]).sum()):
            said += f"; no {what} at {lacking} of {len(chosen)} stations, since it needs {needs}"
    return Events(extremes, said)
