from datetime import date
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.readers import open_hdf5_grid, open_monthly_hdf5, open_netcdf_grid
from hydromae.results import merge as merging
from hydromae.results.merge import merge
from hydromae.sources.source import Source
from support.readers_sources import write_months, write_netcdf
from support.sources import MISSING, day_range, write_grid

HADUK = Path("../shared/data/haduk/5km")
DAYS = day_range(date(2001, 1, 20), date(2001, 4, 10))


@pytest.fixture
def values() -> np.ndarray:
    random = np.random.default_rng(0)
    made = random.gamma(0.5, 4, (len(DAYS), 6, 4)).astype(np.float32)
    made[:, :2, 2:] = np.nan
    made[random.random(made.shape) < 0.05] = np.nan
    return made


@pytest.fixture
def months(tmp_path: Path, values: np.ndarray) -> Path:
    return write_months(tmp_path / "months", values, DAYS)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 32 days, so that the days above take three."""
    monkeypatch.setattr(merging, "PART_DAYS", 32)


@pytest.fixture
def days_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first day of each reading of the sources."""
    read, firsts = Source.read, []

    def recorded(source: Source, first: np.datetime64, count: int) -> np.ndarray:
        firsts.append(str(first))
        return read(source, first, count)

    monkeypatch.setattr(Source, "read", recorded)
    return firsts


def read_back(path: Path) -> xr.DataArray:
    if path.suffix in (".h5", ".hdf5"):
        return open_hdf5_grid(path).load()
    with xr.open_dataset(path, engine="h5netcdf" if path.suffix == ".nc" else "zarr") as data:
        return data["data"].load()


def interrupted(paths: Any, target: Path, share: float) -> None:
    """A merge that is stopped with Ctrl-C when a share of it is done."""

    def stop(stage: str, done: float) -> None:
        if done > share:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(paths, target, on_progress=stop)


@pytest.mark.parametrize("name", ["merged.h5", "merged.hdf5", "merged.nc", "merged.zarr"])
def test_a_merged_file_has_every_day_of_the_months(months: Path, values: np.ndarray, tmp_path: Path, name: str) -> None:
    target = merge(months, tmp_path / name)
    merged = read_back(target)
    np.testing.assert_array_equal(merged.values, values)
    np.testing.assert_array_equal(merged.time.values.astype("datetime64[D]"), DAYS)
    assert merged.dtype == np.float32
    assert {found.name for found in tmp_path.iterdir()} == {"months", name}


def test_hdf5_has_a_day_a_chunk_and_dates(months: Path, tmp_path: Path) -> None:
    with h5py.File(merge(months, tmp_path / "merged.h5"), "r") as file:
        assert file["data"].chunks == (1, 6, 4) and file["data"].compression == "gzip" and file["data"].shuffle
        assert list(file["dates"].asstr()[:2]) == ["2001-01-20", "2001-01-21"]


@pytest.mark.parametrize("name", ["merged.h5", "merged.zarr"])
def test_coordinates_of_the_months_are_kept(months: Path, tmp_path: Path, name: str) -> None:
    with h5py.File(months / "2001-01.h5", "a") as file:
        file["y"], file["x"] = 100.0 - np.arange(6), np.arange(4) * 5.0
    merged = read_back(merge(months, tmp_path / name))
    np.testing.assert_array_equal(merged.y.values, 100.0 - np.arange(6))
    np.testing.assert_array_equal(merged.x.values, np.arange(4) * 5.0)


def test_any_format_of_grids_is_merged(values: np.ndarray, tmp_path: Path) -> None:
    first = write_netcdf(tmp_path / "a.nc", values[:40], DAYS[:40])
    second = write_netcdf(tmp_path / "b.nc", values[40:], DAYS[40:])
    np.testing.assert_array_equal(open_hdf5_grid(merge([first, second], tmp_path / "merged.h5")).values, values)
    merged = open_netcdf_grid(merge(tmp_path / "[ab].nc", tmp_path / "c.nc"))
    np.testing.assert_array_equal(merged.values, values)
    assert merged.name == "rainfall" and merged.attrs["units"] == "mm" and merged.y.attrs["units"] == "m"


def test_the_projection_is_kept(values: np.ndarray, tmp_path: Path) -> None:
    crs = ((), np.int32(0), {"grid_mapping_name": "transverse_mercator", "false_easting": 400000.0})
    path = write_netcdf(tmp_path / "a.nc", values, DAYS, transverse_mercator=crs)
    with h5py.File(path, "a") as file:
        file["rainfall"].attrs["grid_mapping"] = "transverse_mercator"
    with xr.open_zarr(merge(path, tmp_path / "merged.zarr")) as merged:
        named = merged[merged.rainfall.attrs["grid_mapping"]].attrs
        assert named["grid_mapping_name"] == "transverse_mercator" and named["false_easting"] == 400000.0


