"""One day of each grid, reconstructed with each other modality hidden: what the table means on a map."""

from typing import Any

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float, Int
from torch import Tensor

from hydromae.batch.states import state_window
from hydromae.store.cf import axes, variable_attributes
from hydromae.store.maps import to_grid
from hydromae.tasks.hidden_modalities import HidingModel
from hydromae.tokens.selection import TARGET, VISIBLE

NOTHING = "none"


def example_maps(hiding: HidingModel, start: int, days: int) -> xr.Dataset:
    """A day of a window on which each grid varies much in space, in physical units, NaN where there is no value.

    Args:
        hiding: model and data; its windows hold all stations.
        start: first day of the window, as days since the store's first day.
        days: number of days in the window.

    Returns:
        For each grid `<name>_observed` [y, x] with its date in attribute `day`, `<name>_masked` [y, x] (1 where it was
        masked as in training, 0 where it was visible, NaN elsewhere), and `<name>_reconstructed` [own, without, y, x]:
        with `own` visible, of the masked cells; with `own` hidden, of all cells, since none in the window was visible.
        `without` is the other modality that was wholly hidden, or none; NaN where that is the grid itself.
    """
    (windows, batch), store = next(hiding.batches(start, days)), hiding.store
    names = list(hiding.model.shapes)
    grids = [name for name in names if hiding.model.shapes[name].kind == "grid"]
    if not grids:
        return xr.Dataset()
    variables: dict[str, Any] = {}
    for name in grids:
        observed = windows.values[name][0]  # [T, patches, cells]
        state = state_window(batch.tokens[name], days)[0]  # [T, patches, cells]
        day = _day(observed, state)
        maps = np.full((2, 1 + len(names), *store.shape), np.nan, np.float32)
        for i, whole in enumerate((False, True)):
            for j, other in enumerate((NOTHING, *names)):
                if other == name:
                    continue
                hidden = {other, name} if whole else {other}
                answer = hiding.predict(windows, hidden, {name}, whole)
                if name in answer:
                    reconstructed = torch.where(observed[day].isnan(), torch.nan, answer[name][0, day])
                    maps[i, j] = to_grid(store, reconstructed.cpu().numpy())
        masked = torch.where(observed[day].isnan(), torch.nan, (state[day] == TARGET).float())
        of_day = {"day": str(store.days[start + day])}
        described = {**variable_attributes(store, name), **of_day}
        described = {key: value for key, value in described.items() if key not in ("grid_mapping", "cell_methods")}
        masked_words = {"long_name": f"{described['long_name']}, 1 where masked, 0 where seen", **of_day}
        variables[f"{name}_observed"] = (("y", "x"), to_grid(store, observed[day].cpu().numpy()), described)
        variables[f"{name}_masked"] = (("y", "x"), to_grid(store, masked.cpu().numpy()), masked_words)
        variables[f"{name}_reconstructed"] = (("own", "without", "y", "x"), maps, described)
    without = ("without", [NOTHING, *names], {"long_name": "the other modality that is hidden wholly"})
    return xr.Dataset(variables, {"without": without, "own": ["visible", "hidden"], **axes(store, {"grid"})})


def _day(observed: Float[Tensor, "day patch cell"], state: Int[Tensor, "day patch cell"]) -> int:
    """The day with the largest variance in space, preferably among days with both masked and visible cells."""
    present = ~observed.isnan()
    count = present.sum((1, 2)).clamp(min=1)
    mean = observed.nan_to_num().sum((1, 2)) / count
    spread = torch.where(present, observed - mean[:, None, None], 0.0).square().sum((1, 2)) / count  # [T]
    both = (state == TARGET).any(-1).any(-1) & (state == VISIBLE).any(-1).any(-1)  # [T]
    return int(torch.where(both, spread, spread - spread.max() - 1).argmax())
