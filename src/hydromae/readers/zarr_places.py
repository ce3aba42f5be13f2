"""Where Zarr groups lie: in folders, zip files, icechunk repositories, here or at an address."""

import json
import zipfile
from pathlib import Path

from zarr.abc.store import Store
from zarr.core.buffer import default_buffer_prototype
from zarr.core.sync import sync
from zarr.storage import LocalStore, ZipStore

from hydromae.base.addresses import AddressPath
from hydromae.base.errors import DataError
from hydromae.readers.guard import MAX_CHUNK, reading
from hydromae.readers.icechunk_store import icechunk_store, is_icechunk
from hydromae.readers.remote import address_store, content_at, names_below
from hydromae.readers.zarr_metadata import METADATA

_MAX_METADATA = 2**24  # bytes of one description
_ROOTS = ("zarr.json", ".zgroup")
_CONSOLIDATED = ".zmetadata"  # of version 2


def zarr_format(path: Path) -> int:
    """2 or 3 where a folder, zip file or address is a Zarr group, 0 where it is something else."""
    try:
        names = _top_names(path)
    except (DataError, OSError):
        return 0
    return 3 if "zarr.json" in names else 2 if ".zgroup" in names else 0


def zarr_files(path: Path) -> list[Path]:
    """Every file of a Zarr folder, [] for anything else."""
    if not path.is_dir() or not zarr_format(path):
        return []
    return sorted(file for file in path.rglob("*") if file.is_file())


def store_at(path: Path) -> Store:
    """The store of a group, which only reads."""
    if is_icechunk(path):
        return icechunk_store(path)
    if isinstance(path, AddressPath):
        return address_store(path)
    return ZipStore(path, mode="r") if path.is_file() else LocalStore(path, read_only=True)


def zarr_documents(path: Path) -> dict[str, bytes]:
    """Key -> metadata, as `rain/zarr.json`, of a group and of the arrays at its root.

    Raises:
        DataError: they are larger than any real ones.
    """
    if is_icechunk(path):
        return _of_store(icechunk_store(path))
    if isinstance(path, AddressPath):
        return _of_address(path)
    return _of_zip(path) if path.is_file() else _of_folder(path)


def _top_names(path: Path) -> set[str]:
    if is_icechunk(path):
        return {"zarr.json"}
    if isinstance(path, AddressPath):
        found = (name for name in _ROOTS if content_at(path, name, _MAX_METADATA) is not None)
        return {next(found, "")}
    if path.is_dir():
        return {name for name in METADATA if (path / name).is_file()}
    if path.is_file() and path.suffix == ".zip":
        with reading(path), zipfile.ZipFile(path) as content:
            return set(METADATA) & set(content.namelist())
    return set()


def _of_folder(path: Path) -> dict[str, bytes]:
    files = [file for name in METADATA for file in (*path.glob(name), *path.glob(f"*/{name}"))]
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in files
        if _small(path, str(file.relative_to(path)), file.stat().st_size)
    }


def _of_zip(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as content:
        entries = {entry.filename: entry for entry in content.infolist()}
        if any(entry.file_size > MAX_CHUNK for entry in entries.values()):
            raise DataError(f"{path}: an entry unpacks to more than {MAX_CHUNK} bytes; write it with smaller chunks")
        described = {name: e for name, e in entries.items() if _is_metadata(name) and _small(path, name, e.file_size)}
        return {name: content.read(entry) for name, entry in described.items()}


def _of_address(path: AddressPath) -> dict[str, bytes]:
    """From the consolidated metadata where there are some, since not every address can list what lies below it."""
    root = content_at(path, "zarr.json", _MAX_METADATA)
    if root is not None:
        group = json.loads(root)
        whole = group.pop("consolidated_metadata", None)
        documents = {"zarr.json": json.dumps(group).encode()}
        if whole:
            return documents | {
                f"{name}/zarr.json": json.dumps(of).encode()
                for name, of in whole["metadata"].items()
                if "/" not in name
            }
    elif (whole_v2 := content_at(path, _CONSOLIDATED, _MAX_METADATA)) is not None:
        listed = json.loads(whole_v2)["metadata"]
        return {key: json.dumps(of).encode() for key, of in listed.items() if _is_metadata(key)}
    else:
        documents = {}
    names = ["", *names_below(path)]
    for key in (f"{name}/{kind}".lstrip("/") for name in names for kind in METADATA):
        if key not in documents and (text := content_at(path, key, _MAX_METADATA)) is not None:
            documents[key] = text
    return documents


def _of_store(store: Store) -> dict[str, bytes]:
    async def read() -> dict[str, bytes]:
        names = [name async for name in store.list_dir("")]
        keys = ["zarr.json", *(f"{name}/zarr.json" for name in names if name != "zarr.json")]
        found = {key: await store.get(key, default_buffer_prototype()) for key in keys}
        return {key: buffer.to_bytes() for key, buffer in found.items() if buffer is not None}

    return sync(read())


def _is_metadata(key: str) -> bool:
    return key.count("/") <= 1 and key.rpartition("/")[2] in METADATA


def _small(path: Path, name: str, size: int) -> bool:
    if size > _MAX_METADATA:
        raise DataError(f"{path}: the metadata of {name} are larger than {_MAX_METADATA} bytes")
    return True
