"""Which of the forcing is rain, as some baselines treat it by itself."""

from collections.abc import Sequence

import xarray as xr

from hydromae.base.errors import DataError

_WORDS = ("precip", "rain")
_NAMES = {"pr", "prcp", "tp"}


def rain_of(series: xr.Dataset, forcing: Sequence[str], wanted: str | None = None) -> str | None:
    """The variable that is rain: the wanted one, else the first that its standard name or its own says is rain.

    Returns:
        Its name; None where no forcing says so.

    Raises:
        DataError: the wanted one is not among the forcing.
    """
    if wanted is not None:
        if wanted not in forcing:
            raise DataError(f"{wanted}: is not among the forcing ({', '.join(forcing)}); name one of these")
        return wanted
    for name in forcing:
        words = f"{name} {series[name].attrs.get('standard_name', '')}".lower()
        if name.lower() in _NAMES or any(word in words for word in _WORDS):
            return name
    return None
