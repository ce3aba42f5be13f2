"""What several series tell of each other: units, areas, one gauge twice, exchanged stations, shifted days."""

import numpy as np
import pytest

from hydromae.check.check import check, check_store
from hydromae.store.prepare import prepare
from support.check_worlds import Gauges, make_rivers, problems, without


@pytest.fixture
def rivers(tmp_path) -> Gauges:
    return make_rivers(tmp_path / "rivers")


def test_natural_rivers_raise_no_alarm(rivers, tmp_path):
    report = check(rivers.config())
    assert [p.text for p in report.problems if p.severity != "note"] == []
    stored = check_store(prepare(rivers.config(f"data.store={tmp_path / 'store'}")), verify=False)
    assert [p.text for p in stored.problems if p.severity != "note"] == []


def _late(g):
    g.values["discharge_vol"][1:, 5] = g.values["discharge_vol"][:-1, 5].copy()


def _early(g):
    g.values["discharge_vol"][:-1, 5] = g.values["discharge_vol"][1:, 5].copy()


def _rain_late(g):
    g.values["rain"][1:, 5] = g.values["rain"][:-1, 5].copy()


def _twice(g):
    g.values["discharge_vol"][:, 5] = g.values["discharge_vol"][:, 20]


def _rounded_twice(g):
    g.values["discharge_vol"][:, 20] = np.round(g.values["discharge_vol"][:, 5] * 1.02, 3)


def _exchanged_flow(g):
    g.values["discharge_vol"][:, [5, 22]] = g.values["discharge_vol"][:, [22, 5]]


def _exchanged_places(g):
    for name in ("latitude", "longitude"):
        values = g.attributes[name]
        values[1], values[22] = values[22], values[1]


@pytest.mark.parametrize(
    ("spoil", "words", "stations"),
    [
        (_late, "riverflow seems to be dated a day too late", {"2005"}),
        (_early, "riverflow seems to be dated a day too early", {"2005"}),
        (_rain_late, "rain seems to be dated a day too late", {"2005"}),
        (_twice, "under two ids, 1 time: 2020 is 2005", {"2020"}),
        (_rounded_twice, "under two ids, 1 time: 2020 is 2005 times 1.02", {"2020"}),
        (_exchanged_flow, "follows the rain of the other and not its own, 1 time: 2005 and 2022", {"2005", "2022"}),
        (_exchanged_places, "not like that around itself, 1 time: 2001 and 2022", {"2001", "2022"}),
    ],
)
def test_a_fault_between_stations_is_an_error_that_is_gone_without_them(rivers, tmp_path, spoil, words, stations):
    spoil(rivers)
    report = check(rivers.config())
    (found,) = problems(report, words)
    assert found.severity == "error" and set(found.exclusion.stations) == stations
    cleaned = check(without(tmp_path, rivers.raw, report.exclusions()))
    assert cleaned.exit_code == 0 and not problems(cleaned, words)


def test_flow_that_rises_before_the_rain_everywhere_is_mended_by_the_key_it_names(rivers):
    rivers.values["discharge_vol"][:-1] = rivers.values["discharge_vol"][1:].copy()
    (found,) = problems(check(rivers.config()), "rises a day before the rain at 24 of 24 stations")
    assert found.severity == "error" and "Set data.modalities.riverflow.shift_days to 1" in found.text
    mended = check(rivers.config("data.modalities.riverflow.shift_days=1"))
    assert mended.exit_code == 0 and not problems(mended, "rises a day")


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (100, "the areas are in ha"),
        (1 / 2.589988, "the areas are in square miles"),
        (1e6, "are the areas in km2"),
        (247.1054, "the areas are in acres"),
    ],
)
def test_areas_in_another_unit_are_an_error_that_guesses_it(rivers, factor, words):
    km2 = rivers.attributes["catchment-area"]
    rivers.attributes["catchment-area"] = [area * factor for area in km2]
    report = check(rivers.config())
    assert [p.severity for p in problems(report, words)] == ["error"]
    rivers.attributes["catchment-area"] = km2
    assert check(rivers.config()).exit_code == 0


@pytest.mark.parametrize("with_rain", [True, False])
def test_depth_called_volume_is_an_error_that_is_gone_with_the_right_unit(rivers, with_rain):
    areas = np.array(rivers.attributes["catchment-area"])
    rivers.values["discharge_vol"] = (rivers.values["discharge_vol"] * 86.4 / areas).astype(np.float32)
    if not with_rain:
        del rivers.raw["data"]["modalities"]["rain"]
    report = check(rivers.config())
    words = "the flow is in mm/d" if with_rain else "as if it were in mm/d and not in m3/s"
    assert [p.severity for p in problems(report, words)] == ["error"]
    mended = rivers.config("data.modalities.riverflow.units=mm/d", "data.modalities.riverflow.per_area=false")
    assert check(mended).exit_code == 0


@pytest.mark.parametrize("with_rain", [True, False])
def test_volume_called_depth_is_an_error_that_is_gone_with_the_right_unit(rivers, with_rain):
    if not with_rain:
        del rivers.raw["data"]["modalities"]["rain"]
    rivers.raw["data"]["modalities"]["riverflow"].update(units="mm/d", per_area=False)
    report = check(rivers.config())
    words = "the flow is in m3/s" if with_rain else "as if it were in m3/s and not in mm/d"
    assert [p.severity for p in problems(report, words)] == ["error"]
    assert check(rivers.config("data.modalities.riverflow.units=m3/s")).exit_code == 0


def test_one_station_in_another_unit_is_a_warning_that_guesses_it(rivers):
    rivers.attributes["catchment-area"][7] *= 100
    (found,) = problems(check(rivers.config()), "does not fit the rain (rain) at 1 station: 2007")
    assert found.severity == "warning" and "as if the areas are in ha" in found.text
