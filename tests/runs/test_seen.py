"""What weights were ever trained on goes with them."""

from datetime import date
from pathlib import Path

import pytest

from hydromae.config.read import dump_config
from hydromae.runs.directory import RunDirectory
from hydromae.runs.pretrained import load_pretrained, save_pretrained
from hydromae.runs.seen import Seen, before_of, ever_seen, trainings_before
from hydromae.store.store import Store
from hydromae.training.setup import build_model
from hydromae.training.start_from import start_from
from support.seen import EARLIER, known, run_of
from support.small import small_config
from support.sources import World

OWN = (date(2001, 1, 1), date(2001, 5, 20))


def test_a_model_that_starts_from_another_knows_all_that_one_saw(prepared: tuple[World, Store], tmp_path: Path) -> None:
    world, store = prepared
    config = small_config(world, tmp_path / "run")
    origin = build_model(config, store)
    assert origin.trained_on["before"] == []
    origin.trained_on["before"] = [EARLIER]
    save_pretrained(origin, tmp_path / "origin")
    model = build_model(config, store)
    start = start_from(model, tmp_path / "origin", store)
    stations = tuple(store.station_ids)
    expected = (
        Seen(str(tmp_path / "origin"), OWN, stations),
        Seen("first", (date(1990, 1, 1), date(1999, 12, 31)), ("9", "10")),
    )
    assert start.before == expected
    save_pretrained(model, tmp_path / "model")
    again = load_pretrained(tmp_path / "model")
    assert ever_seen("again", again.trained_on) == (Seen("again", OWN, stations), *expected)
    run = RunDirectory(tmp_path / "begun")
    run.path.mkdir()
    (run.path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert before_of(run) == []
    run.write_json("start.json", start.to_json())  # as a training leaves it, to be gone on with
    assert before_of(run) == model.trained_on["before"] and trainings_before(start.to_json()) == expected


def test_models_that_lack_it_are_read_with_what_their_configurations_say(tmp_path: Path) -> None:
    first = run_of(tmp_path / "first", None, known("1980-01-01", "1989-12-31", "1"))
    second = run_of(tmp_path / "second", first, known("1990-01-01", "1999-12-31", "2"))
    third = run_of(tmp_path / "third", second, None)
    found = ever_seen(third, known("2000-01-01", "2001-12-31", "3"))
    assert [(seen.run, seen.period[0].year, seen.stations) for seen in found] == [
        (str(third), 2000, ("3",)),
        (str(second), 1990, ("2",)),
        (str(first), 1980, ("1",)),
    ]
    assert [one["run"] for one in before_of(RunDirectory(third))] == [str(second), str(first)]
    newer = run_of(tmp_path / "newer", None, known("1990-01-01", "1999-12-31", before=[EARLIER]))
    last = run_of(tmp_path / "last", newer, None)
    assert [seen.run for seen in ever_seen(last, known("2000-01-01", "2001-12-31"))] == [str(last), str(newer), "first"]


def test_an_origin_that_is_gone_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = run_of(tmp_path / "run", tmp_path / "gone", None)
    with caplog.at_level("WARNING", "hydromae"):
        found = ever_seen(run, known("2000-01-01", "2001-12-31"))
    assert len(found) == 1 and "gone, which is missing" in caplog.text


def test_a_run_that_started_from_itself_is_no_endless_tale(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", tmp_path / "run", known("2000-01-01", "2001-12-31"))
    assert len(ever_seen(run, known("2000-01-01", "2001-12-31"))) == 1
    assert ever_seen(run, {"period": [], "before": []}) == ()
