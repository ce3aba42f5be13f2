"""The inputs of the LSTM, scaled by the training period, and how its samples are cut from the record."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.baselines.forecast.climatology import calendar_place
from hydromae.baselines.forecast.daily import mean_known
from hydromae.baselines.forecast.ridge_features import log_flow

FLOW_FEATURES = 2  # log flow, and whether it is known
SEASON_FEATURES = 2  # sine and cosine
_LIMIT = 50.0  # standard deviations: a broken value must not blow up the state


@dataclass(frozen=True)
class Scaling:
    """Numbers of the training period that bring inputs and outputs to the same scale.

    Attributes:
        flow_mean: of each station, in the target's unit; NaN without flow.
        flow_scale: standard deviation of each station's flow plus a tenth of its mean, NaN without flow.
        log_flow: mean and standard deviation of log flow over all stations [2].
        forcing: mean and standard deviation of each forcing over all stations [forcing, 2].
        static: mean and standard deviation of each attribute over the stations [attribute, 2].
    """

    flow_mean: Float[np.ndarray, "station"]
    flow_scale: Float[np.ndarray, "station"]
    log_flow: Float[np.ndarray, "2"]
    forcing: Float[np.ndarray, "forcing 2"]
    static: Float[np.ndarray, "attribute 2"]


@dataclass(frozen=True)
class Inputs:
    """A record as tensors, which all begin with the same day.

    Attributes:
        flow: log flow, scaled, 0 where missing, and whether it is known [station, known_day, 2].
        forcing: scaled, 0 where missing [station, seen_day, forcing].
        season: sine and cosine of the day of the year, to the end of the last horizon [day, 2].
        static: attributes, scaled, 0 where missing [station, attribute].
    """

    flow: Float[Tensor, "station known_day 2"]
    forcing: Float[Tensor, "station seen_day forcing"]
    season: Float[Tensor, "day 2"]
    static: Float[Tensor, "station attribute"]

    def cut(
        self,
        station: Int[Tensor, "b"],
        issue: Int[Tensor, "b"],
        history: int,
        horizon: int,
        sees_weather: Bool[Tensor, "b"],
    ) -> tuple[Float[Tensor, "b t p"], Float[Tensor, "b h f"], Float[Tensor, "b a"]]:
        """Past, future and attributes of some samples; flow is read up to the issue day only.

        Args:
            station: position of each sample's station.
            issue: position of its issue day, which has `history` - 1 days before it.
            history: days read, the issue day included.
            horizon: days forecast.
            sees_weather: samples that see the forcing of the horizon; the others read 0 there, with a flag.
        """
        back = issue[:, None] + torch.arange(1 - history, 1, device=issue.device)  # [B, T]
        rows = station[:, None]
        past = torch.cat([self.flow[rows, back], self.forcing[rows, back], self.season[back]], dim=-1)  # [B, T, P]
        ahead = issue[:, None] + torch.arange(1, horizon + 1, device=issue.device)  # [B, H]
        seen = sees_weather[:, None, None]
        # Days after the end of the forcing are read only where it is hidden: any day will do there.
        coming = self.forcing[rows, ahead.clamp(max=self.forcing.shape[1] - 1)]  # [B, H, forcing]
        weather = torch.where(seen, coming, torch.zeros_like(coming))
        flag = seen.to(weather.dtype).expand(-1, horizon, 1)
        future = torch.cat([weather, flag, self.season[ahead]], dim=-1)  # [B, H, F]
        return past, future, self.static[station]


def fit_scaling(
    flow: Float[np.ndarray, "day station"],
    forcing: Sequence[Float[np.ndarray, "day station"]],
    static: Float[np.ndarray, "station attribute"],
) -> Scaling:
    """Scaling of a training period; the flow scale weights the loss as in NSE*."""
    mean = mean_known(flow)
    mean = np.where(mean > 0, mean, np.nan)
    spread = np.sqrt(mean_known((flow - mean) ** 2))
    return Scaling(
        flow_mean=mean,
        flow_scale=spread + 0.1 * mean,
        log_flow=_mean_and_spread(log_flow(flow, mean)),
        forcing=np.array([_mean_and_spread(values) for values in forcing]).reshape(-1, 2),
        static=np.array([_mean_and_spread(values) for values in static.T]).reshape(-1, 2),
    )


def make_inputs(
    flow: Float[np.ndarray, "day station"],
    forcing: Sequence[Float[np.ndarray, "forcing_day station"]],
    static: Float[np.ndarray, "station attribute"],
    days: np.ndarray,
    scaling: Scaling,
    device: torch.device | str = "cpu",
) -> Inputs:
    """Scale a record.

    Args:
        flow: in the target's unit, from the first of `days` on.
        forcing: from the first of `days` on, for as many days as are known.
        static: attributes, NaN where missing.
        days: consecutive days, datetime64[D], to the end of the last horizon.
        scaling: with the flow mean of these stations.
        device: where the tensors go.
    """
    level = _scaled(log_flow(flow, scaling.flow_mean), scaling.log_flow)
    weather = [_scaled(values, numbers) for values, numbers in zip(forcing, scaling.forcing, strict=True)]
    attributes = [_scaled(values, numbers) for values, numbers in zip(static.T, scaling.static, strict=True)]
    angle = 2 * np.pi * calendar_place(days) / 366.0

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)

    stations = flow.shape[1]
    return Inputs(
        flow=tensor(np.stack([level, np.isfinite(flow)], axis=-1).transpose(1, 0, 2)),
        forcing=tensor(_stacked(weather, (len(days), stations)).transpose(1, 0, 2)),
        season=tensor(np.stack([np.sin(angle), np.cos(angle)], axis=-1)),
        static=tensor(_stacked(attributes, (stations,))),
    )


def _stacked(columns: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Columns along a last dimension, which has length 0 if there are none."""
    return np.stack(columns, axis=-1) if columns else np.empty((*shape, 0))


def static_names(series: xr.Dataset) -> list[str]:
    """Attributes of the stations: every numeric variable or coordinate [station] but the ids, in order of name."""
    return sorted(
        str(name)
        for name, variable in series.variables.items()
        if variable.dims == ("station",) and name != "station" and np.issubdtype(variable.dtype, np.number)
    )


def static_values(series: xr.Dataset, names: Sequence[str]) -> Float[np.ndarray, "station attribute"]:
    """Attributes [station, attribute], NaN where missing or absent."""
    n_stations = series.sizes["station"]
    absent = np.full(n_stations, np.nan)
    columns = [series[name].to_numpy().astype(np.float64) if name in series.variables else absent for name in names]
    return _stacked(columns, (n_stations,))


def _mean_and_spread(values: np.ndarray) -> Float[np.ndarray, "2"]:
    """Mean and standard deviation of the finite values; 0 and 1 where they are undefined."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.array([0.0, 1.0])
    spread = float(finite.std())
    return np.array([float(finite.mean()), spread if spread > 0 else 1.0])


def _scaled(values: np.ndarray, numbers: Float[np.ndarray, "2"]) -> np.ndarray:
    """Standardised values, 0 where missing."""
    scaled = (values - numbers[0]) / numbers[1]
    return np.where(np.isfinite(scaled), np.clip(scaled, -_LIMIT, _LIMIT), 0.0)
