"""Each defect of a series is found, named, and gone after its configuration lines are applied."""

from pathlib import Path

import numpy as np
import pytest

from hydromae.check.check import check, check_store
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from support.check_worlds import N_TRAIN, Gauges, make_gauges, problems, without

REAL = Path("../shared/data")


@pytest.fixture
def gauges(tmp_path: Path) -> Gauges:
    return make_gauges(tmp_path / "gauges")


def test_natural_series_raise_no_alarm(gauges):
    report = check(gauges.config())
    assert [p.text for p in report.problems if p.severity != "note"] == []
    assert report.exit_code == 0 and report.exclusions("warning") == ""


def _negative_day(g):
    g.values["discharge_vol"][100, 3] = -2


def _negative_station(g):
    g.values["discharge_vol"][:, 3] *= -1


def _constant_gauge(g):
    g.values["discharge_vol"][:, 5] = 3.5


def _copied_day(g):
    g.values["evaporation"][200] = g.values["evaporation"][199]


def _copied_year(g):
    g.values["discharge_vol"][365:730, 2] = g.values["discharge_vol"][:365, 2]


def _copied_year_everywhere(g):
    g.values["evaporation"][365:730] = g.values["evaporation"][:365]


def _constant_modality(g):
    g.values["evaporation"][:] = 1.25


def _nothing_to_train_on(g):
    g.values["evaporation"][:N_TRAIN] = np.nan


@pytest.mark.parametrize(
    ("spoil", "words", "lines"),
    [
        (_negative_day, "station 1003 on 2001-04-11 is -2 m3/s", "exclude_dates: [2001-04-11]"),
        (_negative_station, "below the smallest possible value", "exclude_stations: ['1003']"),
        (_constant_gauge, "the same value throughout the training period at 1 station: 1005", "['1005']"),
        (_copied_day, "repeats the day before on 1 day: 2001-07-20", "exclude_dates: [2001-07-20]"),
        (_copied_year, "of a whole year is a copy of another's, 1 time: 1002: 2002 is 2001", "['1002']"),
        (_copied_year_everywhere, "whole year is a copy", "[2002-01-01, 2002-12-31]"),
        (_constant_modality, "evap is 1.25 everywhere in the training period", "evap: null"),
        (_nothing_to_train_on, "evap has no value in the train period", "evap: null"),
    ],
)
def test_what_spoils_training_is_gone_after_the_lines_it_prints(gauges, tmp_path, spoil, words, lines):
    spoil(gauges)
    report = check(gauges.config())
    found = problems(report, words)
    assert report.exit_code == 1 and [p.severity for p in found] == ["error"]
    block = report.exclusions()
    assert lines in block
    cleaned = check(without(tmp_path, gauges.raw, block))
    assert cleaned.exit_code == 0 and not problems(cleaned, words)


def test_a_station_without_attributes_is_an_error_until_it_is_excluded(gauges, tmp_path):
    config = gauges.config()
    path = gauges.root / "attributes.csv"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("1004,")) + "\n")
    report = check(config)
    assert report.exit_code == 1 and problems(report, "unknown station 1004")
    assert check(without(tmp_path, gauges.raw, report.exclusions())).exit_code == 0


def test_what_is_excluded_already_stays_excluded(gauges, tmp_path):
    _constant_gauge(gauges)
    gauges.raw["data"]["exclude_stations"] = ["1001"]
    gauges.raw["data"]["modalities"]["riverflow"]["exclude_dates"] = ["2002-02-02"]
    config = without(tmp_path, gauges.raw, check(gauges.config()).exclusions())
    assert set(config.data.exclude_stations) == {"1001", "1005"}
    assert len(config.data.modalities["riverflow"].exclude_dates) == 1


def test_a_modality_that_other_keys_name_is_not_offered_to_be_left_out(gauges):
    _constant_modality(gauges)
    report = check(gauges.config("data.fill.evap=zero"))
    assert report.exit_code == 1 and report.exclusions() == ""


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("rain", lambda v: v / 1000, "is it in m?"),
        ("rain", lambda v: v / 25.4, "is it in inches?"),
        ("rain", lambda v: v / 86400, "is it in kg m-2 s-1?"),
        ("rain", lambda v: v * 20, "tenths of a millimetre"),
        ("evaporation", lambda v: -v, "change its sign"),
        ("discharge_vol", lambda v: v * 35.3, "ft3/s"),
        ("discharge_vol", lambda v: v * 1000, "is the flow in l/s"),
        ("discharge_vol", lambda v: v / 1000, "are the areas in km2"),
    ],
)
def test_values_in_another_unit_are_an_error_that_guesses_it(gauges, name, change, words):
    gauges.values[name] = change(gauges.values[name])
    report = check(gauges.config("data.modalities.riverflow.maximum=1e9"))
    assert [p.severity for p in problems(report, words)] == ["error"]


def test_air_in_kelvin_is_an_error(gauges):
    gauges.values["rain"] = 283 + gauges.values["evaporation"]
    report = check(gauges.config("data.modalities.rain={kind: series, units: degC, paths: [series.parquet], "
                                 "long_name: air temperature, variable: rain}"))  # fmt: skip
    assert [p.severity for p in problems(report, "is it in K?")] == ["error"]


def test_a_stuck_gauge_is_a_warning_with_its_station_and_first_day(gauges):
    gauges.values["discharge_vol"][300:320, 7] = gauges.values["discharge_vol"][300, 7]
    gauges.values["discharge_vol"][500:514, 8] = gauges.values["discharge_vol"][500, 8]  # 14 days are too few
    (found,) = problems(check(gauges.config()), "keeps one value")
    assert found.severity == "warning" and "station 1007 from 2001-10-28, 20 days" in found.text
    assert len(found.details) == 1


