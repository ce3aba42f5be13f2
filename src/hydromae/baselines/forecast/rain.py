"""Which variable of the forcing is rain, since some baselines treat rain separately."""

from collections.abc import Sequence

import xarray as xr

from hydromae.base.errors import DataError

_WORDS = ("precip", "rain")
_NAMES = {"pr", "prcp", "tp"}


def rain_of(series: xr.Dataset, forcing: Sequence[str], named: str | None = None) -> str | None:
    """The variable that is rain: the named one, else the first whose standard name or own name says so.

    Returns:
        Its name; None where no forcing says so.

    Raises:
        DataError: the named variable is not among the forcing.
    """
    if named is not None:
        if named not in forcing:
            raise DataError(f"{named}: is not among the forcing ({', '.join(forcing)}); name one of these")
        return named
    for name in forcing:
        words = f"{name} {series[name].attrs.get('standard_name', '')}".lower()
        if name.lower() in _NAMES or any(word in words for word in _WORDS):
            return name
    return None
