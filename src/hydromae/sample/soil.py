"""Soil moisture of each cell as a bucket filled by rain and emptied by evaporation and drainage."""

import numpy as np
from jaxtyping import Float

FASTEST_DRAINAGE = 15.0  # mm/d out of a full soil
DRAINAGE_POWER = 5


def soil_moisture(
    rain: Float[np.ndarray, "day cell"],
    evaporation: Float[np.ndarray, "day cell"],
    capacity: Float[np.ndarray, " cell"],
) -> Float[np.ndarray, "day cell"]:
    """Relative wetness of the soil (0 to 1) at the end of each day, float32, from a half full start.

    Evaporation keeps its potential rate while the soil is more than half full and falls in proportion below.

    Args:
        rain: mm/d, [day, cell].
        evaporation: potential evaporation, mm/d, [day, cell].
        capacity: water a full soil holds, mm, [cell].
    """
    wetness = np.full(rain.shape[1], 0.5, dtype=np.float32)
    per_capacity = (1 / capacity).astype(np.float32)
    history = np.empty(rain.shape, dtype=np.float32)
    for day in range(len(rain)):
        loss = evaporation[day] * np.minimum(1, 2 * wetness) + FASTEST_DRAINAGE * wetness**DRAINAGE_POWER
        wetness = np.clip(wetness + (rain[day] - loss) * per_capacity, 0, 1)
        history[day] = wetness
    return history
