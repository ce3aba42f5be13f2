"""A report of a check with all that its page can show, made here."""

import numpy as np

from hydromae.check.examine import examine_series
from hydromae.check.exclusions import Exclusion
from hydromae.check.gaps import Gaps
from hydromae.check.report import AttributesView, CheckReport, GridView, Row, SeriesView
from hydromae.check.subject import Subject

HOSTILE = '<script>alert("1")</script>&$x$'


def make_flow() -> np.ndarray:
    """Four years of three stations: the first has a gap and a stuck gauge, all repeat the day before once."""
    flow = np.random.default_rng(1).gamma(2, 3, (1461, 3)).astype(np.float32)
    flow[100:130, 0] = np.nan
    flow[200:220, 0] = 77.0
    return flow


def make_view(stations: tuple[str, ...], flow: np.ndarray | None = None, values: int = 10**6) -> SeriesView:
    """What a check keeps of flow from 2001-01-01."""
    flow = make_flow() if flow is None else flow
    report, period = CheckReport("series", 10, places={"series": values}), slice(0, len(flow))
    subject = Subject(
        "flow", "flow.csv", "m3/s", "flow", True, (0, 500), np.datetime64("2001-01-01"), len(flow), {"train": period}
    )
    examine_series(
        report, subject, stations, None, lambda columns: flow[:, columns].copy(), Gaps(), False, lambda share: None
    )
    return report.series[0]


def make_report() -> CheckReport:
    """Two grids' worth of findings, one series with a hostile station, attributes with gaps."""
    report = CheckReport("example", 10)
    why = "HDF5 with data and dates"
    shares = {"train": 0.0625, "val": 0.5}
    report.rows = [
        Row("precip", "grid", 2, "hdf5_grid", "2001-01-01", "2004-12-31", "6 x 5", "mm/d", 0.02, 0.0, 3.0, 90.0, why),
        Row("flow", "series", 1, "table", "2001-01-01", "2004-12-31", "3 stations", "m3/s", split_missing=shares),
    ]
    report.error("soil repeats a day", details=("a",), exclusion=Exclusion(stations=(HOSTILE,)))
    report.warning(
        "flow is stuck", tuple(f"station number {i}" for i in range(40)), Exclusion(max_missing={"flow": 0.5})
    )
    report.note(f"station {HOSTILE} is in no series")
    random, years = np.random.default_rng(0), np.arange(2001, 2005)
    field = random.random((6, 5)).astype(np.float32)
    field[:2] = np.nan
    missing = np.where(np.isnan(field), np.nan, 0.1).astype(np.float32)
    kept = ("2001-01-01", "2003-01-01"), (field, 2 * field)
    report.grids = [GridView("precip", "mm/d", "rain", years, np.array([1.0, 0.9, np.nan, 1.0]), field, missing, *kept)]
    stations = ("1001", HOSTILE, "1003")
    report.series = [make_view(stations)]
    gaps = np.array([[True, False], [False, False], [True, False]])
    place = np.array([-3.0, -2.0, np.nan]), np.array([51.0, 52.0, 53.0])
    report.attributes = AttributesView(stations, ("bfihost", "$a<b$"), gaps, *place)
    return report
