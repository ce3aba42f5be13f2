"""The page of a check: verdict, table, findings and figures, in one file that needs no network."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path

from hydromae.base.replacing import replace_text
from hydromae.check.figures import (
    draw_attribute_gaps,
    draw_availability,
    draw_grid,
    draw_station_map,
    draw_stations_by_year,
)
from hydromae.check.report import CheckReport, Problem, cells_of, exclusion_blocks
from hydromae.drawing.encode import Picture, style
from hydromae.drawing.page import page_environment

TITLES = {"error": "Errors", "warning": "Warnings", "note": "Notes"}


@dataclass(frozen=True)
class Pictures:
    """The figures; None where there is nothing to draw."""

    availability: Picture | None
    series: tuple[tuple[str, Picture], ...]
    grids: tuple[tuple[str, Picture], ...]
    places: tuple[tuple[str, Picture], ...]
    attributes: Picture | None


def write_check_page(report: CheckReport, path: Path, replace: bool = True) -> Path:
    """Write the page and return its path.

    Args:
        report: of the check.
        path: of the page.
        replace: an existing file gives way.

    Raises:
        DataError: `path` cannot be written, or another process writes it.
    """
    path = Path(path)
    with style():
        pictures = _draw(report)
    replace_text(path, _render(report, pictures), replace)
    return path


def _draw(report: CheckReport) -> Pictures:
    by_year = [(view.name, draw_stations_by_year(view)) for view in report.series]
    placed = [
        (view.name, draw_station_map(view, report.attributes))
        for view in report.series
        if report.attributes is not None
    ]
    return Pictures(
        availability=draw_availability(report.grids, report.series),
        series=tuple((name, picture) for name, picture in by_year if picture is not None),
        grids=tuple((view.name, draw_grid(view)) for view in report.grids),
        places=tuple((name, picture) for name, picture in placed if picture is not None),
        attributes=draw_attribute_gaps(report.attributes) if report.attributes is not None else None,
    )


def _render(report: CheckReport, pictures: Pictures) -> str:
    environment = page_environment()
    template = files("hydromae.check").joinpath("page.html.j2").read_text(encoding="utf-8")
    cells = [cells_of(row) for row in report.rows]
    headings = list(dict.fromkeys(heading for row in cells for heading in row))
    return environment.from_string(template).render(
        subject=report.subject,
        verdict=report.verdict,
        fit=report.exit_code == 0,
        counts=[(title, len(problems)) for title, _, problems in _groups(report)],
        names=[row.name for row in report.rows],
        table=[(heading, [row.get(heading, "") for row in cells]) for heading in headings],
        sampling=report.sampling if any(row.kind == "grid" for row in report.rows) else "",
        groups=_groups(report),
        blocks=exclusion_blocks(report),
        pictures=pictures,
        version=_version(),
    )


def _groups(report: CheckReport) -> list[tuple[str, str, list[Problem]]]:
    """Title, severity and problems of each severity that there is."""
    groups = ((title, key, [p for p in report.problems if p.severity == key]) for key, title in TITLES.items())
    return [group for group in groups if group[2]]


def _version() -> str:
    try:
        return version("hydromae")
    except PackageNotFoundError:
        return "(not installed)"
