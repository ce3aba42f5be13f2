"""Finds what is missing, constant, out of range or misaligned, before any training."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from hydromae.base.errors import ConfigError, DataError
from hydromae.base.patches import cell_index
from hydromae.check.attempts import attempt, passes, row_of
from hydromae.check.code_findings import CodeFindings
from hydromae.check.codes import Codes
from hydromae.check.configured import choose_stations, droppable, judge_windows, tell_excluded
from hydromae.check.examine import Cells, examine_grid, examine_series
from hydromae.check.exclusions import configured
from hydromae.check.gaps import Gaps
from hydromae.check.network import Network
from hydromae.check.network_findings import judge_network, network_of
from hydromae.check.progress import Done, Progress
from hydromae.check.quantity import quantity_of
from hydromae.check.report import CheckReport, Problem, Row, render
from hydromae.check.stored import SAMPLE_EVERY, check_store
from hydromae.check.subject import Subject
from hydromae.config import Config, ModalityConfig, Period
from hydromae.readers.detect import locate
from hydromae.sources.alignment import check_days, check_training
from hydromae.sources.attributes import Attributes
from hydromae.sources.cleaning import limits
from hydromae.sources.joined import open_modality
from hydromae.sources.land import Land, find_land
from hydromae.sources.plan import check_options, known_ids, open_attributes, periods_of
from hydromae.sources.source import Source
from hydromae.sources.station_choice import spelled_alike
from hydromae.sources.target_grid import bring_to_target

__all__ = ["CheckReport", "Problem", "Row", "check", "check_store", "render"]


def check(
    config: Config, *, every: int = SAMPLE_EVERY, full: bool = False, on_progress: Progress | None = None
) -> CheckReport:
    """Look at the sources of a configuration. Errors are gathered, not raised.

    Args:
        config: names the sources.
        every: grids are looked at on every n-th day of each year and the day after it; series on all days.
        full: grids are looked at on all days.
        on_progress: called with what is being done and the share that is done, 0 to 1.
    """
    data = config.data
    report = CheckReport(config.name, 1 if full else every, excluded=configured(data))
    passes(report, True, check_options, data)
    attributes = attempt(report, True, open_attributes, data)
    sources, station_ids = [], known_ids(data, attributes)
    for name, settings in data.modalities.items():
        source = attempt(report, True, open_modality, name, settings, Path(data.root), data.missing_values, station_ids)
        if source is None:
            report.rows.append(_unread(name, settings, Path(data.root)))
        else:
            sources.append(source)
    alike = attempt(report, True, spelled_alike, [s for s in sources if s.settings.kind == "series"], attributes)
    spelled = {source.name: source for source in alike or ()}
    sources = [spelled.get(source.name, source) for source in sources]
    periods = periods_of(data)
    if "val" not in periods:
        report.warning("data.val is not set: training goes on without validation, so no best checkpoint is chosen")
    if not periods:
        return report
    tell_excluded(report, config)
    judge_windows(report, data, periods)
    for source in sources:
        notes = attempt(report, False, check_days, source, periods)
        if notes is not None and "train" in periods:
            passes(report, False, check_training, source, periods["train"])
        for note in notes or ():
            report.note(note)
        for note in source.notes:
            report.note(note)
        for doubt in source.doubts:
            report.error(doubt)
    first, last = min(p[0] for p in periods.values()), max(p[1] for p in periods.values())
    grids = [source for source in sources if source.settings.kind == "grid"]
    brought = attempt(report, False, bring_to_target, grids, data.target_grid, data.grid.crs)
    land = attempt(report, True, find_land, config, brought, first, last) if brought else None
    for note in land.notes if land is not None else ():
        report.note(note)
    stations, attributes = choose_stations(report, config, sources, attributes, periods)
    chosen = stations or ()
    network = (
        network_of(chosen, attributes.areas, attributes.names, attributes.values)
        if attributes
        else network_of(chosen, None, (), None)
    )
    done, gaps, code_findings = Done(on_progress, len(sources)), Gaps(), CodeFindings()
    report.share_the_page(source.settings.kind for source in sources)
    placed = {grid.name: grid for grid in brought or ()}
    for source in sources:
        seen = placed.get(source.name, source)
        done.begin(source.name)
        seen_land = land if brought else None
        _check_source(
            report, config, seen, seen_land, (first, last), stations, attributes, network, code_findings, gaps, done
        )
    gaps.tell(report)
    code_findings.tell(report)
    judge_network(report, network)
    done.end()
    return report


def _check_source(
    report: CheckReport,
    config: Config,
    source: Source,
    land: Land | None,
    period: Period,
    stations: tuple[str, ...] | None,
    attributes: Attributes | None,
    network: Network,
    code_findings: CodeFindings,
    gaps: Gaps,
    done: Done,
) -> None:
    settings, name = source.settings, source.name
    first, n_days = np.datetime64(period[0]), (period[1] - period[0]).days + 1
    splits = {split: slice(*_positions(period[0], *days)) for split, days in periods_of(config.data).items()}
    subject = Subject(
        name=name,
        where=source.where,
        units=settings.units,
        quantity=quantity_of(name, settings.standard_name, settings.long_name, settings.units),
        logarithmic=settings.scaling == "log",
        limits=limits(settings),
        first_day=first,
        n_days=n_days,
        splits=splits,
        fault=source.error,
    )
    can_go, codes = droppable(config, name), Codes(subject.quantity, settings.units)
    if settings.kind == "grid":
        height, width = source.shape
        index = np.arange(height * width)
        if land is not None:
            size = round(land.cells.shape[1] ** 0.5)
            index = cell_index(land.patches, land.shape, size)[land.cells]

        code_findings.add(subject, codes)
        before = replace(source, regrid=None)

        def read_days(begin: int, count: int) -> np.ndarray:
            day = first + np.timedelta64(begin, "D")
            if source.regrid is not None:  # look for codes before regridding: a mean that contains a code is no code
                codes.clear(begin, before.read(day, count).reshape(count, -1))
            values = source.read(day, count)
            block: np.ndarray = values.reshape(count, -1)[:, index]  # [day, cell]
            if source.regrid is None:
                codes.clear(begin, block)
            if subject.quantity == "rain":
                network.take_grid(subject, block, begin, (height, width), index)
            return block

        cells = Cells((height, width), index)
        numbers = attempt(report, True, examine_grid, report, subject, cells, read_days, can_go, done.share)
        places = f"{height} x {width}"
    else:
        ids = stations or source.station_ids

        code_findings.add(subject, codes, ids)

        def read_stations(columns: slice) -> np.ndarray:
            block = source.for_stations(ids[columns]).read(first, n_days)  # [day, station]
            codes.clear(0, block, columns.start, whole=True)
            if stations and subject.quantity in ("flow", "rain"):
                network.take_series(subject, block, columns.start)
            return block

        areas = attributes.areas if attributes and stations else None
        numbers = attempt(
            report, True, examine_series, report, subject, ids, areas, read_stations, gaps, can_go, done.share
        )
        places = f"{len(ids)} stations"
    files = sum(len(piece.files) for piece in source.pieces)
    days = str(source.first_day), str(source.last_day)
    row = row_of(name, settings.kind, files, ", ".join(source.readers), days, places, settings.units, numbers)
    parts = settings.parts(name).values()
    units_read = ", ".join(dict.fromkeys(part.convert_from or settings.units for part in parts))
    report.rows.append(replace(row, why=source.why, units_read=units_read))


def _positions(origin: date, first: date, last: date) -> tuple[int, int]:
    return (first - origin).days, (last - origin).days + 1


def _unread(name: str, settings: ModalityConfig, root: Path) -> Row:
    """The row of a modality that could not be opened."""
    try:
        located = [piece for part in settings.parts(name).items() for piece in locate(*part, root)]
    except (DataError, ConfigError):
        named = sum(len(part.paths) for part in settings.parts(name).values())
        return Row(name, settings.kind, named, settings.reader or "", "", "", "", "")
    readers = ", ".join(dict.fromkeys(piece.reader.name for piece in located))
    files = sum(len(piece.files) for piece in located)
    return Row(name, settings.kind, files, readers, "", "", "", "", why=located[0].why)
