"""What a user waits for: `--help`, the demo's first step, `prepare` beside h5py alone, `check` beside `prepare`.

    python benchmarks/waiting.py
    python benchmarks/waiting.py --size full --days 240   # grids of 290 x 180 cells, some of their days

Times are those of the processor, of a process and its children, the best of a few. h5py alone decompresses the same
days of the same files of grids, whole chunks at a time, and does nothing with them.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

CODE = """
import time
from pathlib import Path
from hydromae.app.demo import run_demo
from hydromae.training.callback import Callback

class First(Callback):
    def on_step(self, progress):
        print(time.process_time())
        raise SystemExit

run_demo(Path("demo"), "{size}", callbacks=[First()])
"""


def of_child(command: Sequence[str], folder: Path, times: int = 1) -> float:
    """Seconds of the processor that a command takes with all its children, the best of a few."""
    best = float("inf")
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return best


def seconds(work: Callable[[], Any], times: int = 2) -> float:
    """Of the processor, the best of a few."""
    best = float("inf")
    for _ in range(times):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best


def compare_start(size: str, folder: Path) -> None:
    """Of commands that have just been typed."""
    python = sys.executable
    bare = of_child([python, "-c", "pass"], folder, 5)
    typer = of_child([python, "-c", "import typer"], folder, 5)
    listed = of_child([python, "-m", "hydromae", "--help"], folder, 5)
    print(f"python alone {bare:.3f} s, with typer imported {typer:.3f} s, hydromae --help {listed:.3f} s")
    torch = of_child([python, "-c", "import torch"], folder)
    first = subprocess.run([python, "-c", CODE.format(size=size)], cwd=folder, capture_output=True, text=True)
    print(f"import torch {torch:.2f} s; the demo's first step ({size}), sample and store included: "
          f"{float(first.stdout.split()[-1]):.2f} s")  # fmt: skip


def compare_reading(size: str, days: int, folder: Path) -> None:
    """`prepare` and `check` of a sample's grids, beside h5py."""
    import h5py

    from hydromae.app.demo import sample_config
    from hydromae.check.check import check
    from hydromae.config.read import build_config
    from hydromae.sample import write_sample
    from hydromae.store.prepare import prepare

    sample = write_sample(folder / "sample", size)
    raw = sample_config(sample, size, folder)
    raw["data"]["modalities"] = {name: raw["data"]["modalities"][name] for name in sample.grids}
    begins = sample.train[0]
    raw["data"] |= {"train": [str(begins), str(begins + timedelta(days=days - 1))], "val": None}
    del raw["data"]["attributes"]
    raw["model"] |= {"rolling": [], "recurrent_dim": 0, "recurrent_grids": 0, "outlook_gradient": 1.0}
    raw["model"] |= {"series_position": "none"}
    stores = iter(range(100))

    def prepared() -> None:
        prepare(build_config(raw, [f"data.store={folder / f'store_{next(stores)}'}"]))

    def decompressed() -> None:
        for paths in sample.grids.values():
            with h5py.File(paths[0]) as file:
                data = file["data"]
                rows = data.chunks[0]
                for start in range(0, min(days, len(data)), rows):
                    data[start : start + rows]

    def checked(full: bool) -> None:
        check(build_config(raw), full=full)

    with h5py.File(next(iter(sample.grids.values()))[0]) as file:
        print(f"grids of the {size} sample, {days} days, chunks {file['data'].chunks}, {file['data'].compression}")
    alone, whole = seconds(decompressed, 3), seconds(prepared)
    sampled, full = (seconds(lambda every=every: checked(every)) for every in (False, True))
    print(f"  h5py alone {alone:.3f} s")
    print(f"  prepare    {whole:.3f} s, {whole / alone:.2f} times h5py alone")
    print(f"  check      {sampled:.3f} s, {sampled / whole:.2f} times prepare")
    print(f"  check --full {full:.3f} s, {full / whole:.2f} times prepare")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="small", choices=("tiny", "small", "full"), help="of the sample")
    parser.add_argument("--days", type=int, default=240, help="of the grids that are read")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="waiting_") as name:
        compare_start("tiny" if options.size == "tiny" else "small", Path(name))
        compare_reading(options.size, options.days, Path(name))


if __name__ == "__main__":
    main()
