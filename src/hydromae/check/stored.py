"""Checks a store: every byte, its sources, its values."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from hydromae.base.patches import cell_index
from hydromae.base.secret_values import revealed
from hydromae.check.attempts import passes, row_of
from hydromae.check.code_findings import CodeFindings
from hydromae.check.codes import Codes
from hydromae.check.examine import Cells, Numbers, examine_grid, examine_series
from hydromae.check.exclusions import Exclusion
from hydromae.check.gaps import Gaps
from hydromae.check.network import Network
from hydromae.check.network_findings import judge_network, network_of
from hydromae.check.progress import Done, Progress
from hydromae.check.quantity import quantity_of
from hydromae.check.report import CheckReport
from hydromae.check.stations import judge_attributes, view_of
from hydromae.check.subject import Subject, counted
from hydromae.store.provenance import changed_sources
from hydromae.store.store import Store

SAMPLE_EVERY = 10
_BLOCK_DAYS = 1024
_ANEW = " and prepare the store anew with --overwrite"


def check_store(
    store: Store,
    *,
    root: Path | None = None,
    every: int = SAMPLE_EVERY,
    full: bool = False,
    verify: bool = True,
    page: bool = True,
    on_progress: Progress | None = None,
) -> CheckReport:
    """Verify every byte of a store, compare it with its sources, then look at its values. Errors are gathered.

    Args:
        store: an open store.
        root: folder of its sources; None is where they lay when the store was made.
        every: as in `check`.
        full: as in `check`.
        verify: False to look at the values only, as of a store just made.
        page: False where no page is written of the report: what only that needs is then not gathered.
        on_progress: as in `check`.
    """
    codes = tuple(store.provenance.options.get("missing_values", ()))
    report = CheckReport(str(store.path), 1 if full else every, excluded=Exclusion(missing_values=codes), paged=page)
    if verify:
        if not passes(report, True, store.verify):
            return report
        store = store.with_checking("never")  # every byte was just compared
        _compare_sources(report, store, root)
    names, values = store.attribute_names, None
    if store.attribute_names:
        values = store.attributes.astype(np.float64)
        where = f"{store.path}/attributes.npy"
        judge_attributes(report, where, store.station_ids, store.attribute_names, values)
        called = dict(zip(store.station_ids, store.station_names or (), strict=False))
        report.attributes = view_of(store.station_ids, store.attribute_names, values, called)
    network = network_of(store.station_ids, store.areas, names, values)
    done, gaps, code_findings = Done(on_progress, len(store.names)), Gaps(), CodeFindings(_ANEW)
    report.share_the_page(store.kind(name) for name in store.names)
    for name in store.names:
        done.begin(name)
        subject = Subject(
            name=name,
            where=str(store.path),
            units=store.units(name),
            quantity=quantity_of(name, store.standard_name(name), store.long_name(name), store.units(name)),
            logarithmic=store.scaler(name).transform == "log",
            limits=(None, None),
            first_day=store.first_day,
            n_days=store.n_days,
            splits={split: store.period_slice(split) for split in store.periods},
        )
        if store.kind(name) == "grid":
            numbers = _grid(report, store, subject, network, code_findings, done)
            places = f"{store.shape[0]} x {store.shape[1]}"
        else:
            numbers = _series(report, store, subject, network, code_findings, gaps, done)
            places = f"{len(store.station_ids)} stations"
        days = str(store.days[0]), str(store.days[-1])
        row = row_of(name, store.kind(name), 1, "store", days, places, store.units(name), numbers)
        report.rows.append(replace(row, units_read=_units_read(store, name)))
    gaps.tell(report)
    code_findings.tell(report)
    judge_network(report, network)
    done.end()
    return report


def _units_read(store: Store, name: str) -> str:
    """The units of the files that a modality was made from; empty where the store does not say."""
    settings = store.provenance.options.get("modalities", {}).get(name)
    if not settings:
        return ""
    own = settings.get("convert_from") or store.units(name)
    parts: list[dict[str, str]] = settings.get("sources") or [{}]
    return ", ".join(dict.fromkeys(part.get("convert_from") or own for part in parts))


def _compare_sources(report: CheckReport, store: Store, root: Path | None) -> None:
    changed = tuple(changed_sources(store, root))
    if not changed:
        return
    if not Path(root if root is not None else revealed(store.provenance.root)).is_dir():
        report.note(changed[0])  # a store may be moved without its sources
        return
    more = f" (and {counted(len(changed) - 1, 'more file', 'more files')})" if len(changed) > 1 else ""
    report.warning(
        f"{changed[0]}{more}; the store was made from the old files: `hydromae prepare --overwrite` takes the new ones",
        changed,
    )


def _grid(
    report: CheckReport, store: Store, subject: Subject, network: Network, code_findings: CodeFindings, done: Done
) -> Numbers:
    land = store.land
    index = cell_index(store.valid_patches, store.shape, store.patch_size)[land]
    codes = Codes(subject.quantity, subject.units)
    code_findings.add(subject, codes)

    def read(first: int, count: int) -> np.ndarray:
        block = np.array(store.read(subject.name, slice(first, first + count))[:, land])  # [day, cell]
        codes.clear(first, block)
        if subject.quantity == "rain":
            network.take_grid(subject, block, first, store.shape, index)
        return block

    return examine_grid(report, subject, Cells(store.shape, index), read, False, done.share)


def _series(
    report: CheckReport,
    store: Store,
    subject: Subject,
    network: Network,
    code_findings: CodeFindings,
    gaps: Gaps,
    done: Done,
) -> Numbers:
    codes = Codes(subject.quantity, subject.units)
    code_findings.add(subject, codes, store.station_ids)

    def read(stations: slice) -> np.ndarray:
        # Blocks of days bound the memory where the store must be unscaled on the way.
        starts = range(0, store.n_days, _BLOCK_DAYS)
        parts = [store.read(subject.name, slice(day, day + _BLOCK_DAYS))[:, stations] for day in starts]
        block = np.concatenate(parts)  # [day, station]
        codes.clear(0, block, stations.start, whole=True)
        if subject.quantity in ("flow", "rain"):
            network.take_series(subject, block, stations.start)
        return block

    return examine_series(report, subject, store.station_ids, store.areas, read, gaps, False, done.share)
