"""From sources to a store: read, check, pack, fit the scalers, and write, in blocks of days."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import absolute, sha256, write_array
from hydromae.base.leftovers import settle
from hydromae.base.locks import locked
from hydromae.config import Config
from hydromae.config.read import Given, as_config
from hydromae.sources.blocks import BLOCK_DAYS
from hydromae.sources.plan import Plan, make_plan
from hydromae.store.append import append_days
from hydromae.store.description import Provenance, SourceFile, StoreDescription, write_description
from hydromae.store.packing import pack_all, pack_modality
from hydromae.store.provenance import (
    declared,
    existing_store,
    fitted_without,
    key_of,
    options_of,
    package_version,
    refuse_other_content,
    source_files,
    store_of,
)
from hydromae.store.store import Store
from hydromae.store.work_directory import work_directory

__all__ = ["ALREADY", "BLOCK_DAYS", "Progress", "prepare"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
ALREADY = "is there already, made from the same files"


def prepare(config: Given, on_progress: Progress | None = None, overwrite: bool = False, append: bool = False) -> Store:
    """Make the store of a configuration, or return it if it exists and was made from the same files and options.

    A store with these options is returned with a warning where its sources are absent, as on a machine that it was
    copied to.

    Scalers and means are fitted on the training days that `data.exclude_dates` does not name. An existing store keeps
    those it has; a warning says so where they were fitted on other days.

    Memory does not grow with the days of the grids. An error leaves nothing behind; an interruption (Ctrl-C, a signal,
    a power cut) leaves a hidden directory beside the store, and the next call with the same configuration continues
    from it. The store is the same, bit for bit, however often its making was interrupted. Of two processes that make
    the same store the second waits for the first.

    Args:
        config: what to prepare, a configuration, its file or nested mappings; `config.store_path` is where.
        on_progress: called with what is being done and the share that is done, 0 to 1; only with `ALREADY` where there
            is nothing to do.
        overwrite: replace an existing store; it stays until the new one is complete.
        append: add the days after its last one to the existing store, which must have been made with the same
            options, training period and stations; its scalers, means, attributes and land are kept.

    Raises:
        ConfigError: the configuration asks for something impossible.
        DataError: a file is wrong or does not fit the others, a value is impossible, or another store is in the way.
    """
    config, on_progress = as_config(config), on_progress or (lambda stage, done: None)
    if append:
        if overwrite:
            raise ConfigError("a store is either replaced (overwrite) or added to (append); ask for one of them")
        return declared(append_days(config, on_progress), config)
    path = absolute(config.store_path)
    settle(path)
    options = options_of(config)
    try:
        sources = source_files(config)
    except DataError as error:
        store = None if overwrite else store_of(path, options)
        if store is None:
            raise
        # A store is all that training needs, so it may be taken where its sources are not.
        logger.warning("%s: is used as it is, since its sources cannot be compared with it (%s)", path, error)
        return declared(store, config)
    if not overwrite and (store := existing_store(path, options, sources)) is not None:
        on_progress(ALREADY, 1.0)
        return declared(store, config)
    refuse_other_content(path)
    plan = make_plan(config)
    with locked(path, lambda: on_progress("waiting for another process that prepares this store", 0.0)):
        if not overwrite and (store := existing_store(path, options, sources)) is not None:
            on_progress(ALREADY, 1.0)
            return declared(store, config)
        without = [[str(day) for day in span] for span in fitted_without(config)]
        made_of = {**options, "fitted_without": without} if without else options
        with work_directory(path, key_of(made_of, sources)) as directory:
            _write(directory, config, plan, options, sources, on_progress)
    return declared(Store.open(path), config)


def _write(
    directory: Path,
    config: Config,
    plan: Plan,
    options: dict[str, Any],
    sources: tuple[SourceFile, ...],
    on_progress: Progress,
) -> None:
    notes = list(plan.notes)
    modalities = pack_all(
        plan, lambda source, report: pack_modality(directory, config, plan, source, notes, report), on_progress
    )
    land, attributes = plan.land, plan.attributes
    n_cells = config.model.patch_size**2
    arrays = {
        "land.npy": land.cells if land else np.zeros((0, n_cells), bool),
        "valid_patches.npy": land.patches if land else np.zeros(0, np.int64),
        "attributes.npy": (
            attributes.values.astype(np.float32) if attributes else np.zeros((len(plan.station_ids), 0), np.float32)
        ),
    }
    for file, array in arrays.items():
        write_array(directory / file, array)
    areas = attributes.areas if attributes else None
    files = (*arrays, *(f"{kept}/{name}.npy" for name in modalities for kept in ("mean", "present")))
    description = StoreDescription(
        first_day=plan.first_day,
        n_days=plan.n_days,
        block_days=BLOCK_DAYS,
        periods=plan.periods,
        modalities=modalities,
        shape=land.shape if land else None,
        patch_size=config.model.patch_size,
        y=plan.y,
        x=plan.x,
        coordinates=plan.coordinates,
        station_ids=plan.station_ids,
        attribute_names=attributes.names if attributes else (),
        areas=None if areas is None else tuple(None if np.isnan(area) else float(area) for area in areas),
        hashes={file: sha256(directory / file) for file in files},
        provenance=Provenance(
            version=package_version(),
            root=config.data.root,
            options=options,
            sources=sources,
            notes=tuple(notes),
            members=plan.members,
            fitted_without=fitted_without(config),
            station_names=plan.station_names,
        ),
    )
    write_description(directory / "store.json", description)
    on_progress("done", 1.0)
