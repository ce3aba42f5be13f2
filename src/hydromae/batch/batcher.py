"""From windows and a mask to a batch: scale, cut into tokens, mask, fill. Runs on the model's device."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hydromae.base.calendar import days_of_year
from hydromae.base.distances import displacement_km
from hydromae.batch.batch import Batch, CellPlaces, Context, ModalityTokens, split_missing
from hydromae.batch.fills import Fill, Method, make_fills
from hydromae.masks.mask import Mask, MaskRule, ModalityMask, Observed
from hydromae.store.scaling import Scaler
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape, once, to_tokens
from hydromae.windows.cells_around import CellsAround
from hydromae.windows.neighbours import station_places
from hydromae.windows.windows import Windows

_BEYOND: Final = 4096  # days before and after the data that a window may reach into, as a forecast's does


class Batcher:
    """Makes every batch of a model, in training and in all tasks.

    Args:
        shapes: modality -> how it is cut into tokens.
        scalers: modality -> its scale.
        attributes: float32 [stations, A] scaled, NaN where missing.
        first_day: datetime64[D], day 0 of the windows.
        n_days: days of the data.
        device: where batches are made.
        fills: modality -> how its missing values are filled for the model to see; the others' are not.
        weights: series -> weight of each station's errors in the loss (see `station_weights`); the others' is 1.
        places: latitude and longitude of each station in degrees, for windows with stations around; None without.
        cells: of the grids around each station, for models that read them; None without.
    """

    def __init__(
        self,
        shapes: Mapping[str, TokenShape],
        scalers: Mapping[str, Scaler],
        attributes: Float[np.ndarray, "station attribute"],
        first_day: np.datetime64,
        n_days: int,
        device: torch.device,
        fills: Mapping[str, Fill] = {},
        weights: Mapping[str, Float[np.ndarray, " station"]] = {},
        places: Float[np.ndarray, "2 station"] | None = None,
        cells: CellsAround | None = None,
    ) -> None:
        self._places = None if places is None else torch.from_numpy(places.astype(np.float32)).to(device)
        self._cells = None
        if cells is not None:
            parts = (torch.from_numpy(part).to(device)[None] for part in (cells.cells, cells.north, cells.east))
            self._cells = CellPlaces(*parts)  # of one sample with all stations
        self.shapes, self.scalers, self.fills = dict(shapes), dict(scalers), dict(fills)
        self.device = device
        self._attributes = torch.from_numpy(attributes).to(device) if attributes.shape[-1] else None  # [stations, A]
        self._weights = {name: torch.from_numpy(of_name).to(device) for name, of_name in weights.items()}  # [stations]
        dates = first_day + np.arange(-_BEYOND, n_days + _BEYOND)
        self._day_of_year = torch.from_numpy(days_of_year(dates)).to(device)  # [days]

    @classmethod
    def of_store(
        cls,
        store: Store,
        shapes: Mapping[str, TokenShape],
        device: torch.device,
        fill: Mapping[str, Method] = {},
        weights: Mapping[str, Float[np.ndarray, " station"]] = {},
        cells: CellsAround | None = None,
    ) -> "Batcher":
        """A batcher of a store's own scales and attributes; `fill` as `data.fill` of the configuration."""
        fills = make_fills(store, {name: method for name, method in fill.items() if name in shapes}, device)
        scalers = {name: store.scaler(name) for name in shapes}
        attributes = store.scaled_attributes
        places = station_places(store)
        return cls(shapes, scalers, attributes, store.first_day, store.n_days, device, fills, weights, places, cells)

    def batch(self, windows: Windows, mask: MaskRule) -> Batch:
        """The batch of some windows under a mask, which is made from what was observed in them."""
        scaled = {name: self.scale(name, windows.values[name], windows) for name in self.shapes}
        size, device = len(windows.starts), windows.starts.device
        attributes = self._attributes
        if attributes is not None:
            attributes = (
                attributes.expand(size, -1, -1) if windows.stations is None else attributes[windows.stations]
            )  # [B, n, A]
        dates = windows.starts[:, None] + torch.arange(windows.days, device=device) + _BEYOND  # [B, T]
        weights = {name: self._token_weights(name, windows) for name in self._weights}
        return batch_of(
            scaled,
            self.shapes,
            lambda observed: mask(windows, observed),
            attributes=attributes,
            day_of_year=self._day_of_year[dates],
            fills=self.fills,
            weights=weights,
            context_of=None if windows.context is None else lambda masks: self._context(windows, masks),
            cells=self._cells_of(windows),
        )

    def _cells_of(self, windows: Windows) -> CellPlaces | None:
        """The cells around the stations of each window."""
        if self._cells is None:
            return None
        everywhere = (self._cells.index, self._cells.north, self._cells.east)  # 3 x [1, stations, K]
        if windows.stations is None:
            return CellPlaces(*(part.expand(len(windows.starts), -1, -1) for part in everywhere))
        return CellPlaces(*(part[0, windows.stations] for part in everywhere))

    def _context(self, windows: Windows, masks: Mask) -> Context:
        """What is seen of the stations around, and where they lie."""
        around, stations = windows.context, windows.stations
        assert around is not None and stations is not None and self._places is not None
        values, seen = {}, {}
        for name, physical in around.values.items():
            scaled = self.scalers[name].scale(physical, around.stations)  # [B, T, K]
            hidden = masks[name].context
            seen[name] = ~scaled.isnan() if hidden is None else ~scaled.isnan() & ~hidden
            values[name] = torch.where(seen[name], scaled, 0.0)
        at, to = self._places[:, stations][..., None], self._places[:, around.stations][:, :, None]
        return Context(values, seen, *displacement_km(at, to))

    def scale(self, name: str, values: Tensor, windows: Windows) -> Float[Tensor, "batch days *place"]:
        """Physical values of windows on the model's scale, NaN where missing."""
        return self.scalers[name].scale(once(values), self._stations(name, windows)).expand_as(values)

    def unscale(self, name: str, values: Tensor, windows: Windows) -> Float[Tensor, "batch days *place"]:
        """Predictions for windows, from the model's scale to the physical unit."""
        return self.scalers[name].unscale(values, self._stations(name, windows))

    def specific(self, name: str, values: Tensor, windows: Windows) -> Float[Tensor, "batch days *place"]:
        """Physical values of windows as errors are measured: flow in mm/d where areas are known."""
        return self.scalers[name].specific(values, self._stations(name, windows))

    def _stations(self, name: str, windows: Windows) -> Int[Tensor, "batch n"] | None:
        return windows.stations if self.shapes[name].kind == "series" else None

    def _token_weights(self, name: str, windows: Windows) -> Float[Tensor, "batch tokens cells"]:
        of_windows = self._weights[name]  # [stations]
        of_windows = of_windows[None] if windows.stations is None else of_windows[windows.stations]  # [B or 1, n]
        of_days = of_windows[:, None].expand(len(windows.starts), windows.days, -1)  # [B, T, n]
        return torch.nan_to_num(to_tokens(of_days, self.shapes[name]))  # tokens past the last day or station hold NaN


