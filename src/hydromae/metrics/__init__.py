"""Metrics of predicted flow, station by station: pure functions of labelled arrays.

Each takes a forecast [issue_time, lead_time, station] or a series [time, station], with quantiles last if there are
any, and the observations [time, station]. It drops every incomplete pair, and gives NaN to stations with fewer pairs
than `min_pairs`. `docs/metrics.md` lists the metrics.
"""

from hydromae.metrics.catalogue import METRICS, Metric
from hydromae.metrics.duration_curve import duration_curve
from hydromae.metrics.efficiency import kge, nse
from hydromae.metrics.errors import errors, persistence_skill
from hydromae.metrics.pairs import MIN_PAIRS, at_valid_times, pair, point_forecast
from hydromae.metrics.peaks import peaks
from hydromae.metrics.quantiles import probabilistic

__all__ = [
    "METRICS",
    "MIN_PAIRS",
    "Metric",
    "at_valid_times",
    "duration_curve",
    "errors",
    "kge",
    "nse",
    "pair",
    "peaks",
    "persistence_skill",
    "point_forecast",
    "probabilistic",
]
