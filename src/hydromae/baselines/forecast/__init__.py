"""Baselines of the forecast, each in a file of its own; `BASELINES` holds them by name."""

from hydromae.baselines.forecast.baseline import Baseline, Regime
from hydromae.baselines.forecast.table import BASELINES, fit_all, forecast_all, make_baselines

__all__ = ["BASELINES", "Baseline", "Regime", "fit_all", "forecast_all", "make_baselines"]
