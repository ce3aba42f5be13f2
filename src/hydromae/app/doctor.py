"""What a machine offers to the package, and what of it would get in the way."""

import importlib.metadata
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import h5py
import torch

from hydromae.base.devices import choose_device
from hydromae.base.memory import machine_memory
from hydromae.base.version import VERSION

_LIBRARIES: Final = ("torch", "numpy", "xarray", "h5py", "h5netcdf", "zarr", "pandas", "pyarrow", "pydantic")
_LEAST_DISK, _LEAST_MEMORY, _LEAST_FILES = 2e9, 2e9, 256  # bytes, bytes, open files
_GB = 1e9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        what: it is.
        found: in words.
        remedy: what to do about it; empty where nothing is wrong.
    """

    what: str
    found: str
    remedy: str = ""


def examined(folder: Path) -> list[Finding]:
    """Look at versions, threads, device, memory and disk.

    Args:
        folder: where results would be written.
    """
    return [*_versions(), *_extras(), *_computing(), *_disk(folder)]


def _versions() -> Iterator[Finding]:
    yield Finding("hydromae", f"{VERSION}, Python {platform.python_version()}, {platform.platform()}")
    yield Finding("libraries", ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES))


def _extras() -> Iterator[Finding]:
    """Which optional parts are installed."""
    held: dict[str, list[str]] = {}
    for text in importlib.metadata.requires("hydromae") or []:
        if (of := re.search(r"extra == ['\"]([\w-]+)['\"]", text)) and (package := re.match(r"[\w.-]+", text)):
            held.setdefault(of[1], []).append(package[0])
    for extra, names in held.items():
        if extra in ("dev", "docs"):
            continue
        absent = [name for name in names if not _is_installed(name)]
        found = f"not installed: pip install 'hydromae[{extra}]'" if absent else "installed"
        yield Finding(f"optional: {extra}", found)


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _computing() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    remedy = f"set OMP_NUM_THREADS={cores}, or less" if threads > cores else ""
    yield Finding("threads", f"{threads} on {cores} {'core' if cores == 1 else 'cores'}", remedy)
    device = choose_device("auto")
    if device.type == "cuda":
        name = torch.cuda.get_device_name(device)
        yield Finding("device", f"GPU {name}, {(machine_memory(device) or 0) / _GB:.0f} GB, CUDA {torch.version.cuda}")
    else:
        build = (
            "a build for CPUs" if torch.version.cuda is None else f"built for CUDA {torch.version.cuda}, no GPU found"
        )
        yield Finding("device", f"CPU; torch is {build}")
    if (memory := machine_memory()) is not None:
        remedy = "take smaller models and windows" if memory < _LEAST_MEMORY else ""
        yield Finding("memory", f"{memory / _GB:.1f} GB", remedy)


def _disk(folder: Path) -> Iterator[Finding]:
    for what, place in (("disk", folder), ("temporary files", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free
        remedy = "make room, or work in another folder" if free < _LEAST_DISK else ""
        yield Finding(f"{what}: {place}", f"{free / _GB:.1f} GB free", remedy or _not_writable(place))
    if sys.platform != "win32":
        import resource

        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        remedy = "raise it with `ulimit -n 1024`" if files < _LEAST_FILES else ""
        yield Finding("open files", f"at most {files}", remedy)


def _not_writable(place: Path) -> str:
    """A remedy where a small HDF5 file cannot be written and read again."""
    try:
        with tempfile.TemporaryDirectory(dir=place) as folder:
            path = Path(folder) / "trial.h5"
            with h5py.File(path, "w") as file:
                file["trial"] = [1.0, 2.0]
            with h5py.File(path) as file:
                same = file["trial"][()].tolist() == [1.0, 2.0]
    except OSError as error:
        return f"a file cannot be written there ({error.strerror or error}); work in another folder"
    return "" if same else "a file that was written there is read otherwise; work on another disk"
