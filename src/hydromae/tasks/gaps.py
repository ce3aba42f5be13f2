"""Which missing values a model can fill, and where they lie in the model and in the data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.errors import ConfigError
from hydromae.prediction.predictor import Answer, Predictor


@dataclass(frozen=True)
class Fillable:
    """The places of one modality that are filled.

    Attributes:
        grid: whether it is a grid.
        model: their places in the model, stations or patches.
        store: their places in the store.
        may: bool [*place] of the model: the chosen stations, or the land cells of its patches.
    """

    grid: bool
    model: Int[np.ndarray, "n"]
    store: Int[np.ndarray, "n"]
    may: Bool[Tensor, "*place"]

    @property
    def into(self) -> Int[np.ndarray, "n"]:
        """Their places in the file: a grid is written whole, a series for the chosen stations in their order."""
        return self.store if self.grid else np.arange(len(self.store))


def fillable(predictor: Predictor, name: str, stations: Sequence[int]) -> Fillable:
    """The places of a modality that can be filled.

    Args:
        predictor: a trained model, and data with the modality.
        name: the modality.
        stations: places of the chosen stations among those of the predictor.
    """
    store, shape = predictor.store, predictor.model.shapes[name]
    if shape.kind == "series":
        here = {station: place for place, station in enumerate(store.station_ids)}
        may = torch.zeros(len(predictor.stations), dtype=torch.bool)
        may[list(stations)] = True
        in_store = np.array([here[predictor.stations[place]] for place in stations], np.int64)
        return Fillable(False, np.array(stations, np.int64), in_store, may)
    kept = {patch: place for place, patch in enumerate(store.valid_patches.tolist())}
    both = [(place, kept[p]) for place, p in enumerate(predictor.model.valid_patches.tolist()) if p in kept]
    model, in_store = np.array(both, np.int64).reshape(-1, 2).T  # [patches] each
    land = torch.zeros((shape.width, shape.size), dtype=torch.bool)
    land[model] = torch.from_numpy(np.asarray(store.land)[in_store])
    return Fillable(True, model, in_store, land)


class Filling:
    """Values of a block of days as a file has them, and what is put into their gaps.

    Args:
        observed: float32 [n, *place], NaN where missing; of series only the chosen stations.
        levels: number of quantiles, Q.

    Attributes:
        values: observed and filled.
        filled: bool, True where filled.
        quantiles: float32 [n, *place, Q], NaN where not filled; None where Q is 0.
    """

    def __init__(self, observed: Float[np.ndarray, "n *place"], levels: int) -> None:
        self.values = observed.copy()
        self.filled = np.zeros(observed.shape, bool)
        self.quantiles = np.full((*observed.shape, levels), np.nan, np.float32) if levels else None

    def put(self, days: slice, where: Fillable, answer: Answer) -> None:
        """Put the predictions for some days of the block into the gaps; they are NaN where none was asked for."""
        into = np.arange(len(self.values))[days][:, None], where.into
        mean = answer.mean.numpy()[:, where.model]  # [days, n] or [days, n, cells]
        new = np.isnan(self.values[into]) & ~np.isnan(mean)
        self.values[into] = np.where(new, mean, self.values[into])
        self.filled[into] |= new
        if answer.quantiles is not None and self.quantiles is not None:
            levels = answer.quantiles.numpy()[:, where.model]
            self.quantiles[into] = np.where(new[..., None], levels, self.quantiles[into])


def fill_names(predictor: Predictor, modalities: Sequence[str] | None, grids: bool) -> list[str]:
    """The modalities to fill: those that are named, or all series in the data and, with `grids`, all grids.

    Raises:
        ConfigError: one is not in the model or the data, there is none, or the model can predict no grid.
    """
    shapes = predictor.model.shapes
    here = [name for name in shapes if predictor.data.has(name)]
    chosen = list(dict.fromkeys(modalities or ()))
    for name in chosen:
        if name not in here:
            raise ConfigError(f"{name} is not among what the run and its data have: {', '.join(here)}")
    if modalities is None:
        chosen = [name for name in here if grids or shapes[name].kind == "series"]
    if not chosen:
        raise ConfigError(f"there is nothing to fill; name some of {', '.join(here)}, or ask for the grids")
    for name in chosen:
        if shapes[name].kind == "grid" and predictor.groups is not None:
            raise ConfigError(
                f"{name} is a grid, and the windows of {predictor.run} hold few stations "
                f"(data.stations_per_window); grids are filled by runs whose windows hold all"
            )
    return chosen
