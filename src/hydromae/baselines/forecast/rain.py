"""Which variable of the forcing is rain and which evaporation, since some baselines treat them separately."""

from collections.abc import Collection, Sequence

import xarray as xr

from hydromae.base.errors import DataError


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
    return _first(series, forcing, ("precip", "rain"), {"pr", "prcp", "tp"})


def evaporation_of(series: xr.Dataset, forcing: Sequence[str]) -> str | None:
    """The variable that is evaporation, potential before any other; None where no forcing says so."""
    potential = _first(series, forcing, ("potential_evap", "evspsblpot"), {"pet", "peti", "et0"})
    return potential or _first(series, forcing, ("evap",), {"et", "eta"})


def _first(series: xr.Dataset, forcing: Sequence[str], words: Sequence[str], names: Collection[str]) -> str | None:
    for name in forcing:
        said = f"{name} {series[name].attrs.get('standard_name', '')}".lower()
        if name.lower() in names or any(word in said for word in words):
            return name
    return None
