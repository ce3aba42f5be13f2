"""A number that means missing and that no one declared is an error, and the line that is printed mends it."""

import numpy as np
import pytest

from hydromae.check.check import check, check_store
from hydromae.check.codes import Codes
from hydromae.store.prepare import prepare
from support.check_worlds import Gauges, make_gauges, problems, without


@pytest.fixture
def gauges(tmp_path) -> Gauges:
    return make_gauges(tmp_path / "gauges")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("evaporation", -9999.0),
        ("evaporation", -3276.8),
        ("evaporation", 9999.0),
        ("discharge_vol", -999.0),
        ("discharge_vol", -99.0),
        ("discharge_vol", -32768.0),
        ("rain", -9999.0),
        ("rain", -999.9),
    ],
)
def test_an_undeclared_code_in_a_series_is_an_error_until_its_line_is_added(gauges, tmp_path, name, code):
    clean = check(gauges.config())
    gauges.values[name][100:104, 3] = code
    gauges.raw["data"]["modalities"]["riverflow"].update(minimum=None, scaling="standard")
    report = check(gauges.config())
    (found,) = problems(report, "data.missing_values")
    assert report.exit_code == 1 and found.severity == "error"
    assert "4 times" in found.text and "station 1003 on 2001-04-11" in found.text
    assert str(code) in report.exclusions() and "-99999.0" in report.exclusions()
    mended = check(without(tmp_path, gauges.raw, report.exclusions()))
    assert mended.exit_code == 0 and not problems(mended, "missing_values")
    rows = {row.name: row for row in mended.rows}
    for before in clean.rows:  # only the code is gone
        after = rows[before.name]
        spoilt = {"rain": "rain", "evaporation": "evap", "discharge_vol": "riverflow"}[name] == before.name
        assert (after.maximum, after.minimum) == (before.maximum, before.minimum)
        assert round((after.missing - before.missing) * 1461 * 12) == (4 if spoilt else 0)


@pytest.mark.parametrize(("name", "code"), [("precip", -999.0), ("soil", -9999.0), ("soil", -32768.0)])
def test_an_undeclared_code_in_a_grid_is_an_error_until_its_line_is_added(world, tmp_path, name, code):
    world.grids[name][30:60, 8:10, 6:8] = code
    world.write_grids(name)
    report = check(world.config())
    (found,) = problems(report, "list it in data.missing_values")
    assert report.exit_code == 1 and f"{name} is {code}" in found.text and "2001-01-31" in found.text
    mended = check(without(tmp_path, world.raw, report.exclusions()))
    assert mended.exit_code == 0 and not problems(mended, "missing_values")


def test_two_codes_are_two_errors_and_one_line(gauges, tmp_path):
    gauges.values["evaporation"][100:104, 3] = -9999
    gauges.values["evaporation"][200:204, 5] = -999
    report = check(gauges.config())
    assert len(problems(report, "list it in data.missing_values")) == 2
    assert check(without(tmp_path, gauges.raw, report.exclusions())).exit_code == 0


def test_a_code_that_another_modality_has_by_nature_gets_no_line(gauges):
    gauges.raw["data"]["modalities"]["rain"]["minimum"] = None
    gauges.raw["data"]["modalities"]["temp"] = {"kind": "series", "units": "degC", "paths": ["series.parquet"]}
    gauges.values["temp"] = gauges.values["evaporation"] * 5 - 10
    gauges.raw["data"]["modalities"]["rain"]["scaling"] = "standard"
    gauges.values["rain"][100:104, 3] = -1
    report = check(gauges.config())
    (found,) = problems(report, "would take it from temp too")
    assert found.severity == "error" and not found.exclusion


def test_a_store_with_a_code_is_an_error_that_asks_for_a_new_one(gauges, tmp_path):
    gauges.values["evaporation"][100:104, 3] = -9999
    report = check_store(prepare(gauges.config(f"data.store={tmp_path / 'store'}")))
    assert problems(report, "list it in data.missing_values and prepare the store anew with --overwrite")
    assert "-9999.0" in report.exclusions() and "-99999.0" in report.exclusions()
    prepare(without(tmp_path, gauges.raw, report.exclusions() + f"  store: {tmp_path / 'store'}\n"), overwrite=True)


@pytest.mark.parametrize(
    ("quantity", "units", "values"),
    [
        ("other", "1", np.repeat([0.0, 1.0], 200)),  # classes
        ("flow", "m3/s", np.concatenate([np.zeros(200), np.linspace(100, 120, 200)])),  # a canal that is shut
        ("temperature", "degC", np.linspace(273, 300, 400)),  # another unit is no code
        ("flow", "m3/s", np.concatenate([np.linspace(0, 12000, 399), [9999]])),
        ("rain", "mm/d", np.concatenate([np.zeros(399), [99.0]])),
        ("evaporation", "mm/d", np.concatenate([np.linspace(-1, 5, 399), [40.0]])),
    ],
)
def test_what_is_so_by_nature_is_no_code(quantity, units, values):
    codes, block = Codes(quantity, units), values.astype(np.float32).reshape(-1, 1)
    for first in range(0, len(block), 50):
        codes.clear(first, block[first : first + 50])
    assert codes.found() == {} and not np.isnan(block).any()


def test_a_code_within_the_range_of_other_rivers_is_seen_at_a_small_one():
    flow = np.random.default_rng(0).lognormal([0, 9], 0.5, (500, 2)).astype(np.float32)
    flow[[10, 20, 30], 0] = 9999
    assert flow[:, 1].max() > 9999
    codes = Codes("flow", "m3/s")
    codes.clear(0, flow, whole=True)
    assert list(codes.found()) == [9999.0] and np.isnan(flow[[10, 20, 30], 0]).all()
