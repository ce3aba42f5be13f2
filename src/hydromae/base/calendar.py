"""Days of the year."""

import numpy as np
from jaxtyping import Int, Shaped


def days_of_year(days: Shaped[np.ndarray, "day"]) -> Int[np.ndarray, "day"]:
    """Day of the year of each date, 1 to 366, int64, from datetime64[D]."""
    years = days.astype("datetime64[Y]").astype("datetime64[D]")
    counted: np.ndarray = (days - years).astype(np.int64) + 1
    return counted
