from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from hydromae.check.check import check, check_store, render
from hydromae.check.page import write_check_page
from hydromae.store.prepare import prepare
from support.sources import FIRST, TRAIN_END, write_attributes


def _texts(report, severity):
    return [problem.text for problem in report.problems if problem.severity == severity]


def test_good_sources_are_fit(prepared):
    world, _ = prepared
    report = check(world.config())
    assert report.exit_code == 0 and not _texts(report, "error")
    rows = {row.name: row for row in report.rows}
    assert (rows["precip"].first_day, rows["precip"].last_day, rows["precip"].places) == (
        "2001-01-01",
        "2001-07-19",
        "15 x 10",
    )
    assert rows["precip"].reader == "hdf5_grid" and "HDF5" in rows["precip"].why
    flow = world.series["riverflow"]
    assert rows["riverflow"].mean == pytest.approx(np.nanmean(flow.astype(float)), rel=1e-6)
    assert rows["riverflow"].missing == pytest.approx(np.isnan(flow).mean())
    assert any("bfihost is missing for 2 of 4 stations" in text for text in _texts(report, "warning"))


def test_every_unreadable_file_is_named_in_one_go(world):
    (world.root / "soil_val.h5").write_bytes(b"no HDF5")
    (world.root / "series.parquet").unlink()
    (world.root / "attributes.csv").write_text("id\n")
    report = check(world.config())
    errors = " ".join(_texts(report, "error"))
    assert report.exit_code == 2
    assert all(name in errors for name in ("soil_val.h5", "series.parquet", "attributes.csv"))
    assert {row.name: row.mean is None for row in report.rows} == {
        "precip": False,
        "soil": True,
        "evap": True,
        "riverflow": True,
    }


def _spoil_flow(world):
    world.series["riverflow"][40, 2] = -2
    world.write_series()


def _spoil_variance(world):
    world.grids["soil"][:] = 0.5
    world.write_grids("soil")


def _spoil_training(world):
    world.series["evap"][: world.n_train] = np.nan
    world.write_series()


def _spoil_stations(world):
    columns = {name: [1] for name in ("latitude", "catchment-area", "bfihost")}
    write_attributes(world.root / "attributes.csv", [101], columns)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_spoil_flow, "discharge_vol of station 27003 on 2001-02-10 is -2 m3/s"),
        (_spoil_variance, "soil is 0.5 everywhere in the training period"),
        (_spoil_training, "evap has no value in the train period"),
        (_spoil_stations, "unknown station 9002 (and 2 more)"),
    ],
)
def test_what_would_spoil_training_is_an_error(world, spoil, message):
    spoil(world)
    report = check(world.config())
    assert report.exit_code == 1 and any(message in text for text in _texts(report, "error"))
    assert len(report.rows) == 4


def _constant_station(world):
    world.series["evap"][:, 1] = 1.0
    world.write_series()


def _silent_station(world):
    world.series["riverflow"][: world.n_train, 3] = np.nan
    world.write_series()


def _empty_validation(world):
    world.series["riverflow"][world.n_train :] = np.nan
    world.write_series()


def _flipped_mask(world):
    for name, grid in world.grids.items():
        world.grids[name] = grid[:, ::-1, ::-1].copy()
        world.write_grids(name)


def _empty_day(world):
    world.grids["soil"][20] = np.nan
    world.write_grids("soil")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_constant_station, "evap has the same value throughout the training period at 1 station: 9002"),
        (_silent_station, "riverflow has no value in the training period at 1 station: 101"),
        (_empty_validation, "riverflow has no value in the val period"),
        (_flipped_mask, "is the mask upside down?"),
        (_empty_day, "soil has no value on land on 1 of the days looked at, first 2001-01-21"),
    ],
)
def test_what_is_suspicious_is_a_warning(world, spoil, message):
    spoil(world)
    report = check(world.config())
    assert report.exit_code == 0 and any(message in text for text in _texts(report, "warning"))


def test_a_store_says_what_its_sources_say(world):
    _silent_station(world)
    config = world.config()
    from_files, from_store = check(config), check_store(prepare(config))
    assert from_store.exit_code == 0
    for a, b in zip(from_files.rows, from_store.rows, strict=True):
        assert (a.name, a.missing, a.minimum, a.maximum) == (b.name, b.missing, b.minimum, b.maximum)
    assert any("no value in the training period at 1 station: 101" in text for text in _texts(from_store, "warning"))


def test_without_a_page_the_findings_are_the_same(world, tmp_path):
    _silent_station(world)
    store = prepare(world.config())
    whole, plain = check_store(store), check_store(store, page=False)
    assert plain.to_dict() == whole.to_dict() and whole.series and not plain.series and not plain.grids
    with pytest.raises(ValueError, match="page=True"):
        write_check_page(plain, tmp_path / "check.html")
    assert not (tmp_path / "check.html").exists()


def test_a_damaged_store_is_unreadable(world):
    store = prepare(world.config())
    path = store.path / "values" / "soil.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    report = check_store(store)
    assert report.exit_code == 2 and "soil.npy: days 2001-07-12" in report.problems[0].text


def test_the_report_shows_every_modality_and_problem(world):
    _spoil_flow(world)
    report = check(world.config())
    console = Console(width=200, record=True, file=StringIO())
    console.print(render(report))
    shown = " ".join(console.export_text().split())
    assert all(row.name in shown for row in report.rows) and "error: " in shown and "every 10th day" in shown
    assert all(problem.text[-40:] in shown for problem in report.problems)


SHORT = "data.train=[2001-01-01, 2001-02-28]"


@pytest.mark.parametrize(
    ("changes", "split", "text"),
    [
        (["data.window=61"], "val", "a window of 61 days does not fit a period of 60 days; shorten data.window"),
        (["data.window_mix={30: 1, 60: 1}", SHORT], "train", "a window of 60 days does not fit a period of 59 days"),
        (
            ["data.exclude_dates=[2001-06-10, 2001-06-25]"],
            "val",
            "a window of 30 days does not fit the longest span without an excluded day, 24 days",
        ),
        ([f"data.exclude_dates=[[{FIRST}, {TRAIN_END}]]"], "train", "data.exclude_dates holds every day from"),
    ],
)
def test_a_split_that_no_window_fits_is_an_error(world, changes, split, text):
    report = check(world.config(*changes))
    assert report.exit_code == 1
    assert any(found.startswith(f"data.{split}: {text}") for found in _texts(report, "error"))


def test_windows_that_are_never_drawn_need_not_fit(world):
    report = check(world.config("data.window_mix={30: 1, 60: 0}", SHORT))
    assert not [text for text in _texts(report, "error") if "does not fit" in text]


def test_a_modality_without_a_training_day_is_an_error(world):
    report = check(world.config("data.modalities.soil.paths=soil_val.h5"))
    assert report.exit_code == 1
    assert any("soil has no day of data.train" in text for text in _texts(report, "error"))
