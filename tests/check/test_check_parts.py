"""The parts of `check` that count streaks, recognise copies and write configuration lines."""

from datetime import date
from io import StringIO

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from hydromae.check.duplicates import Digests, copied_years
from hydromae.check.exclusions import Exclusion, configured, exclusion_lines, spans_of
from hydromae.check.quantity import quantity_of
from hydromae.check.report import CheckReport, render
from hydromae.check.streaks import find_streaks, resolution
from hydromae.config.read import build_config

COLUMNS = st.lists(st.lists(st.sampled_from([0.0, 1.0, float("nan")]), min_size=9, max_size=9), min_size=1, max_size=4)


@given(COLUMNS)
def test_streaks_are_those_that_counting_finds(columns):
    values = np.array(columns, np.float32).T  # [day, column]
    counted = []
    for column, series in enumerate(columns):
        day = 0
        while day < len(series):
            end = day
            while end < len(series) and series[end] == series[day]:
                end += 1
            if end - day >= 3:
                counted.append((column, day, end - day, series[day]))
            day = max(end, day + 1)
    streaks = find_streaks(values, 3)
    found = zip(streaks.column, streaks.first, streaks.length, streaks.value, strict=True)
    assert [tuple(float(part) for part in run) for run in found] == counted


def test_resolution_is_the_step_of_the_low_values():
    values = np.array([[0.1, 5.0], [0.2, 5.0], [0.4, 5.0], [9.0, np.nan], [77.123, 5.0]], np.float32)
    assert resolution(values)[0] == pytest.approx(0.1) and np.isinf(resolution(values)[1])


def test_a_copy_is_recognised_at_any_distance_and_only_once_changed():
    days = np.random.default_rng(0).random((40, 50)).astype(np.float32)
    days[30] = days[2]
    days[31] = days[3]
    days[31, 7] = np.nextafter(days[31, 7], np.float32(2))
    digests = Digests()
    for first in range(0, 40, 8):
        digests.update(first, days[first : first + 8])
    assert digests.copies == {30: 2} and digests.held == 0


def test_a_year_copied_across_a_leap_day_is_recognised():
    starts = np.array([0, 365, 731])  # the second year is a leap year
    values = np.random.default_rng(0).random((1096, 3)).astype(np.float32)
    values[731:1096, 1] = values[365:730, 1]
    values[:365, 2] = values[365:730, 2] = 1.0  # constant years are no copies
    assert copied_years(values, starts) == [(1, 2, 1)]


def test_spans_name_first_and_last_days():
    days = np.array([True, False, True, True, False, True])
    found = spans_of(np.datetime64("2000-02-27"), days)
    assert found == (
        (date(2000, 2, 27), date(2000, 2, 27)),
        (date(2000, 2, 29), date(2000, 3, 1)),
        (date(2000, 3, 3), date(2000, 3, 3)),
    )


def test_lines_join_findings_with_what_is_configured_and_load_as_typed_configuration():
    day = (date(2003, 2, 11), date(2003, 2, 11))
    span = (date(2004, 1, 1), date(2004, 1, 9))
    parts = [Exclusion(stations=("7", "0012")), Exclusion(days={"rain": (span,)}, max_missing={"rain": 0.5})]
    lines = exclusion_lines(parts, Exclusion(stations=("39001",), days={"rain": (day,)}, max_missing={"rain": 0.2}))
    raw = yaml.safe_load(lines)
    raw["data"]["modalities"]["rain"] |= {"kind": "series", "units": "mm/d"}
    data = build_config(raw).data
    assert data.exclude_stations == ("39001", "7", "0012")
    assert data.modalities["rain"].max_missing == 0.2
    assert configured(data).days == {"rain": (day, span)}


def test_no_lines_without_anything_to_leave_out():
    assert exclusion_lines([Exclusion()], Exclusion(stations=("1",))) == ""


def test_the_lines_of_a_narrow_terminal_can_be_pasted():
    report = CheckReport("[red]not markup", 10)
    stations = tuple(f"{39000 + i}" for i in range(60))
    report.error("text", exclusion=Exclusion(stations=stations))
    console = Console(width=80, record=True, file=StringIO())
    console.print(render(report))
    shown = console.export_text()
    assert "[red]not markup" in shown
    block = shown[shown.index("data:") : shown.index("Would spoil")]
    assert tuple(yaml.safe_load(block)["data"]["exclude_stations"]) == stations


@pytest.mark.parametrize(
    ("names", "quantity"),
    [
        (("precip", "lwe_precipitation_rate", "precipitation", "mm/d"), "rain"),
        (("evap", "lwe_water_evaporation_rate", "evaporation", "mm/d"), "evaporation"),
        (("soil", "", "soil moisture", "1"), "soil"),
        (("soil_temp", "", "soil temperature", "degC"), "temperature"),
        (("q", "", "", "m3/s"), "flow"),
        (("rain", "", "", "mm/d"), "rain"),
        (("terrain", "", "", "m"), "other"),
        (("level", "", "competing gauge", "m"), "other"),
    ],
)
def test_what_a_modality_measures_is_told_by_its_names(names, quantity):
    name, standard_name, long_name, units = names
    assert quantity_of(name, standard_name, long_name, units) == quantity
