"""The synthetic world of one seed: landscape, weather, soil and rivers over all days of a sample."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float

from hydromae.base.evaporation import oudin_evaporation
from hydromae.baselines.gr4j import gr4j
from hydromae.sample.catchments import catchment_attributes, place_catchments
from hydromae.sample.defects import missing_flow, without_soil_attributes
from hydromae.sample.landscape import Landscape, make_landscape
from hydromae.sample.parameters import gr4j_parameters
from hydromae.sample.sizes import SizeSpec
from hydromae.sample.soil import soil_moisture
from hydromae.sample.weather import day_of_year, weather_blocks

SPIN_UP_DAYS = 366
FLOW_NOISE = 0.03  # standard deviation of a gauge's relative error
SECONDS_PER_DAY = 86_400

# One independent stream of random numbers for each part, so that a change in one does not change the others.
LANDSCAPE_STREAM, WEATHER_STREAM, CATCHMENT_STREAM, DEFECT_STREAM = range(4)


@dataclass(frozen=True)
class World:
    """Everything a sample holds, before it is written.

    Attributes:
        dates: datetime64[D], [day].
        landscape: the ground.
        grids: precip (mm/d), soil (0 to 1) and temp (degC) of the land cells, float32, [day, cell].
        attributes: one row for each station, under the NRFA's names.
        evaporation: potential evaporation of each catchment, mm/d, float32, [day, station].
        flow: m3/s, float32, NaN where missing, [day, station].
    """

    dates: np.ndarray
    landscape: Landscape
    grids: dict[str, Float[np.ndarray, "day cell"]]
    attributes: pd.DataFrame
    evaporation: Float[np.ndarray, "day station"]
    flow: Float[np.ndarray, "day station"]


def make_world(spec: SizeSpec, seed: int, on_progress: Callable[[str, float], None]) -> World:
    """Simulate the days of both periods after a year of spin-up; the same seed gives the same world.

    Args:
        spec: cells, stations and periods.
        seed: not negative.
        on_progress: called with a stage and the fraction of the simulation done, 0 to 1.
    """
    weather_rng, catchment_rng = (np.random.default_rng([seed, s]) for s in (WEATHER_STREAM, CATCHMENT_STREAM))
    defect_rng = np.random.default_rng([seed, DEFECT_STREAM])
    landscape = make_landscape(spec.shape, np.random.default_rng([seed, LANDSCAPE_STREAM]))
    first, last = np.datetime64(spec.train[0], "D"), np.datetime64(spec.val[1], "D")
    dates = np.arange(first - np.timedelta64(SPIN_UP_DAYS, "D"), last + np.timedelta64(1, "D"))
    rain, temperature = (np.empty((len(dates), len(landscape.easting)), dtype=np.float32) for _ in range(2))
    done = 0
    for rain_block, temperature_block in weather_blocks(landscape, dates, weather_rng):
        block = slice(done, done + len(rain_block))
        rain[block], temperature[block] = rain_block, temperature_block
        done += len(rain_block)
        on_progress("Making the weather", 0.7 * done / len(dates))

    potential = oudin_evaporation(temperature, landscape.latitude.astype(np.float32), day_of_year(dates))
    on_progress("Wetting the soil", 0.8)
    soil = soil_moisture(rain, potential, landscape.soil_capacity)

    on_progress("Filling the rivers", 0.9)
    catchments = place_catchments(landscape, spec.n_stations, catchment_rng)
    attributes = catchment_attributes(catchments, landscape, soil[SPIN_UP_DAYS:] @ catchments.weights, catchment_rng)
    parameters = gr4j_parameters(
        area=attributes["catchment-area"].to_numpy(),
        slope=attributes["dpsbar"].to_numpy(),
        propwet=attributes["propwet"].to_numpy(),
        bfihost=attributes["bfihost"].to_numpy(),
        noise=catchment_rng.standard_normal((4, spec.n_stations)),
    )
    evaporation = potential @ catchments.weights  # [day, station]
    simulated = gr4j(rain @ catchments.weights, evaporation, parameters).flow[SPIN_UP_DAYS:]
    to_volume = attributes["catchment-area"].to_numpy() * 1000 / SECONDS_PER_DAY  # m3/s per mm/d
    observed = simulated * to_volume * np.exp(FLOW_NOISE * catchment_rng.standard_normal(simulated.shape))

    dates = dates[SPIN_UP_DAYS:]
    gaps = missing_flow(dates, spec.n_stations, spec.first_flow, spec.val[0], defect_rng)
    on_progress("Filling the rivers", 1.0)
    return World(
        dates=dates,
        landscape=landscape,
        grids={
            "precip": rain[SPIN_UP_DAYS:].round(2),
            "soil": soil[SPIN_UP_DAYS:].round(4),
            "temp": temperature[SPIN_UP_DAYS:].round(2),
        },
        attributes=without_soil_attributes(attributes, defect_rng),
        evaporation=evaporation[SPIN_UP_DAYS:].round(2),
        flow=np.where(gaps, np.nan, significant(observed, 4)).astype(np.float32),
    )


def significant(values: np.ndarray, digits: int) -> np.ndarray:
    """Round positive values to a number of significant digits; zero stays zero."""
    magnitude = np.floor(np.log10(np.maximum(values, 1e-6)))
    step = 10.0 ** (magnitude - digits + 1)
    return np.asarray(np.round(values / step) * step)
