"""Hashes of a store: they distinguish it from others, find a flipped byte, and say where it is."""

import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from hydromae.base.errors import DataError
from hydromae.base.files import sha256
from hydromae.base.permissions import refused
from hydromae.store.description import ModalityDescription, StoreDescription, read_description

_REMEDY = "the file was changed or the disk is failing: prepare anew with --overwrite"


def verify_files(path: Path, description: StoreDescription) -> None:
    """Read every byte of the store at `path` and compare it with the hashes taken when it was written.

    Raises:
        DataError: a byte differs; the message names the file, and the days where it holds values.
    """
    read_description(path / "store.json")
    verify_small_files(path, description)
    for name, modality in description.modalities.items():
        for _ in verified_pieces(path / "values" / f"{name}.npy", modality, description):
            pass


def content_until(path: Path, description: StoreDescription, n_days: int) -> dict[str, Any]:
    """What `store.json` says of the first `n_days` of all values and of what gives them meaning, without provenance.

    The hashes of the blocks stand for the values; only a block that is cut is read. Where values are present follows
    from the values, and runs stay those of a store whose validation and test periods change, so neither counts.

    Raises:
        DataError: a block that is cut cannot be read.
    """
    content = description.model_dump(mode="json", exclude={"provenance"})
    if content["scales"] is None:
        del content["scales"]  # as before there were any
    content["n_days"] = n_days
    content["periods"] = {"train": content["periods"].get("train")}
    content["hashes"] = {file: sha for file, sha in content["hashes"].items() if not file.startswith("present/")}
    whole, cut = divmod(n_days, description.block_days)
    for name, modality in content["modalities"].items():
        blocks = modality["hashes"][1:]
        if n_days < description.n_days:
            blocks = blocks[:whole]
            if cut:
                file, day_bytes = path / "values" / f"{name}.npy", modality["day_bytes"]
                left = description.n_days - whole * description.block_days
                blocks.append(_hash_of_days(file, from_end=left * day_bytes, size=cut * day_bytes))
        modality["hashes"] = blocks
    return content


def _hash_of_days(path: Path, from_end: int, size: int) -> str:
    try:
        with path.open("rb") as content:
            content.seek(-from_end, os.SEEK_END)
            return hashlib.sha256(content.read(size)).hexdigest()
    except OSError as error:
        raise DataError(refused(path, error) or f"{path}: cannot be read ({error}); {_REMEDY}") from None


def verify_small_files(path: Path, description: StoreDescription) -> None:
    """Compare all files but those of values with their hashes; DataError names one that differs."""
    for file, expected in description.hashes.items():
        if refusal := refused(path / file):
            raise DataError(refusal)
        if not (path / file).is_file() or sha256(path / file) != expected:
            raise DataError(differs(path / file))


def verified_pieces(path: Path, modality: ModalityDescription, description: StoreDescription) -> Iterator[bytes]:
    """The bytes of a file of values, its header first, then block by block, each compared with its hash.

    Raises:
        DataError: the file is cut short or cannot be read, or a piece differs; the message names the days.
    """
    header = check_header(path, modality, description)
    yield header
    with path.open("rb") as content:
        content.seek(len(header))
        for block in range(len(modality.hashes) - 1):
            piece = content.read(modality.day_bytes * description.block_days)
            check_block(path, modality, description, block, piece)
            yield piece


def check_header(path: Path, modality: ModalityDescription, description: StoreDescription) -> bytes:
    """The header of a file of values; DataError unless it is what was written and the file has its whole length."""
    size = modality.day_bytes * description.n_days
    if refusal := refused(path):
        raise DataError(refusal)
    if not path.is_file() or path.stat().st_size <= size:
        raise DataError(f"{path}: is missing or cut short; {_REMEDY}")
    with path.open("rb") as content:
        header = content.read(path.stat().st_size - size)
    if hashlib.sha256(header).hexdigest() != modality.hashes[0]:
        raise DataError(f"{path}: its header differs from when it was written; {_REMEDY}")
    return header


def differs(path: Path) -> str:
    """What is said of a small file that is not what was written."""
    return f"{path}: its content differs from when it was written; {_REMEDY}"


def check_block(
    path: Path, modality: ModalityDescription, description: StoreDescription, block: int, content: bytes | memoryview
) -> None:
    """Raise DataError, naming the days, unless the content of a block is what was written."""
    if hashlib.sha256(content).hexdigest() != modality.hashes[1 + block]:
        first = description.first_day + timedelta(days=block * description.block_days)
        days = min(description.block_days, description.n_days - block * description.block_days)
        last = first + timedelta(days=days - 1)
        raise DataError(f"{path}: days {first} to {last} differ from when they were written; {_REMEDY}")
