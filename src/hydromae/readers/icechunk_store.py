"""Icechunk repositories, whose newest commit on `main` is a Zarr group."""

import os
from pathlib import Path
from typing import Any

from zarr.abc.store import Store

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import DataError
from hydromae.readers.remote import content_at

_FOLDERS = ("refs", "snapshots")  # that every repository has
_BRANCH = "refs/branch.main/ref.json"
_MAX_BRANCH = 2**16  # bytes


def is_icechunk(path: Path) -> bool:
    """Whether a folder, or an address in an object store, is an icechunk repository."""
    if isinstance(path, AddressPath):
        return path.parts[0] == "s3:" and content_at(path, _BRANCH, _MAX_BRANCH) is not None
    return all((path / name).is_dir() for name in _FOLDERS)


def icechunk_store(path: Path) -> Store:
    """The newest commit on `main`, which only reads, and nothing that lies outside of the repository.

    Raises:
        DataError: icechunk is not installed.
    """
    try:
        import icechunk
    except ImportError:
        raise DataError(
            f"{path}: is an icechunk repository, and icechunk is not installed; run `pip install 'hydromae[icechunk]'`"
        ) from None
    storage: Any
    if isinstance(path, AddressPath):
        bucket, *prefix = path.parts[1:]
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        storage = icechunk.s3_storage(
            bucket=bucket,
            prefix="/".join(prefix),
            from_env=True,
            endpoint_url=endpoint,
            allow_http=bool(endpoint and endpoint.startswith("http:")),
            force_path_style=endpoint is not None,
        )
    else:
        storage = icechunk.local_filesystem_storage(str(path))
    store: Store = icechunk.Repository.open(storage).readonly_session("main").store
    return store
