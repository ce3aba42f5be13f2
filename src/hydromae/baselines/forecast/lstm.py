"""An LSTM for all stations, with a handoff from hindcast to forecast."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import xarray as xr
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.baselines.forecast.baseline import (
    Regime,
    check_fit,
    check_variables,
    forecast_array,
    issue_days,
    not_fitted,
    station_ids,
    train_days,
)
from hydromae.baselines.forecast.daily import daily_values, of_stations
from hydromae.baselines.forecast.handoff import HandoffNet
from hydromae.baselines.forecast.lstm_files import SavedLstm, read_lstm, write_lstm
from hydromae.baselines.forecast.lstm_inputs import (
    Inputs,
    Scaling,
    fit_scaling,
    make_inputs,
    static_names,
    static_values,
)
from hydromae.baselines.forecast.lstm_training import Listener, LstmSettings, new_net, train_lstm

_BATCH = 2048  # issue times of stations in one batch


class HandoffLstm:
    """One LSTM that is trained on all stations together (see `HandoffNet`) and reads attributes, flow and forcing.

    Each station's flow is divided by its own scale, so any unit will do; a station without flow in the training
    period has none, and gets NaN. Missing flow is read as 0 with a flag, missing forcing and attributes as the mean.

    Args:
        settings: of the net and its training.
        progress: called at every check on the held-out years.
        device: where to train and forecast.
    """

    name = "lstm"

    def __init__(
        self,
        settings: LstmSettings | None = None,
        progress: Listener | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.settings = settings or LstmSettings()
        self.progress = progress
        self.device = device
        self._net: HandoffNet | None = None
        self._scaling: Scaling
        self._target = ""
        self._forcing: list[str] = []
        self._static: list[str] = []
        self._stations: list[str] = []
        self._horizon = 0

    def fit(self, series: xr.Dataset, target: str, forcing: Sequence[str], train: slice, horizon: int) -> "HandoffLstm":
        check_fit(series, target, forcing, train, horizon)
        self._target, self._forcing, self._horizon = target, list(forcing), horizon
        self._stations, self._static = station_ids(series), static_names(series)
        days = train_days(series, train)
        if len(days) < 2 * (self.settings.history + horizon):
            raise DataError(
                f"baseline lstm: the training period has {len(days)} days, too few for a history of "
                f"{self.settings.history} and a horizon of {horizon}; give more years or a shorter history"
            )
        flow = daily_values(series, target, days)
        weather = [daily_values(series, name, days) for name in forcing]
        static = static_values(series, self._static)
        self._scaling = fit_scaling(flow, weather, static)
        inputs = make_inputs(flow, weather, static, days, self._scaling, self.device)
        truth = (flow - self._scaling.flow_mean) / self._scaling.flow_scale  # [day, station]
        truth_tensor = torch.from_numpy(np.ascontiguousarray(truth.T, dtype=np.float32)).to(self.device)
        self._net = train_lstm(inputs, truth_tensor, self.settings, horizon, self.progress)
        return self

    def forecast(self, series: xr.Dataset, issue_times: pd.DatetimeIndex, regime: Regime) -> xr.DataArray:
        if self._net is None:
            raise not_fitted(self.name)
        if self.settings.regimes not in (regime, "both"):
            raise DataError(
                f"baseline lstm: was trained for regime {self.settings.regimes} only; train it with {regime} or both"
            )
        check_variables(series, [self._target, *self._forcing])
        issued, ids = issue_days(issue_times), station_ids(series)
        if len(issued) == 0:
            return forecast_array(np.empty((0, self._horizon, len(ids))), series, self._target, issue_times)
        day = np.timedelta64(1, "D")
        days = np.arange(issued.min() - (self.settings.history - 1) * day, issued.max() + (1 + self._horizon) * day)
        past_days = days[: -self._horizon]
        mean = of_stations(self._scaling.flow_mean, self._stations, ids)
        scale = of_stations(self._scaling.flow_scale, self._stations, ids)
        inputs = make_inputs(
            daily_values(series, self._target, past_days),
            [daily_values(series, name, days if regime == "perfect" else past_days) for name in self._forcing],
            static_values(series, self._static),
            days,
            Scaling(mean, scale, self._scaling.log_flow, self._scaling.forcing, self._scaling.static),
            self.device,
        )
        scaled = self._predict(inputs, (issued - days[0]).astype(np.int64), regime)  # [issue, lead, station]
        return forecast_array(np.maximum(scaled * scale + mean, 0.0), series, self._target, issue_times)

    @torch.no_grad()
    def _predict(self, inputs: Inputs, issue: np.ndarray, regime: Regime) -> Float[np.ndarray, "issue lead station"]:
        assert self._net is not None
        self._net.to(self.device).eval()
        n_stations = inputs.static.shape[0]
        issues = torch.from_numpy(issue).to(self.device)
        cases = torch.cartesian_prod(issues, torch.arange(n_stations, device=self.device))  # [issue * station, 2]
        parts = []
        for part in torch.split(cases, _BATCH):
            sees_weather = torch.full((len(part),), regime == "perfect", device=self.device)
            cut = inputs.cut(part[:, 1], part[:, 0], self.settings.history, self._horizon, sees_weather)
            parts.append(self._net(*cut).cpu())
        predicted = torch.cat(parts).reshape(len(issue), n_stations, self._horizon)
        return predicted.transpose(1, 2).double().numpy()  # [issue, lead, station]

    def save(self, folder: str | Path) -> None:
        """Write weights and scaling (safetensors) and their description (JSON), each atomically.

        Raises:
            DataError: `fit` was not called, or the folder cannot be written.
        """
        if self._net is None:
            raise not_fitted(self.name)
        saved = SavedLstm(
            self.settings,
            self._target,
            self._forcing,
            self._static,
            self._stations,
            self._horizon,
            self._scaling,
            self._net.state_dict(),
        )
        write_lstm(saved, Path(folder))

    @classmethod
    def load(cls, folder: str | Path, device: torch.device | str = "cpu") -> "HandoffLstm":
        """Read a fitted LSTM that `save` wrote: its forecasts are the same, bit for bit.

        Raises:
            RunError: the folder holds no LSTM, or a damaged one.
        """
        saved = read_lstm(Path(folder))
        loaded = cls(saved.settings, device=device)
        loaded._target, loaded._forcing, loaded._static = saved.target, saved.forcing, saved.static
        loaded._stations, loaded._horizon, loaded._scaling = saved.stations, saved.horizon, saved.scaling
        loaded._net = new_net(len(saved.forcing), len(saved.static), saved.settings)
        loaded._net.load_state_dict(saved.weights)
        return loaded
