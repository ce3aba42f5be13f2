"""What `store.json` holds: everything about a store but its numbers."""

import hashlib
import json
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hydromae.config import Kind, Period
from hydromae.errors import DataError

FORMAT: Final = 2


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModalityDescription(_Part):
    """One modality of a store.

    Attributes:
        hashes: SHA-256 of the header of its file, then of each block of days.
        day_bytes: size of one day.
    """

    kind: Kind
    units: str
    long_name: str
    standard_name: str
    scaler: dict[str, Any]
    hashes: tuple[str, ...]
    day_bytes: int


class SourceFile(_Part):
    """Where values came from; `sha256` is None for files too large to hash."""

    role: str
    path: str
    size: int
    mtime_ns: int
    sha256: str | None


class Provenance(_Part):
    """How a store came about; none of it changes the numbers, so none of it enters the fingerprint.

    Attributes:
        members: cell -> the stations it was made of; empty where the stations are stored as they are.
    """

    version: str
    options: dict[str, Any]
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...]
    members: dict[str, tuple[str, ...]] = {}


class StoreDescription(_Part):
    """The whole of `store.json`."""

    format: Literal[2] = FORMAT
    first_day: date
    n_days: int
    block_days: int
    periods: dict[str, Period]
    modalities: dict[str, ModalityDescription]
    shape: tuple[int, int] | None
    patch_size: int
    y: tuple[float, ...] | None
    x: tuple[float, ...] | None
    station_ids: tuple[str, ...]
    attribute_names: tuple[str, ...]
    areas: tuple[float | None, ...] | None
    hashes: dict[str, str]
    provenance: Provenance

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the hashes of all values and all that gives them meaning; the same for the same data.

        Periods other than training's can be added to a store without making its runs another's.
        """
        content = self.model_dump(mode="json", exclude={"provenance"})
        content["periods"] = {"train": content["periods"].get("train")}
        return _digest(content)


def write_description(path: Path, description: StoreDescription) -> None:
    """Write `store.json` with a checksum of itself."""
    content = description.model_dump(mode="json")
    path.write_text(json.dumps({"checksum": _digest(content), **content}, indent=1), encoding="utf-8")


def read_description(path: Path) -> StoreDescription:
    """Read and check `store.json`.

    Raises:
        DataError: it is absent, damaged, or of another format.
    """
    remedy = "prepare the store anew with `hydromae prepare --overwrite`"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        checksum = content.pop("checksum")
    except FileNotFoundError:
        raise DataError(
            f"{path.parent}: is not a store (it has no {path.name}); make one with `hydromae prepare CONFIG`"
        ) from None
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); {remedy}") from None
    if content.get("format") != FORMAT:
        raise DataError(f"{path}: has format {content.get('format')}, this version reads {FORMAT}; {remedy}")
    if checksum != _digest(content):
        raise DataError(f"{path}: was changed after it was written (its checksum differs); {remedy}")
    try:
        return StoreDescription.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}; {remedy}") from None


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
