from datetime import date

import h5py
import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.readers import monthly_hdf5, open_hdf5_grid, open_monthly_hdf5
from support.readers_sources import write_months
from support.sources import day_range, write_grid

DAYS = day_range(date(2000, 1, 30), date(2000, 3, 2))
VALUES = np.random.default_rng(0).normal(size=(len(DAYS), 4, 6)).astype(np.float32)
VALUES[3, 1] = np.nan


@pytest.mark.parametrize("compact", [False, True])
def test_months_hold_what_the_merged_file_holds(tmp_path, compact):
    months = open_monthly_hdf5(write_months(tmp_path / "months", VALUES, DAYS, compact))
    merged = open_hdf5_grid(write_grid(tmp_path / "merged.h5", VALUES, DAYS))
    assert months.dims == merged.dims and months.dtype == merged.dtype
    assert (months["time"].values == merged["time"].values).all()
    assert (months.values == merged.values).all()
    for part in (slice(1, 4), slice(None, None, -5), slice(9, 9), 31):
        assert (months[part].values == merged[part].values).all() and months[part].shape == merged[part].shape
    assert (months[2:30, 1:3, ::2].values == merged[2:30, 1:3, ::2].values).all()


def test_a_slice_in_time_opens_only_its_months(tmp_path, monkeypatch):
    grid = open_monthly_hdf5(write_months(tmp_path / "months", VALUES, DAYS))
    opened = []
    file = h5py.File
    monkeypatch.setattr(monthly_hdf5.h5py, "File", lambda path, mode: opened.append(path.name) or file(path, mode))
    assert (grid[4:6].values == VALUES[4:6]).all() and opened == ["2000-02.h5"]


def test_days_in_the_file_of_another_month_keep_their_place(tmp_path):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    with h5py.File(folder / "2000-01.h5", "a") as first, h5py.File(folder / "2000-02.h5", "a") as second:
        first.create_dataset("2000-02-03", data=second["2000-02-03"][:])
        del second["2000-02-03"]
    expected = np.where(np.isnan(VALUES), np.float32(-99999), VALUES)
    assert (open_monthly_hdf5(folder).values == expected).all()


def test_coordinates_are_read_and_other_files_left_alone(tmp_path):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    (folder / "README.txt").write_text("about")
    with h5py.File(folder / "2000-01.h5", "a") as file:
        file["y"] = np.arange(4.0)
    assert open_monthly_hdf5(folder)["y"].values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("axis", ["y", "x"])
def test_a_month_whose_cells_lie_elsewhere_is_refused(tmp_path, axis):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    places = np.arange(float(VALUES.shape[1 if axis == "y" else 2]), 0, -1)
    for name, written in (("2000-01", places), ("2000-02", places[::-1]), ("2000-03", places)):
        with h5py.File(folder / f"{name}.h5", "a") as file:
            file[axis] = written
    with pytest.raises(DataError, match=rf"2000-02\.h5: its {axis} \(. values, 1 to .\) is not that of .*2000-01\.h5"):
        open_monthly_hdf5(folder)


def test_months_may_round_their_coordinates_or_leave_them_out(tmp_path):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    for name, written in (("2000-02", np.arange(4.0)), ("2000-03", np.arange(4.0) + 0.001)):
        with h5py.File(folder / f"{name}.h5", "a") as file:
            file["y"] = written
    assert open_monthly_hdf5(folder)["y"].values.tolist() == [0, 1, 2, 3]


def _key(folder):
    with h5py.File(folder / "2000-02.h5", "a") as file:
        file["2000-02-30"] = file["2000-02-01"][:]


def _shape(folder):
    with h5py.File(folder / "2000-02.h5", "a") as file:
        del file["2000-02-11"]
        file["2000-02-11"] = np.zeros((4, 5), np.float32)


def _text(folder):
    with h5py.File(folder / "2000-02.h5", "a") as file:
        del file["2000-02-11"]
        file["2000-02-11"] = "rain"


def _repeat(folder):
    with h5py.File(folder / "2000-03.h5", "a") as file:
        file["20000211"] = VALUES[0]


def _gap(folder):
    with h5py.File(folder / "2000-02.h5", "a") as file:
        del file["2000-02-11"], file["2000-02-12"]


def _cut(folder):
    path = folder / "2000-02.h5"
    path.write_bytes(path.read_bytes()[:2000])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_key, r"2000-02\.h5: has '2000-02-30', which is no date"),
        (_shape, r"2000-02\.h5: 2000-02-11 has 4 x 5 cells, but 2000-01-30 has 4 x 6"),
        (_text, r"2000-02\.h5: 2000-02-11 is no grid of numbers"),
        (_repeat, r"2000-03\.h5: 20000211 repeats 2000-02-11, which .*2000-02\.h5 holds as 2000-02-11; remove one"),
        (_gap, r"months: lacks 2 of the days .*\(2000-02-11, 2000-02-12\); add them.*allow_absent_days"),
        (_cut, r"2000-02\.h5: is not an HDF5 file or is cut short"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, spoil, message):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    spoil(folder)
    with pytest.raises(DataError, match=message):
        open_monthly_hdf5(folder)


def test_gaps_are_accepted_when_allowed(tmp_path):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    _gap(folder)
    assert open_monthly_hdf5(folder, allow_absent_days=True).sizes["time"] == len(DAYS) - 2


def test_a_folder_without_months_is_named(tmp_path):
    with pytest.raises(DataError, match=r"holds no month, a file named YYYY-MM\.h5"):
        open_monthly_hdf5(tmp_path)


def test_a_month_that_is_gone_when_read_is_named(tmp_path):
    folder = write_months(tmp_path / "months", VALUES, DAYS)
    grid = open_monthly_hdf5(folder)
    (folder / "2000-02.h5").unlink()
    with pytest.raises(DataError, match=r"2000-02\.h5: 2000-02-01 to 2000-02-02 cannot be read"):
        grid[2:4].values  # noqa: B018
