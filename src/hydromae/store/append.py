"""New days for an existing store: its old days, scalers, means, attributes, land and stations stay as they are."""

import hashlib
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import absolute, sha256
from hydromae.base.leftovers import settle
from hydromae.base.locks import locked
from hydromae.base.station_ids import respelled
from hydromae.config import Config
from hydromae.sources.blocks import BLOCK_DAYS, Blocks, place_of, read_blocks, station_at
from hydromae.sources.cells import same_cells
from hydromae.sources.land import Land
from hydromae.sources.plan import Plan, make_plan
from hydromae.sources.regridding import Cells
from hydromae.sources.source import Source
from hydromae.store.description import (
    ModalityDescription,
    StoreDescription,
    read_description,
    write_description,
)
from hydromae.store.packing import Report, halved, pack_all, write_values
from hydromae.store.provenance import changed_files, differing_keys, key_of, options_of, package_version, source_files
from hydromae.store.store import Store
from hydromae.store.work_directory import work_directory

_ANEW = "prepare anew with --overwrite"


class ChangedDays(DataError):
    """Files have another value than the store on a day that it has, which `first_day` is the first of."""

    def __init__(self, message: str, first_day: np.datetime64) -> None:
        super().__init__(message)
        self.first_day = first_day


def append_days(config: Config, on_progress: Report, whole_series: bool = False) -> Store:
    """Add new days to the store of a configuration, after its last day; see `hydromae.store.prepare.prepare`.

    The files may be more, or longer, than those the store was made of. The last 64 of the old days are compared with
    the files, or all days of series with `whole_series`. The complete new store takes the place of the old one in one
    step.

    Raises:
        ConfigError: the configuration asks for something impossible, or not for the days the store has.
        ChangedDays: a compared day has other values.
        DataError: there is no store, it was made with other options or stations, or a file is wrong.
    """
    path = absolute(config.store_path)
    settle(path)
    if not (path / "store.json").is_file():
        raise DataError(f"{path}: is no store that days could be added to; make it without --append first")
    options, sources = options_of(config), source_files(config)
    with locked(path, lambda: on_progress("waiting for another process that prepares this store", 0.0)):
        old = Store.open(path)
        description = read_description(path / "store.json")
        _check_options(path, str(old.days[-1]), description.provenance.options, options)
        # What training days decided when the store was made is decided by the same days again.
        as_made = config.data.model_copy(update={"exclude_dates": old.provenance.fitted_without})
        plan = _aligned(old, make_plan(config.model_copy(update={"data": as_made}), fit=False))
        compared = [_changed_days(old, plan, source, config.model.patch_size, whole_series) for source in plan.sources]
        if changed := [difference for difference in compared if difference is not None]:
            raise min(changed, key=lambda difference: difference.first_day)
        if plan.n_days == old.n_days and plan.periods == old.periods:
            return old
        with work_directory(path, key_of(options, sources, old.fingerprint)) as directory:
            modalities = pack_all(
                plan,
                lambda source, report: _extend(
                    directory, old, description.modalities[source.name], plan, source, config.model.patch_size, report
                ),
                on_progress,
            )
            _copy_rest(directory, path, description)
            notes = description.provenance.notes
            notes += tuple(note for note in plan.notes if note not in notes)
            if plan.n_days > old.n_days:
                new = changed_files(description.provenance.sources, sources)
                first, last = old.days[-1] + np.timedelta64(1, "D"), plan.first_day + timedelta(days=plan.n_days - 1)
                notes += (f"{first} to {last} were added from {', '.join(new) or 'the same files'}",)
            provenance = description.provenance.model_copy(
                update={
                    "version": package_version(),
                    "root": config.data.root,
                    "options": options,
                    "sources": sources,
                    "notes": notes,
                }
            )
            present = {file: sha256(directory / file) for file in description.hashes if file.startswith("present/")}
            update = {
                "n_days": plan.n_days,
                "periods": plan.periods,
                "modalities": modalities,
                "hashes": {**description.hashes, **present},
                "provenance": provenance,
            }
            write_description(directory / "store.json", description.model_copy(update=update))
            on_progress("done", 1.0)
    return Store.open(path)


