"""Days: periods that files do not cover, files without dates, days that are moved or excluded."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hydromae.base.errors import DataError
from hydromae.config.read import build_config
from hydromae.sources.alignment import absent_notes, check_days, leap_days
from hydromae.sources.exclusions import days_in
from hydromae.sources.plan import make_plan
from hydromae.sources.source import Source, open_source
from hydromae.store.prepare import prepare
from support.sources import FIRST, LAST, TRAIN_END, World, day_range, write_grid

PERIODS = {"train": (FIRST, TRAIN_END), "val": (date(2001, 5, 21), LAST)}
DAYS = st.dates(date(2001, 1, 1), date(2001, 3, 31))


def opened(world: World, name: str, **settings: object) -> Source:
    world.raw["data"]["modalities"][name].update(settings)
    data = world.config().data
    return open_source(name, data.modalities[name], world.root, data.missing_values)


@given(held=st.sets(DAYS), first=DAYS, length=st.integers(1, 60))
def test_the_days_that_a_note_counts_are_those_that_are_needed_and_not_held(held, first, length):
    needed = np.datetime64(first) + np.arange(length)
    days = np.array(sorted(held), "datetime64[D]")
    absent = sorted(set(needed.tolist()) - held)
    notes = absent_notes("soil", days, {"train": (first, needed[-1].item())})
    assert len(notes) == bool(absent)
    for note in notes:
        assert f"({len(absent)} day{'s' if len(absent) > 1 else ''} of data.train): missing" in note
        assert str(absent[0]) in note


def test_a_note_names_the_first_spans_and_counts_the_others():
    held = np.delete(day_range(FIRST, LAST), [3, 10, 11, 50, 70, 90, 150])
    assert absent_notes("soil", held, PERIODS) == (
        "soil: has no day 2001-01-04, from 2001-01-11 to 2001-01-12, 2001-02-20 and 2 more spans "
        "(6 days of data.train): missing",
        "soil: has no day 2001-05-31 (1 day of data.val): missing",
    )


@given(spans=st.lists(st.one_of(DAYS, st.tuples(DAYS, DAYS).map(lambda pair: tuple(sorted(pair))))))
def test_named_days_and_spans_are_a_set_of_days(spans):
    expected = {day for span in spans for day in (day_range(*span).tolist() if isinstance(span, tuple) else [span])}
    assert days_in(tuple(spans)).tolist() == sorted(expected)


def test_leap_days_are_counted_in_every_fourth_year():
    assert leap_days(np.datetime64("1989-01-01"), np.datetime64("2010-12-31")) == 5
    assert leap_days(np.datetime64("2000-02-29"), np.datetime64("2000-02-29")) == 1
    assert leap_days(np.datetime64("1900-01-01"), np.datetime64("1901-12-31")) == 0


def test_the_store_covers_the_union_of_the_periods_and_what_files_lack_is_missing_and_noted(world):
    """The grid begins late, has a gap between its files and ends early; the series end early."""
    n, days, soil = world.n_train, world.days, world.grids["soil"]
    write_grid(world.root / "soil_train.h5", soil[20:100], days[20:100])
    write_grid(world.root / "soil_val.h5", soil[n + 5 : -7], days[n + 5 : -7])
    world.days = days[:-3]
    world.series = {name: values[:-3] for name, values in world.series.items()}
    world.write_series()
    store = prepare(world.config())
    assert store.n_days == len(days)
    held = np.zeros(len(days), bool)
    held[20:100] = held[n + 5 : len(days) - 7] = True
    np.testing.assert_array_equal(np.isfinite(store.values("soil")).any(axis=(1, 2)), held)
    assert np.isnan(store.values("evap")[-3:]).all() and np.isfinite(store.values("evap")[:-3]).all()
    assert store.provenance.notes == (
        "soil: has no day from 2001-01-01 to 2001-01-20, from 2001-04-11 to 2001-05-20 "
        "(60 days of data.train): missing",
        "soil: has no day from 2001-05-21 to 2001-05-25, from 2001-07-13 to 2001-07-19 (12 days of data.val): missing",
        "evap: has no day from 2001-07-17 to 2001-07-19 (3 days of data.val): missing",
        "riverflow: has no day from 2001-07-17 to 2001-07-19 (3 days of data.val): missing",
    )


@pytest.mark.parametrize("name", ["soil", "evap"])
def test_a_source_without_any_day_of_the_periods_is_refused_with_both_spans(world, name):
    world.raw["data"]["train"], world.raw["data"]["val"] = ["1989-01-01", "1990-12-31"], ["1991-01-01", "1992-12-30"]
    for other in set(world.raw["data"]["modalities"]) - {name}:
        del world.raw["data"]["modalities"][other]
    message = (
        rf"{name} has no day of any period; its files hold 2001-01-01 to 2001-07-19, the periods are "
        r"data\.train 1989-01-01 to 1990-12-31, data\.val 1991-01-01 to 1992-12-30"
    )
    with pytest.raises(DataError, match=message):
        make_plan(world.config())


def dateless(world: World, *counts: int, **settings: object) -> Source:
    """Soil in files without dates that hold so many maps each."""
    paths, first = [], 0
    for i, count in enumerate(counts):
        paths.append(f"part_{i}.h5")
        write_grid(world.root / paths[-1], world.grids["soil"][first : first + count], None)
        first += count
    return opened(world, "soil", **{"paths": paths, "start": str(FIRST), "end": None, **settings})


def test_files_without_dates_follow_one_another_and_must_end_with_a_period(world):
    source = dateless(world, 90, 50, 60)
    assert check_days(source, PERIODS) == () and source.last_day == np.datetime64(LAST)
    np.testing.assert_array_equal(source.read(np.datetime64("2001-04-05"), 3), world.grids["soil"][94:97])
    assert dateless(world, 140).last_day == np.datetime64(TRAIN_END)  # of the training period: legal
    check_days(dateless(world, 140), PERIODS)
    for counts, text in (((139,), "1 day short"), ((90, 50, 58), "2 days short"), ((142,), "2 days too many")):
        message = (
            rf"part_{len(counts) - 1}\.h5: soil has no dates and {sum(counts)} maps, which from 2001-01-01 .* go to .*"
            rf"must end on 2001-05-20 \(data\.train\) or 2001-07-19 \(data\.val\): {text}"
        )
        with pytest.raises(DataError, match=message):
            check_days(dateless(world, *counts), PERIODS)


def test_the_end_that_is_set_is_the_only_one_and_one_day_short_of_a_year_is_legal(world):
    check_days(dateless(world, 139, end="2001-05-19"), PERIODS)
    check_days(dateless(world, 199), {**PERIODS, "val": (date(2001, 5, 21), date(2001, 7, 18))})
    with pytest.raises(DataError, match=r"must end on 2001-05-19 \(data\.modalities\.soil\.end\): 1 day too many"):
        check_days(dateless(world, 140, end="2001-05-19"), PERIODS)


def test_a_calendar_without_leap_days_is_suspected(tmp_path):
    write_grid(tmp_path / "noleap.h5", np.ones((22 * 365, 2, 2), np.int8), None)
    soil = {"soil": {"paths": "noleap.h5", "start": "1989-01-01"}}
    settings = build_config({"data": {"modalities": soil}}).data.modalities["soil"]
    source = open_source("soil", settings, tmp_path, ())
    with pytest.raises(DataError, match=r"8030 maps.* go to 2010-12-26.*5 days short; just as many as .* leap days"):
        check_days(source, {"train": (date(1989, 1, 1), date(2010, 12, 31))})


def test_a_file_with_dates_need_not_end_with_a_period_though_start_is_set(world):
    write_grid(world.root / "dated.h5", world.grids["soil"][:100], world.days[:100])
    notes = check_days(opened(world, "soil", paths="dated.h5", start=str(FIRST)), PERIODS)
    assert notes[0] == "soil: has no day from 2001-04-11 to 2001-05-20 (40 days of data.train): missing"


@pytest.mark.parametrize(("name", "shift"), [("soil", -1), ("soil", 1), ("evap", -1)])
def test_days_are_shifted_only_when_asked_and_that_is_noted(world, name, shift):
    asked, day = opened(world, name, shift_days=shift), np.datetime64("2001-02-10")
    plain = opened(world, name, shift_days=0)
    np.testing.assert_array_equal(asked.read(day, 4), plain.read(day - np.timedelta64(shift, "D"), 4))
    assert asked.notes == (f"{name}: days are moved by {shift:+d}, as shift_days says",) and plain.notes == ()


def test_shifted_files_without_dates_follow_one_another_without_a_gap(world):
    source = dateless(world, 100, 100, start="2001-01-02", shift_days=-1, end="2001-07-20")
    assert check_days(source, PERIODS) == () and source.first_day == np.datetime64(FIRST)
    np.testing.assert_array_equal(source.held, world.days)


@pytest.mark.parametrize("name", ["soil", "evap"])
def test_excluded_days_of_a_modality_are_missing_in_it_alone(world, name):
    world.raw["data"]["modalities"][name]["exclude_dates"] = ["2001-02-11", ["2001-03-01", "2001-03-05"], "1999-01-01"]
    plan = make_plan(world.config())
    out = np.isin(world.days, np.array(["2001-02-11", *(f"2001-03-0{i}" for i in range(1, 6))], "datetime64[D]"))
    for source in plan.sources:
        gone = ~np.isfinite(source.read(world.days[0], len(world.days))).any(
            axis=tuple(range(1, 1 + len(source.shape)))
        )
        expected = out if source.name == name else np.zeros_like(out)
        np.testing.assert_array_equal(gone[10:], expected[10:])  # of the first ten days there is no river flow
    assert plan.notes == (f"{name}: 6 days are missing, as exclude_dates says",)


def test_an_impossible_value_on_an_excluded_day_is_no_error(world):
    world.grids["precip"][41, 12, 3] = -7
    world.write_grids("precip")
    with pytest.raises(DataError, match="2001-02-11 is -7"):
        prepare(world.config())
    world.raw["data"]["modalities"]["precip"]["exclude_dates"] = ["2001-02-11"]
    assert np.isnan(prepare(world.config()).values("precip")[41]).all()


@pytest.mark.parametrize("name", ["soil", "riverflow"])
def test_a_modality_without_a_training_day_is_refused_before_anything_is_packed(world, name):
    exclude = f"data.modalities.{name}.exclude_dates=[[{FIRST}, {TRAIN_END}]]"
    message = (
        rf"(soil_train|series).*: {name} has no day of data\.train, {FIRST} to {TRAIN_END}; its files hold "
        rf"{FIRST} to {LAST} less its exclude_dates: add"
    )
    with pytest.raises(DataError, match=message):
        make_plan(world.config(exclude))
    if name == "soil":
        with pytest.raises(
            DataError, match=rf"soil_val\.h5: soil has no day of .*; its files hold 2001-05-21 to {LAST}: "
        ):
            make_plan(world.config("data.modalities.soil.paths=soil_val.h5"))
