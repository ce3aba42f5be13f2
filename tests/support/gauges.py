"""Two gauges with rain, temperature and flow."""

import numpy as np
import pandas as pd

AREAS = pd.DataFrame({"latitude": [52.0, 55.5], "longitude": [-1.5, -3.0], "area": [120.0, 40.0]}, index=["7", "12"])


def gauges(days: int, stations: tuple[str, ...] = ("7", "12")) -> pd.DataFrame:
    """Rain, temperature and the flow of a linear store that leaks, mm/d, up to 2012-09-30."""
    frames = []
    for seed, station in enumerate(stations):
        random = np.random.default_rng(seed)
        rain = random.gamma(0.4, 6.0, days) * (random.random(days) < 0.5)
        flow, stored = np.empty(days), 20.0
        for day in range(days):
            stored = max(stored + rain[day] - 1.0, 0.0)
            flow[day] = 0.06 * stored
            stored -= flow[day]
        index = pd.date_range(end="2012-09-30", periods=days, name="date")
        series = {"precip": rain, "temp": random.normal(10, 4, days), "riverflow": flow, "station": station}
        frames.append(pd.DataFrame(series, index=index))
    return pd.concat(frames)
