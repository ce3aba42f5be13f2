"""Sources to store: read, check, pack, fit the scalers, and write, in blocks of days."""

import shutil
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hydromae.config import Config
from hydromae.data.areas import MM_PER_DAY, complete_areas
from hydromae.data.cleaning import first_fault
from hydromae.data.moments import Moments
from hydromae.data.origin import exchange, existing_store, options_of, refuse_other_content, source_files
from hydromae.data.patches import cell_index, pack
from hydromae.data.plan import Plan, make_plan
from hydromae.data.scaling import ScalerFit
from hydromae.data.sources import Source
from hydromae.data.store import Store
from hydromae.data.store_description import (
    ModalityDescription,
    Provenance,
    SourceFile,
    StoreDescription,
    write_description,
)
from hydromae.data.values_file import ValuesFile
from hydromae.files import atomic_directory, sha256

BLOCK_DAYS = 64

Progress = Callable[[str, float], None]


def prepare(config: Config, on_progress: Progress | None = None, overwrite: bool = False) -> Store:
    """Make the store of a configuration, or return it if it is there already, made from the same files and options.

    Memory does not grow with the days of the grids. Nothing is left behind on failure.

    Args:
        config: what to prepare; `config.store_path` is where.
        on_progress: called with what is being done and the share that is done, 0 to 1.
        overwrite: replace a store that is there; it stays until the new one is complete.

    Raises:
        ConfigError: the configuration asks for what cannot be.
        DataError: a file is wrong or does not fit the others, a value is impossible, or another store is in the way.
    """
    path = Path(config.store_path).absolute()
    options, sources = options_of(config), source_files(config)
    if not overwrite and (found := existing_store(path, options, sources)) is not None:
        return found
    refuse_other_content(path)
    plan = make_plan(config)
    fresh = path.with_name(f".{path.name}.fresh") if path.exists() else path
    if fresh != path:
        shutil.rmtree(fresh, ignore_errors=True)
    with atomic_directory(fresh) as directory:
        _write(directory, config, plan, options, sources, on_progress or (lambda stage, done: None))
    if fresh != path:
        exchange(fresh, path)
    return Store.open(path)


def _write(
    directory: Path,
    config: Config,
    plan: Plan,
    options: dict[str, Any],
    sources: tuple[SourceFile, ...],
    on_progress: Progress,
) -> None:
    notes = list(plan.notes)
    modalities: dict[str, ModalityDescription] = {}
    (directory / "mean").mkdir()
    (directory / "present").mkdir()
    # Series first: they are read in a moment, so what is wrong with them is known before the grids are packed.
    ordered = sorted(plan.sources, key=lambda source: source.settings.kind != "series")
    for done, source in enumerate(ordered):

        def report(share: float, done: int = done, name: str = source.name) -> None:
            on_progress(f"packing {name}", (done + share) / len(ordered))

        modalities[source.name] = _write_modality(directory, config, plan, source, notes, report)
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
        np.save(directory / file, array)
    areas = attributes.areas if attributes else None
    files = (*arrays, *(f"{kept}/{name}.npy" for name in modalities for kept in ("mean", "present")))
    y, x = (_coordinate(plan, axis) for axis in ("y", "x"))
    description = StoreDescription(
        first_day=plan.first_day,
        n_days=plan.n_days,
        block_days=BLOCK_DAYS,
        periods=plan.periods,
        modalities={source.name: modalities[source.name] for source in plan.sources},
        shape=land.shape if land else None,
        patch_size=config.model.patch_size,
        y=y,
        x=x,
        station_ids=plan.station_ids,
        attribute_names=attributes.names if attributes else (),
        areas=None if areas is None else tuple(None if np.isnan(area) else float(area) for area in areas),
        hashes={file: sha256(directory / file) for file in files},
        provenance=Provenance(
            version=_version(), options=options, sources=sources, notes=tuple(notes), members=plan.members
        ),
    )
    write_description(directory / "store.json", description)
    on_progress("done", 1.0)


