"""Write the synthetic sample to disk in the first user's file formats."""

import errno
import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from hydromae.base.csv_text import write_frame
from hydromae.base.disk_errors import errors_of_silent_libraries
from hydromae.base.errors import ConfigError, DataError
from hydromae.base.files import atomic_directory
from hydromae.base.json_text import json_text
from hydromae.base.locks import refusing
from hydromae.results.hdf5_output import DiskFile
from hydromae.sample.sizes import SIZES, Sample, SampleSize, known_size, sample_in
from hydromae.sample.world import World, make_world

# Raise it whenever the same size and seed no longer give the same files.
SAMPLE_VERSION = 2
MISSING = np.float32(-99999.0)
DESCRIPTION = "sample.json"
CELLS_PER_CHUNK = 52_200
CELLS_PER_WRITE = 5_000_000
WORLD_SHARE = 0.6


def write_sample(
    directory: Path,
    size: SampleSize = "small",
    seed: int = 0,
    on_progress: Callable[[str, float], None] | None = None,
) -> Sample:
    """Write the synthetic sample, or return it if `directory` holds it already.

    The whole directory appears at once when everything in it is written.

    Args:
        directory: where to write; must not exist, be empty, or hold the same sample.
        size: tiny, small or full; see `SIZES`.
        seed: the same size and seed give the same values.
        on_progress: called with a stage and the fraction done, 0 to 1.

    Raises:
        ConfigError: the size is unknown or the seed negative.
        DataError: the directory holds other files, or is a file.
    """
    size = known_size(size)
    if seed < 0:
        raise ConfigError(f"sample seed {seed} is negative: choose 0 or more.")
    target = Path(directory).resolve()
    if target.exists() and not target.is_dir():
        raise DataError(f"{directory} is a file: name a directory for the synthetic sample.")
    report = on_progress or (lambda stage, fraction: None)
    if target.is_dir() and any(target.iterdir()):
        _require_same_sample(target, size, seed)
        report("Sample is there already", 1.0)
        return sample_in(target, size)

    world = make_world(SIZES[size], seed, lambda stage, fraction: report(stage, WORLD_SHARE * fraction))
    with atomic_directory(target, on_wait=refusing(target)) as unfinished:
        _write_files(world, sample_in(unfinished, size), report)
        _write_description(unfinished, size, seed)
        if target.is_dir():
            target.rmdir()  # it is empty, and renaming over it is not possible everywhere
    report("Sample written", 1.0)
    return sample_in(target, size)


def _require_same_sample(directory: Path, size: SampleSize, seed: int) -> None:
    """Raise DataError unless the directory holds exactly this sample with every file at its full length."""
    remedy = "Choose another directory, or delete this one."
    description = directory / DESCRIPTION
    if not description.is_file():
        raise DataError(f"{directory} holds other files, so the synthetic sample is not written there. {remedy}")
    try:
        content = json.loads(description.read_text(encoding="utf-8"))
        made_with = (content["size"], content["seed"], content["version"])
        lengths = {directory / name: length for name, length in content["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{description} is not a sample's description. {remedy}") from error
    if made_with != (size, seed, SAMPLE_VERSION):
        raise DataError(
            f"{directory} holds the sample of size {made_with[0]}, seed {made_with[1]}, version {made_with[2]}, "
            f"not size {size}, seed {seed}, version {SAMPLE_VERSION}. {remedy}"
        )
    for path in sample_in(directory, size).files:
        if not path.is_file() or path.stat().st_size != lengths.get(path):
            raise DataError(f"{path} of the synthetic sample is missing or damaged. {remedy}")


def _write_files(world: World, sample: Sample, report: Callable[[str, float], None]) -> None:
    """Write every data file of the sample."""
    step = (1 - WORLD_SHARE) / (2 * len(sample.grids) + 1)
    done = WORLD_SHARE
    for modality, paths in sample.grids.items():
        for path, (first, last) in zip(paths, (sample.train, sample.val), strict=True):
            report(f"Writing {path.name}", done)
            days = (world.dates >= np.datetime64(first)) & (world.dates <= np.datetime64(last))
            _write_grid(path, world.grids[modality][days], world.dates[days], world)
            done += step
    report(f"Writing {sample.series.name}", done)
    _write_series(sample.series, world)
    sample.attributes.parent.mkdir()
    write_frame(world.attributes, sample.attributes)
    try:
        torch.save(torch.from_numpy(world.landscape.land.astype(np.float32)), sample.land_mask)
    except RuntimeError:  # torch's own writer does not say what a disk refused
        raise OSError(errno.EIO, f"{sample.land_mask.name} could not be written in full") from None


def _write_grid(path: Path, values: Float[np.ndarray, "day cell"], dates: np.ndarray, world: World) -> None:
    """Write one merged HDF5 file: `data` [day, row, column] float32 and `dates` as YYYY-MM-DD."""
    land, missing = world.landscape.land, world.landscape.missing
    observed = land & ~missing
    cell_observed = ~missing[land]
    days_per_chunk = max(1, CELLS_PER_CHUNK // land.size)
    days_per_write = days_per_chunk * max(1, CELLS_PER_WRITE // (days_per_chunk * land.size))
    with DiskFile(path) as disk, h5py.File(disk, "w") as file:
        data = file.create_dataset(
            "data",
            (len(dates), *land.shape),
            "f4",
            chunks=(min(days_per_chunk, len(dates)), *land.shape),
            compression="gzip",
            compression_opts=1,
            shuffle=True,
        )
        file.create_dataset("dates", data=dates.astype("S10"))
        for start in range(0, len(dates), days_per_write):
            part = values[start : start + days_per_write]
            block = np.full((len(part), *land.shape), MISSING)  # [day, row, column]
            block[:, observed] = part[:, cell_observed]
            data[start : start + len(part)] = block
            disk.check()


def _write_series(path: Path, world: World) -> None:
    """Write the long table of evaporation (mm/d) and flow (m3/s), station after station."""
    ids = world.attributes["id"].to_numpy(np.int32)
    table = pd.DataFrame(
        {
            "date": np.tile(world.dates.astype("datetime64[ms]"), len(ids)),
            "ID": np.repeat(ids, len(world.dates)),
            "evaporation": world.evaporation.T.ravel(),  # [station * day]
            "discharge_vol": world.flow.T.ravel(),
        }
    )
    with errors_of_silent_libraries():
        table.to_parquet(path, index=False)


def _write_description(directory: Path, size: SampleSize, seed: int) -> None:
    """Write what the directory holds; written last, so its presence says that the rest is complete."""
    files = {path.relative_to(directory).as_posix(): path.stat().st_size for path in sample_in(directory, size).files}
    text = json_text({"size": size, "seed": seed, "version": SAMPLE_VERSION, "files": files}, indent=2)
    (directory / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
