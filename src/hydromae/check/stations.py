"""Whether the table of attributes fits the series: gaps, constants, impossible coordinates."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.check.exclusions import Exclusion
from hydromae.check.report import AttributesView, CheckReport
from hydromae.check.subject import counted, listed

_FAR = 30.0  # degrees from the median station
_BOUNDS = {"latitude": 90, "longitude": 180}


def view_of(
    ids: Sequence[str],
    names: Sequence[str],
    values: Float[np.ndarray, "station attribute"],
    called: Mapping[str, str] = MappingProxyType({}),
) -> AttributesView:
    """What the page needs of a table of attributes; `called` are names of stations by id."""
    position = {name: values[:, place] for name, place in coordinate_columns(names).items()}
    both = len(position) == 2
    return AttributesView(
        tuple(ids),
        tuple(names),
        np.isnan(values),
        position["longitude"] if both else None,
        position["latitude"] if both else None,
        tuple(called.get(station, "") for station in ids),
    )


def judge_attributes(
    report: CheckReport,
    where: str,
    ids: Sequence[str],
    names: Sequence[str],
    values: Float[np.ndarray, "station attribute"],
) -> None:
    """Add gaps, constant attributes and impossible places; `values` are physical, NaN where missing."""
    missing = np.isnan(values)
    for column, name in enumerate(names):
        absent = np.flatnonzero(missing[:, column]).tolist()
        if absent:
            report.warning(
                f"{where}: {name} is missing for {len(absent)} of {len(ids)} stations",
                tuple(ids[i] for i in absent),
            )
        present = values[~missing[:, column], column]
        if present.size > 1 and present.min() == present.max():
            report.warning(
                f"{where}: {name} is {present[0]:g} at every station and distinguishes none; leave it out of columns"
            )
    for coordinate, place in coordinate_columns(names).items():
        _place(report, where, ids, names[place], _BOUNDS[coordinate], values[:, place])


def _place(
    report: CheckReport, where: str, ids: Sequence[str], name: str, bound: int, values: Float[np.ndarray, "station"]
) -> None:
    for wrong, text, add in (
        (np.abs(values) > bound, f"beyond {bound} degrees; are these metres of a projection?", report.error),
        (
            (np.abs(values - np.nanmedian(values)) > _FAR) & (np.abs(values) <= bound),
            f"more than {_FAR:g} degrees from the other stations'",
            report.warning,
        ),
    ):
        at = np.flatnonzero(wrong).tolist()
        if at and (add == report.error or len(at) < 0.1 * len(ids)):
            details = tuple(f"{ids[i]}: {values[i]:g}" for i in at)
            exclusion = Exclusion(stations=tuple(ids[i] for i in at)) if len(at) < len(ids) / 2 else Exclusion()
            add(
                f"{where}: {name} is {text} at {counted(len(at), 'station')}: {listed(details)}",
                details=details,
                exclusion=exclusion,
            )


def judge_membership(
    report: CheckReport, where: str, attributes: Sequence[str], series: dict[str, tuple[str, ...]]
) -> None:
    """Note stations of the table that are in no series, and stations that only some series have."""
    all_stations = list(dict.fromkeys(station for ids in series.values() for station in ids))
    surplus = [station for station in attributes if station not in set(all_stations)]
    if surplus:
        report.note(
            f"{where}: {counted(len(surplus), 'station')} of the table {'is' if len(surplus) == 1 else 'are'} in no "
            f"series, and left out: {listed(surplus)}",
            tuple(surplus),
        )
    for name, ids in series.items():
        absent = tuple(station for station in all_stations if station not in set(ids))
        if absent:
            report.note(
                f"{name} has no series of {counted(len(absent), 'station')} that others have; it is missing there: "
                f"{listed(absent)}",
                absent,
            )