def _write_modality(
    directory: Path, config: Config, plan: Plan, source: Source, notes: list[str], report: Callable[[float], None]
) -> ModalityDescription:
    settings, name = source.settings, source.name
    is_grid = settings.kind == "grid"
    if is_grid:
        assert plan.land is not None
        place_shape: tuple[int, ...] = plan.land.cells.shape
    else:
        place_shape = (len(plan.station_ids),)
    columns = int(np.prod(place_shape))
    fit = ScalerFit(
        name,
        settings.scaling,
        columns,
        eps=settings.scaling_eps,
        factor=_factor(plan, source, notes) if settings.per_area else None,
        per_station=settings.scaling_per == "station",
    )
    means = Moments(columns)
    present = np.zeros((plan.n_days, place_shape[0]), bool)
    with ValuesFile(directory / "values" / f"{name}.npy", (plan.n_days, *place_shape)) as file:
        for start, block in _blocks(plan, source, config.model.patch_size):
            file.append(block)
            observed = ~np.isnan(block)
            present[start : start + len(block)] = observed.any(-1) if is_grid else observed
            training = _overlap(plan.training, start, len(block))
            days = block[training].reshape(-1, columns)  # [day, column]
            fit.update(days)
            means.update(days)
            report((start + len(block)) / plan.n_days)
    np.save(directory / "mean" / f"{name}.npy", means.observed_mean().astype(np.float32).reshape(place_shape))
    np.save(directory / "present" / f"{name}.npy", present)
    return ModalityDescription(
        kind=settings.kind,
        units=settings.units,
        long_name=settings.long_name,
        standard_name=settings.standard_name,
        scaler=fit.finish().to_dict(),
        hashes=tuple(file.hashes),
        day_bytes=columns * 4,
    )


def _blocks(plan: Plan, source: Source, patch_size: int) -> Iterator[tuple[int, Float[np.ndarray, "day *place"]]]:
    """Position of the first day, and checked values, grids packed, of each block of days."""
    for start in range(0, plan.n_days, BLOCK_DAYS):
        first = np.datetime64(plan.first_day) + start
        block = source.read(first, min(BLOCK_DAYS, plan.n_days - start))
        if source.settings.kind == "grid":
            assert plan.land is not None
            block = pack(block, plan.land.patches, patch_size)  # [day, patch, cell]
            block[:, ~plan.land.cells] = np.nan
        fault = first_fault(block, source.settings)
        if fault is not None:
            raise source.error(fault, first + fault.index[0], _place(plan, fault.index[1:], patch_size))
        yield start, block


def _place(plan: Plan, index: tuple[int, ...], patch_size: int) -> str:
    if len(index) == 1:
        return f"of station {plan.station_ids[index[0]]}"
    assert plan.land is not None
    cell = int(cell_index(plan.land.patches, plan.land.shape, patch_size)[index])
    row, column = divmod(cell, plan.land.shape[1])
    return f"at row {row}, column {column}"


def _overlap(period: slice, start: int, count: int) -> slice:
    return slice(min(max(period.start - start, 0), count), min(max(period.stop - start, 0), count))


def _factor(plan: Plan, source: Source, notes: list[str]) -> Float[np.ndarray, "station"] | None:
    """What turns m3/s into mm/d at each station; None where no area is known."""
    areas = plan.attributes.areas if plan.attributes else None
    if areas is None or np.isnan(areas).all():
        notes.append(f"{source.name}: no catchment area is known, so flow is modelled in {source.settings.units}")
        return None
    flow = Moments(len(areas))
    first = np.datetime64(plan.first_day) + plan.training.start
    for start in range(0, plan.training.stop - plan.training.start, BLOCK_DAYS):
        count = min(BLOCK_DAYS, plan.training.stop - plan.training.start - start)
        flow.update(source.read(first + start, count))
    complete, assumed = complete_areas(areas, flow.observed_mean(), plan.station_ids)
    notes.extend(f"{source.name}: {note}" for note in assumed)
    return MM_PER_DAY / complete


def _coordinate(plan: Plan, axis: str) -> tuple[float, ...] | None:
    for source in plan.sources:
        values = source.pieces[0].values
        if source.settings.kind == "grid" and axis in values.coords:
            return tuple(float(number) for number in values[axis].values)
    return None


def _version() -> str:
    try:
        return version("hydromae")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
