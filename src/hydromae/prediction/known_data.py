"""Data as a run's model reads them, with its patches, stations and scales, whatever store they come from."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.base.attribute_names import same_attribute
from hydromae.base.calendar import days_of_year
from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.base.errors import ConfigError
from hydromae.base.evaporation import oudin_evaporation
from hydromae.base.station_ids import places_among, respelled
from hydromae.base.units import same_units
from hydromae.config import DataConfig
from hydromae.config.read import Given
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.prediction.known_values import KnownValues
from hydromae.prediction.new_stations import areas_of, unlike_training, with_new_stations
from hydromae.sources.cleaning import missing_to_nan
from hydromae.store.oudin import EVAPORATION, OUDIN, TEMPERATURE
from hydromae.store.prepare import prepare
from hydromae.store.scaling import Scaler
from hydromae.store.store import Store

SPECIFIC = "mm/d"


class KnownData:
    """A store, read for a model that may have been trained on another one.

    Scalers and the scale of attributes are those of the training, and so are missing codes and limits (`KnownValues`).
    Where each station has a mean and deviation of its own, a station outside the training gets what its attributes and
    climate tell (`ScaleOfAttributes`), corrected with `own_records` by its record in the training period of the data.
    A modality that the store lacks is missing, but for evaporation that follows from temperature and latitude.

    Args:
        model: a trained model.
        store: the data.
        every_station: whether the model sees all its stations at once, so that each has a fixed position; else it can
            take any stations.
        settings: of the run's data.
        own_records: whether the records of stations outside the training correct their scales; not for tasks that must
            know nothing of them.

    Raises:
        ConfigError: a unit or the grid differs, no station of the model is in the data, or they hold rounded values
            in which its missing codes cannot be recognised.
    """

    def __init__(
        self, model: MultiModalMAE, store: Store, every_station: bool, settings: DataConfig, own_records: bool = False
    ) -> None:
        self._area_name = settings.attributes.area
        self.model, self.store, self.trained_on, self.own_records = model, store, model.trained_on, own_records
        trained = respelled(self.trained_on["stations"], store.station_ids, str(store.path))
        self.stations = tuple(trained) if every_station else store.station_ids
        # Positions of the stations in the store; -1 where it has no such station.
        self._here = places_among(self.stations, store.station_ids)
        if len(self.stations) and (self._here < 0).all():
            raise ConfigError(f"{store.path}: has none of the {len(self.stations)} stations of the run")
        for name in model.shapes:
            self._require_like(name)
        # Limits are in the unit of the training.
        limited = tuple(name for name in model.shapes if not self._other_flow(name))
        self._known = KnownValues(settings, store, limited)

    @cached_property
    def units(self) -> dict[str, str]:
        """Unit of each modality in the data, and where these lack it in the training."""
        return {
            name: self.store.units(name) if self.has(name) else str(trained["units"])
            for name, trained in self.trained_on["modalities"].items()
        }

    def _other_flow(self, name: str) -> bool:
        """Whether one of training and data has a flow in m3/s and the other in mm/d, which areas bring together."""
        if not self.has(name) or self.store.kind(name) != "series":
            return False
        trained, here = str(self.trained_on["modalities"][name]["units"]), self.store.units(name)
        pairs = ((trained, here), (here, trained))
        return any(is_flow(volume) and same_units(depth, SPECIFIC) for volume, depth in pairs)

    def has(self, name: str) -> bool:
        """Whether the store has this modality."""
        return name in self.store.names

    @property
    def computed(self) -> tuple[str, ...]:
        """Modalities that the store lacks and that are computed: potential evaporation, from temperature."""
        return (EVAPORATION,) if self._computes_evaporation else ()

    @cached_property
    def _computes_evaporation(self) -> bool:
        """Whether evaporation is absent, a formula made that of the training, and what the formula needs is there."""
        of_both = {name: self.model.shapes.get(name) for name in (EVAPORATION, TEMPERATURE)}
        series = all(shape is not None and shape.kind == "series" for shape in of_both.values())
        if not series or self.has(EVAPORATION) or not self.has(TEMPERATURE):
            return False
        formula = self.trained_on["modalities"][EVAPORATION].get("formula")
        return formula == OUDIN and same_units(self.units[TEMPERATURE], "degC") and self._latitude is not None

    def evaporation(
        self, temperature: Float[np.ndarray, "day station"], first: int
    ) -> Float[np.ndarray, "day station"]:
        """Potential evaporation where it is `computed` (Oudin et al. 2005); NaN where temperature is missing.

        Args:
            temperature: degC, of consecutive days.
            first: the first of them, as days since the first day of the store.
        """
        assert self._latitude is not None
        day = days_of_year(self.store.first_day + np.arange(first, first + len(temperature)))
        return oudin_evaporation(temperature, self._latitude, day)

    @cached_property
    def _latitude(self) -> Float[np.ndarray, " station"] | None:
        """Of the model's stations, in degrees, NaN where unknown; None where the data have none."""
        column = coordinate_columns(self.store.attribute_names).get("latitude")
        return None if column is None else self.at_stations(self.store.attributes[:, column])

    def read(self, name: str, first: int, days: int) -> Float[np.ndarray, "day *place"]:
        """All values of some days, physical, float32, NaN where missing.

        Args:
            name: modality.
            first: days since the first day of the store; days may lie before or after those of the store.
            days: number of days, T.

        Returns:
            Grid [T, patches, cells] of the model's patches, or series [T, stations].
        """
        shape = self.model.shapes[name]
        place = (shape.width, shape.size) if shape.kind == "grid" else (len(self.stations),)
        if name in self.computed:
            return self.evaporation(self.read(TEMPERATURE, first, days), first)
        values = np.full((days, *place), np.nan, np.float32)
        begin, end = max(first, 0), min(first + days, self.store.n_days)
        if begin >= end or not self.has(name):
            return values
        places = self._places(name)
        values[begin - first : end - first, places >= 0] = self.stored(name, slice(begin, end))[:, places[places >= 0]]
        return values

    def stored(self, name: str, days: slice) -> Float[np.ndarray, "day *place"]:
        """Like `Store.read`, for all patches or stations of the store, with the run's missing codes as NaN.

        Raises:
            DataError: a value is beyond the run's limits.
        """
        values = self.store.read(name, days)
        if self._known.concerns(name):
            values = np.array(values)  # a memory map must not be written to
            self._known.apply(name, values, days.indices(self.store.n_days)[0])
        return values

    def observed(self, name: str) -> Bool[np.ndarray, "day station"]:
        """Where a series has a value, at the stations of the model on all days of the store."""
        observed = np.zeros((self.store.n_days, len(self.stations)), bool)
        if not self.has(name):
            return observed
        recoded = self._known.changes(name)
        present = ~np.isnan(self.stored(name, slice(None))) if recoded else self.store.present(name)
        observed[:, self._here >= 0] = present[:, self._here[self._here >= 0]]
        return observed

    def mean(self, name: str) -> Float[np.ndarray, "*place"]:
        """Mean of each place of the model over the training period of the data, physical; NaN where there is none."""
        shape = self.model.shapes[name]
        place = (shape.width, shape.size) if shape.kind == "grid" else (len(self.stations),)
        values = np.full(place, np.nan, np.float32)
        if self.has(name):
            places = self._places(name)
            values[places >= 0] = self.store.mean(name)[places[places >= 0]]
        return values

    @cached_property
    def attributes(self) -> Float[np.ndarray, "station attribute"]:
        """Attributes on the scale of the training, float32; NaN is missing."""
        mean, std = (np.array(numbers) for numbers in self.trained_on["attribute_scale"])
        return ((self.named_attributes - mean) / std).astype(np.float32)

    @cached_property
    def named_attributes(self) -> Float[np.ndarray, "station attribute"]:
        """The training's attributes of the model's stations, in their units, float64; NaN where unknown.

        Latitude, longitude and area are found by what they are, the others by their names in several archives.
        """
        names, store = [str(name) for name in self.trained_on["attributes"]], self.store
        columns = {name: store.attributes[:, i] for i, name in enumerate(store.attribute_names)}
        coordinates = coordinate_columns(store.attribute_names)
        for what, place in coordinate_columns(names).items():
            if what in coordinates:
                columns.setdefault(names[place], store.attributes[:, coordinates[what]])
        if store.areas is not None:
            columns.setdefault(self._area_name, store.areas)
        values = np.full((len(self.stations), len(names)), np.nan)
        for i, name in enumerate(names):
            if (column := same_attribute(name, columns)) is not None:
                values[:, i] = self.at_stations(columns[column])
        missing_to_nan(values, self._known.codes)
        return values

    def at_stations(self, of_store: Shaped[np.ndarray, "station *any"]) -> Float[np.ndarray, "station *any"]:
        """Numbers of the store's stations at those of the model, float64; NaN where the store lacks one."""
        values = np.full((len(self.stations), *of_store.shape[1:]), np.nan)
        values[self._here >= 0] = of_store[self._here[self._here >= 0]]
        return values

    @cached_property
    def unlike_training(self) -> dict[str, list[str]]:
        """See `hydromae.prediction.new_stations.unlike_training`; computed series are read whole for it."""
        return unlike_training(self)

    @property
    def lacking_attributes(self) -> list[str]:
        """Attributes of the training that the data do not have."""
        known = np.isfinite(self.named_attributes).any(0)
        return [
            str(name)
            for name, is_known in zip(self.trained_on["attributes"], known, strict=True)
            if not is_known and same_attribute(str(name), self.store.attribute_names) is None
        ]

    @cached_property
    def scalers(self) -> dict[str, Scaler]:
        """The scaler of each modality, with one entry for each station where it has several."""
        return {name: self._scaler(name, trained) for name, trained in self.trained_on["modalities"].items()}

    def _scaler(self, name: str, trained: Mapping[str, Any]) -> Scaler:
        scaler = Scaler.from_dict(trained["scaler"])
        if self.model.shapes[name].kind == "grid":
            return scaler
        taught = places_among(self.stations, self.trained_on["stations"]).tolist()
        mean, std = (_of_stations(numbers, taught) for numbers in (scaler.mean, scaler.std))
        factor = scaler.factor
        if self._other_flow(name):
            factor = None
            if is_flow(self.units[name]):
                usual = float(np.median(scaler.mean)) if scaler.transform == "standard" else 1.0
                factor = tuple((MM_PER_DAY / areas_of(self, name, usual)).tolist())
        elif factor is not None:
            factor = tuple(factor[place] if place >= 0 else np.nan for place in taught)
            if self.has(name) and (own := self.store.scaler(name).factor) is not None:
                # Stations of the training keep the area that they had then.
                factor = tuple(
                    f if np.isfinite(f) or place < 0 else own[place]
                    for place, f in zip(self._here, factor, strict=True)
                )
        known = replace(scaler, mean=mean, std=std, factor=factor)
        if len(scaler.mean) == 1 or "new_station" not in trained or min(taught) >= 0:
            return known
        new = np.array(taught) < 0
        return with_new_stations(self, name, known, new, trained["new_station"], self.own_records)

    def _places(self, name: str) -> Int[np.ndarray, "place"]:
        """Position in the store of each patch or station of the model; -1 where the store lacks it."""
        return self.patches if self.model.shapes[name].kind == "grid" else self._here

    @cached_property
    def patches(self) -> Int[np.ndarray, "patch"]:
        """Position of each of the model's patches among those of the store; -1 where the store lacks it."""
        here = {patch: place for place, patch in enumerate(self.store.valid_patches.tolist())}
        return np.array([here.get(patch, -1) for patch in self.model.valid_patches.tolist()], dtype=np.int64)

    @cached_property
    def land(self) -> Bool[np.ndarray, "patch cell"]:
        """The cells of the model's patches that may have values: the land of the store."""
        land = np.zeros((len(self.patches), self.store.patch_size**2), bool)
        land[self.patches >= 0] = self.store.land[self.patches[self.patches >= 0]]
        return land

    def _require_like(self, name: str) -> None:
        if not self.has(name):
            return
        store, config = self.store, self.model.config
        units = str(self.trained_on["modalities"][name]["units"])
        if not same_units(store.units(name), units) and not self._other_flow(name):
            raise ConfigError(
                f"{store.path}: {name} is in {store.units(name)}, but the run was trained on {units}; "
                f"bring the data to that unit"
            )
        if store.kind(name) != self.model.shapes[name].kind:
            raise ConfigError(f"{store.path}: {name} is a {store.kind(name)}, but not in the run")
        grid = (config.grid_height, config.grid_width, config.patch_size)
        if store.kind(name) == "grid" and (*store.shape, store.patch_size) != grid:
            raise ConfigError(
                f"{store.path}: has grids of {store.shape[0]} x {store.shape[1]} cells in patches of "
                f"{store.patch_size}, the run {grid[0]} x {grid[1]} in patches of {grid[2]}; prepare them on the "
                f"run's grid (regrid, target_grid, model.patch_size)"
            )


def data_of(given: Given | Store) -> Store:
    """A store: a given one, that of a directory, or that of a configuration, prepared if it does not exist yet.

    Raises:
        ConfigError: the configuration cannot be used.
        DataError: there is no store, or it cannot be made.
    """
    if isinstance(given, Store):
        return given
    if not isinstance(given, str | Path) or Path(given).suffix in (".yaml", ".yml"):
        return prepare(given)
    return Store.open(given)


def _of_stations(numbers: tuple[float, ...], taught: list[int]) -> tuple[float, ...]:
    if len(numbers) == 1:
        return numbers
    average = float(np.mean(numbers))
    return tuple(numbers[place] if place >= 0 else average for place in taught)
