"""A store that is written from series in memory, with scales that are given and not fitted."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import DataError
from hydromae.base.files import sha256, write_array
from hydromae.base.json_text import digest
from hydromae.base.locks import locked
from hydromae.base.moments import Moments
from hydromae.config import Period
from hydromae.sources.blocks import BLOCK_DAYS
from hydromae.store.description import (
    KeptScales,
    ModalityDescription,
    Provenance,
    StoreDescription,
    write_description,
)
from hydromae.store.scaling import Scaler
from hydromae.store.store import Store
from hydromae.store.values_file import ValuesFile
from hydromae.store.work_directory import work_directory


@dataclass(frozen=True)
class Series:
    """One series of all stations.

    Attributes:
        values: physical, NaN where missing; wholly missing is allowed.
        scaler: its scale, with one entry for all stations or one for each.
        units: of the values.
        long_name: in words.
        standard_name: after CF, or empty.
    """

    values: Float[np.ndarray, "day station"]
    scaler: Scaler
    units: str
    long_name: str
    standard_name: str


def write_series_store(
    path: Path,
    series: Mapping[str, Series],
    like: Store,
    stations: Sequence[str],
    attributes: Mapping[str, Float[np.ndarray, " station"]],
    areas: Float[np.ndarray, " station"] | None,
    periods: Mapping[str, Period],
    scales: KeptScales,
) -> Store:
    """Write a store of series, and open it; the same content gives the same fingerprint.

    Args:
        path: where; nothing may be there.
        series: by name, of the days of `like`.
        like: the store that they come from: its first day, number of days, provenance and declared days are kept.
        stations: ids.
        attributes: by name.
        areas: in km2, NaN where unknown.
        periods: train and others.
        scales: the store keeps them.

    Raises:
        DataError: something is at the path, or it cannot be written.
    """
    made = like.provenance
    with locked(path, lambda: None):
        if path.exists():
            raise DataError(f"{path}: is there already; delete it, or give another output")
        # What an interrupted process left is continued only with the same values: another model may read others.
        content = {
            name: hashlib.sha256(np.ascontiguousarray(one.values).data).hexdigest() for name, one in series.items()
        }
        with work_directory(path, digest(content)[:12]) as directory:
            period = like.with_periods(periods).period_slice("train")
            packed = {name: _packed(directory, name, one, period) for name, one in series.items()}
            values = np.stack([*attributes.values()], 1) if attributes else np.zeros((len(stations), 0))
            arrays = {
                "land.npy": np.zeros((0, like.patch_size**2), bool),
                "valid_patches.npy": np.zeros(0, np.int64),
                "attributes.npy": values.astype(np.float32),
            }
            for file, array in arrays.items():
                write_array(directory / file, array)
            files = (*arrays, *(f"{kept}/{name}.npy" for name in series for kept in ("mean", "present")))
            description = StoreDescription(
                first_day=like.days[0].item(),
                n_days=like.n_days,
                block_days=BLOCK_DAYS,
                periods=dict(periods),
                modalities=packed,
                shape=None,
                patch_size=like.patch_size,
                y=None,
                x=None,
                coordinates={},
                station_ids=tuple(stations),
                attribute_names=tuple(attributes),
                areas=None if areas is None else tuple(None if np.isnan(area) else float(area) for area in areas),
                hashes={file: sha256(directory / file) for file in files},
                provenance=Provenance(
                    version=made.version,
                    root=made.root,
                    options=made.options,
                    sources=made.sources,
                    notes=(*made.notes, f"read from {like.path} with the scales of a trained model"),
                    station_names=made.station_names,
                ),
                scales=scales,
            )
            write_description(directory / "store.json", description)
    return Store.open(path).with_excluded(like.excluded)


def _packed(directory: Path, name: str, series: Series, training: slice) -> ModalityDescription:
    """Write the files of one series."""
    values = np.ascontiguousarray(series.values, np.float32)
    for folder in ("present", "mean"):
        (directory / folder).mkdir(exist_ok=True)
    with ValuesFile(
        directory / "values" / f"{name}.npy", directory / "journal" / name, values.shape, "float32", BLOCK_DAYS
    ) as file:
        for _ in file.kept():  # what an interrupted process left is the same
            pass
        for start in range(file.days, len(values), BLOCK_DAYS):
            file.append(values[start : start + BLOCK_DAYS])
        hashes = file.hashes
    write_array(directory / "present" / f"{name}.npy", np.isfinite(values))
    means = Moments(values.shape[1])
    means.update(values[training])
    write_array(directory / "mean" / f"{name}.npy", means.observed_mean().astype(np.float32))
    return ModalityDescription(
        kind="series",
        units=series.units,
        long_name=series.long_name,
        standard_name=series.standard_name,
        scaler=series.scaler.to_dict(),
        dtype="float32",
        hashes=tuple(hashes),
        day_bytes=values.shape[1] * 4,
    )