def test_files_without_dates_follow_each_other_from_start(values: np.ndarray, tmp_path: Path) -> None:
    files = [write_grid(tmp_path / "a.h5", values[:40], None), write_grid(tmp_path / "b.h5", values[40:], None)]
    merged = open_hdf5_grid(merge(files, tmp_path / "merged.h5", start=DAYS[0].item()))
    np.testing.assert_array_equal(merged.time.values.astype("datetime64[D]"), DAYS)
    np.testing.assert_array_equal(merged.values, values)


def test_other_numbers_can_mean_missing(values: np.ndarray, tmp_path: Path) -> None:
    months = write_months(tmp_path / "m", np.where(np.isnan(values), -1.0, values), DAYS)
    np.testing.assert_array_equal(read_back(merge(months, tmp_path / "a.h5", missing_values=[-1.0])).values, values)
    assert read_back(merge(months, tmp_path / "b.h5")).values.min() == -1


@pytest.mark.parametrize("name", ["merged.h5", "merged.zarr"])
@pytest.mark.parametrize("share", [0.3, 0.65, 0.9])
def test_what_is_interrupted_goes_on_where_it_stopped(
    months: Path, values: np.ndarray, tmp_path: Path, name: str, share: float, days_read: list[str]
) -> None:
    interrupted(months, tmp_path / name, share)
    assert not (tmp_path / name).exists() and (tmp_path / f".{name}.merging").is_dir()
    days_read.clear()
    np.testing.assert_array_equal(read_back(merge(months, tmp_path / name)).values, values)
    to_write = {"2001-02-21", "2001-03-25"} if share == 0.3 else set()
    verified = ["2001-01-20", "2001-02-21", "2001-03-25"]
    assert days_read == sorted(to_write) + verified
    assert {found.name for found in tmp_path.iterdir()} == {"months", name}


def test_days_whose_month_changed_are_read_again(
    months: Path, values: np.ndarray, tmp_path: Path, days_read: list[str]
) -> None:
    interrupted(months, tmp_path / "merged.h5", 0.65)
    with h5py.File(months / "2001-04.h5", "a") as file:
        file["2001-04-02"][0, 0] = 77.0
    days_read.clear()
    merged = read_back(merge(months, tmp_path / "merged.h5"))
    assert merged.sel(time="2001-04-02").values[0, 0] == 77 and days_read[0] == "2001-03-25" and len(days_read) == 4


