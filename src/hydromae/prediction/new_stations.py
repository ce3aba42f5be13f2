"""The scale of a series at stations that a model was not trained on."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from hydromae.base.areas import MM_PER_DAY
from hydromae.base.station_ids import named_stations, places_among
from hydromae.store.scale_of_attributes import ScaleOfAttributes, climate_of
from hydromae.store.scaling import Scaler
from hydromae.store.snow import SNOW_SHARE, snow_share, tells_snow

_log = logging.getLogger(__name__)

_MUCH_MORE, _NOTABLE = 1.5, 0.05  # times the largest share of snow in the training, and a share that matters at all

if TYPE_CHECKING:
    from hydromae.prediction.known_data import KnownData


def with_new_stations(
    data: "KnownData",
    name: str,
    scaler: Scaler,
    new: Bool[np.ndarray, " station"],
    told: Mapping[str, Any],
    own_records: bool,
) -> Scaler:
    """A scaler with mean and deviation of the new stations from what is known of them.

    Args:
        data: that has the stations.
        name: of the series.
        scaler: with an entry for each station, of which those of the training hold.
        new: which stations were not trained on.
        told: `new_station` of the series in the model's `trained_on`.
        own_records: whether their own records correct it.
    """
    known = features_of(data, told)
    nothing = np.zeros((len(new), 2)), np.zeros(len(new), np.int64)
    record, days = _records(data, name, scaler) if own_records and data.has(name) else nothing
    scale = ScaleOfAttributes.from_dict(told["scale"])(known, record, days)
    both = np.where(new[:, None], scale, np.stack([scaler.mean, scaler.std], axis=1))  # [station, 2]
    return replace(scaler, mean=tuple(both[:, 0].tolist()), std=tuple(both[:, 1].tolist()))


def features_of(data: "KnownData", told: Mapping[str, Any]) -> Float[np.ndarray, "station feature"]:
    """What the scale of a new station follows from: attributes, and means of the weather series; NaN where unknown."""
    climate = data.at_stations(climate_of(data.store, told["climate"]))
    for i, series in enumerate(told["climate"]):
        if series in data.computed:
            climate[:, i] = _mean_of(data, series)
    return np.concatenate([data.named_attributes, climate], axis=1)


def unlike_training(data: "KnownData") -> dict[str, list[str]]:
    """Stations outside the training that differ from all of it, each with what differs, in words."""
    told = next((of["new_station"] for of in data.trained_on["modalities"].values() if "new_station" in of), None)
    if told is None:
        return {}
    scale, known = ScaleOfAttributes.from_dict(told["scale"]), features_of(data, told)
    names = [*map(str, data.trained_on["attributes"]), *(f"mean {name}" for name in told["climate"])]
    new = places_among(data.stations, data.trained_on["stations"]) < 0
    low, high = scale.usual
    unlike: dict[str, list[str]] = {}
    for place, feature in np.argwhere(scale.unusual(known) & new[:, None]).tolist():
        usual = f"{low[feature]:.4g} to {high[feature]:.4g} are usual there"
        unlike.setdefault(data.stations[place], []).append(f"{names[feature]} {known[place, feature]:.4g} ({usual})")
    usual_snow = data.trained_on.get(SNOW_SHARE)
    if usual_snow is not None and new.any() and tells_snow(data.store):
        shares = snow_share(data.read, data.store.period_slice("train"))  # [station]
        for place in np.flatnonzero(new & (shares > max(_MUCH_MORE * usual_snow, _NOTABLE))).tolist():
            snow = f"snow {shares[place]:.0%} of the precipitation ({usual_snow:.0%} at most there)"
            unlike.setdefault(data.stations[place], []).append(snow)
    return unlike


def _mean_of(data: "KnownData", name: str) -> Float[np.ndarray, " station"]:
    """Mean of a computed series over the training period of the data; NaN where it has no value."""
    period = data.store.period_slice("train")
    values = data.read(name, period.start, period.stop - period.start)  # [T, station]
    known = np.isfinite(values)
    mean: np.ndarray = np.where(known, values, 0).sum(0, dtype=np.float64) / np.where(
        known.any(0), known.sum(0), np.nan
    )
    return mean


def areas_of(data: "KnownData", name: str, usual: float) -> Float[np.ndarray, " station"]:
    """Areas in km2 that bring a flow in m3/s to mm/d, NaN where nothing tells one.

    Where the data lack an area, it is such that the station's mean flow is a usual one, so that its record is scaled
    alike; what is forecast in m3/s depends little on it.

    Args:
        data: that has the flow.
        name: of the flow.
        usual: mean flow in mm/d.
    """
    areas = np.full(len(data.stations), np.nan)
    if data.store.areas is not None:
        areas = data.at_stations(data.store.areas)
    guessed = np.isnan(areas)
    mean = data.mean(name).astype(np.float64)
    areas = np.where(guessed & (mean > 0), MM_PER_DAY * mean / usual, areas)
    if guessed.any():
        named = named_stations([data.stations[place] for place in np.flatnonzero(guessed)])
        _log.warning(
            "%s: has no catchment area of %s, whose flow is scaled by its mean instead", data.store.path, named
        )
    return areas


def _records(
    data: "KnownData", name: str, scaler: Scaler
) -> tuple[Float[np.ndarray, "station 2"], Int[np.ndarray, " station"]]:
    """Mean and deviation of each station's record in the training period of the data, and its days."""
    period = data.store.period_slice("train")
    plain = replace(scaler, mean=(0.0,), std=(1.0,))
    values = plain.scale(torch.from_numpy(data.read(name, period.start, period.stop - period.start))).numpy()
    observed = np.isfinite(values)  # [T, station]
    days = observed.sum(0)
    mean = np.where(observed, values, 0).sum(0, dtype=np.float64) / days.clip(1)
    square = (np.where(observed, values - mean, 0) ** 2).sum(0) / days.clip(1)
    return np.stack([mean, np.sqrt(square)], axis=1), days
