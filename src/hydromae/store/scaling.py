"""Scaling between physical values and the numbers of order one that the model sees."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.base.errors import DataError
from hydromae.base.moments import Moments

Transform = Literal["standard", "log", "log1p", "sqrt", "none"]

# A deviation this small beside the mean is the rounding of a constant.
_CONSTANT = 1e-9


@dataclass(frozen=True)
class Scaler:
    """Scale one modality: multiply by `factor`, transform, subtract `mean`, divide by `std`.

    Attributes:
        transform: log is log(x + eps), log1p is log(1 + x), sqrt the root, standard and none leave x.
        eps: offset of log, in the unit after `factor`.
        mean: mean of the transformed training values; one for all, or one a station.
        std: their deviation, as `mean`.
        factor: per station, multiplies physical values first (86.4 / km2 turns m3/s into mm/d); None is no factor.
    """

    transform: Transform
    eps: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    factor: tuple[float, ...] | None = None

    def scale(
        self, values: Float[Tensor, "*any last"], stations: Int[Tensor, "*some last"] | None = None
    ) -> Float[Tensor, "*any last"]:
        """Physical float32 values to scaled ones; NaN stays NaN.

        Args:
            values: the last dimension is cells or stations.
            stations: which stations of the scaler these are: [n] of values [..., n], or [B, n] of values [B, T, n];
                None is all, in order.
        """
        values = self.specific(values, stations)
        if self.transform == "log":
            values = torch.log(values + self.eps)
        elif self.transform == "log1p":
            values = torch.log1p(values)
        elif self.transform == "sqrt":
            values = torch.sqrt(values)
        return (values - _like(self.mean, values, stations)) / _like(self.std, values, stations)

    def unscale(
        self, values: Float[Tensor, "*any last"], stations: Int[Tensor, "*some last"] | None = None
    ) -> Float[Tensor, "*any last"]:
        """Scaled float32 values to physical ones: the inverse of `scale`, to 1e-5 of |x| + eps (1 + x for log1p).

        Under log, log1p and sqrt a result below 0 becomes 0, since no physical value lies there.
        """
        values = values * _like(self.std, values, stations) + _like(self.mean, values, stations)
        if self.transform == "log":
            values = (torch.exp(values) - self.eps).clamp(min=0)
        elif self.transform == "log1p":
            values = torch.expm1(values).clamp(min=0)
        elif self.transform == "sqrt":
            values = values.clamp(min=0).square()
        return values if self.factor is None else values / _like(self.factor, values, stations)

    def specific(
        self, values: Float[Tensor, "*any last"], stations: Int[Tensor, "*some last"] | None = None
    ) -> Float[Tensor, "*any last"]:
        """Apply only `factor`: m3/s to mm/d where the catchment areas are known, else the values as they are."""
        return values if self.factor is None else values * _like(self.factor, values, stations)

    def of_stations(self, places: Int[np.ndarray, " station"] | None) -> "Scaler":
        """The scaler of some stations, in this order; numbers that hold for all stay. None is all stations."""
        if places is None:
            return self

        def chosen(numbers: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(numbers[place] for place in places) if len(numbers) > 1 else numbers

        factor = None if self.factor is None else chosen(self.factor)
        return replace(self, mean=chosen(self.mean), std=chosen(self.std), factor=factor)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and lists, for JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> "Scaler":
        """The inverse of `to_dict`."""
        arguments: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
        return cls(**arguments)


class ScalerFit:
    """Fit a `Scaler` to training values that come in blocks, in float64.

    Args:
        name: the modality, for messages.
        transform: see `Scaler`.
        columns: width of a block: cells of the grid, or stations.
        eps: see `Scaler`.
        factor: see `Scaler`; float64 [columns].
        per_station: one mean and deviation a column instead of one for all.
    """

    def __init__(
        self,
        name: str,
        transform: Transform,
        columns: int,
        eps: float = 0.01,
        factor: Float[np.ndarray, "column"] | None = None,
        per_station: bool = False,
    ) -> None:
        self.name, self.transform, self.eps, self.factor, self.per_station = name, transform, eps, factor, per_station
        self._moments = Moments(columns)

    def update(self, block: Float[np.ndarray, "day column"]) -> None:
        """Add days of physical values; NaN is missing."""
        values = block.astype(np.float64)
        if self.factor is not None:
            values *= self.factor
        if self.transform == "log":
            values = np.log(values + self.eps)
        elif self.transform == "log1p":
            values = np.log1p(values)
        elif self.transform == "sqrt":
            values = np.sqrt(values)
        self._moments.update(values)

    def finish(self) -> Scaler:
        """The scaler of all values that were added.

        A station that was never observed, or always at one value, gets the average mean or deviation of the others.

        Raises:
            DataError: nothing was observed, or only one value ever.
        """
        count, mean, std = self._moments.pooled()
        if count == 0:
            raise DataError(
                f"{self.name}: has no value in the training period; give files that cover it, change data.train, or "
                f"exclude fewer of its days (data.exclude_dates)"
            )
        factor = None if self.factor is None else tuple(self.factor.tolist())
        if self.transform == "none":
            return Scaler("none", self.eps, (0.0,), (1.0,), factor)
        if std <= _CONSTANT * (1 + abs(mean)):
            raise DataError(
                f"{self.name}: has one and the same value throughout the training period; "
                f"leave data.modalities.{self.name} out or give the right file"
            )
        if not self.per_station:
            return Scaler(self.transform, self.eps, (mean,), (std,), factor)
        means, stds = self._moments.observed_mean(), self._moments.observed_std()
        stds = np.where(stds <= _CONSTANT * (1 + np.abs(means)), np.nan, stds)
        means = np.where(np.isnan(means), np.nanmean(means), means)
        stds = np.where(np.isnan(stds), std if np.isnan(stds).all() else np.nanmean(stds), stds)
        return Scaler(self.transform, self.eps, tuple(means.tolist()), tuple(stds.tolist()), factor)


def _like(numbers: tuple[float, ...], values: Tensor, stations: Tensor | None) -> Tensor:
    like = torch.tensor(numbers, dtype=values.dtype, device=values.device)
    if stations is None or len(like) == 1:
        return like
    chosen = like[stations]  # [n] or [B, n]
    return chosen if stations.ndim == 1 else chosen[:, None]  # [B, 1, n], to meet [B, T, n]