@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_part_is_made_again(
    months: Path, values: np.ndarray, tmp_path: Path, damage: str, days_read: list[str]
) -> None:
    interrupted(months, tmp_path / "merged.h5", 0.65)
    part = min((tmp_path / ".merged.h5.merging").iterdir())
    content = bytearray(part.read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    else:
        with h5py.File(part, "r") as file:
            content[file["data"].id.get_chunk_info(3).byte_offset + 9] ^= 1
    part.write_bytes(content)
    days_read.clear()
    np.testing.assert_array_equal(read_back(merge(months, tmp_path / "merged.h5")).values, values)
    assert days_read[0] == "2001-01-20" and len(days_read) == 4


@pytest.mark.parametrize("name", ["merged.h5", "merged.zarr"])
def test_what_differs_from_its_source_is_never_the_target(
    months: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(months, tmp_path / name, 0.65)  # every part is written, and found whole
    monkeypatch.setattr(merging, "_is_whole", lambda part: True)
    second = sorted((tmp_path / f".{name}.merging").iterdir())[1]
    with h5py.File(second, "a") as file:
        file["data"][9, 5, 3] += 1.0
    with pytest.raises(DataError, match=r"2001-03\.h5: 2001-03-02 differs from what was written"):
        merge(months, tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", ["merged.h5", "merged.zarr"])
def test_an_absent_day_is_refused_with_its_month_or_missing(
    months: Path, values: np.ndarray, tmp_path: Path, name: str
) -> None:
    with h5py.File(months / "2001-02.h5", "a") as file:
        del file["2001-02-11"], file["2001-02-12"]
    with pytest.raises(DataError, match=r"2001-02\.h5: lacks 2001-02-11, one of 2 absent days .*--allow-absent-days"):
        merge(months, tmp_path / name)
    merged = read_back(merge(months, tmp_path / name, allow_absent_days=True))
    values[22:24] = np.nan
    np.testing.assert_array_equal(merged.values, values)


def test_an_absent_month_is_named(months: Path, tmp_path: Path) -> None:
    (months / "2001-03.h5").unlink()
    with pytest.raises(DataError, match=r"2001-03\.h5: lacks 2001-03-01, one of 31 absent days"):
        merge(months, tmp_path / "merged.h5")


def test_a_damaged_month_is_named_with_its_day(months: Path, tmp_path: Path) -> None:
    path = months / "2001-03.h5"
    with h5py.File(path, "a") as file:
        del file["2001-03-05"]
        day = file.create_dataset("2001-03-05", data=np.ones((6, 4), np.float32), chunks=(6, 4), compression="gzip")
        where = day.id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[where.byte_offset : where.byte_offset + where.size] = bytes(where.size)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"2001-03\.h5: .*2001-03"):
        merge(months, tmp_path / "merged.h5")
    assert not (tmp_path / "merged.h5").exists()


def test_a_value_that_no_float32_holds_is_named(tmp_path: Path) -> None:
    wrong = np.ones((len(DAYS), 6, 4))
    wrong[33, 2, 1] = -np.inf
    months = write_months(tmp_path / "m", wrong, DAYS)
    with pytest.raises(DataError, match=r"2001-02\.h5: data at row 2, column 1 on 2001-02-22 is infinite"):
        merge(months, tmp_path / "merged.h5")


def test_a_target_that_is_there_is_replaced_only_when_told(months: Path, tmp_path: Path) -> None:
    for name in ("merged.h5", "merged.zarr"):
        target = merge(months, tmp_path / name)
        with pytest.raises(DataError, match="is there already"):
            merge(months, target)
        merge(months, target, overwrite=True)
    assert {found.name for found in tmp_path.iterdir()} == {"months", "merged.h5", "merged.zarr"}


@pytest.mark.parametrize(
    ("paths", "name", "words"),
    [("months", "merged.csv", "take one of .h5"), ([], "merged.h5", "no file is named"), ("none", "m.h5", "none")],
)
def test_what_cannot_be_merged_is_refused(
    months: Path, tmp_path: Path, paths: str | list[str], name: str, words: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=words):
        merge(tmp_path / paths if isinstance(paths, str) else paths, tmp_path / name)
    assert {found.name for found in tmp_path.iterdir()} == {"months"}


def test_a_folder_that_cannot_be_written_is_named_with_the_target(months: Path, tmp_path: Path) -> None:
    (tmp_path / "note").write_text("a file where a folder would be")
    with pytest.raises(DataError, match=r"note/merged\.h5: cannot be written .*give another path"):
        merge(months, tmp_path / "note" / "merged.h5")


def test_progress_grows_to_the_whole(months: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    merge(months, tmp_path / "merged.h5", on_progress=lambda stage, done: shares.append(done))
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) >= 7


def test_the_months_themselves_stay_as_they_are(months: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in months.iterdir()}
    merge(months, months / "merged.h5")
    assert {path.name: path.read_bytes() for path in months.iterdir() if path.name in before} == before
    assert open_monthly_hdf5(months).shape[0] == len(DAYS) and MISSING in open_monthly_hdf5(months).values
    assert merge(months, months / "again.h5").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not HADUK.is_dir(), reason="needs the HadUK-Grid files of ../shared/data")
@pytest.mark.parametrize("name", ["merged.nc", "merged.zarr"])
def test_months_of_haduk_are_one_file_that_says_where_it_lies(tmp_path: Path, name: str) -> None:
    files = sorted(HADUK.glob("*.nc"))
    merged_file = merge(files, tmp_path / name)
    with xr.open_dataset(merged_file, engine="h5netcdf" if name.endswith("nc") else "zarr") as merged:
        stop = 0
        for path in files:
            with xr.open_dataset(path, engine="h5netcdf") as month:
                values = month["rainfall"].values[:, ::-1].astype(np.float32)  # from the north
                first, stop = stop, stop + len(values)
                np.testing.assert_array_equal(merged["rainfall"][first:stop].values, values)
                np.testing.assert_array_equal(merged.y.values, month.projection_y_coordinate.values[::-1])
        assert merged.sizes["time"] == stop
        assert merged.rainfall.units == "mm" and merged.x.units == "m"
        assert merged.y.standard_name == "projection_y_coordinate"
        assert merged[merged.rainfall.attrs["grid_mapping"]].attrs["grid_mapping_name"] == "transverse_mercator"


def test_messages_of_merging_speak_of_paths_and_not_of_a_configuration(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("about")
    for path in ("absent.h5", "none/absent.h5", "*.none", "note.txt"):
        with pytest.raises(DataError) as refused:
            merge(tmp_path / path, tmp_path / "out.h5")
        assert str(tmp_path / path) in str(refused.value) and "data." not in str(refused.value)


def test_a_month_given_as_a_file_is_told_to_be_given_as_its_folder(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "2008-01.h5", "w") as file:
        file["2008-01-01"] = np.zeros((3, 4), np.float32)
    with pytest.raises(DataError, match=rf"2008-01\.h5: .*it is one month: give the folder, {tmp_path}"):
        merge(tmp_path / "2008-01.h5", tmp_path / "out.h5")
