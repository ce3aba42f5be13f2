"""GRIB files that are made with ecCodes, as weather services write them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyproj  # noqa: F401  (before ecCodes, which otherwise breaks it)
import pytest

_RAIN_M, _RAIN_KG, _TEMPERATURE = 228, 228228, 167  # numbers of parameters: tp of ECMWF, APCP of NCEP, 2t
PARAMETERS = {"tp in m": _RAIN_M, "tp in kg m-2": _RAIN_KG, "2t": _TEMPERATURE}


@dataclass(frozen=True)
class Message:
    """One map: values rows from the north, NaN where missing; `step` as `6` or `0-6`."""

    parameter: str
    run: str  # YYYY-MM-DD HH
    step: str
    values: np.ndarray
    member: int | None = None


def write_grib(
    path: Path, messages: list[Message], north: float = 54.0, west: float = 0.0, step: float = 1.0, south_first=False
) -> Path:
    """Messages of GRIB 2 on cells of equal steps in degrees, whose first centre is north and west."""
    eccodes = pytest.importorskip("eccodes", reason="ecCodes is absent: pip install 'hydromae[grib]'")
    with path.open("wb") as file:
        for message in messages:
            rows, columns = message.values.shape
            latitudes = [north, north - (rows - 1) * step]
            handle = eccodes.codes_grib_new_from_samples("regular_ll_sfc_grib2")
            spans = "-" in message.step
            template = {(False, False): 0, (True, False): 1, (False, True): 8, (True, True): 11}
            keys = {
                "productDefinitionTemplateNumber": template[message.member is not None, spans],
                "paramId": PARAMETERS[message.parameter],
                "dataDate": int(message.run[:10].replace("-", "")),
                "dataTime": int(message.run[11:]) * 100,
                "Ni": columns,
                "Nj": rows,
                "jScansPositively": int(south_first),
                "latitudeOfFirstGridPointInDegrees": latitudes[south_first],
                "latitudeOfLastGridPointInDegrees": latitudes[not south_first],
                "longitudeOfFirstGridPointInDegrees": west % 360,
                "longitudeOfLastGridPointInDegrees": (west + (columns - 1) * step) % 360,
                "iDirectionIncrementInDegrees": step,
                "jDirectionIncrementInDegrees": step,
                **({"typeOfStatisticalProcessing": 1} if spans else {}),
                "stepRange": message.step,
                **({} if message.member is None else {"perturbationNumber": message.member}),
                "bitsPerValue": 24,
                "bitmapPresent": 1,
                "missingValue": -1e9,
            }
            for key, value in keys.items():
                eccodes.codes_set(handle, key, value)
            values = message.values[:: -1 if south_first else 1]
            eccodes.codes_set_values(handle, np.where(np.isnan(values), -1e9, values).ravel())
            eccodes.codes_write(handle, file)
            eccodes.codes_release(handle)
    return path
