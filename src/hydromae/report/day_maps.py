"""Maps of a reconstruction's grids day by day, which the page's own modules draw."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import xarray as xr

from hydromae.drawing.maps import colour_map_of, hexes, known_extent
from hydromae.drawing.packing import pack, squeeze
from hydromae.tokens.selection import MISSING, TARGET

VALUES: Final = 900_000  # cells with a value in all maps together; some 1.2 bytes each in the page
MOST_DAYS: Final = 30


def day_maps_data(
    dataset: xr.Dataset, names: list[str], label: Callable[[str], str], words: Callable[[str], str]
) -> str | None:
    """Days evenly spread over a reconstruction, packed; None where it holds no grid.

    Args:
        dataset: the open reconstruction.
        names: its modalities.
        label: name -> what it is called.
        words: name -> its standard and long name, which choose the colours.
    """
    grids = [name for name in names if "station" not in dataset[name].dims and dataset[name].ndim == 3]
    described: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for name in grids:
        made = _grid(dataset, name, label(name), words(name), VALUES // len(grids))
        if made is not None:
            described.append(made[0])
            arrays |= made[1]
    return pack({"grids": described}, arrays) if described else None


def _grid(
    dataset: xr.Dataset, name: str, label: str, words: str, budget: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    y, x = (dim for dim in dataset[name].dims if dim != "time")
    n_days = dataset.sizes["time"]
    middle = dataset[name].isel(time=n_days // 2).transpose(y, x).values
    each = max(1, int(np.isfinite(middle).sum()))
    count = max(1, min(MOST_DAYS, n_days, budget // each))
    days = np.unique(np.linspace(0, n_days - 1, count).round().astype(int))
    observed, estimate, state = (
        dataset[f"{name}{part}"].isel(time=days).transpose("time", y, x) for part in ("", "_reconstructed", "_state")
    )
    values, hidden = observed.values.astype(np.float64), state.fillna(MISSING).values == TARGET
    rows, columns = known_extent(np.asarray(np.isfinite(values).any(axis=0)))
    values, hidden = values[:, rows, columns], hidden[:, rows, columns]
    filled = np.where(hidden, estimate.values[:, rows, columns], np.nan)
    known = values[np.isfinite(values)]
    if not known.size or not hidden.any():
        return None
    rises = y in dataset.coords and dataset.sizes[y] > 1 and bool(dataset[y][0] < dataset[y][-1])
    if rises:
        values, hidden, filled = values[:, ::-1], hidden[:, ::-1], filled[:, ::-1]
    colours, units = colour_map_of(words), str(observed.attrs.get("units", ""))
    low, high = (float(np.quantile(known, q)) for q in (0.01, 0.99))
    errors = np.abs((filled - values)[np.isfinite(filled - values)])
    offset, scale = float(known.min()), float(np.ptp(known)) or 1.0
    arrays = {
        f"{name} observed": squeeze(values, np.array(offset), np.array(scale)),
        f"{name} reconstructed": squeeze(filled, np.array(offset), np.array(scale)),
        f"{name} hidden": hidden.astype(np.uint8),
    }
    described = {
        "name": name,
        "label": label,
        "units": "" if units == "1" else units,
        "days": [str(day) for day in dataset["time"].values[days].astype("datetime64[D]")],
        "all_days": n_days,
        "offset": offset,
        "scale": scale,
        "low": min(0.0, low) if colours == "YlGnBu" else low,
        "high": high if high > low else low + 1.0,
        "error": (float(np.quantile(errors, 0.98)) if errors.size else 0.0) or 1.0,
        "colours": hexes(colours),
        "diverging": hexes("PuOr"),
        "x": _centres(dataset, x, columns, turned=False),
        "y": _centres(dataset, y, rows, turned=rises),
    }
    return described, arrays


def _centres(dataset: xr.Dataset, dim: Any, part: slice, turned: bool) -> list[float] | None:
    if dim not in dataset.coords:
        return None
    centres = [float(f"{value:.7g}") for value in dataset[dim].values[part]]
    return centres[::-1] if turned else centres
