"""Preparing grids in this process and on a dask cluster of two processes of this machine: seconds, and the same bits.

    python benchmarks/dask_prepare.py                  # 730 days of two kinds of files, in the temporary folder
    python benchmarks/dask_prepare.py --days 128       # quick

The files are gzip-compressed HDF5 of 290 x 180 cells, as they are and brought conservatively to cells of 2 x 2. Each
way is taken three times in turn, and its shortest time is told; starting the cluster is not counted.
"""

import argparse
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from distributed import LocalCluster
from prepare import HEIGHT, REPEATS, WIDTH, days_of, write_grid

from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare


def write(folder: Path, n_days: int) -> dict[str, Config]:
    """Configurations of the files as they are, and of the same brought to coarser cells."""
    days = days_of(n_days // 365 + 1)[:n_days]
    write_grid(folder / "fine.h5", days, (1, HEIGHT, WIDTH), 1, n_days)
    with h5py.File(folder / "fine.h5", "a") as file:
        file["y"], file["x"] = 1000.0 * np.arange(HEIGHT)[::-1], 1000.0 * np.arange(WIDTH)
    with h5py.File(folder / "coarse.h5", "w") as file:
        file["dates"] = np.array([str(day) for day in days], "S10")
        file["data"] = np.random.default_rng(1).random((n_days, HEIGHT // 2, WIDTH // 2), "f4")
        file["y"] = 2000.0 * np.arange(HEIGHT // 2)[::-1] + 500
        file["x"] = 2000.0 * np.arange(WIDTH // 2) + 500
    soil, coarse = {"paths": "fine.h5"}, {"paths": "coarse.h5"}
    common = {"root": str(folder), "train": [str(days[0]), str(days[-1])]}
    as_is = {**common, "modalities": {"soil": soil}, "store": str(folder / "as_is")}
    brought = {"soil": {**soil, "regrid": "conservative"}, "temp": coarse}
    regridded = {**common, "modalities": brought, "target_grid": "temp", "store": str(folder / "regridded")}
    return {"as they are": build_config({"data": as_is}), "regridded": build_config({"data": regridded})}


def seconds(config: Config, address: str | None) -> tuple[float, bytes]:
    data = config.data.model_copy(update={"dask": address})
    start = time.perf_counter()
    store = prepare(config.model_copy(update={"data": data}), overwrite=True)
    taken = time.perf_counter() - start
    return taken, b"".join(path.read_bytes() for path in sorted(store.path.rglob("*")) if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=730)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        for what, config in write(Path(folder), given.days).items():
            ways: dict[str | None, list[float]] = {None: [], cluster.scheduler_address: []}
            contents = set()
            for _ in range(REPEATS):
                for address, times in ways.items():
                    taken, content = seconds(config, address)
                    times.append(taken)
                    contents.add(content)
            here, there = (min(times) for times in ways.values())
            same = "the same bits" if len(contents) == 1 else "OTHER BITS"
            print(f"{given.days} days {what}: here {here:.1f} s, two workers {there:.1f} s; {same}", flush=True)


if __name__ == "__main__":
    main()
