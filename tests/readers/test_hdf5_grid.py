from datetime import date

import h5py
import numpy as np
import pytest

from hydromae.base.errors import DataError
from hydromae.readers import hdf5_grid, open_hdf5_grid
from support.sources import day_range, write_grid

DAYS = day_range(date(2001, 1, 1), date(2001, 1, 8))
VALUES = np.random.default_rng(0).normal(size=(8, 4, 6)).astype(np.float32)


def test_days_and_values_are_those_of_the_file(tmp_path):
    grid = open_hdf5_grid(write_grid(tmp_path / "a.h5", VALUES, DAYS))
    assert grid.dims == ("time", "y", "x") and (grid.values == VALUES).all()
    assert (grid["time"].values.astype("datetime64[D]") == DAYS).all()


def test_a_slice_in_time_reads_only_those_days(tmp_path, monkeypatch):
    grid = open_hdf5_grid(write_grid(tmp_path / "a.h5", VALUES, DAYS))
    keys = []
    read = hdf5_grid._LazyDataSet._read
    monkeypatch.setattr(hdf5_grid._LazyDataSet, "_read", lambda self, key: keys.append(key) or read(self, key))
    assert (grid.isel(time=slice(2, 5)).values == VALUES[2:5]).all()
    assert [key[0] for key in keys] == [slice(2, 5, 1)]


def test_a_file_without_dates_starts_where_it_is_told(tmp_path):
    path = write_grid(tmp_path / "a.h5", VALUES, None)
    assert open_hdf5_grid(path, start=date(2003, 2, 27))["time"].values[2] == np.datetime64("2003-03-01")
    with pytest.raises(DataError, match=r"a\.h5: has no data set dates.*key start"):
        open_hdf5_grid(path)


def test_unicode_dates_and_coordinates_are_read(tmp_path):
    path = write_grid(tmp_path / "a.h5", VALUES, None)
    with h5py.File(path, "a") as file:
        file["dates"] = [str(day) for day in DAYS]
        file["y"] = np.arange(4.0)
    grid = open_hdf5_grid(path)
    assert grid["time"].values[-1] == DAYS[-1] and grid["y"].values.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("days", "message"),
    [
        (DAYS[:5], "5 entries for 8 maps"),
        (DAYS[[0, 1, 2, 2, 3, 4, 5, 6]], "2001-01-03 is twice in its dates.*remove"),
        (DAYS[[0, 1, 3, 2, 4, 5, 6, 7]], "2001-01-03 follows 2001-01-04 in its dates; sort"),
        (
            np.append(DAYS[:4], DAYS[4:] + np.timedelta64(2, "D")),
            "2001-01-05 is absent from its dates; add the day.*allow_absent_days",
        ),
        (np.array(["2001-01-01"] * 7 + ["2001-02-30"]), "entry 7 .*'2001-02-30'; write dates as YYYY-MM-DD"),
        (np.array(["2001"] * 8), "entry 0 .*'2001'"),
    ],
)
def test_wrong_dates_are_named(tmp_path, days, message):
    with pytest.raises(DataError, match=rf"a\.h5: .*{message}"):
        open_hdf5_grid(write_grid(tmp_path / "a.h5", VALUES, days))


def test_gaps_are_accepted_when_allowed(tmp_path):
    path = write_grid(tmp_path / "a.h5", VALUES, np.append(DAYS[:4], DAYS[4:] + np.timedelta64(2, "D")))
    assert open_hdf5_grid(path, allow_absent_days=True).sizes["time"] == 8


def test_an_absent_file_suggests_the_near_one(tmp_path):
    write_grid(tmp_path / "precip_2001.h5", VALUES, DAYS)
    with pytest.raises(DataError, match=r"precip_2010\.h5: no such file; did you mean precip_2001\.h5\?"):
        open_hdf5_grid(tmp_path / "precip_2010.h5")
    with pytest.raises(DataError, match=r"elsewhere.*its folder does not exist; correct the path"):
        open_hdf5_grid(tmp_path / "elsewhere" / "precip_2010.h5")


@pytest.mark.parametrize("kept", [0, 20, 3000])
def test_a_truncated_or_foreign_file_is_named(tmp_path, kept):
    path = write_grid(tmp_path / "a.h5", VALUES, DAYS)
    content = path.read_bytes()
    assert len(content) > 3000
    path.write_bytes(content[:kept])
    with pytest.raises(DataError, match=r"a\.h5: is not an HDF5 file or is cut short.*copy or download"):
        open_hdf5_grid(path)


def test_damaged_values_are_named_when_read(tmp_path):
    path = write_grid(tmp_path / "a.h5", VALUES, DAYS)
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    grid = open_hdf5_grid(path)
    with pytest.raises(DataError, match=r"a\.h5: data cannot be read"):
        grid.values  # noqa: B018


def test_an_absent_data_set_lists_those_there_are(tmp_path):
    path = write_grid(tmp_path / "a.h5", VALUES, DAYS, variable="rain")
    with pytest.raises(DataError, match=r"a\.h5: has no data set data, only dates, rain; name it"):
        open_hdf5_grid(path)
    assert open_hdf5_grid(path, "rain").shape == VALUES.shape


def test_a_data_set_of_other_rank_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"a\.h5: data has shape \(8, 24\); it must be \[days, rows, columns\]"):
        open_hdf5_grid(write_grid(tmp_path / "a.h5", VALUES.reshape(8, 24), DAYS))


def test_a_file_that_is_gone_when_read_is_named_with_its_days(tmp_path):
    path = write_grid(tmp_path / "p.h5", VALUES, DAYS)
    grid = open_hdf5_grid(path)
    path.unlink()
    with pytest.raises(
        DataError, match=rf"p\.h5: data cannot be read from {DAYS[1]} to {DAYS[2]}, since it no longer exists; put"
    ):
        grid[1:3].values  # noqa: B018
