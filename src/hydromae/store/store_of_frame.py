"""A store of data in memory, for as long as a question takes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import xarray as xr

from hydromae.base.attribute_names import same_attribute
from hydromae.base.csv_text import write_frame
from hydromae.base.disk_errors import errors_of_silent_libraries
from hydromae.base.errors import DataError
from hydromae.config import AttributesConfig
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.store import Store

DATE, STATION, ONLY = "date", "station", "gauge"
_FRAME, _ATTRIBUTES = "frame.parquet", "attributes.csv"

Given = pd.DataFrame | xr.Dataset
Known = pd.DataFrame | Mapping[str, float]


@contextmanager
def store_of_frame(
    data: Given, names: Sequence[str], units: Mapping[str, str], attributes: Known | None = None
) -> Iterator[tuple[Store, Path]]:
    """A store of series in memory, and the temporary folder that it lies in; both are gone afterwards.

    Args:
        data: columns or variables by the names of the series; days in the index, in a column `date` or the dimension
            `time`; several stations in a column or dimension `station`.
        names: series that are taken where they are there.
        units: of each series.
        attributes: of the stations, which are its index; of a single station a mapping.

    Raises:
        DataError: there are no days, none of the series, or a station twice on a day.
    """
    table = _table(data)
    present = [name for name in names if name in table.columns]
    if not present:
        raise DataError(f"the data have none of {', '.join(names)}; name their columns so (they have "
                        f"{', '.join(map(str, table.columns))})")  # fmt: skip
    if table.duplicated([DATE, STATION]).any():
        again = table[table.duplicated([DATE, STATION])].iloc[0]
        raise DataError(f"the data have station {again[STATION]} twice on {again[DATE]:%Y-%m-%d}; keep one row")
    with TemporaryDirectory(prefix="hydromae_") as temporary:
        folder = Path(temporary)
        with errors_of_silent_libraries():
            table[[DATE, STATION, *present]].to_parquet(folder / _FRAME, index=False)
        modalities: dict[str, Any] = {
            name: {"kind": "series", "paths": [_FRAME], "reader": "table", "variable": name, "id_column": STATION,
                   "units": units[name], "per_area": False, "scaling": "standard", "scaling_per": "all"}
            for name in present
        }  # fmt: skip
        raw: dict[str, Any] = {
            "root": str(folder),
            "store": str(folder / "store"),
            "modalities": modalities,
            "train": [f"{day:%Y-%m-%d}" for day in (table[DATE].min(), table[DATE].max())],
        }
        if attributes is not None:
            raw["attributes"] = _write_attributes(folder, table, attributes)
        yield prepare(build_config({"name": "frame", "data": raw})), folder


def _table(data: Given) -> pd.DataFrame:
    """A row for each day and station."""
    if isinstance(data, xr.Dataset):
        if "time" not in data.dims:
            raise DataError("the data set has no dimension time; give the days so")
        table = data.to_dataframe().reset_index().rename(columns={"time": DATE})
    else:
        table = data.copy() if DATE in data.columns else data.rename_axis(DATE).reset_index()
    table[DATE] = pd.to_datetime(table[DATE]).dt.normalize()
    if STATION not in table.columns:
        table[STATION] = ONLY
    return table.assign(**{STATION: table[STATION].astype(str)})


def _write_attributes(folder: Path, table: pd.DataFrame, attributes: Known) -> dict[str, Any]:
    """Write them as a table; its settings."""
    stations = table[STATION].unique().tolist()
    known = attributes
    if not isinstance(known, pd.DataFrame):
        if len(stations) > 1:
            raise DataError(f"there are {len(stations)} stations; give attributes as a frame, whose index they are")
        known = pd.DataFrame([dict(known)], index=stations)
    known = known.rename(index=str).reindex(stations).select_dtypes("number")
    write_frame(known.rename_axis("id").reset_index(), folder / _ATTRIBUTES)
    settings: dict[str, Any] = {"path": _ATTRIBUTES, "columns": list(map(str, known.columns))}
    area = same_attribute(AttributesConfig().area, settings["columns"])
    return settings if area is None else {**settings, "area": area}
