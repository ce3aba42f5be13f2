"""Preparing a store of full size: peak memory and time of 1 year and of 41, and reading along the chunks of a file.

    python benchmarks/prepare.py                    # writes about 6 GB under the temporary folder, and removes them
    python benchmarks/prepare.py --folder DIR       # writes them there
    python benchmarks/prepare.py --years 1 --days 128   # quick

The stand-in for 1970 to 2010 has the shape of the real thing: three grids of 290 x 180 cells in one HDF5 file each, two
series of 604 stations in a table, and a mask with 94 valid patches. Only one map in 30 is written, since a chunk that
was never written takes no disk and is read as missing: memory is that of full data, time is not. So the time of reading
is measured on the first years of a file of 41 in which every map is written, gzip-compressed, with chunks of one day
and with h5py's own: block by block, as a straightforward reader does, and along the chunks, as prepare does. Each
preparation runs in a process of its own, so that its peak memory is its own.
"""

import argparse
import multiprocessing
import shutil
import tempfile
import time
from datetime import date
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from hydromae.base.memory import peak_memory
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.sources.blocks import read_blocks
from hydromae.sources.plan import make_plan
from hydromae.store.prepare import prepare

HEIGHT, WIDTH, PATCH, STATIONS, VALID = 290, 180, 10, 604, 94
GRIDS = ("precip", "soil", "temp")
REPEATS = 3  # the shortest is told
LAST_YEAR, WRITTEN_EVERY, MISSING = 2010, 30, -99999.0


def days_of(years: int) -> np.ndarray:
    """The days of the last years up to 2010."""
    return np.arange(np.datetime64(date(LAST_YEAR - years + 1, 1, 1)), np.datetime64(date(LAST_YEAR + 1, 1, 1)))


def write_grid(path: Path, days: np.ndarray, chunks: tuple[int, ...] | bool, every: int, written: int) -> None:
    """A merged file in which one map in `every` of the first `written` is there; `chunks` True are h5py's own."""
    random = np.random.default_rng(0)
    field = np.minimum(random.gamma(0.5, 4, (HEIGHT, WIDTH)), 25)
    with h5py.File(path, "w") as file:
        file.create_dataset("dates", data=np.array([str(day) for day in days], "S10"))
        data = file.create_dataset(
            "data", (len(days), HEIGHT, WIDTH), "f4", chunks=chunks, compression="gzip", fillvalue=MISSING
        )
        for start in range(0, written, written if every == 1 else every):
            count = written if every == 1 else 1
            # Two decimals, as measurements have: they compress about as the real files do.
            data[start : start + count] = np.round(field * random.uniform(0, 2, (count, 1, 1)), 2)


def write_sources(root: Path, years: int, series: bool) -> Config:
    """Sources of some years up to 2010, and the configuration that names them."""
    root.mkdir(parents=True)
    days = days_of(years)
    for name in GRIDS:
        write_grid(root / f"{name}.h5", days, (1, HEIGHT, WIDTH), WRITTEN_EVERY, len(days))
    patches = np.zeros((HEIGHT // PATCH, WIDTH // PATCH), bool)
    patches.ravel()[:VALID] = True
    np.save(root / "mask.npy", patches.repeat(PATCH, 0).repeat(PATCH, 1))
    random = np.random.default_rng(1)
    columns = {
        name: random.gamma(2.0, 1.0, len(days) * STATIONS).astype(np.float32)
        for name in ("evaporation", "discharge_vol")
    }
    keys = {"date": np.repeat(days.astype("datetime64[s]"), STATIONS), "ID": np.tile(np.arange(STATIONS), len(days))}
    pd.DataFrame({**keys, **columns}).to_parquet(root / "series.parquet", index=False)
    modalities = {name: {"paths": f"{name}.h5"} for name in GRIDS}
    if series:
        modalities |= {name: {"paths": "series.parquet"} for name in ("evap", "riverflow")}
    raw = {
        "root": str(root),
        "store": str(root.parent / f"store_{years}"),
        "train": [str(days[0]), str(days[-60])],
        "val": [str(days[-59]), str(days[-1])],
        "land_mask": "mask.npy",
        "modalities": modalities,
    }
    return build_config({"data": raw})


def measure(folder: Path, years: int, series: bool) -> tuple[float, float]:
    """Seconds and peak memory (GB) of preparing some years in this process."""
    config = write_sources(folder / f"sources_{years}", years, series)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(_prepare, (config,))
    shutil.rmtree(folder / f"sources_{years}")
    shutil.rmtree(config.store_path)
    return found


def _prepare(config: Config) -> tuple[float, float]:
    start = time.perf_counter()
    prepare(config)
    return time.perf_counter() - start, peak_memory() / 1e9


def reading(folder: Path, n_days: int) -> dict[str, tuple[str, float, float]]:
    """Chunks, and seconds block by block and along the chunks, of reading one grid, for each layout."""
    days, found = days_of(41), {}
    for layout, chunks in (("one day", (1, HEIGHT, WIDTH)), ("h5py's own", True)):
        root = folder / layout.replace(" ", "_")
        root.mkdir(parents=True)
        write_grid(root / "soil.h5", days, chunks, 1, n_days)
        raw = {"root": str(root), "modalities": {"soil": {"paths": "soil.h5"}}}
        raw["train"] = [str(days[0]), str(days[n_days - 1])]
        plan = make_plan(build_config({"data": raw}))
        with h5py.File(root / "soil.h5") as file:
            layout_of = file["data"].chunks
        seconds: list[list[float]] = [[], []]
        for _ in range(REPEATS):
            for taken, along in zip(seconds, (None, layout_of), strict=True):
                plan.sources[0].pieces[0].values.encoding["chunksizes"] = along
                start = time.perf_counter()
                for _ in read_blocks(plan, plan.sources[0], PATCH, 0, n_days):
                    pass
                taken.append(time.perf_counter() - start)
        found[layout] = (str(layout_of), min(seconds[0]), min(seconds[1]))
        shutil.rmtree(root)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--years", type=int, nargs="+", default=[1, 41], help="years to prepare, up to 2010")
    parser.add_argument("--days", type=int, default=936, help="days in which every map is written")
    parser.add_argument("--grids-alone", action="store_true", help="prepare no series, which are held in memory whole")
    parser.add_argument("--folder", type=Path, help="where to write (the system's temporary folder)")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        peaks = []
        for years in given.years:
            seconds, peak = measure(folder, years, not given.grids_alone)
            peaks.append(peak)
            print(f"{years:3d} years: {seconds:7.1f} s, peak memory {peak:.2f} GB", flush=True)
        if len(peaks) > 1:
            print(f"memory of {given.years[-1]} years is {peaks[-1] / peaks[0]:.2f} times that of {given.years[0]}")
        for layout, (chunks, plain, along) in reading(folder, given.days).items():
            print(
                f"{given.days} days, chunks {layout} {chunks}: block by block {plain:.1f} s, along them {along:.1f} s "
                f"({plain / along:.1f} times faster)"
            )


if __name__ == "__main__":
    main()
