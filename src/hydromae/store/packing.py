"""One modality of a store: fit its scaler, and write its values, where they are present, and their mean."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float

from hydromae.base.areas import MM_PER_DAY, complete_areas
from hydromae.base.errors import DataError
from hydromae.base.files import write_array, write_text
from hydromae.base.json_text import digest, json_text, or_null
from hydromae.base.moments import Moments
from hydromae.config import Config
from hydromae.sources.blocks import BLOCK_DAYS, Blocks, place_of, place_shape, read_blocks, station_at
from hydromae.sources.plan import Plan
from hydromae.sources.source import Source
from hydromae.store.description import ModalityDescription
from hydromae.store.scaling import Scaler, ScalerFit
from hydromae.store.values_file import ValuesFile

Storage = Literal["float32", "float16"]
# Called with what is being done, and the share of it that is done.
Report = Callable[[str, float], None]


@dataclass(frozen=True)
class Fitted:
    """What the training days give: a scaler and the mean of each place, float32 [*place]."""

    scaler: Scaler
    mean: Float[np.ndarray, "*place"]


class TrainingFit:
    """Gathers scaler and mean from the training days of blocks that come in order, but for days declared wrong."""

    def __init__(self, plan: Plan, source: Source, factor: Float[np.ndarray, "station"] | None) -> None:
        settings = source.settings
        self._period, self._shape, self._usable = plan.training, place_shape(plan, source), plan.usable
        columns = int(np.prod(self._shape))
        self._fit = ScalerFit(
            source.name,
            settings.scaling,
            columns,
            eps=settings.scaling_eps,
            factor=factor,
            per_station=settings.scaling_per == "station",
        )
        self._means = Moments(columns)

    def update(self, start: int, block: Float[np.ndarray, "day *place"]) -> None:
        """Add a block of physical values whose first day is `start`."""
        begin, end = (min(max(edge - start, 0), len(block)) for edge in (self._period.start, self._period.stop))
        days = block.reshape(len(block), -1)[begin:end]  # [day, column]
        usable = self._usable[start + begin : start + end]
        if not usable.all():
            days = days[usable]
        self._fit.update(days)
        self._means.update(days)

    def finish(self) -> Fitted:
        """The scaler and the means; raises DataError where no value or only one was observed."""
        return Fitted(self._fit.finish(), self._means.observed_mean().astype(np.float32).reshape(self._shape))


def pack_all(
    plan: Plan, pack: Callable[[Source, Report], ModalityDescription], on_progress: Report
) -> dict[str, ModalityDescription]:
    """Pack every modality of a plan, reporting the share of all that is done; in the order of the plan."""
    # Series first: they are read in a moment, so what is wrong with them is known before the grids are packed.
    ordered = sorted(plan.sources, key=lambda source: source.settings.kind != "series")
    packed: dict[str, ModalityDescription] = {}
    for done, source in enumerate(ordered):

        def report(stage: str, share: float, done: int = done) -> None:
            on_progress(stage, (done + share) / len(ordered))

        packed[source.name] = pack(source, report)
    return {source.name: packed[source.name] for source in plan.sources}


def pack_modality(
    directory: Path, config: Config, plan: Plan, source: Source, notes: list[str], report: Report
) -> ModalityDescription:
    """Write one modality of a new store into `directory`, continuing what an interruption left there.

    Raises:
        DataError: a value is impossible or cannot be read, or the training period holds none or only one.
    """
    factor = _factor(plan, source, notes) if source.settings.per_area else None
    size, storage = config.model.patch_size, config.data.storage
    fit = TrainingFit(plan, source, factor)
    if storage == "float16":
        fitted = _fitted_before(directory, plan, source, size, fit, report)
        scaler = fitted.scaler

        def produce(begin: int) -> Blocks:
            return halved(plan, source, size, scaler, read_blocks(plan, source, size, begin, plan.n_days))

        hashes = write_values(directory, plan, source, storage, produce, report)
    else:

        def produce(begin: int) -> Blocks:
            return read_blocks(plan, source, size, begin, plan.n_days)

        hashes = write_values(directory, plan, source, storage, produce, report, fit.update)
        fitted = fit.finish()
    (directory / "mean").mkdir(exist_ok=True)
    write_array(directory / "mean" / f"{source.name}.npy", fitted.mean)
    settings = source.settings
    return ModalityDescription(
        kind=settings.kind,
        units=settings.units,
        long_name=settings.long_name,
        standard_name=settings.standard_name,
        scaler=fitted.scaler.to_dict(),
        dtype=storage,
        hashes=tuple(hashes),
        day_bytes=int(np.prod(place_shape(plan, source))) * np.dtype(storage).itemsize,
    )


def write_values(
    directory: Path,
    plan: Plan,
    source: Source,
    storage: Storage,
    produce: Callable[[int], Blocks],
    report: Report,
    on_block: Callable[[int, Float[np.ndarray, "day *place"]], None] = lambda start, block: None,
) -> list[str]:
    """Write `values/<name>.npy` and `present/<name>.npy`; whole blocks that an interruption left are kept.

    Args:
        directory: the directory of the store.
        plan: what the store is to be.
        source: the modality.
        storage: float32 or float16.
        produce: gives the blocks, as they are stored, from a day on.
        report: called with what is being done and the share that is done.
        on_block: called with every block, the kept ones too.

    Returns:
        SHA-256 of the header, then of each block.
    """
    name, shape = source.name, place_shape(plan, source)
    present = np.zeros((plan.n_days, shape[0]), bool)
    path, journal = directory / "values" / f"{name}.npy", directory / "journal" / name
    (directory / "present").mkdir(exist_ok=True)

    def look_at(start: int, block: Float[np.ndarray, "day *place"]) -> None:
        observed = ~np.isnan(block)
        present[start : start + len(block)] = observed.any(-1) if len(shape) == 2 else observed
        on_block(start, block)

    with ValuesFile(path, journal, (plan.n_days, *shape), storage, BLOCK_DAYS) as file:
        stage = f"packing {name}"
        for block in file.kept():
            look_at(file.days - len(block), block)
            report(f"continuing: checking what is there of {name}", file.days / plan.n_days)
        if file.days:
            stage = f"packing {name}, continuing at {np.datetime64(plan.first_day) + np.timedelta64(file.days, 'D')}"
        for start, block in produce(file.days):
            file.append(block)
            look_at(start, block)
            report(stage, file.days / plan.n_days)
        hashes = file.hashes
    write_array(directory / "present" / f"{name}.npy", present)
    return hashes


def halved(plan: Plan, source: Source, patch_size: int, scaler: Scaler, blocks: Blocks) -> Blocks:
    """Blocks of physical float32 values as scaled float16 ones.

    Each value is rounded to the nearest, so it is within 2^-11 of its own size of the scaled value (2^-25 where that is
    below 2^-14); NaN stays NaN.

    Raises:
        DataError: a scaled value is beyond what float16 holds, 65504.
    """
    for start, block in blocks:
        scaled = scaler.scale(torch.from_numpy(block)).numpy()
        with np.errstate(over="ignore"):
            half = scaled.astype(np.float16)
        if (beyond := np.isinf(half)).any():
            index = tuple(int(i) for i in np.unravel_index(int(beyond.argmax()), half.shape))
            day = np.datetime64(plan.first_day) + np.timedelta64(int(start + index[0]), "D")
            path = source.path_of(day, station_at(plan, index[1:]))
            raise DataError(
                f"{path}: {source.name} {place_of(plan, index[1:], patch_size)} on {day} is "
                f"{block[index]:g} {source.settings.units}, {scaled[index]:g} when scaled, which is more than float16 "
                f"holds; set data.storage to float32, or data.modalities.{source.name}.scaling to other than none"
            )
        yield start, half


def _fitted_before(
    directory: Path, plan: Plan, source: Source, patch_size: int, fit: TrainingFit, report: Report
) -> Fitted:
    """Scaler and mean, fitted in a reading of their own, or those that an interrupted process fitted."""
    (directory / "journal").mkdir(exist_ok=True)
    path = directory / "journal" / f"{source.name}.fit"
    if path.exists():
        try:
            written = json.loads(path.read_text("utf-8"))
            if written["digest"] == digest(written["fit"]):
                mean = np.array(written["fit"]["mean"], np.float32).reshape(place_shape(plan, source))
                return Fitted(Scaler.from_dict(written["fit"]["scaler"]), mean)
        except (ValueError, KeyError, TypeError):
            pass  # half written, so they are fitted anew
    begin = plan.training.start // BLOCK_DAYS * BLOCK_DAYS  # the blocks of writing, so that sums round alike
    for start, block in read_blocks(plan, source, patch_size, begin, plan.training.stop):
        fit.update(start, block)
        report(f"fitting {source.name}", 0.0)
    fitted = fit.finish()
    # Null where a place was never observed, also in the digest, which is compared with one of what is read.
    content = or_null({"scaler": fitted.scaler.to_dict(), "mean": fitted.mean.ravel().astype(float).tolist()})
    write_text(path, json_text({"digest": digest(content), "fit": content}))
    return fitted


def _factor(plan: Plan, source: Source, notes: list[str]) -> Float[np.ndarray, "station"] | None:
    """What turns m3/s into mm/d at each station; None where no area is known."""
    areas = plan.attributes.areas if plan.attributes else None
    if areas is None or np.isnan(areas).all():
        notes.append(f"{source.name}: no catchment area is known, so flow is modelled in {source.settings.units}")
        return None
    flow = Moments(len(areas))
    for block in _training_days(plan, source):
        flow.update(block)
    complete, assumed = complete_areas(areas, flow.observed_mean(), plan.station_ids)
    notes.extend(f"{source.name}: {note}" for note in assumed)
    return MM_PER_DAY / complete


def _training_days(plan: Plan, source: Source) -> Iterator[Float[np.ndarray, "day station"]]:
    first = np.datetime64(plan.first_day)
    for start in range(plan.training.start, plan.training.stop, BLOCK_DAYS):
        days = slice(start, min(start + BLOCK_DAYS, plan.training.stop))
        yield source.read(first + np.timedelta64(start, "D"), days.stop - start)[plan.usable[days]]
