"""GR4J parameters from a catchment's attributes, so that attributes are informative about the flow."""

import numpy as np
from jaxtyping import Float

from hydromae.baselines.gr4j import GR4JParameters

SPREAD = 0.12  # standard deviation of the part (in the logarithm) that no attribute explains


def gr4j_parameters(
    area: Float[np.ndarray, " station"],
    slope: Float[np.ndarray, " station"],
    propwet: Float[np.ndarray, " station"],
    bfihost: Float[np.ndarray, " station"],
    noise: Float[np.ndarray, "4 station"],
) -> GR4JParameters:
    """Parameters of a catchment, near the ranges that Perrin et al. (2003) found but on their flashy side.

    X1 = 300 exp(1.5 (bfihost - 0.5) - 0.8 (propwet - 0.45)), X2 = -0.2 + 0.2 noise,
    X3 = 35 exp(2.8 (bfihost - 0.5) - 0.5 (propwet - 0.45)) (slope / 80)^-0.2,
    X4 = 0.3 + 0.7 (area / 200)^0.3 (slope / 80)^-0.15; each but X2 times exp(0.12 noise).
    Permeable ground damps the flow, wet and steep ground makes it flashier, a large area slows it.

    Args:
        area: catchment-area, km2.
        slope: dpsbar, m/km.
        propwet: share of time the soil is wet, 0 to 1.
        bfihost: base flow index from soil types, 0 to 1.
        noise: standard normal deviates, zeros for none.
    """
    permeable, wet, steep = bfihost - 0.5, propwet - 0.45, slope / 80
    unexplained = np.exp(SPREAD * noise)
    return GR4JParameters(
        production_capacity=300 * np.exp(1.5 * permeable - 0.8 * wet) * unexplained[0],
        exchange=-0.2 + 0.2 * noise[1],
        routing_capacity=35 * np.exp(2.8 * permeable - 0.5 * wet) * steep**-0.2 * unexplained[2],
        time_base=0.3 + 0.7 * (area / 200) ** 0.3 * steep**-0.15 * unexplained[3],
    )
