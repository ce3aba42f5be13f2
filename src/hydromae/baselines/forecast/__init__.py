"""Baselines of the forecast, one a file; `BASELINES` has them by name."""

from hydromae.baselines.forecast.baseline import Baseline, Regime
from hydromae.baselines.forecast.table import BASELINES, fit_all, forecast_all, make_baselines

__all__ = ["BASELINES", "Baseline", "Regime", "fit_all", "forecast_all", "make_baselines"]
