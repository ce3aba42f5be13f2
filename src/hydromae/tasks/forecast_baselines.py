"""The baselines of the forecast, fitted on the series, stations and training period of a store."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, cast, get_args

import pandas as pd
import xarray as xr

from hydromae.base.errors import ConfigError, HydroMAEError
from hydromae.base.files import write_text
from hydromae.base.json_text import json_text
from hydromae.baselines.forecast import BASELINES, Baseline, Regime
from hydromae.baselines.forecast.gr4j import Gr4j
from hydromae.baselines.forecast.lstm import HandoffLstm
from hydromae.baselines.forecast.lstm_training import LstmProgress, LstmSettings
from hydromae.baselines.forecast.rain import rain_of
from hydromae.config import Period
from hydromae.store.store import Store
from hydromae.store.view import open_store

logger = logging.getLogger(__name__)

DEFAULT_BASELINES: Final = ("persistence", "climatology", "recession", "ridge")
REGIMES: Final[tuple[Regime, ...]] = get_args(Regime)
_READ_RAIN: Final = ("recession", "ridge", "lstm")
_MADE_OF = "made_of.json"

OnStage = Callable[[str, float], None]


@dataclass(frozen=True)
class BaselineChoice:
    """Which baselines stand beside a forecast.

    Attributes:
        names: of `BASELINES`.
        lstm: settings of the LSTM, if it is among them.
        keep: folder that keeps a trained LSTM for the next time; None trains it each time.
    """

    names: tuple[str, ...] = DEFAULT_BASELINES
    lstm: LstmSettings = field(default_factory=LstmSettings)
    keep: Path | None = None

    def check(self) -> None:
        """Refuse unknown names before any work.

        Raises:
            ConfigError: no baseline has such a name.
        """
        for name in self.names:
            if name not in BASELINES:
                raise ConfigError(f"{name}: is no baseline of the forecast; name some of {', '.join(BASELINES)}")


def choose_baselines(
    names: Sequence[str] | None = None,
    regimes: Sequence[str] | None = None,
    steps: int | None = None,
    keep: Path | None = None,
) -> BaselineChoice:
    """Baselines by name, with an LSTM only for the regimes that are asked for.

    Args:
        names: None is `DEFAULT_BASELINES`: all but GR4J and the LSTM, which take minutes.
        regimes: None is both.
        steps: the most steps that the LSTM is trained for; None is its default.
        keep: see `BaselineChoice`.

    Raises:
        ConfigError: a baseline or a regime is unknown.
    """
    chosen_regimes = regimes_of(REGIMES if regimes is None else regimes)
    lstm = LstmSettings(regimes=chosen_regimes[0] if len(chosen_regimes) == 1 else "both")
    if steps is not None:
        lstm = replace(lstm, steps=steps, check_every=min(lstm.check_every, steps))
    choice = BaselineChoice(DEFAULT_BASELINES if names is None else tuple(dict.fromkeys(names)), lstm, keep)
    choice.check()
    return choice


def regimes_of(names: Sequence[str]) -> tuple[Regime, ...]:
    """Names as regimes of forcing, each once.

    Raises:
        ConfigError: one is neither none nor perfect, or there is none.
    """
    for name in names:
        if name not in REGIMES:
            raise ConfigError(f"forcing {name}: forecasts are scored with {' or '.join(REGIMES)}")
    if not names:
        raise ConfigError(f"no forcing is named; give {' or '.join(REGIMES)}, or both")
    return cast(tuple[Regime, ...], tuple(dict.fromkeys(names)))


def series_of(store: Store, stations: Sequence[str]) -> xr.Dataset:
    """All series and attributes of some stations, in memory; values on days declared wrong are missing."""
    whole = open_store(store)
    kept = [name for name, variable in whole.data_vars.items() if "station" in variable.dims]
    loaded = whole[kept].sel(station=list(stations)).load()
    for name, variable in loaded.data_vars.items():
        if "time" in variable.dims:
            loaded[name] = usable_values(variable, store)
    return loaded


def usable_values(values: xr.DataArray, store: Store) -> xr.DataArray:
    """Values on all days of a store, missing on those declared wrong: they are neither learned from nor scored."""
    return values if store.usable.all() else values.where(xr.DataArray(store.usable, dims="time"))


def forcing_of(store: Store, targets: Sequence[str]) -> list[str]:
    """The series whose future is visible in regime `perfect`: all but those that are forecast."""
    return [name for name in store.names if store.kind(name) == "series" and name not in targets]


def fit_baselines(
    choice: BaselineChoice,
    series: xr.Dataset,
    target: str,
    forcing: Sequence[str],
    train: Period,
    horizon: int,
    *,
    data: str = "",
    on_stage: OnStage = lambda what, done: None,
) -> dict[str, Baseline]:
    """Fit each baseline on the training period.

    Args:
        choice: the baselines.
        series: [time, station], as `series_of` gives them.
        target: the series that is forecast.
        forcing: the series of the weather.
        train: first and last day of the training period.
        horizon: longest lead time in days.
        data: fingerprint of the data: a kept LSTM is used again only on the same.
        on_stage: called with what is being done and the share that is done.

    Raises:
        ConfigError: a name is unknown.
        DataError: as `Baseline.fit`.
    """
    choice.check()
    readers = [name for name in choice.names if name in _READ_RAIN]
    if readers and rain_of(series, forcing) is None:
        given_series = ", ".join([target, *forcing])
        logger.warning("no series is rain (they are %s): %s must do without", given_series, " and ".join(readers))
    fitted: dict[str, Baseline] = {}
    days = slice(str(train[0]), str(train[1]))
    for i, name in enumerate(choice.names):
        on_stage(f"Fitting baselines: {name}", i / len(choice.names))
        if name == "gr4j":
            calibrated = Gr4j(on_progress=lambda done: on_stage("Calibrating GR4J", done))
            fitted[name] = calibrated.fit(series, target, forcing, days, horizon)
            on_stage("Calibrating GR4J", 1.0)
            continue
        if name != "lstm":
            fitted[name] = BASELINES[name]().fit(series, target, forcing, days, horizon)
            continue
        made_of = {
            "data": data,
            "target": target,
            "forcing": list(forcing),
            "train": [str(day) for day in train],
            "horizon": horizon,
            "settings": asdict(choice.lstm),
        }
        fitted[name] = _lstm(choice, made_of, on_stage, lambda net: net.fit(series, target, forcing, days, horizon))
    if choice.names:
        on_stage("Fitting baselines", 1.0)
    return fitted


def forecast_baselines(
    fitted: Mapping[str, Baseline], series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime, on_stage: OnStage
) -> dict[str, xr.DataArray]:
    """Forecasts [issue_time, lead_time, station] of each baseline by name; arguments as for `Baseline.forecast`."""
    made = {}
    for i, (name, baseline) in enumerate(fitted.items()):
        on_stage(f"Baselines, forcing {regime}: {name}", i / len(fitted))
        made[name] = baseline.forecast(series, issue_times, regime)
    if fitted:
        on_stage(f"Baselines, forcing {regime}", 1.0)
    return made


def _lstm(
    choice: BaselineChoice, made_of: Mapping[str, Any], on_stage: OnStage, fit: Callable[[HandoffLstm], HandoffLstm]
) -> HandoffLstm:
    """The LSTM: a kept one that was trained on the same data in the same way, else one trained now."""
    kept = choice.keep
    if kept is not None and (kept / _MADE_OF).is_file():
        try:
            if json.loads((kept / _MADE_OF).read_text(encoding="utf-8")) == made_of:
                return HandoffLstm.load(kept)
        except (ValueError, OSError, HydroMAEError) as error:
            logger.warning("%s: cannot be used (%s); the LSTM is trained anew", kept, error)

    def report(progress: LstmProgress) -> None:
        on_stage("Training the LSTM", progress.step / progress.steps)

    net = fit(HandoffLstm(choice.lstm, report))
    on_stage("Training the LSTM", 1.0)  # training may have ended early
    if kept is not None:
        net.save(kept)
        write_text(kept / _MADE_OF, json_text(made_of))
    return net
