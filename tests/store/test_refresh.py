"""A store that follows its files: new rows, values that came late, and those that were corrected."""

from datetime import date, timedelta

import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.config.read import build_config
from hydromae.store.prepare import prepare
from hydromae.store.refresh import refreshed
from support.grown import files_of, val_up_to, write_up_to
from support.sources import World


@pytest.fixture
def gauges(world: World) -> World:
    """Series only, and a configuration that ends before the files do."""
    modalities = world.raw["data"]["modalities"]
    world.raw["data"]["modalities"] = {name: modalities[name] for name in ("evap", "riverflow")}
    world.raw["data"].pop("land_mask", None)
    return world


def settings(world: World, *overrides: str):
    return world.config(val_up_to(world, 160), *overrides)


def fresh(world: World, last: int = 200):
    return prepare(world.config(val_up_to(world, last), f"data.store={world.root.parent / 'fresh'}"))


def assert_fresh(world: World, store, last: int = 200) -> None:
    other = fresh(world, last)
    assert store.days[-1] == world.days[last - 1] and store.fingerprint == other.fingerprint
    assert files_of(store.path) == files_of(other.path) and store.periods == other.periods
    store.verify()


def test_new_rows_are_read_beyond_the_last_period_and_equal_a_fresh_preparation(gauges: World) -> None:
    write_up_to(gauges, 180)
    first = refreshed(settings(gauges))  # there is no store yet
    assert first.days[-1] == gauges.days[179]
    write_up_to(gauges, 200)
    assert_fresh(gauges, refreshed(settings(gauges)))


def test_nothing_new_changes_nothing(gauges: World) -> None:
    store = refreshed(settings(gauges))
    stamp = (store.path / "store.json").stat().st_mtime_ns
    assert refreshed(settings(gauges)).fingerprint == store.fingerprint
    assert (store.path / "store.json").stat().st_mtime_ns == stamp


@pytest.mark.parametrize("late", [150, 195])
def test_late_and_corrected_values_are_taken_and_said(
    gauges: World, late: int, caplog: pytest.LogCaptureFixture
) -> None:
    flow = gauges.series["riverflow"][late, 1]
    gauges.series["riverflow"][late, 1] = np.nan
    gauges.write_series()
    refreshed(settings(gauges))
    gauges.series["riverflow"][late, 1] = flow
    gauges.series["evap"][late + 1, 0] = 1.25
    gauges.write_series()
    store = refreshed(settings(gauges))
    assert f"on {gauges.days[late]} is {flow:g}, but nan" in caplog.text and "is prepared anew" in caplog.text
    assert_fresh(gauges, store)


def test_a_correction_of_the_training_period_is_refused_with_a_remedy(gauges: World) -> None:
    store = refreshed(settings(gauges))
    before = files_of(store.path)
    gauges.series["riverflow"][20, 1] += 1
    gauges.series["evap"][190, 0] = 1.25
    gauges.write_series()
    with pytest.raises(DataError, match=rf"riverflow .* on {gauges.days[20]} is .*prepare anew with --overwrite"):
        refreshed(settings(gauges))
    assert files_of(store.path) == before
    prepare(settings(gauges), overwrite=True)
    assert_fresh(gauges, refreshed(settings(gauges)))


def test_a_training_period_by_itself_is_followed_by_a_test_period(gauges: World) -> None:
    gauges.raw["data"].pop("val")
    store = refreshed(build_config({"name": "small", **gauges.raw}))
    last = store.periods["train"][1]
    assert store.periods["test"] == (last + timedelta(days=1), gauges.days[-1].item())


def test_a_changed_grid_without_new_days_is_read_anew(world: World) -> None:
    before = refreshed(world.config())
    assert before.days[-1] == world.days[-1]
    world.grids["soil"][world.n_train + 1] += 0.01  # before the days that are compared
    world.write_grids("soil")
    store = refreshed(world.config())
    assert store.fingerprint != before.fingerprint
    assert_fresh(world, store)


def test_a_mistaken_date_far_ahead_is_refused(gauges: World, monkeypatch: pytest.MonkeyPatch) -> None:
    class Earlier(date):
        @classmethod
        def today(cls) -> date:
            return gauges.days[0].item() - timedelta(days=300)

    monkeypatch.setattr("hydromae.store.refresh.date", Earlier)
    with pytest.raises(DataError, match=rf"has a day {gauges.days[-1]}, more than a year ahead; correct that date"):
        refreshed(settings(gauges))
