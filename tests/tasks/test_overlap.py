"""Days that a run was trained on are not scored by silence."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.evaluation.overlap import Overlap, overlap_of
from hydromae.evaluation.tables import ScoreTable
from hydromae.store.store import Store
from hydromae.store.store_of_frame import store_of_frame
from hydromae.tasks.overlap import overlap_with_training
from hydromae.tasks.task_scores import TaskScores, default_split, unseen_split
from support.seen import EARLIER, known, run_of
from support.sources import World

VAL = ("2001-05-21", "2001-07-19")  # 60 days


def scored(store: Store) -> slice:
    return store.period_slice("val")


def test_days_of_any_run_or_of_one_it_started_from_are_refused(prepared: tuple[World, Store], tmp_path: Path) -> None:
    store = prepared[1]
    clean = run_of(tmp_path / "clean", None, known("2001-01-01", "2001-05-20", before=[EARLIER]))
    assert overlap_with_training([clean], store, scored(store), "its val period") is None
    later = run_of(tmp_path / "later", None, known("2001-06-01", "2001-06-30", before=[]))
    with pytest.raises(
        ConfigError, match=r"its val period would be scored, 2001-05-21 to 2001-07-19, but 30 of its 60 "
    ):
        overlap_with_training([clean, later], store, scored(store), "its val period")
    tuned = run_of(tmp_path / "tuned", later, known("2001-01-01", "2001-05-20"))  # of today: only the config says it
    with pytest.raises(
        ConfigError, match=r"tuned started from .*later, which was trained on 2001-06-01 to 2001-06-30; "
    ):
        overlap_with_training([tuned], store, scored(store), "its val period")
    found = overlap_with_training([clean, tuned], store, scored(store), "its val period", allowed=True)
    assert found is not None and found.days == 30
    assert found.note.startswith("30 of the 60 scored days (2001-06-01 to 2001-06-30) were trained on: ")


def test_days_that_are_not_scored_do_not_count(prepared: tuple[World, Store], tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", None, known("2001-06-01", "2001-06-30", before=[]))
    wrong = prepared[1].with_excluded(
        (np.datetime64("2001-06-01").item(), (np.datetime64("2001-06-02").item(), np.datetime64("2001-06-30").item()))
    )
    assert overlap_with_training([run], wrong, scored(wrong), "its val period") is None


def test_every_row_of_every_table_says_so(tmp_path: Path) -> None:
    overlap = Overlap(30, "30 of the 60 scored days were trained on: run")
    table = ScoreTable("gaps", ("model", "nse"), (("hydromae", "0.9"), ("linear", "0.8")), "medians")
    scores = TaskScores((table,), table, xr.Dataset()).with_overlap(overlap)
    page, records = scores.write(tmp_path, "scores")
    assert page.read_text().splitlines()[0] == f"{overlap.note}."
    assert page.read_text().splitlines()[4:9] == [
        "| model | nse |",
        "| --- | --: |",
        "| hydromae [trained on] | 0.9 |",
        "| linear [trained on] | 0.8 |",
        "",
    ]
    assert "medians. [trained on]: 30 of the 60 scored days were trained on: run" in page.read_text()
    assert records.read_text() == "model,nse,days_trained_on\nhydromae,0.9,30\nlinear,0.8,30\n"
    assert overlap_of(scores.scores.attrs) == overlap and overlap_of({}) is None
    assert TaskScores((table,), table, xr.Dataset()).with_overlap(None).tables == (table,)


def test_val_is_scored_where_there_is_one_else_test(prepared: tuple[World, Store]) -> None:
    store = prepared[1]
    both = store.with_periods({"test": store.periods["val"]})
    assert default_split(both) == "val"
    only = Store(store.path, both._description.model_copy(update={"periods": {"test": store.periods["val"]}}))
    assert default_split(only) == "test"
    nothing = Store(store.path, both._description.model_copy(update={"periods": {}}))
    with pytest.raises(ConfigError, match="has neither a val nor a test period"):
        default_split(nothing)


def test_the_first_split_that_no_run_was_trained_on_is_scored(prepared: tuple[World, Store], tmp_path: Path) -> None:
    both = prepared[1].with_periods({"test": tuple(np.datetime64(day).item() for day in ("2001-07-01", "2001-07-19"))})
    clean = run_of(tmp_path / "clean", None, known("2001-01-01", "2001-05-20", before=[]))
    later = run_of(tmp_path / "later", None, known("2001-06-01", "2001-06-30", before=[]))
    whole = run_of(tmp_path / "whole", None, known("2001-01-01", "2001-12-31", before=[]))
    assert unseen_split(both, [clean]) == "val"
    assert unseen_split(both, [clean, later]) == "test"
    assert unseen_split(both, [whole]) == "val"


def test_stations_that_were_never_trained_on_may_be_scored_on_any_day(tmp_path: Path) -> None:
    frame = pd.DataFrame({"temp": np.arange(60.0)}, index=pd.date_range("2001-05-21", periods=60))
    whole = run_of(tmp_path / "whole", None, known("2001-01-01", "2001-12-31", "9", "10", before=[]))
    of_it = run_of(tmp_path / "of_it", None, known("2001-01-01", "2001-12-31", "gauge", "10", before=[]))
    place = {"latitude": 52.0, "longitude": 0.0}
    with store_of_frame(frame, ["temp"], {"temp": "degC"}, place) as (store, _):
        assert store.station_ids == ("gauge",)
        assert overlap_with_training([whole], store, slice(0, 60), "all") is None
        overlap = overlap_with_training([whole, of_it], store, slice(0, 60), "all", allowed=True)
        assert overlap is not None and overlap.days == 60 and "of_it" in overlap.note and "whole" not in overlap.note
