"""The page of a check: whether the data are fit, findings, and maps, calendars and hydrographs, in one file."""

from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import numpy as np
from markupsafe import Markup

from hydromae.base.replacing import replace_text
from hydromae.base.version import VERSION
from hydromae.check.page_data import page_data, station_places, years_of
from hydromae.check.report import CheckReport, Problem, cells_of, exclusion_blocks
from hydromae.check.subject import counted
from hydromae.drawing.assembly import assembled
from hydromae.drawing.page import page_environment

TITLES: Final = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
_MODULES: Final = ("calendar", "series", "grids", "check")  # in the order in which they need each other


def write_check_page(report: CheckReport, path: Path, replace: bool = True) -> Path:
    """Write the page and return its path. The same report gives the same bytes.

    Args:
        report: of the check.
        path: of the page.
        replace: an existing file gives way.

    Raises:
        DataError: `path` cannot be written, or another process writes it.
        ValueError: the report was made without what the page needs.
    """
    if not report.paged:
        raise ValueError("the check was made without what its page needs; make it again with page=True")
    path = Path(path)
    replace_text(path, _render(report), replace)
    return path


def _render(report: CheckReport) -> str:
    environment = page_environment()
    template = files("hydromae.check").joinpath("page.html.j2").read_text(encoding="utf-8")
    cells = [cells_of(row) for row in report.rows]
    headings = list(dict.fromkeys(heading for row in cells for heading in row))
    content = page_data(report)
    return environment.from_string(template).render(
        subject=report.subject,
        answer=answer(report),
        fit=report.exit_code == 0,
        counts=[(title, len(problems)) for title, _, problems in _groups(report)],
        names=[row.name for row in report.rows],
        table=[(heading, [row.get(heading, "") for row in cells]) for heading in headings],
        sampling=report.sampling if any(row.kind == "grid" for row in report.rows) else "",
        groups=_groups(report),
        blocks=exclusion_blocks(report),
        content=Markup(content) if content else None,
        has_series=any(view.stations for view in report.series),
        has_grids=any(view.maps for view in report.grids),
        years=_years(report),
        shares=_shares(report),
        version=VERSION,
        parts=assembled("hydromae.check", _MODULES, uplot=content is not None, style="check"),
        **_attributes(report),
    )


def answer(report: CheckReport) -> str:
    """Whether the data are fit to train on, and what stops it."""
    severities = Counter(problem.severity for problem in report.problems)
    errors, warnings = severities["error"], severities["warning"]
    if report.exit_code == 2:
        mend = "mend the error below" if errors == 1 else f"mend the {errors} errors below"
        return f"Not all of these data can be read, so nothing can be trained on them: {mend}."
    if report.exit_code == 1:
        return f"These data are not fit to train on: {counted(errors, 'error')} below would spoil the training."
    doubts = f"; {counted(warnings, 'warning is', 'warnings are')} worth a look" if warnings else ""
    return f"These data are fit to train on{doubts}."


def _groups(report: CheckReport) -> list[tuple[str, str, list[Problem]]]:
    """Title, severity and problems of each severity that there is."""
    groups = ((title, key, [p for p in report.problems if p.severity == key]) for key, title in TITLES.items())
    return [group for group in groups if group[2]]


def _years(report: CheckReport) -> dict[str, Any]:
    """For who has no scripts: the share of values of each modality in each year."""
    made = years_of(report)
    columns = [["not looked at" if share is None else f"{share:.0f} %" for share in row] for row in made["share"]]
    return {"names": made["names"], "rows": list(zip(made["years"], zip(*columns, strict=True), strict=True))}


def _shares(report: CheckReport) -> dict[str, Any]:
    """For who has no scripts: the share of days with a value of each series at each station."""
    held = {view.name: dict(zip(view.stations, (1 - view.missing).tolist(), strict=True)) for view in report.series}
    stations = list(dict.fromkeys(station for view in report.series for station in view.stations))
    rows = [
        (station, [f"{of[station]:.1%}" if station in of else "not there" for of in held.values()])
        for station in stations
    ]
    return {"names": list(held), "rows": rows}


def _attributes(report: CheckReport) -> dict[str, Any]:
    """How many stations lack which attribute, and how many have no place on the map."""
    view = report.attributes
    if view is None:
        return {"lacking": [], "of_stations": 0, "unplaced": 0}
    count = view.missing.sum(axis=0).tolist()
    lacking = sorted(((name, n) for name, n in zip(view.names, count, strict=True) if n), key=lambda pair: -pair[1])
    places = station_places(view, view.stations)
    unplaced = len(view.stations) if places is None else int((~np.isfinite(places.x + places.y)).sum())
    return {"lacking": lacking, "of_stations": len(view.stations), "unplaced": unplaced}
