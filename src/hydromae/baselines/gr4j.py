"""GR4J, a daily rainfall-runoff model of four parameters (Perrin, Michel and Andreassian 2003)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

Places = Float[np.ndarray, "*place"]


@dataclass(frozen=True)
class GR4JParameters:
    """Parameters of each place: a station, or a station with one of several sets of parameters.

    Attributes:
        production_capacity: X1, mm.
        exchange: X2, groundwater exchange, mm/d; negative is a loss.
        routing_capacity: X3, mm.
        time_base: X4, time base of the first unit hydrograph, d.
    """

    production_capacity: Places
    exchange: Places
    routing_capacity: Places
    time_base: Places


@dataclass(frozen=True)
class GR4JState:
    """Water in a catchment at the end of a day, mm.

    Attributes:
        production: the production store.
        routing: the routing store.
        slow: what leaves the first unit hydrograph on each of the next days.
        fast: what leaves the second one.
    """

    production: Places
    routing: Places
    slow: Float[np.ndarray, "lag *place"]
    fast: Float[np.ndarray, "longer_lag *place"]

    def storage(self) -> Places:
        """All water, mm."""
        return np.asarray(self.production + self.routing + self.slow.sum(axis=0) + self.fast.sum(axis=0))


@dataclass(frozen=True)
class GR4JRun:
    """Result of a simulation.

    Attributes:
        flow: mm/d.
        evaporation: actual evaporation, mm/d.
        state: after the last day.
    """

    flow: Float[np.ndarray, "day *place"]
    evaporation: Float[np.ndarray, "day *place"]
    state: GR4JState


def unit_hydrographs(
    time_base: Places,
) -> tuple[Float[np.ndarray, "lag *place"], Float[np.ndarray, "longer_lag *place"]]:
    """Ordinates of UH1 (time base X4) and UH2 (2 X4) as differences of their S-curves; each sums to 1.

    Returns:
        UH1 and UH2; lag 0 is the day of the input. UH1 has half as many lags.
    """
    n_lags = int(np.ceil(time_base.max()))
    age = np.arange(2 * n_lags + 1).reshape(-1, *[1] * time_base.ndim) / time_base  # in units of X4
    first = np.minimum(age[: n_lags + 1], 1) ** 2.5
    second = np.where(age <= 1, 0.5 * np.minimum(age, 1) ** 2.5, 1 - 0.5 * np.maximum(2 - age, 0) ** 2.5)
    return np.diff(first, axis=0), np.diff(second, axis=0)


def initial_state(parameters: GR4JParameters, fill: float = 0.5) -> GR4JState:
    """Both stores filled to a share of their capacity, no water under way."""
    slow, fast = unit_hydrographs(parameters.time_base)
    return GR4JState(
        fill * parameters.production_capacity,
        fill * parameters.routing_capacity,
        np.zeros_like(slow),
        np.zeros_like(fast),
    )


def gr4j(
    rain: Float[np.ndarray, "day *#place"],
    potential_evaporation: Float[np.ndarray, "day *#place"],
    parameters: GR4JParameters,
    state: GR4JState | None = None,
) -> GR4JRun:
    """Simulate daily flow at all places at once; weather, parameters and states are broadcast against each other.

    Perrin, Michel and Andreassian (2003), J. Hydrol. 279, 275-289, equations 1 to 22. All arithmetic is in the dtype of
    the parameters.

    Args:
        rain: mm/d.
        potential_evaporation: mm/d.
        parameters: X1 to X4 of each place.
        state: before the first day, of a run with the same parameters; None is half full.
    """
    x1, x2, x3 = parameters.production_capacity, parameters.exchange, parameters.routing_capacity
    state = initial_state(parameters) if state is None else state
    place = np.broadcast_shapes(rain.shape[1:], x1.shape, state.production.shape)
    first, second = (_with_axes(uh, len(place)) for uh in unit_hydrographs(parameters.time_base))
    first, second = 0.9 * first, 0.1 * second
    slow, fast = (_under_way(water, len(rain), place) for water in (state.slow, state.fast))  # [day + lag, *place]
    flow, evaporation = (np.empty((len(rain), *place), x1.dtype) for _ in range(2))
    store, routing = state.production, state.routing
    for day in range(len(rain)):
        surplus = (rain[day] - potential_evaporation[day]).astype(x1.dtype, copy=False)
        net_rain = np.maximum(surplus, 0)
        tanh = np.tanh(surplus / x1)
        wetting, drying = np.maximum(tanh, 0), np.maximum(-tanh, 0)
        fill = store / x1
        stored = x1 * (1 - fill * fill) * wetting / (1 + fill * wetting)
        drawn = store * (2 - fill) * drying / (1 + (1 - fill) * drying)
        evaporation[day] = np.minimum(rain[day], potential_evaporation[day]) + drawn
        store = store + stored - drawn
        percolation = store * _released(4 / 9 * store / x1)
        store = store - percolation
        effective = percolation + net_rain - stored
        slow[day : day + len(first)] += first * effective
        fast[day : day + len(second)] += second * effective
        level = routing / x3
        exchange = x2 * (level * level * level * np.sqrt(level))
        routing = np.maximum(routing + slow[day] + exchange, 0)
        released = routing * _released(routing / x3)
        routing = routing - released
        flow[day] = released + np.maximum(fast[day] + exchange, 0)
    return GR4JRun(flow, evaporation, GR4JState(store, routing, slow[len(rain) :], fast[len(rain) :]))


def _under_way(
    water: Float[np.ndarray, "lag *#place"], n_days: int, place: tuple[int, ...]
) -> Float[np.ndarray, "day *place"]:
    """Room for what leaves a unit hydrograph on each of the days and the lags after them, with what is in it."""
    room = np.zeros((n_days + len(water), *place), water.dtype)
    room[: len(water)] = _with_axes(water, len(place))
    return room


def _with_axes(lags: Float[np.ndarray, "lag *#place"], n_axes: int) -> Float[np.ndarray, "lag *place"]:
    """Axes of length 1 after the lags, so that there are as many as of places and the last ones stay in line."""
    return lags.reshape(len(lags), *[1] * (n_axes + 1 - lags.ndim), *lags.shape[1:])


def _released(level: np.ndarray) -> np.ndarray:
    """Share of a store that it releases in a day: 1 - (1 + level^4)^(-1/4)."""
    square = level * level
    return np.asarray(1 - 1 / np.sqrt(np.sqrt(1 + square * square)))
