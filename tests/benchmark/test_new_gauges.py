"""The experiment of new gauges in small: what its trainings may know, and that it goes on where it was stopped."""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hydromae.benchmark import gb_flow_7
from hydromae.folds.folds import Folds
from hydromae.runs.pretrained import load_pretrained
from support.sources import write_attributes, write_table

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import new_gauges
import new_gauges_table
from new_gauges import VALIDATED_DAYS, WINDOW, YEARS, Experiment, Fit, Record, fits, unknown_flow
from new_gauges_table import common_parts, write_tables

torch.set_num_threads(1)
IDS = [1001, 2002, 3003, 4004]
NEW = ["1001", "2002"]
DAYS = np.arange(np.datetime64("2006-10-01"), np.datetime64("2012-10-01"))
FIRST = date(2006, 10, 1)
SMALL = (
    "data.attributes.columns=[latitude, longitude, catchment-area]",
    "model.recurrent_dim=8",
    "data.stride=300",
    "training.batch_size=16",
    "training.epochs=1",
)


def write_data(folder: Path, change: float = 0.0) -> Path:
    """Four rivers, two by two far apart: `change` is added to the flow that no training may know."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    size = (len(DAYS), len(IDS))
    values = {name: chance.gamma(1.0, 2.0, size) for name in ("precipitation", "temperature", "evaporation")}
    flow = values["precipitation"] * [0.2, 0.4, 0.6, 0.8] + 1
    flow[-40:, 0] = np.nan
    known = np.datetime64(Record(1.0).first) <= DAYS
    after = np.datetime64(new_gauges.LAST) < DAYS
    before = ~(known | after)[:, None] & (np.arange(len(IDS)) < 2)
    values["discharge_spec"] = flow + change * (before | after[:, None])
    write_table(folder / gb_flow_7.TABLE, DAYS, IDS, {name: v.astype(np.float32) for name, v in values.items()})
    columns = {"latitude": [51.0, 51.01, 57.0, 57.01], "longitude": [0.0] * 4, "catchment-area": [9.0, 8.0, 7.0, 6.0]}
    write_attributes(folder / gb_flow_7.ATTRIBUTES, IDS, columns)
    return folder


@pytest.fixture(scope="module")
def short() -> Iterator[None]:
    """Fewer days, steps and issue times than those of the benchmark."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(new_gauges, "FIRST", FIRST)
        patch.setattr(new_gauges_table, "MIN_PAIRS", 10)
        patch.setattr(gb_flow_7, "ISSUED", (date(2009, 10, 1), date(2009, 12, 10)))
        yield


@pytest.fixture(scope="module")
def made(short: None, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    return experiment(tmp_path_factory.mktemp("made"))


def experiment(root: Path, change: float = 0.0) -> Experiment:
    made = Experiment(write_data(root / "data", change), root / "output", 2, 5, SMALL, 2)
    folds = made.folds()
    # Fold 0 holds the first two out, however they were dealt.
    table = folds.table.assign(fold=[0 if station in NEW else 1 for station in folds.table["station"]])
    Folds(table).write(made.output / "folds.csv")
    return made


def weights(made: Experiment, fit: Fit) -> dict[str, torch.Tensor]:
    return load_pretrained(made.run(fit).path).state_dict()


@pytest.mark.parametrize("years", YEARS[1:])
def test_the_days_of_a_record_are_trained_on_then_validated_and_end_before_the_test(years: float) -> None:
    record = Record(years)
    assert (date(2009, 10, 1) - record.first).days == pytest.approx(365.25 * years, abs=1) or years == 20
    first, last = record.validated
    assert last == date(2009, 9, 30) and (last - first).days + 1 == VALIDATED_DAYS[years]
    assert record.first < first and (first - record.trained[1]).days == 1
    if record.without_windows is not None:
        # The first window that is taken holds one token of flow at its end.
        assert (record.first - record.without_windows[1]).days == WINDOW - new_gauges.TOKEN + 1


def test_only_new_gauges_lack_flow_and_only_before_their_record() -> None:
    table = pd.DataFrame({"date": pd.to_datetime(["2009-06-30", "2009-07-01"] * 2), "ID": [1, 1, 2, 2]})
    assert unknown_flow(table, ["1"], date(2009, 7, 1)).tolist() == [True, False, False, False]


def test_each_seed_is_finished_with_all_its_records_before_the_next_one() -> None:
    order = [(fit.seed, fit.years, fit.contender) for fit in fits([0], [0, 1], [0.0, 1.0])]
    of_seed = [(0.0, "zero-shot"), *((1.0, name) for name in ("zero-shot", "scratch", "tuned", "frozen", "joint"))]
    assert order == [(seed, years, contender) for seed in (0, 1) for years, contender in of_seed]
    assert common_parts([Fit("tuned", 0, 0, 1), Fit("tuned", 0, 1, 1), Fit("joint", 0, 0, 1)]) == [(0, 0)]


def test_flow_that_a_new_gauge_does_not_have_changes_no_training(made: Experiment, tmp_path: Path) -> None:
    spoiled = experiment(tmp_path, 1e3)
    for contender in ("scratch", "tuned", "joint"):
        fit = Fit(contender, 0, 0, 1.0)
        stores = [each.store(0, 1.0) for each in (made, spoiled)]
        assert stores[0].scaler("riverflow") == stores[1].scaler("riverflow")
        one, other = (weights(each, fit) for each in (made, spoiled))
        assert all(torch.equal(one[name], other[name]) for name in one), contender
    # The test can fail: the flow of the test years is another, and it is what forecasts set out from.
    assert not np.array_equal(made.observed(0), spoiled.observed(0), equal_nan=True)


@pytest.mark.slow
def test_what_was_made_is_not_made_again_and_tables_hold_every_contender(made: Experiment) -> None:
    done = list(fits([0], [0], [0.0, 1.0]))
    for fit in done:
        made.forecast(fit)
    paths = [*(made.output / "forecasts").iterdir(), *(made.output / "runs").glob("*/summary.json")]
    before = {path: path.stat().st_mtime_ns for path in paths}
    assert len(before) == 2 * 6 + 5
    again = Experiment(made.data, made.output, 2, 5, SMALL, 2)
    first = again.forecast(done[1])["perfect"]
    assert {path: path.stat().st_mtime_ns for path in paths} == before
    assert first.dims == ("issue_time", "lead_time", "station") and first["station"].values.tolist() == NEW
    write_tables(again, done)
    scores = pd.read_csv(made.output / "scores.csv")
    assert scores.groupby("years")["model"].nunique().to_dict() == {0.0: 1, 1.0: 5}
    assert scores[["lead 1", "lead 7"]].notna().all(axis=None)
    tests = pd.read_csv(made.output / "differences.csv")
    assert set(tests["tuned minus"]) == {"zero-shot", "scratch", "frozen", "joint"}
    assert "| 1 | tuned | 1 x 1 |" in (made.output / "table.md").read_text()
    assert (made.output / "curves.svg").stat().st_size > 0


def test_a_frozen_model_learns_only_in_its_decoders(made: Experiment) -> None:
    old, new = weights(made, Fit("zero-shot", 0, 0, 1.0)), weights(made, Fit("frozen", 0, 0, 1.0))
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed <= {name for name in old if "decoder" in name}