def batch_of(
    scaled: Mapping[str, Float[Tensor, "batch days *place"]],
    shapes: Mapping[str, TokenShape],
    mask_of: Callable[[Observed], Mask],
    *,
    attributes: Float[Tensor, "batch stations attributes"] | None,
    day_of_year: Int[Tensor, "batch days"] | None,
    fills: Mapping[str, Fill] = {},
    weights: Mapping[str, Float[Tensor, "batch tokens cells"]] = {},
    context_of: Callable[[Mask], Context] | None = None,
    cells: CellPlaces | None = None,
) -> Batch:
    """A batch of scaled windows, NaN where missing, under the mask that `mask_of` makes from what was observed.

    `context_of` makes what is seen of the stations around under that mask; None where there are none. `cells` are those
    of the grids around the stations.
    """
    n_days = next(iter(scaled.values())).shape[1]
    tokens_of = {name: _tokens(scaled[name], shape) for name, shape in shapes.items()}
    masks = mask_of(Observed(shapes, {name: valid for name, (_, valid) in tokens_of.items()}, fills.keys()))
    tokens = {}
    for name, shape in shapes.items():
        (values, valid), mask = tokens_of[name], masks[name]
        readable = _readable(valid, mask)
        made = ModalityTokens(
            values, valid, mask.visible, mask.target, shape, readable, mask.scored, weights.get(name), mask.issued
        )
        tokens[name] = fills[name](made, n_days, mask.hidden) if name in fills else made
    context = None if context_of is None else context_of(masks)
    return Batch(tokens, attributes, day_of_year, n_days, context, cells)


def _tokens(
    window: Float[Tensor, "batch days *place"], shape: TokenShape
) -> tuple[Float[Tensor, "batch tokens cells"], Bool[Tensor, "batch tokens cells"]]:
    """Tokens with 0 for what is missing, and where they are valid."""
    values, valid = split_missing(to_tokens(once(window), shape))
    return values.expand(len(window), -1, -1), valid.expand(len(window), -1, -1)


def _readable(
    valid: Bool[Tensor, "batch tokens cells"], mask: ModalityMask
) -> Bool[Tensor, "batch tokens cells"] | None:
    return None if mask.hidden is None else (once(valid) & ~once(mask.hidden)).expand_as(valid)
