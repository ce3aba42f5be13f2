"""Each defect of a grid is found and named, sampled or in full, and gone after its configuration lines are applied."""

import numpy as np
import pytest

from hydromae.check.check import check, check_store
from hydromae.store.prepare import prepare
from support.check_worlds import problems, without


def _spoilt(world, name, change):
    change(world.grids[name])
    world.write_grids(name)
    return world.config()


def _copied_day(soil):
    soil[31] = soil[30]  # 2001-01-31 and the day after it are looked at: day 30 of the year counts from 0


def _copied_later(soil):
    soil[45] = soil[44]  # between two days that are looked at


def _impossible_day(precip):
    precip[40, 8, 7] = -3


def test_natural_grids_raise_no_alarm(prepared):
    world, _ = prepared
    for full in (False, True):
        report = check(world.config(), full=full)
        assert not [p for p in report.problems if "precip" in p.text or "soil" in p.text]


@pytest.mark.parametrize(
    ("name", "change", "words", "lines"),
    [
        ("soil", _copied_day, "2001-02-01 is 2001-01-31", "exclude_dates: [2001-02-01]"),
        ("precip", _impossible_day, "below the smallest possible value", "exclude_dates: [2001-02-10]"),
    ],
)
def test_what_spoils_training_is_gone_after_the_lines_it_prints(world, tmp_path, name, change, words, lines):
    report = check(_spoilt(world, name, change))
    assert report.exit_code == 1 and [p.severity for p in problems(report, words)] == ["error"]
    assert lines in report.exclusions()
    cleaned = check(without(tmp_path, world.raw, report.exclusions()))
    assert cleaned.exit_code == 0 and not problems(cleaned, words)


def test_a_constant_modality_can_be_left_out(world, tmp_path):
    def constant(soil):
        soil[:] = 0.5

    report = check(_spoilt(world, "soil", constant))
    assert report.exit_code == 1 and "soil: null" in report.exclusions()
    assert check(without(tmp_path, world.raw, report.exclusions())).exit_code == 0


def test_full_looks_at_the_days_that_sampling_passes_over(world):
    config = _spoilt(world, "soil", _copied_later)
    sampled, full = check(config), check(config, full=True)
    assert sampled.exit_code == 0 and sampled.sampled_every == 10 and "every 10th day" in sampled.sampling
    assert full.exit_code == 1 and problems(full, "2001-02-15 is 2001-02-14") and "on every day" in full.sampling


def test_full_reads_every_day_once(world):
    rows = {row.name: row for row in check(world.config(), full=True).rows}
    n, land = len(world.days), world.land.copy()
    land[:5, 5:] = land[5:10, :5] = False  # patches with too little land
    soil = world.grids["soil"][:, land].astype(float)
    assert rows["soil"].mean == pytest.approx(np.nanmean(soil), rel=1e-6)
    assert rows["soil"].missing == pytest.approx(np.isnan(soil).sum() / (n * land.sum()))


def test_dry_and_saturated_days_are_no_copies(world):
    def natural(soil):
        soil[30:34] = 1.0

    def dry(precip):
        precip[60:80] = 0.0

    _spoilt(world, "precip", dry)
    report = check(_spoilt(world, "soil", natural), full=True)
    assert report.exit_code == 0 and not problems(report, "repeats another day")
    assert problems(report, "same value everywhere on 4 days")[0].severity == "warning"


def test_maps_of_several_days_at_once_are_a_warning_not_an_error(world):
    def weekly(soil):
        for day in range(len(soil)):
            soil[day] = soil[day - day % 7]

    report = check(_spoilt(world, "soil", weekly), full=True)
    (found,) = problems(report, "repeats another day")
    assert found.severity == "warning" and "several days at once" in found.text and not found.exclusion


def test_cells_that_never_change_are_counted(world):
    def lake(soil):
        soil[:, 12, 3:6] = 1.0

    assert problems(check(_spoilt(world, "soil", lake)), "never changes in 3 land cells")[0].severity == "warning"


def test_a_torn_map_is_a_warning_that_names_its_day(world, tmp_path):
    def torn(soil):
        soil[50, :12] = np.nan

    report = check(_spoilt(world, "soil", torn))
    (found,) = problems(report, "lacks much more of the land than usual")
    assert found.severity == "warning" and found.details == ("2001-02-20",)
    cleaned = check(without(tmp_path, world.raw, report.exclusions("warning")))
    assert not problems(cleaned, "lacks much more")


def test_values_in_another_unit_are_an_error(world):
    def metres(precip):
        precip /= 1000

    report = check(_spoilt(world, "precip", metres))
    (found,) = problems(report, "is it in m?")
    assert found.severity == "error" and report.exit_code == 1


def test_soil_moisture_in_percent_is_an_error(world):
    def percent(soil):
        soil *= 100

    assert problems(check(_spoilt(world, "soil", percent)), "in percent or mm")[0].severity == "error"


def test_maps_for_the_figures_lie_where_the_grid_lies(world):
    def corner(soil):
        soil[:, 14, 0] = 5.0

    view = {grid.name: grid for grid in check(_spoilt(world, "soil", corner)).grids}["soil"]
    assert view.mean.shape == (15, 10) and view.mean[14, 0] == 5
    assert np.isnan(view.mean[0, 9]) and np.isnan(view.mean[14, 9]) and view.missing[14, 9] == 1


def test_a_store_finds_copies_and_changed_sources(world):
    store = prepare(_spoilt(world, "soil", _copied_day))
    fresh = check_store(store)
    assert fresh.exit_code == 1 and problems(fresh, "2001-02-01 is 2001-01-31")
    assert not problems(fresh, "the store was made from the old files")
    (world.root / "series.parquet").write_bytes(b"other")
    (found,) = problems(check_store(store), "the store was made from the old files")
    assert found.severity == "warning" and "series.parquet" in found.text


def test_a_store_that_travels_without_its_sources_is_fit(prepared, tmp_path):
    report = check_store(prepared[1], root=tmp_path / "nowhere")
    assert report.exit_code == 0
    assert [p.severity for p in problems(report, "cannot be compared")] == ["note"]
