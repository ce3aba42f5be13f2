"""What `store.json` holds: everything about a store but its numbers."""

import json
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from hydromae.base.errors import DataError
from hydromae.base.json_text import digest, or_null
from hydromae.base.permissions import refused
from hydromae.config import Kind, Period

FORMAT: Final = 3


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModalityDescription(_Part):
    """One modality of a store.

    Attributes:
        dtype: type of the stored numbers: physical float32 or scaled float16.
        hashes: SHA-256 of the header of its file, then of each block of days.
        day_bytes: size of one day.
    """

    kind: Kind
    units: str
    long_name: str
    standard_name: str
    scaler: dict[str, Any]
    dtype: Literal["float32", "float16"]
    hashes: tuple[str, ...]
    day_bytes: int


class SourceFile(_Part):
    """A file that values came from; `sha256` is None for files too large to hash."""

    role: str
    path: str
    size: int
    mtime_ns: int
    sha256: str | None


class Provenance(_Part):
    """How a store came about; none of it changes the numbers, so none of it enters the fingerprint.

    Attributes:
        root: folder that the paths of the sources are relative to, as the configuration gave it.
        members: cell -> the stations it was made of; empty where the stations are stored as they are.
        fitted_without: spans of training days that scalers and means were fitted without, since `data.exclude_dates`
            declared them wrong; empty in a store made when they were fitted on all training days.
        station_names: id -> what the station is called, where its sources say so; empty in older stores.
    """

    version: str
    root: str
    options: dict[str, Any]
    sources: tuple[SourceFile, ...]
    notes: tuple[str, ...]
    members: dict[str, tuple[str, ...]] = {}
    fitted_without: tuple[Period, ...] = ()
    station_names: dict[str, str] = {}


class KeptScales(_Part):
    """Scales that are not the data's own: those of a trained model, in a store that trains it further.

    Attributes:
        attributes: mean and deviation of each attribute.
        new_station: series -> how the scale follows at a station that the model was not trained on.
    """

    attributes: tuple[tuple[float, ...], tuple[float, ...]]
    new_station: dict[str, dict[str, Any]]


class StoreDescription(_Part):
    """The whole of `store.json`.

    Attributes:
        coordinates: what the sources say of `y`, `x` and `grid_mapping`, after the CF conventions.
        scales: None where all scales are those of the data; scalers are with their modalities in any case.
    """

    format: Literal[3] = FORMAT
    first_day: date
    n_days: int
    block_days: int
    periods: dict[str, Period]
    modalities: dict[str, ModalityDescription]
    shape: tuple[int, int] | None
    patch_size: int
    y: tuple[float, ...] | None
    x: tuple[float, ...] | None
    coordinates: dict[str, dict[str, Any]]
    station_ids: tuple[str, ...]
    attribute_names: tuple[str, ...]
    areas: tuple[float | None, ...] | None
    hashes: dict[str, str]
    provenance: Provenance
    scales: KeptScales | None = None


def write_description(path: Path, description: StoreDescription) -> None:
    """Write `store.json` with a checksum of itself."""
    unused = {"scales"} if description.scales is None else set[str]()
    path.write_bytes(_rendered(or_null(description.model_dump(mode="json", exclude=unused))))


def read_description(path: Path) -> StoreDescription:
    """Read and check `store.json`.

    Raises:
        DataError: it is absent, damaged, or of another format.
    """
    remedy = "prepare the store anew with `hydromae prepare --overwrite`"
    try:
        given = path.read_bytes()
        content = json.loads(given)
        content.pop("checksum")
    except FileNotFoundError:
        raise DataError(
            f"{path.parent}: is not a store (it has no {path.name}); make one with `hydromae prepare CONFIG`"
        ) from None
    except (OSError, ValueError, AttributeError, KeyError, TypeError, RecursionError) as error:
        raise DataError(refused(path, error) or f"{path}: cannot be read ({error}); {remedy}") from None
    if content.get("format") != FORMAT:
        raise DataError(f"{path}: has format {content.get('format')}, this version reads {FORMAT}; {remedy}")
    # Byte by byte: a blank that became a tab is damage too.
    if given != _rendered(content):
        raise DataError(f"{path}: was changed after it was written (its checksum differs); {remedy}")
    try:
        return StoreDescription.model_validate(content)
    except ValidationError as error:
        raise DataError(f"{path}: {error.errors()[0]['loc']}: {error.errors()[0]['msg']}; {remedy}") from None


def _rendered(content: dict[str, Any]) -> bytes:
    return json.dumps({"checksum": digest(content), **content}, indent=1).encode()
