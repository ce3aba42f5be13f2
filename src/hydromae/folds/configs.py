"""Folds of a store's stations, and a configuration for each that leaves its stations out of the training."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from hydromae.base.errors import DataError
from hydromae.base.replacing import replace_together
from hydromae.config.read import load_config
from hydromae.folds.folds import Folds, spatial_folds
from hydromae.folds.river_links import hydrometric_areas
from hydromae.store.station_table import station_table
from hydromae.store.store import Store
from hydromae.store.view import open_store

_HEAD: Final = "# Written by `hydromae data folds`.\n"


def folds_of_store(store: Store, count: int = 5, apart_km: float = 10.0, seed: int = 0) -> Folds:
    """Spatial folds of all stations of a store, see `spatial_folds`.

    If all ids are numbers of the National River Flow Archive, stations are kept together by hydrometric area; otherwise
    by distance and by whether their catchments may be nested.

    Raises:
        DataError: the store has no stations, or one lacks coordinates.
        ConfigError: folds of about equal size cannot be made.
    """
    return spatial_folds(
        station_table(open_store(store)), count, apart_km=apart_km, basins=_areas(store.station_ids), seed=seed
    )


def fold_config(config: Path, folder: Path, fold: int) -> Path:
    """Where the configuration of a fold is written."""
    return folder / f"{config.stem}_fold{fold}.yaml"


def write_folds(folds: Folds, output: Path, config: Path | None = None, replace: bool = True) -> list[Path]:
    """Write the table of folds, and beside it their configurations if one is given to extend: all files or none.

    Returns:
        The files, the table first.

    Raises:
        ConfigError: the configuration cannot be used.
        DataError: a file cannot be written, or without `replace` is there already.
    """
    texts = fold_configs(folds, config, output.parent) if config is not None else {}
    writers = {path: partial(Path.write_text, data=text, encoding="utf-8") for path, text in texts.items()}
    replace_together({output: folds.write_to, **writers}, replace)
    return [output, *texts]


def fold_configs(folds: Folds, config: Path, folder: Path) -> dict[Path, str]:
    """For each fold a configuration that extends another one and leaves the fold's stations out of its store.

    `<name of config>_fold<n>.yaml` has a store, a name and an output of its own; a run of it has seen nothing of those
    stations, neither their flow nor the numbers that scale it.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    already = load_config(config).data.exclude_stations
    texts = {}
    for fold in range(folds.count):
        away = [*already, *(station for station in folds.held_out(fold) if station not in already)]
        content = {
            "extends": os.path.relpath(config.resolve(), folder.resolve()),
            "data": {"store": None, "exclude_stations": away},
        }
        texts[fold_config(config, folder, fold)] = _HEAD + yaml.safe_dump(content, sort_keys=False, width=120)
    return texts


def _areas(ids: Sequence[str]) -> list[str] | None:
    try:
        return hydrometric_areas(ids)
    except DataError:  # other ids, which say nothing of the river
        return None
