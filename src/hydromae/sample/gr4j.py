"""GR4J, a daily rainfall-runoff model of four parameters (Perrin, Michel and Andreassian 2003)."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class GR4JParameters:
    """Parameters of each station, [station].

    Attributes:
        production_capacity: X1, mm.
        exchange: X2, groundwater exchange, mm/d; negative is a loss.
        routing_capacity: X3, mm.
        time_base: X4, time base of the first unit hydrograph, d.
    """

    production_capacity: Float[np.ndarray, " station"]
    exchange: Float[np.ndarray, " station"]
    routing_capacity: Float[np.ndarray, " station"]
    time_base: Float[np.ndarray, " station"]


@dataclass(frozen=True)
class GR4JRun:
    """Result of a simulation, [day, station].

    Attributes:
        flow: mm/d.
        evaporation: actual evaporation, mm/d.
        storage: water in both stores and both unit hydrographs at the end of the day, mm.
        initial_storage: the same before the first day, mm, [station].
    """

    flow: Float[np.ndarray, "day station"]
    evaporation: Float[np.ndarray, "day station"]
    storage: Float[np.ndarray, "day station"]
    initial_storage: Float[np.ndarray, " station"]


def unit_hydrographs(
    time_base: Float[np.ndarray, " station"],
) -> tuple[Float[np.ndarray, "lag station"], Float[np.ndarray, "lag station"]]:
    """Ordinates of UH1 (time base X4) and UH2 (2 X4) as differences of their S-curves; each sums to 1.

    Returns:
        UH1 and UH2, [lag, station]; lag 0 is the day of the input.
    """
    n_lags = int(np.ceil(2 * time_base.max()))
    age = np.arange(n_lags + 1)[:, None] / time_base  # [lag + 1, station], in units of X4
    first = np.minimum(age, 1) ** 2.5
    second = np.where(age <= 1, 0.5 * np.minimum(age, 1) ** 2.5, 1 - 0.5 * np.maximum(2 - age, 0) ** 2.5)
    return np.diff(first, axis=0), np.diff(second, axis=0)


def gr4j(
    rain: Float[np.ndarray, "day station"],
    potential_evaporation: Float[np.ndarray, "day station"],
    parameters: GR4JParameters,
    initial_fill: float = 0.5,
) -> GR4JRun:
    """Simulate daily flow, all stations at once.

    Perrin, Michel and Andreassian (2003), J. Hydrol. 279, 275-289, equations 1 to 22. Runoff reaches the routing only
    through the production store, never back, so the unit hydrographs are applied to all days at once between two loops.

    Args:
        rain: mm/d, [day, station].
        potential_evaporation: mm/d, [day, station].
        parameters: X1 to X4 of each station.
        initial_fill: filling of both stores before the first day, as a share of X1 and X3.
    """
    effective, evaporation, production = _produce(rain, potential_evaporation, parameters, initial_fill)
    first, second = unit_hydrographs(parameters.time_base)
    slow, fast = _delay(0.9 * effective, first), _delay(0.1 * effective, second)
    flow, routing = _route(slow, fast, parameters, initial_fill)
    under_way = np.cumsum(effective - slow - fast, axis=0)
    return GR4JRun(
        flow=flow,
        evaporation=evaporation,
        storage=production + routing + under_way,
        initial_storage=initial_fill * (parameters.production_capacity + parameters.routing_capacity),
    )


def _produce(
    rain: Float[np.ndarray, "day station"],
    potential: Float[np.ndarray, "day station"],
    parameters: GR4JParameters,
    initial_fill: float,
) -> tuple[Float[np.ndarray, "day station"], Float[np.ndarray, "day station"], Float[np.ndarray, "day station"]]:
    """Water for the routing (Pr), actual evaporation and the production store after each day, mm, [day, station]."""
    capacity = parameters.production_capacity
    net_rain = np.maximum(rain - potential, 0).astype(np.float64)
    net_demand = np.maximum(potential - rain, 0).astype(np.float64)
    wetting, drying = np.tanh(net_rain / capacity), np.tanh(net_demand / capacity)
    effective, stores = np.empty_like(net_rain), np.empty_like(net_rain)
    evaporation = np.minimum(rain, potential).astype(np.float64)
    store = initial_fill * capacity
    for day in range(len(rain)):
        fill = store / capacity
        stored = capacity * (1 - fill**2) * wetting[day] / (1 + fill * wetting[day])
        drawn = store * (2 - fill) * drying[day] / (1 + (1 - fill) * drying[day])
        store = store + stored - drawn
        percolation = store * (1 - (1 + (4 / 9 * store / capacity) ** 4) ** -0.25)
        store = store - percolation
        effective[day] = percolation + net_rain[day] - stored
        evaporation[day] += drawn
        stores[day] = store
    return effective, evaporation, stores


def _delay(
    inflow: Float[np.ndarray, "day station"], hydrograph: Float[np.ndarray, "lag station"]
) -> Float[np.ndarray, "day station"]:
    """Convolve each station's inflow with its unit hydrograph."""
    outflow = np.zeros_like(inflow)
    for lag, share in enumerate(hydrograph[: len(inflow)]):
        outflow[lag:] += share * inflow[: len(inflow) - lag]
    return outflow


def _route(
    slow: Float[np.ndarray, "day station"],
    fast: Float[np.ndarray, "day station"],
    parameters: GR4JParameters,
    initial_fill: float,
) -> tuple[Float[np.ndarray, "day station"], Float[np.ndarray, "day station"]]:
    """Flow and the routing store after each day, mm, [day, station], from the outputs of UH1 and UH2."""
    capacity = parameters.routing_capacity
    flow, stores = np.empty_like(slow), np.empty_like(slow)
    store = initial_fill * capacity
    for day in range(len(slow)):
        exchange = parameters.exchange * (store / capacity) ** 3.5
        store = np.maximum(store + slow[day] + exchange, 0)
        released = store * (1 - (1 + (store / capacity) ** 4) ** -0.25)
        store = store - released
        flow[day] = released + np.maximum(fast[day] + exchange, 0)
        stores[day] = store
    return flow, stores