def test_an_intermittent_river_and_coarse_low_flow_raise_no_alarm(gauges):
    flow = gauges.values["discharge_vol"]
    flow[:, 0] = np.maximum(flow[:, 0] - np.median(flow[:, 0]), 0)  # runs of zeros, reached gradually
    smooth = np.abs(((np.arange(len(flow)) % 200) - 100) / 100)  # a recession and a rise, written in steps of 0.1
    flow[:, 1] = np.round(0.3 + smooth, 1)
    report = check(gauges.config())
    assert [p.text for p in report.problems if p.severity != "note"] == []


def test_a_fall_from_above_the_median_to_zero_for_weeks_is_a_warning(gauges):
    gauges.values["discharge_vol"][299, 4] = 60
    gauges.values["discharge_vol"][300:330, 4] = 0
    (found,) = problems(check(gauges.config()), "to 0 in a day")
    assert found.severity == "warning" and found.details == ("1004 from 2001-10-28: 30 days of 0",)


def test_a_year_without_rain_is_a_warning_with_its_year(gauges):
    gauges.values["rain"][365:730, 6] = 0
    (found,) = problems(check(gauges.config()), "is 0 for a whole year")
    assert found.severity == "warning" and found.details == ("1006: 2002",)


def test_an_outlier_of_its_own_station_is_a_warning_with_its_day(gauges):
    gauges.values["discharge_vol"][700, 9] *= 1e4
    report = check(gauges.config("data.modalities.riverflow.maximum=null"))
    (found,) = problems(report, "robust deviations")
    assert found.severity == "warning" and "1009 on 2002-12-02" in found.text


def test_a_regulated_river_with_floods_has_no_outliers(gauges):
    gauges.values["discharge_vol"][:, 9] = 1 + np.random.default_rng(0).random(len(gauges.days)) / 100
    gauges.values["discharge_vol"][::50, 9] = 90  # 2 % of the days
    assert not problems(check(gauges.config()), "robust deviations")


def test_gaps_are_told_once_for_all_series_and_station_lists_are_short_but_whole_in_the_details(gauges, tmp_path):
    for values in gauges.values.values():
        values[:800, :7] = np.nan
        values[:N_TRAIN, 11] = np.nan
    report = check(gauges.config())
    (much,) = problems(report, "more than 50% of the training days")
    assert "rain, evap and riverflow lack" in much.text and "and 2 more" in much.text and len(much.details) == 7
    (never,) = problems(report, "no value in the training period")
    assert never.details == ("1011",)
    (late,) = problems(report, "start late")
    assert late.severity == "note" and "1000 (2003-03-12)" in late.text
    assert report.exit_code == 0 and report.exclusions() == ""
    cleaned = check(without(tmp_path, gauges.raw, report.exclusions("warning")))
    assert not problems(cleaned, "training days at") and not problems(cleaned, "no value in the training period")
    assert cleaned.rows[0].places == "4 stations"


def test_the_share_missing_is_told_for_each_split(gauges):
    gauges.values["discharge_vol"][N_TRAIN:] = np.nan
    row = {row.name: row for row in check(gauges.config()).rows}["riverflow"]
    assert row.split_missing == {"train": 0.0, "val": 1.0}


def test_a_split_that_is_half_covered_is_a_warning(gauges):
    gauges.values["discharge_vol"][: N_TRAIN // 2] = np.nan
    (found,) = problems(check(gauges.config()), "of the days of data.train")
    assert found.severity == "warning" and "only 50%" in found.text


def test_places_that_cannot_be_are_found(gauges, tmp_path):
    gauges.attributes["latitude"][2] = 523400.0
    gauges.attributes["longitude"][3] = 120.0
    report = check(gauges.config())
    (beyond,), (far,) = problems(report, "beyond 90 degrees"), problems(report, "from the other stations'")
    assert (beyond.severity, far.severity) == ("error", "warning")
    assert beyond.details == ("1002: 523400",) and far.details == ("1003: 120",)
    assert check(without(tmp_path, gauges.raw, report.exclusions())).exit_code == 0


def test_an_attribute_that_never_varies_is_a_warning(gauges):
    gauges.attributes["catchment-area"] = [200.0] * 12
    assert problems(check(gauges.config()), "catchment-area is 200 at every station")[0].severity == "warning"


def test_progress_rises_to_one(gauges):
    seen = []
    check(gauges.config(), on_progress=lambda stage, share: seen.append((stage, share)))
    shares = [share for _, share in seen]
    assert shares == sorted(shares) and shares[-1] == 1 and ("looking at evap", 1 / 3) in seen


@pytest.mark.skipif(not (REAL / "nrfa").is_dir(), reason=f"real data are not at {REAL}")
def test_the_real_gauges_are_fit_and_the_stuck_one_is_named():
    raw = {
        "data": {
            "root": str(REAL),
            "modalities": {"riverflow": {"paths": ["nrfa/*_gdf.csv"]}},
            "train": ["1970-10-01", "2002-12-31"],
            "val": ["2003-01-01", "2012-09-30"],
        }
    }
    report = check(build_config(raw))
    assert report.exit_code == 0
    (found,) = [p for p in report.problems if p.severity == "warning"]
    assert "station 33035 from 1991-07-18, 22 days of 0.6 m3/s" in found.text


@pytest.mark.parametrize("storage", ["float32", "float16"])
def test_a_store_of_natural_series_raises_no_alarm(gauges, tmp_path, storage):
    config = gauges.config(f"data.store={tmp_path / 'store'}", f"data.storage={storage}")
    report = check_store(prepare(config))
    assert [p.text for p in report.problems if p.severity != "note"] == []
