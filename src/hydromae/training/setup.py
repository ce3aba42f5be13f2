"""The model that fits a store."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from hydromae.base.areas import is_flow
from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.errors import ConfigError
from hydromae.base.station_ids import places_among
from hydromae.config import Config, ModelConfig
from hydromae.runs.pretrained import MultiModalMAE
from hydromae.store.oudin import EVAPORATION, OUDIN, follows_oudin
from hydromae.store.scale_of_attributes import ScaleOfAttributes, climate_of
from hydromae.store.snow import SNOW_SHARE, largest_snow_share
from hydromae.store.store import Store


def model_config_for(config: Config, store: Store) -> ModelConfig:
    """The model's configuration, with the sizes that follow from the data.

    Raises:
        ConfigError: a given size is not that of the data, or positions need coordinates that the data lack.
    """
    decided: dict[str, object] = {"modalities": {name: store.kind(name) for name in store.names}}
    if len(store.valid_patches):
        decided |= {"grid_height": store.shape[0], "grid_width": store.shape[1], "patch_size": store.patch_size}
    if store.station_ids:
        stations = config.data.stations_per_window or len(store.station_ids)
        decided |= {"stations_per_window": stations, "static_attr_dim": len(store.attribute_names)}
    for key in config.model.model_fields_set & decided.keys():
        if getattr(config.model, key) != decided[key]:
            raise ConfigError(
                f"model.{key} is {getattr(config.model, key)}, but the data in {store.path} make it {decided[key]}; "
                f"leave the key out"
            )
    if store.station_ids and config.model.series_position == "coordinates":
        decided |= _coordinates(config, store)
    given = config.model.model_dump(include=config.model.model_fields_set)
    return ModelConfig.model_validate({**given, **decided})


def model_config_without_data(config: Config) -> ModelConfig:
    """The model's configuration before there is a store: the data's modalities, the sizes as configured."""
    kinds = {name: modality.kind for name, modality in config.data.modalities.items()}
    return config.model.model_copy(update={"modalities": kinds}) if kinds else config.model


def build_model(config: Config, store: Store) -> MultiModalMAE:
    """A new model for the store's data, its weights drawn from the configuration's seed."""
    torch.manual_seed(config.seed)
    patches = torch.from_numpy(store.valid_patches.copy()) if len(store.valid_patches) else None
    model = MultiModalMAE(model_config_for(config, store), patches, config.training.task_weights)
    model.trained_on = trained_on(store, config.data.train_stations)
    return model


def trained_on(store: Store, stations: Sequence[str] | None = None) -> dict[str, Any]:
    """What has to be known about the data wherever the weights go: period, stations, units and all scales; for JSON.

    `before` holds the period and the stations of each training that the weights come from; it is empty for new weights.

    Args:
        store: of the training.
        stations: those that are trained on (`data.train_stations`); None is all.
    """
    places = None if stations is None else np.unique(places_among(stations, store.station_ids))
    ids = store.station_ids if places is None else tuple(store.station_ids[place] for place in places)
    modalities: dict[str, Any] = {}
    for name in store.names:
        scaler = store.scaler(name).of_stations(places)
        modalities[name] = {"units": store.units(name), "scaler": scaler.to_dict()}
        if name == EVAPORATION and follows_oudin(store):
            modalities[name]["formula"] = OUDIN
        if store.kept_scales is not None:
            if (told := store.kept_scales.new_station.get(name)) is not None:
                modalities[name]["new_station"] = told
        elif len(scaler.mean) > 1:
            climate = _climate(store, name)
            known = np.concatenate([store.attributes, climate_of(store, climate)], axis=1)
            scale = np.stack([scaler.mean, scaler.std], axis=1)
            fitted = ScaleOfAttributes.fitted(known if places is None else known[places], scale)
            modalities[name]["new_station"] = {"climate": climate, "scale": fitted.to_dict()}
    return {
        "period": [str(day) for day in store.periods.get("train", ())],
        "before": [],
        "stations": list(ids),
        "attributes": list(store.attribute_names),
        "attribute_scale": [numbers.tolist() for numbers in store.attribute_scale],
        "modalities": modalities,
        SNOW_SHARE: largest_snow_share(store, slice(None) if places is None else places),
    }


def _climate(store: Store, name: str) -> list[str]:
    """The series beside one whose means tell a station's climate: those that are no flow and have one scale for all."""
    series = [other for other in store.names if store.kind(other) == "series" and other != name]
    return [other for other in series if not is_flow(store.units(other)) and len(store.scaler(other).mean) == 1]


def usable_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _coordinates(config: Config, store: Store) -> dict[str, object]:
    names, given = store.attribute_names, config.model.model_fields_set
    if "coordinate_attrs" in given:
        return {}
    if len(places := coordinate_columns(names)) == 2:
        return {"coordinate_attrs": (places["latitude"], places["longitude"])}
    if "series_position" in given:
        raise ConfigError(
            f"model.series_position is coordinates, but the attributes in {store.path} have no latitude and longitude; "
            f"set it to learned, or name their places among the attributes with model.coordinate_attrs"
        )
    return {"series_position": "learned"}
