"""A dask cluster that reads the days of grids (`data.dask`): blocks in parallel, given back in their order."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import ConfigError
from hydromae.base.version import VERSION

if TYPE_CHECKING:
    from distributed import Client

_PATIENCE: Final = 10  # seconds for a scheduler to answer, and for its first worker to come
_HERE: Final = "or set data.dask=null to read on this machine"

Span = tuple[np.datetime64, int]


def read_on(
    address: str,
    read: Callable[[np.datetime64, int], Float[np.ndarray, "day *place"]],
    spans: Iterable[Span],
    paths: Sequence[Path],
) -> Iterator[Float[np.ndarray, "day *place"]]:
    """Values of each span of days, in order, read by the workers of a cluster; they can be written to.

    No more spans are under way than the workers have threads, and as many again, so that memory does not grow with
    their number.

    Args:
        address: of the scheduler.
        read: gives the values of a number of days from a first one on; it is sent to the workers.
        spans: first day and number of days of each.
        paths: of the files that are read, which the workers must see as they are here.

    Raises:
        ConfigError: distributed is not installed, no scheduler or worker answers, or a worker has another version of
            this package or other files, or is lost.
        DataError: as `read`.
    """
    with _client(address) as client:
        _check_workers(client, address, paths)
        most = 2 * sum(client.nthreads().values())  # type: ignore[no-untyped-call]
        under_way: deque[Any] = deque()
        for first, count in spans:
            under_way.append(client.submit(read, first, count, pure=False))
            if len(under_way) >= most:
                yield _writable(under_way.popleft().result())
        while under_way:
            yield _writable(under_way.popleft().result())


def _writable(values: Float[np.ndarray, "day *place"]) -> Float[np.ndarray, "day *place"]:
    return np.require(values, requirements="W")


@contextmanager
def _client(address: str) -> Iterator["Client"]:
    """A connection to a scheduler, with what goes wrong of it in a sentence; tasks that are left are cancelled."""
    try:
        from distributed import Client
        from distributed.client import FutureCancelledError
        from distributed.comm.core import CommClosedError
        from distributed.scheduler import KilledWorker
    except ImportError:
        raise ConfigError(
            f"data.dask is {address}, but distributed is not installed; run `pip install 'hydromae[dask]'`, {_HERE}"
        ) from None
    try:
        client = Client(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"data.dask is {address}, where no scheduler of dask answers ({str(error).splitlines()[0]}); start one "
            f"with `dask scheduler`, correct the address, {_HERE}"
        ) from None
    with client:
        try:
            yield client
        except (KilledWorker, FutureCancelledError, CommClosedError) as error:
            raise ConfigError(
                f"data.dask is {address}, whose workers were lost while they read ({str(error).splitlines()[0]}); give "
                f"them more memory (`dask worker --memory-limit`), {_HERE}"
            ) from None


def _check_workers(client: "Client", address: str, paths: Sequence[Path]) -> None:
    """Raise ConfigError unless there is a worker, and all have this version of the package and see the same files."""
    given = [str(path) for path in paths]
    try:
        client.wait_for_workers(1, timeout=_PATIENCE)
        seen = client.run(_seen, given)
    except TimeoutError:
        raise ConfigError(
            f"data.dask is {address}, a scheduler without workers; start some with `dask worker {address}`, {_HERE}"
        ) from None
    except Exception as error:  # whatever the import of this package raises there
        raise ConfigError(
            f"data.dask is {address}, whose workers cannot run this package ({str(error).splitlines()[0]}); install "
            f"hydromae {VERSION} for them, {_HERE}"
        ) from None
    version, files = _seen(given)
    for worker, (its_version, its_files) in seen.items():
        if its_version != version:
            raise ConfigError(
                f"data.dask is {address}, whose worker {worker} has hydromae {its_version}, not {version}; install the "
                f"same there, {_HERE}"
            )
        if its_files != files:
            path = next(path for path, here, there in zip(given, files, its_files, strict=True) if here != there)
            raise ConfigError(
                f"{path}: is not the same file for the worker {worker} of data.dask, {address}, or not there; give the "
                f"workers the same folders, {_HERE}"
            )


def _seen(paths: Sequence[str]) -> tuple[str, list[tuple[int, int] | None]]:
    """Version of this package, and size and time of each file as they are where this runs; None where there is none."""
    files: list[tuple[int, int] | None] = []
    for path in paths:
        try:
            stat = os.stat(path)
        except OSError:
            files.append(None)
        else:
            files.append((stat.st_size, stat.st_mtime_ns))
    return VERSION, files
