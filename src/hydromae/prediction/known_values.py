"""Missing codes and limits of a run, applied to a store that may come from another configuration."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import DataConfig, ModalityConfig
from hydromae.sources.cleaning import LARGEST, first_fault, limits, missing_to_nan
from hydromae.store.store import Store


class KnownValues:
    """The missing codes and limits of a run, for values of any store.

    A store that was made with the same ones, as the run's own, is read unchanged.

    Args:
        settings: the run's configuration of data.
        store: the data.
        names: modalities that are read.

    Raises:
        ConfigError: the store holds rounded values (`data.storage: float16`), and was made without a
            missing code or limit of the run, which cannot be recognised in rounded values.
    """

    def __init__(self, settings: DataConfig, store: Store, names: tuple[str, ...]) -> None:
        self.settings, self.store = settings, store
        made = store.provenance.options
        self.codes = tuple(sorted(_codes(settings.missing_values) - _codes(made.get("missing_values", ()))))
        self.stricter = tuple(name for name in names if name in store.names and self._is_stricter(name, made))
        for name in store.names:
            if name not in names or store.values(name).dtype == np.float32 or not (self.codes or name in self.stricter):
                continue
            low, high = limits(settings.modalities[name])
            keys = f"data.modalities.{name}.minimum={_yaml(low)} data.modalities.{name}.maximum={_yaml(high)}"
            if self.codes:
                keys = f"data.missing_values=[{','.join(f'{code:.9g}' for code in settings.missing_values)}] {keys}"
            raise ConfigError(
                f"{store.path}: holds {name} as rounded numbers (float16) and was made with other missing values or "
                f"limits than those of the run, which cannot be recognised in rounded numbers; prepare it "
                f"anew with {keys}"
            )

    def concerns(self, name: str) -> bool:
        """Whether a value may be missing or impossible for the run, though not for the store."""
        return bool(self.codes) or name in self.stricter

    def changes(self, name: str) -> bool:
        """Whether values may become missing, so that the store's own count of observed values does not hold."""
        return bool(self.codes) and name in self.store.names

    def apply(self, name: str, values: Float[np.ndarray, "day *place"], first: int) -> None:
        """Make the run's missing codes NaN, in place.

        Args:
            name: modality.
            values: physical; series of all stations of the store, or grids of all its patches.
            first: their first day, as days since the store's first day.

        Raises:
            DataError: a value is beyond the run's limits.
        """
        if self.codes:
            missing_to_nan(values, self.codes)
        if name not in self.stricter:
            return
        fault = first_fault(values, self.settings.modalities[name])
        if fault is None:
            return
        day, place = self.store.days[first + fault.index[0]], fault.index[1]
        of_grid = self.store.kind(name) == "grid"
        where = f"patch {self.store.valid_patches[place]}" if of_grid else f"station {self.store.station_ids[place]}"
        raise DataError(
            f"{self.store.path}: {name} of {where} on {day} is {fault.value:g} {self.store.units(name)}, "
            f"{fault.reason} by the configuration of the run; prepare the data with {fault.value:.9g} among "
            f"data.missing_values if it means missing, or with the day in data.modalities.{name}.exclude_dates"
        )

    def _is_stricter(self, name: str, made: Mapping[str, Any]) -> bool:
        """Whether the run's limits forbid values that the store's limits allow."""
        if name not in self.settings.modalities:
            return False
        low, high = limits(self.settings.modalities[name])
        given = made.get("modalities", {}).get(name, {})
        then = limits(ModalityConfig.model_construct(**given)) if "scaling" in given else (None, None)
        below = low is not None and (then[0] is None or then[0] < low)
        return below or (high is not None and (then[1] is None or then[1] > high))


def _codes(given: Iterable[float]) -> set[float]:
    """Missing codes as float32 holds them, without magnitudes that are missing in every store."""
    return {float(np.float32(code)) for code in given if abs(code) < LARGEST}


def _yaml(number: float | None) -> str:
    return "null" if number is None else f"{number:.9g}"
