"""The store: the prepared data set on disk, read through memory maps.

A directory of `store.json`, `values/<name>.npy` (grids [days, patches, cells], series [days, stations]),
`mean/<name>.npy`, `present/<name>.npy`, `land.npy`, `valid_patches.npy` and `attributes.npy`. Values are physical
float32, or scaled float16 where `data.storage` says so; NaN is missing, so values and their validity cannot disagree.
"""

import hashlib
import io
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.json_text import digest
from hydromae.base.leftovers import settle
from hydromae.base.permissions import refused
from hydromae.config import Period
from hydromae.config.types import Days, Verify
from hydromae.sources.exclusions import excluded_days
from hydromae.store.checked_blocks import CheckedBlocks
from hydromae.store.described import Described
from hydromae.store.description import (
    FORMAT,
    StoreDescription,
    read_description,
)
from hydromae.store.integrity import content_until, differs, verify_files, verify_small_files

__all__ = ["FORMAT", "Store"]


class Store(Described):
    """A prepared data set. It pickles as its path and description: each process opens its own maps, on first use.

    What is read is compared with the hashes that were taken when the store was written: a block of days, or a small
    file, when this process first reads it, and a damaged one is an error that names the days (`data.verify`).

    Values of the days that `excluded` names are on disk as they came, but are wrong: training and scores use
    `read_usable`, which gives them as missing.

    Attributes:
        path: the directory, absolute.
        excluded: days and spans that are declared wrong (`data.exclude_dates`), which the caller adds after opening.
        checking: when a block of days is compared with its hash: first, always or never.
    """

    def __init__(
        self, path: Path, description: StoreDescription, excluded: Days = (), checking: Verify = "first"
    ) -> None:
        super().__init__(path, description)
        self.excluded, self.checking = excluded, checking
        self._maps: dict[str, np.ndarray] = {}
        self._blocks: dict[str, CheckedBlocks] = {}
        self._present: dict[str, np.ndarray] = {}

    @classmethod
    def open(cls, path: str | Path) -> "Store":
        """Open a store; only its description is read.

        Raises:
            DataError: there is no store, it is damaged, or it has another format.
        """
        path = Path(path).absolute()
        if not path.exists():
            settle(path)
        return cls(path, read_description(path / "store.json"))

    def with_periods(self, periods: Mapping[str, Period]) -> "Store":
        """The same store with these periods in place of its own, by split, as a run that used it has them."""
        merged = {**self._description.periods, **periods}
        description = self._description.model_copy(update={"periods": merged})
        return Store(self.path, description, self.excluded, self.checking)

    def with_excluded(self, days: Days) -> "Store":
        """The same store, of which these days too are declared wrong, as a run that used it declares them."""
        more = tuple(span for span in days if span not in self.excluded)
        return Store(self.path, self._description, (*self.excluded, *more), self.checking) if more else self

    def with_checking(self, checking: Verify) -> "Store":
        """The same store, whose blocks are compared with their hashes so (`data.verify`)."""
        return Store(self.path, self._description, self.excluded, checking) if checking != self.checking else self

    def __reduce__(self) -> tuple[type["Store"], tuple[Path, StoreDescription, Days, Verify]]:
        return (Store, (self.path, self._description, self.excluded, self.checking))

    def values(self, name: str) -> np.ndarray:
        """Read-only map of the numbers as they are stored: grid [days, patches, cells], series [days, stations].

        They are physical float32, or scaled float16; NaN is missing. `read` gives physical values of either, and
        compares them with their hashes, which is not done here.
        """
        self._modality(name)
        if name not in self._maps:
            path = self._values_path(name)
            try:
                array = np.load(path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                refusal = refused(path, error)
                raise DataError(
                    refusal or f"{path}: cannot be read ({error}); prepare the store anew with --overwrite"
                ) from None
            if array.dtype.name != self._modality(name).dtype or array.shape != self._values_shape(name):
                raise DataError(
                    f"{path}: holds {array.dtype} {array.shape}, unlike store.json; prepare anew with --overwrite"
                )
            self._maps[name] = array
        return self._maps[name]

    def read(self, name: str, days: slice) -> Float[np.ndarray, "day *place"]:
        """Physical values of some days, float32, NaN where missing; shapes as in `values`. Not to be written to.

        Of a float16 store, each scaled value is within 2^-11 of its own size (2^-25 where that is below 2^-14) of what
        the source's would be, before it is brought back to physical units.
        """
        stored = self.values(name)[days]
        first, last, _ = days.indices(self.n_days)
        self._check(name, np.arange(first // self.block_days, -(-last // self.block_days)))
        if stored.dtype == np.float32:
            return stored
        scaled = torch.from_numpy(np.array(stored)).float()  # torch converts 20 times faster than numpy
        physical: np.ndarray = self.scaler(name).unscale(scaled).numpy()
        return physical

    @cached_property
    def usable(self) -> Bool[np.ndarray, "day"]:
        """Which days are not declared wrong."""
        usable: np.ndarray = ~excluded_days(self.first_day, self.n_days, self.excluded)
        return usable

    def read_usable(self, name: str, days: slice) -> Float[np.ndarray, "day *place"]:
        """As `read`, with the values of the days that are declared wrong missing."""
        values, wrong = self.read(name, days), ~self.usable[days]
        if wrong.any():
            values = values.copy()
            values[wrong] = np.nan
        return values

    def gather(
        self, name: str, days: Int[np.ndarray, "batch day"], stations: Int[np.ndarray, "batch station"]
    ) -> Float[np.ndarray, "batch day station"]:
        """Physical values of a series as `read` gives them, on some days and at some stations of each sample.

        Args:
            name: the modality.
            days: [B, T] positions on `days`.
            stations: [B, n] positions on `station_ids`; no other value is read.
        """
        self._check(name, days // self.block_days)
        stored = self.values(name)[days[:, :, None], stations[:, None]]  # [B, T, n]
        if stored.dtype == np.float32:
            return stored
        scaled = torch.from_numpy(stored).float()
        physical: np.ndarray = self.scaler(name).unscale(scaled, torch.from_numpy(stations)).numpy()
        return physical

    def present(self, name: str) -> Bool[np.ndarray, "day place"]:
        """Where there is any value, not to be written to: grid [days, patches], series [days, stations]."""
        self._modality(name)
        if name not in self._present:
            present = self._array(f"present/{name}.npy")
            if present.dtype != bool or present.shape != self._values_shape(name)[:2]:
                raise DataError(
                    f"{self.path / 'present' / name}.npy: holds {present.dtype} {present.shape}, unlike store.json; "
                    f"prepare anew with --overwrite"
                )
            self._present[name] = present
        return self._present[name]

    def mean(self, name: str) -> Float[np.ndarray, "..."]:
        """Mean over the training period, float32: [patches, cells] or [stations]; NaN where never observed."""
        self._modality(name)
        return self._array(f"mean/{name}.npy")

    @cached_property
    def valid_patches(self) -> Int[np.ndarray, "patch"]:
        """Row-major positions of the kept patches in the grid of patches, int64; empty in a store without grids."""
        return self._array("valid_patches.npy")

    @cached_property
    def land(self) -> Bool[np.ndarray, "patch cell"]:
        """The cells of the kept patches that are land; no other cell ever has a value."""
        return self._array("land.npy")

    @cached_property
    def attributes(self) -> Float[np.ndarray, "station attribute"]:
        """Physical values, float32; NaN is missing."""
        return self._array("attributes.npy")

    @cached_property
    def attribute_scale(self) -> tuple[Float[np.ndarray, "attribute"], Float[np.ndarray, "attribute"]]:
        """Mean and deviation of each attribute, float64: kept, or over the stations, 0 and 1 where none exist."""
        if self.kept_scales is not None:
            mean, std = (np.array(numbers, np.float64) for numbers in self.kept_scales.attributes)
            return mean, std
        values = self.attributes.astype(np.float64)
        observed = ~np.isnan(values)
        count = np.maximum(observed.sum(axis=0), 1)
        mean = np.where(observed, values, 0).sum(axis=0) / count
        std = np.sqrt((np.where(observed, values - mean, 0) ** 2).sum(axis=0) / count)
        return mean, np.where(std > 1e-9 * (1 + np.abs(mean)), std, 1.0)

    @cached_property
    def scaled_attributes(self) -> Float[np.ndarray, "station attribute"]:
        """Attributes less their mean over the stations, by their deviation, float32; NaN stays NaN."""
        mean, std = self.attribute_scale
        scaled: np.ndarray = (self.attributes - mean) / std
        return scaled.astype(np.float32)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all values and all that gives them meaning; the same for the same data, wherever it lies."""
        return self.fingerprint_until(self.n_days)

    def fingerprint_until(self, n_days: int) -> str:
        """The `fingerprint` that the store would have if it ended after its first `n_days`.

        A run that was trained before days were appended recognises its store by it.

        Raises:
            ConfigError: the store has fewer days.
            DataError: its values cannot be read.
        """
        return digest(self._content_until(n_days))

    def identity_until(self, n_days: int) -> dict[str, Any]:
        """The fingerprint of the first `n_days` and all that enters it, so that a run can say what differs; for JSON.

        These are the hashes of the blocks of each modality, scalers, stations, land and the training period, and also
        a hash of the values of each attribute, so that one that changed can be named.

        Raises:
            ConfigError: the store has fewer days.
            DataError: its values or attributes cannot be read.
        """
        columns = zip(self.attribute_names, self.attributes.T if self.attribute_names else (), strict=True)
        attributes = {name: hashlib.sha256(np.ascontiguousarray(values).data).hexdigest() for name, values in columns}
        content = self._content_until(n_days)
        return {"fingerprint": digest(content), **content, "attributes": attributes}

    def verify(self) -> None:
        """Read every byte and compare it with the hashes taken when the store was written.

        Raises:
            DataError: a byte differs; the message names the file and the days.
        """
        verify_files(self.path, self._description)

    def verify_small_files(self) -> None:
        """As `verify`, of all files but those of the values."""
        verify_small_files(self.path, self._description)

    def _check(self, name: str, blocks: Int[np.ndarray, "*any"]) -> None:
        """Compare blocks with their hashes, unless that was done; see `checking`."""
        if self.checking == "never":
            return
        values = self.values(name)
        if name not in self._blocks:
            self._blocks[name] = CheckedBlocks.of(self._values_path(name), self._modality(name), self._description)
        self._blocks[name].require(values, blocks, again=self.checking == "always")

    def _content_until(self, n_days: int) -> dict[str, Any]:
        if not 0 < n_days <= self.n_days:
            raise ConfigError(f"{self.path}: has {self.n_days} days, not {n_days}; prepare it up to its old last day")
        return content_until(self.path, self._description, n_days)

    def _values_path(self, name: str) -> Path:
        return self.path / "values" / f"{name}.npy"

    def _values_shape(self, name: str) -> tuple[int, ...]:
        if self.kind(name) == "series":
            return (self.n_days, len(self.station_ids))
        return (self.n_days, len(self.valid_patches), self.patch_size**2)

    def _array(self, file: str) -> np.ndarray:
        """A small array, whose file is compared with its hash."""
        path = self.path / file
        try:
            content = path.read_bytes()
            expected = self._description.hashes.get(file)
            if self.checking != "never" and hashlib.sha256(content).hexdigest() != expected:
                raise DataError(differs(path))
            return np.load(io.BytesIO(content), allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            refusal = refused(path, error)
            raise DataError(
                refusal or f"{path}: cannot be read ({error}); prepare the store anew with --overwrite"
            ) from None