def _check_options(path: Path, last_day: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Raise ConfigError where options that the old days depend on differ."""
    keys = differing_keys(_lasting(old, last_day), _lasting(new, last_day))
    if keys:
        raise ConfigError(
            f"{path}: was made with other {', '.join(keys)}, and days are added only with the same (what may differ: "
            f"data.val, data.test, data.exclude_stations, paths, days to exclude after {last_day}); "
            f"set them as they were, or {_ANEW}"
        )


def _lasting(options: dict[str, Any], last_day: str) -> dict[str, Any]:
    """The options that the days up to the last one depend on."""
    kept = {key: value for key, value in options.items() if key not in ("val", "test", "exclude_stations")}
    kept["modalities"] = {}
    for name, given in options["modalities"].items():
        spans = [(span if isinstance(span, list) else [span])[0] for span in given["exclude_dates"]]
        excluded = [span for first, span in zip(spans, given["exclude_dates"], strict=True) if first <= last_day]
        others = {key: value for key, value in given.items() if key not in ("paths", "end", "sources")}
        if "sources" in given:
            others["sources"] = [{key: v for key, v in source.items() if key != "paths"} for source in given["sources"]]
        kept["modalities"][name] = {**others, "exclude_dates": excluded}
    return kept


def _aligned(old: Store, plan: Plan) -> Plan:
    """The plan with the land and the stations of the old store, which it must fit."""
    if plan.first_day != old.first_day.item():
        raise ConfigError(
            f"{old.path}: begins on {old.first_day}, but the configuration's periods on {plan.first_day}; "
            f"days are added only after the last: set data.train, val and test accordingly, or {_ANEW}"
        )
    if plan.n_days < old.n_days:
        last = plan.first_day + timedelta(days=plan.n_days - 1)
        raise ConfigError(
            f"{old.path}: ends on {old.days[-1]}, but the configuration's periods on {last}; "
            f"let data.val or data.test reach beyond {old.days[-1]}"
        )
    plan = replace(
        plan,
        station_ids=tuple(respelled(plan.station_ids, old.station_ids)),
        sources=tuple(s.spelled_as(old.station_ids) if s.settings.kind == "series" else s for s in plan.sources),
    )
    new = [station for station in plan.station_ids if station not in set(old.station_ids)]
    if new:
        source = next(s for s in plan.sources if s.settings.kind == "series")
        more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
        raise DataError(
            f"{source.where}: station {new[0]}{more} is not in {old.path}, whose stations stay those it was made with; "
            f"leave it out with data.exclude_stations, or {_ANEW}"
        )
    if plan.members != old.members:
        raise DataError(f"{old.path}: its cells were made of other stations than now; keep the same, or {_ANEW}")
    cells = Cells(old.shape, old.y, old.x)
    for source in plan.sources:
        if source.settings.kind == "grid" and not same_cells(source.cells, cells):
            differing = f"its cells in other places than {old.path}"
            if source.shape != old.shape:
                shape, expected = (f"{rows} x {columns}" for rows, columns in (source.cells.shape, old.shape))
                differing = f"{shape} cells, but {old.path} has {expected}"
            raise DataError(f"{source.where}: has {differing}; give files of the same grid, or {_ANEW}")
    return replace(
        plan,
        land=Land(old.shape, old.valid_patches, old.land) if plan.land else None,
        station_ids=old.station_ids,
        sources=tuple(
            source.for_stations(old.station_ids) if source.settings.kind == "series" else source
            for source in plan.sources
        ),
    )


def _read(old: Store, plan: Plan, source: Source, patch_size: int, begin: int, end: int) -> Blocks:
    """Blocks of the files' values as the store holds them."""
    blocks = read_blocks(plan, source, patch_size, begin, end)
    if old.values(source.name).dtype == np.float16:
        return halved(plan, source, patch_size, old.scaler(source.name), blocks)
    return blocks


def _changed_days(old: Store, plan: Plan, source: Source, patch_size: int, whole_series: bool) -> ChangedDays | None:
    """The first difference between the store and the files, on the last days or on all."""
    begin = 0 if whole_series and source.settings.kind == "series" else max(0, old.n_days - BLOCK_DAYS)
    for start, block in _read(old, plan, source, patch_size, begin, old.n_days):
        stored = old.values(source.name)[start : start + len(block)]
        differs = (block != stored) & ~(np.isnan(block) & np.isnan(stored))
        if differs.any():
            index = tuple(int(i) for i in np.unravel_index(int(differs.argmax()), differs.shape))
            days = np.flatnonzero(differs.reshape(len(block), -1).any(axis=1))
            day = old.days[start + index[0]]
            path = source.path_of(day, station_at(plan, index[1:]))
            return ChangedDays(
                f"{path}: {source.name} {place_of(plan, index[1:], patch_size)} on {day} is "
                f"{block[index]:g}, but {stored[index]:g} in {old.path} (as stored; {len(days)} of the "
                f"{len(block)} days up to {old.days[start + len(block) - 1]} differ); days are added only to unchanged "
                f"ones: give the old values, or {_ANEW}",
                day,
            )
    return None


def _extend(
    directory: Path,
    old: Store,
    modality: ModalityDescription,
    plan: Plan,
    source: Source,
    patch_size: int,
    report: Report,
) -> ModalityDescription:
    whole = old.n_days // BLOCK_DAYS * BLOCK_DAYS

    def produce(begin: int) -> Blocks:
        for start in range(begin, whole, BLOCK_DAYS):
            block = np.ascontiguousarray(old.values(source.name)[start : start + BLOCK_DAYS])
            if hashlib.sha256(block.data).hexdigest() != modality.hashes[1 + start // BLOCK_DAYS]:
                raise DataError(
                    f"{old.path / 'values' / source.name}.npy: days {old.days[start]} to "
                    f"{old.days[start + BLOCK_DAYS - 1]} differ from when they were written; {_ANEW}"
                )
            yield start, block
        yield from _read(old, plan, source, patch_size, max(begin, whole), plan.n_days)

    hashes = write_values(directory, plan, source, modality.dtype, produce, report)
    return modality.model_copy(update={"hashes": tuple(hashes)})


def _copy_rest(directory: Path, path: Path, description: StoreDescription) -> None:
    """Copy what new days do not change."""
    for file, expected in description.hashes.items():
        if file.startswith("present/"):
            continue
        (directory / file).parent.mkdir(exist_ok=True)
        shutil.copyfile(path / file, directory / file)
        if sha256(directory / file) != expected:
            raise DataError(f"{path / file}: its content differs from when it was written; {_ANEW}")
