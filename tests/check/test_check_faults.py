"""How often `check` sees a fault that is put into real stations, and how often it sees one where there is none.

`pytest -m slow -s tests/check/test_check_faults.py` prints the rates that docs/check.md gives.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.distances import great_circle_km
from hydromae.check.network import Course, Network
from hydromae.check.network_findings import judge_network
from hydromae.check.quantity import doubt_runoff
from hydromae.check.report import CheckReport
from hydromae.check.subject import Subject

REAL = Path("../shared/data/gb")
FIRST = np.datetime64("1970-10-01")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not REAL.is_dir(), reason=f"real data are not at {REAL}"),
]


@dataclass
class Gauged:
    """604 catchments: flow in m3/s, rain in mm/d (None: not given), areas in km2 and places."""

    ids: np.ndarray
    flow: np.ndarray
    rain: np.ndarray | None
    area: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    units: str = "m3/s"

    def only(self, which: np.ndarray) -> "Gauged":
        rain = None if self.rain is None else self.rain[:, which]
        rest = (self.area[which], self.latitude[which], self.longitude[which], self.units)
        return Gauged(self.ids[which], self.flow[:, which], rain, *rest)

    def during(self, first: str, last: str) -> "Gauged":
        days = slice(
            int((np.datetime64(first) - FIRST).astype(int)), int((np.datetime64(last) - FIRST).astype(int)) + 1
        )
        return replace(self, flow=self.flow[days], rain=None if self.rain is None else self.rain[days])

    def findings(self) -> CheckReport:
        network = Network(tuple(self.ids), self.area, self.latitude, self.longitude)
        for name, quantity, units, values in (
            ("riverflow", "flow", self.units, self.flow),
            ("rain", "rain", "mm/d", self.rain),
        ):
            if values is not None:
                days = {"train": slice(0, len(values))}
                subject = Subject(name, "file", units, quantity, False, (None, None), FIRST, len(values), days)
                network.courses[name] = Course(subject, values)
        report = CheckReport("real stations", 1)
        judge_network(report, network)
        return report

    @property
    def km(self) -> np.ndarray:
        return great_circle_km(self.latitude, self.longitude, self.latitude, self.longitude)


@pytest.fixture(scope="module")
def whole() -> Gauged:
    table = pd.read_parquet(
        REAL / "catchment_daily_604_1970_2012.parquet", columns=["date", "ID", "discharge_vol", "precipitation"]
    )
    attributes = pd.read_csv(REAL / "Catchment_attributes_nrfa.csv").set_index("id")
    values = {
        name: table.pivot(index="date", columns="ID", values=name)
        .reindex(columns=attributes.index)
        .to_numpy(np.float32)
        for name in ("discharge_vol", "precipitation")
    }
    place = (attributes[name].to_numpy(float) for name in ("catchment-area", "latitude", "longitude"))
    return Gauged(attributes.index.astype(str).to_numpy(), values["discharge_vol"], values["precipitation"], *place)


@pytest.fixture(scope="module")
def gauged(whole: Gauged) -> Gauged:
    return whole.during("1992-10-01", "2012-09-30")


def flagged(report: CheckReport, words: str, severities: tuple[str, ...] = ("error",)) -> set[str]:
    """The stations that findings with these words would leave out."""
    found = [p for p in report.problems if words in p.text and p.severity in severities]
    return {station for problem in found for station in problem.exclusion.stations}


def told(what: str, hits: int, trials: int, false: int, of: int) -> None:
    print(f"| {what} | {hits} of {trials} ({hits / max(trials, 1):.0%}) | {false} of {of} |")


def shifted(values: np.ndarray, which: np.ndarray, days: int) -> np.ndarray:
    """The same with some columns dated later by `days`."""
    moved = values.copy()
    moved[:, which] = np.nan
    if days > 0:
        moved[days:, which] = values[:-days, which]
    else:
        moved[:days, which] = values[-days:, which]
    return moved


def pairs(gauged: Gauged, count: int, apart: tuple[float, float], seed: int) -> Iterator[tuple[int, int]]:
    """Disjoint pairs whose distance lies in a span of km, drawn at random."""
    random, km, used = np.random.default_rng(seed), gauged.km, set[int]()
    observed = np.isfinite(gauged.flow).sum(axis=0) > 1000
    for one in random.permutation(np.flatnonzero(observed)).tolist():
        near = np.flatnonzero((km[one] >= apart[0]) & (km[one] < apart[1]) & observed).tolist()
        free = [other for other in near if other not in used and other != one]
        if one in used or not free:
            continue
        other = int(random.choice(free))
        used |= {one, other}
        yield one, other
        if len(used) >= 2 * count:
            return


@pytest.mark.parametrize("with_rain", [True, False])
@pytest.mark.parametrize(
    "span",
    [
        ("1970-10-01", "2012-09-30"),
        ("1978-06-28", "2000-12-31"),
        ("1992-10-01", "2012-09-30"),
        ("2003-01-01", "2006-12-31"),
        ("2009-10-01", "2011-09-30"),
        ("1976-01-01", "1976-12-31"),
    ],
)
def test_real_stations_raise_no_error(whole, span, with_rain):
    world = whole.during(*span)
    report = (world if with_rain else replace(world, rain=None)).findings()
    print(f"{span}, rain {with_rain}:", [(p.severity, p.text, p.details) for p in report.problems])
    assert [p.text for p in report.problems if p.severity == "error"] == []


@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("with_rain", [True, False])
def test_stations_shifted_by_a_day(gauged, days, with_rain):
    observed = np.flatnonzero(np.isfinite(gauged.flow).sum(axis=0) > 1000)
    which = np.random.default_rng(days + 5).choice(observed, 100, replace=False)
    world = replace(gauged, flow=shifted(gauged.flow, which, days), rain=gauged.rain if with_rain else None)
    words = "dated a day too " + ("late" if days > 0 else "early")
    found = flagged(world.findings(), words, ("error", "warning"))  # late without rain is a warning
    wrong = found - set(gauged.ids[which])
    hits = len(found & set(gauged.ids[which]))
    told(f"flow of 100 stations a day {'late' if days > 0 else 'early'}, rain {with_rain}", hits, 100, len(wrong), 504)
    assert hits >= 75 and len(wrong) <= 5


def test_whole_stations_shifted_by_a_day(gauged):
    observed = np.flatnonzero(np.isfinite(gauged.flow).sum(axis=0) > 1000)
    which = np.random.default_rng(2).choice(observed, 100, replace=False)
    assert gauged.rain is not None
    world = replace(gauged, flow=shifted(gauged.flow, which, 1), rain=shifted(gauged.rain, which, 1))
    found = flagged(world.findings(), "dated a day too late")
    hits, wrong = len(found & set(gauged.ids[which])), len(found - set(gauged.ids[which]))
    told("flow and rain of 100 stations a day late", hits, 100, wrong, 504)
    assert hits >= 85 and wrong <= 5


@pytest.mark.parametrize("apart", [(0, 60), (60, 150), (150, 2000)])
def test_flows_of_two_stations_exchanged(gauged, apart):
    chosen = list(pairs(gauged, 30, apart, 3))
    flow = gauged.flow.copy()
    for one, other in chosen:
        flow[:, [one, other]] = flow[:, [other, one]]
    report = replace(gauged, flow=flow).findings()
    found = flagged(report, "of two stations") | flagged(report, "rain of another station")
    true = {gauged.ids[i] for pair in chosen for i in pair}
    hits = sum(gauged.ids[one] in found or gauged.ids[other] in found for one, other in chosen)
    told(f"flows of two stations {apart} km apart exchanged", hits, len(chosen), len(found - true), 604 - len(true))
    assert hits >= {0: 0, 60: 0.7, 150: 0.9}[apart[0]] * len(chosen) and len(found - true) <= 5


@pytest.mark.parametrize("apart", [(60, 150), (150, 2000)])
@pytest.mark.parametrize("with_rain", [True, False])
def test_coordinates_of_two_stations_exchanged(gauged, apart, with_rain):
    chosen = list(pairs(gauged, 30, apart, 4))
    latitude, longitude = gauged.latitude.copy(), gauged.longitude.copy()
    for one, other in chosen:
        for values in (latitude, longitude):
            values[[one, other]] = values[[other, one]]
    world = replace(gauged, latitude=latitude, longitude=longitude, rain=gauged.rain if with_rain else None)
    found = flagged(world.findings(), "around the other", ("error", "warning"))
    true = {gauged.ids[i] for pair in chosen for i in pair}
    hits = sum(gauged.ids[one] in found and gauged.ids[other] in found for one, other in chosen)
    told(f"coordinates {apart} km apart exchanged, rain {with_rain}", hits, len(chosen), len(found - true), 604)
    assert len(found - true) <= 6 and hits >= (0.9 if with_rain else 0.3) * len(chosen)


@pytest.mark.parametrize("change", ["same", "rounded", "times 1.1"])
def test_stations_that_are_there_twice(gauged, change):
    observed = np.flatnonzero(np.isfinite(gauged.flow).sum(axis=0) > 1000)
    chosen = np.random.default_rng(5).choice(observed, (100, 2), replace=False)
    flow = gauged.flow.copy()
    copied = flow[:, chosen[:, 0]]
    steps = 10 ** (np.floor(np.log10(np.nanmedian(copied, axis=0))) - 2)  # three digits of the median
    flow[:, chosen[:, 1]] = {"same": copied, "rounded": np.round(copied / steps) * steps, "times 1.1": copied * 1.1}[
        change
    ]
    report = replace(gauged, flow=flow).findings()
    details = [d for p in report.problems if "under two ids" in p.text for d in p.details]
    hits = sum(any(d.startswith((f"{a} is {b}", f"{b} is {a}")) for d in details) for a, b in gauged.ids[chosen])
    told(f"100 stations there twice, {change}", hits, 100, len(details) - hits, 604 * 603 // 2)
    assert hits >= 95 and len(details) == hits


SPOILS = {
    "as it is": lambda g: g,
    "mm/d called m3/s": lambda g: replace(g, flow=g.flow * (86.4 / g.area).astype(np.float32)),
    "m3/s called mm/d": lambda g: replace(g, units="mm/d"),
    "areas in ha": lambda g: replace(g, area=g.area * 100),
    "areas in square miles": lambda g: replace(g, area=g.area / 2.589988),
    "areas in m2": lambda g: replace(g, area=g.area * 1e6),
    "areas in acres": lambda g: replace(g, area=g.area * 247.1),
    "flow in ft3/s": lambda g: replace(g, flow=g.flow * np.float32(35.3147)),
    "flow in l/s": lambda g: replace(g, flow=g.flow * np.float32(1000)),
}
UNITS = ("over the catchment area is", "with the catchment area (")


def units_are_doubted(world: Gauged) -> bool:
    """Whether units or areas are an error, by the bounds of runoff that need no rain or by the rest."""
    depth = 1 if world.units == "mm/d" else 86.4 / world.area
    if doubt_runoff(float(np.nanmedian(np.nanmean(world.flow, axis=0) * depth * 365.25))) is not None:
        return True
    found = [p.text for p in world.findings().problems if p.severity == "error"]
    return any(words in text for words in UNITS for text in found)


@pytest.mark.parametrize("with_rain", [True, False])
@pytest.mark.parametrize("size", [8, 40])
def test_units_of_a_whole_data_set(gauged, size, with_rain):
    random, trials = np.random.default_rng(size), 50
    observed = np.flatnonzero(np.isfinite(gauged.flow).sum(axis=0) > 1000)
    chosen = [gauged.only(random.choice(observed, size, replace=False)) for _ in range(trials)]
    worlds = chosen if with_rain else [replace(world, rain=None) for world in chosen]
    rates = {name: np.mean([units_are_doubted(spoil(world)) for world in worlds]) for name, spoil in SPOILS.items()}
    for name, rate in rates.items():
        print(f"| {name}, {size} stations, rain {with_rain} | {round(rate * trials)} of {trials} |")
    assert rates.pop("as it is") <= 0.02
    if with_rain:
        assert min(rates.values()) >= 0.7


@pytest.mark.parametrize("name", ["mm/d called m3/s", "areas in ha", "areas in square miles", "flow in ft3/s"])
def test_units_of_single_stations(gauged, name):
    observed = np.flatnonzero(np.isfinite(gauged.flow).sum(axis=0) > 1000)
    which = np.random.default_rng(6).choice(observed, 50, replace=False)
    spoilt, flow, area = SPOILS[name](gauged), gauged.flow.copy(), gauged.area.copy()
    flow[:, which], area[which] = spoilt.flow[:, which], spoilt.area[which]
    found = flagged(replace(gauged, flow=flow, area=area).findings(), "does not fit the rain", ("warning",))
    true = set(gauged.ids[which])
    told(f"50 stations: {name}", len(found & true), 50, len(found - true), 554)
    assert len(found - true) <= 10
