import errno
import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.results.target import ARRAYS, SUFFIXES, TABLES, check_target
from hydromae.results.write import Block, to_come, write_result, write_streamed
from support.disk_faults import Fault, run, unavailable

DAYS = np.arange("2001-02-25", "2001-03-07", dtype="datetime64[D]")
IDS = np.array(["0012", "9002", "x"], object)
LEVELS = [0.05, 0.5]


def outline(grids: bool = False) -> xr.Dataset:
    """Ten days of three stations, as infilling writes them."""
    coordinates = {
        "time": ("time", DAYS.astype("datetime64[s]"), {"standard_name": "time", "axis": "T"}),
        "station": ("station", IDS),
        "latitude": ("station", np.array([51.0, np.nan, 53.0], np.float32)),
        "quantile": ("quantile", np.array(LEVELS)),
    }
    data = xr.Dataset({"area": ("station", [1.0, 2.0, 3.0])}, coordinates, {"title": "a test"})
    flag = {"flag_values": np.arange(2, dtype=np.int8), "flag_meanings": "observed filled"}
    flow = {"units": "m3/s", "long_name": "flow"}
    variables = {
        "flow": to_come(data.sizes, ("time", "station"), "f4", flow),
        "flow_flag": to_come(data.sizes, ("time", "station"), "i1", flag),
        "spin_up": to_come(data.sizes, ("time",), "i4", {"units": "days"}),
        "flow_quantiles": to_come(data.sizes, ("time", "station", "quantile"), "f4", flow),
    }
    if grids:
        variables["rain"] = to_come({**data.sizes, "y": 3, "x": 2}, ("time", "y", "x"), "f4", {"units": "mm"})
    return data.assign(variables)


@pytest.fixture
def values() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    made = {"flow": random.random((10, 3), np.float32), "flow_quantiles": random.random((10, 3, 2), np.float32)}
    made["flow"][4, 1] = np.nan
    return {**made, "flow_flag": random.integers(0, 2, (10, 3)).astype(np.int8), "spin_up": np.arange(10)}


def in_blocks(values: dict[str, np.ndarray], *edges: int) -> Iterator[Block]:
    for first, end in zip((0, *edges), (*edges, 10), strict=True):
        yield first, {name: array[first:end] for name, array in values.items()}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("edges", [(), (4,), (1, 7)])
def test_what_comes_in_blocks_is_one_data_set(
    values: dict[str, np.ndarray], tmp_path: Path, suffix: str, edges: tuple[int, ...]
) -> None:
    with write_streamed(outline(), tmp_path / f"a{suffix}", in_blocks(values, *edges)) as data:
        for name, expected in values.items():
            np.testing.assert_array_equal(data[name].values, expected)
            assert data[name].attrs.get("units") == outline()[name].attrs.get("units")
        np.testing.assert_array_equal(data.time.values.astype("datetime64[D]"), DAYS)
        assert list(data.station.values) == list(IDS) and list(data["quantile"].values) == LEVELS
        assert "latitude" in data.flow.coords and list(data["area"].values) == [1, 2, 3]
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_and_values_in_memory_make_the_same_file(
    values: dict[str, np.ndarray], tmp_path: Path, suffix: str
) -> None:
    whole = outline().assign({name: (outline()[name].dims, v, outline()[name].attrs) for name, v in values.items()})
    write_result(whole, tmp_path / f"whole{suffix}")
    write_result(outline(), tmp_path / f"blocks{suffix}", in_blocks(values, 3))
    if suffix in TABLES:
        read = pd.read_csv if suffix == ".csv" else pd.read_parquet
        pd.testing.assert_frame_equal(read(tmp_path / f"whole{suffix}"), read(tmp_path / f"blocks{suffix}"))
        return
    engine = "h5netcdf" if suffix == ".nc" else "zarr"
    with (
        xr.open_dataset(tmp_path / f"whole{suffix}", engine=engine) as one,
        xr.open_dataset(tmp_path / f"blocks{suffix}", engine=engine) as other,
    ):
        xr.testing.assert_equal(one, other)


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_has_words_for_flags_columns_for_levels_and_numbers_bit_for_bit(
    values: dict[str, np.ndarray], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    data = outline().assign_attrs(not_trained_for="a: was not trained for this")
    write_result(data, path, in_blocks(values, 4))
    table = pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path, dtype={"ID": str})
    assert list(table.columns) == [
        "date", "ID", "flow", "flow_flag", "spin_up", "flow_q0.05", "flow_q0.5", "not_trained_for",
    ]  # fmt: skip
    assert list(table["ID"][:4]) == [*IDS, IDS[0]] and set(table["not_trained_for"]) == {"a: was not trained for this"}
    assert list(pd.to_datetime(table["date"][::3]).to_numpy().astype("datetime64[D]")) == list(DAYS)
    words = np.array(["observed", "filled"])[values["flow_flag"]].reshape(-1)
    assert list(table["flow_flag"]) == list(words) and list(table["spin_up"][:4]) == [0, 0, 0, 1]
    np.testing.assert_array_equal(table["flow"].to_numpy(np.float32), values["flow"].reshape(-1))
    np.testing.assert_array_equal(table["flow_q0.5"].to_numpy(np.float32), values["flow_quantiles"][..., 1].reshape(-1))


def test_parquet_says_units_and_has_nulls(values: dict[str, np.ndarray], tmp_path: Path) -> None:
    write_result(outline(), tmp_path / "a.parquet", in_blocks(values, 4))
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.schema.field("flow").metadata == {b"units": b"m3/s", b"long_name": b"flow"}
    assert str(table.schema.field("date").type) == "timestamp[ms]" and str(table.schema.field("ID").type) == "string"
    assert table["flow"].null_count == 1


def test_days_text_and_truth_are_written_as_cf_has_them(tmp_path: Path) -> None:
    issued = DAYS[:2].astype("datetime64[s]")
    data = xr.Dataset(
        {"better": ("model", np.array([True, False])), "flow": (("issue_time", "lead_time"), np.zeros((2, 3)))},
        {
            "issue_time": issued,
            "lead_time": ("lead_time", [1, 2, 3], {"units": "days"}),
            "valid_time": (("issue_time", "lead_time"), issued[:, None] + np.array([1, 2, 3], "timedelta64[D]")),
            "model": ["a", "b"],
        },
    )
    write_result(data, tmp_path / "a.nc")
    with h5netcdf.File(tmp_path / "a.nc", "r") as file:
        assert file["valid_time"].dtype == np.int32 and file["valid_time"].attrs["units"] == "days since 1970-01-01"
        assert file["flow"].attrs["coordinates"] == "valid_time" and file["better"].dtype == np.int8
        assert "_FillValue" in file["flow"].attrs and "_FillValue" not in file["valid_time"].attrs
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_timedelta=False) as read:
        xr.testing.assert_equal(read.load(), data)
        assert read["better"].dtype == bool


def test_a_grid_is_compressed_a_day_at_a_time(values: dict[str, np.ndarray], tmp_path: Path) -> None:
    rain = np.random.default_rng(0).random((10, 3, 2), np.float32)
    write_result(outline(grids=True), tmp_path / "a.nc", in_blocks({**values, "rain": rain}, 4))
    with h5netcdf.File(tmp_path / "a.nc", "r") as file:
        assert file.variables["rain"].chunks == (1, 3, 2)
        assert all(file.variables[name].compression == "gzip" for name in ("rain", "flow_flag", "flow_quantiles"))
        np.testing.assert_array_equal(file["rain"][...], rain)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("before", [True, False])
def test_a_failure_leaves_what_was_there_and_nothing_else(
    values: dict[str, np.ndarray], tmp_path: Path, suffix: str, before: bool
) -> None:
    path = tmp_path / f"a{suffix}"
    if before:
        write_result(outline(), path, in_blocks(values))

    def failing() -> Iterator[Block]:
        yield next(in_blocks(values, 4))
        raise RuntimeError("midway")

    with pytest.raises(RuntimeError, match="midway"):
        write_result(outline(), path, failing())
    assert [found.name for found in tmp_path.iterdir()] == ([path.name] if before else [])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_is_replaced_only_when_asked_and_if_hydromae_wrote_it(
    values: dict[str, np.ndarray], tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    check_target(path, overwrite=False)
    write_result(outline(), path, in_blocks(values))
    with pytest.raises(DataError, match=r"is there already; give another path, or replace it with --overwrite"):
        check_target(path, overwrite=False)
    check_target(path, overwrite=True)
    with pytest.raises(DataError, match="is read by this command"):
        check_target(path, overwrite=True, inputs=[tmp_path / "other", path])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_others_wrote_is_never_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    others = xr.Dataset({"flow": ("time", np.zeros(3))}, attrs={"history": "cdo\nhydromae 0.1.0"})
    if suffix in ARRAYS:
        others.to_netcdf(path, engine="h5netcdf") if suffix == ".nc" else others.to_zarr(path, zarr_format=3)
    else:
        table = others.to_dataframe().reset_index()
        table.to_csv(path) if suffix == ".csv" else table.to_parquet(path)
    with pytest.raises(DataError, match="was not written by hydromae"):
        check_target(path, overwrite=True)
    if path.is_file():
        path.write_bytes(b"\x00 a thesis")
        with pytest.raises(DataError, match="was not written by hydromae"):
            check_target(path, overwrite=True)


def test_a_folder_that_is_no_zarr_and_a_store_of_hydromae_are_never_replaced(tmp_path: Path) -> None:
    for name in ("thesis.tex", "store.json"):
        folder = tmp_path / f"{name}.zarr"
        folder.mkdir()
        (folder / name).write_text("{}")
        with pytest.raises(DataError, match="was not written by hydromae"):
            check_target(folder, overwrite=True)


def test_a_folder_that_holds_an_input_is_not_replaced(values: dict[str, np.ndarray], tmp_path: Path) -> None:
    write_result(outline(), tmp_path / "a.zarr", in_blocks(values))
    with pytest.raises(DataError, match="is read by this command"):
        check_target(tmp_path / "a.zarr", overwrite=True, inputs=[tmp_path / "a.zarr" / "flow" / "zarr.json"])


@pytest.mark.parametrize("suffix", TABLES)
def test_a_table_of_grids_and_an_unknown_suffix_are_refused(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ConfigError, match=r"rain are grids; write to \.nc or \.zarr"):
        check_target(tmp_path / f"a{suffix}", False, grids=["rain"])
    with pytest.raises(ConfigError, match=r"take one of \.nc, \.zarr, \.csv, \.parquet"):
        check_target(tmp_path / "a.tif", False)


def test_history_says_who_wrote_the_file_the_newest_first(values: dict[str, np.ndarray], tmp_path: Path) -> None:
    write_result(outline().assign_attrs(history="before"), tmp_path / "a.nc", in_blocks(values))
    with h5netcdf.File(tmp_path / "a.nc", "r") as file:
        newest, before = file.attrs["history"].split("\n")
    assert " written by hydromae " in newest and before == "before"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_block_is_let_go_before_the_next_is_made(values: dict[str, np.ndarray], tmp_path: Path, suffix: str) -> None:
    written: list[weakref.ref[np.ndarray]] = []

    def watched() -> Iterator[Block]:
        for first, block in in_blocks(values, *range(1, 10)):
            gc.collect()
            assert sum(one() is not None for one in written) <= len(block)  # those of the block before, at most
            fresh = {name: array.copy() for name, array in block.items()}
            written.extend(weakref.ref(array) for array in fresh.values())
            yield first, fresh

    write_result(outline(), tmp_path / f"a{suffix}", watched())
    assert len(written) == 40


def test_a_result_that_is_whole_and_cannot_be_opened_is_said_to_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ESTALE, "Stale file handle")

    days = np.array(["2001-01-01", "2001-01-02"], "datetime64[ns]")
    data = xr.Dataset({"flow": ("time", np.array([1.0, 2.0], np.float32))}, {"time": days})
    with monkeypatch.context() as away:
        away.setattr(xr, "open_dataset", refuse)
        with pytest.raises(
            DataError, match=r"a\.nc: was written whole, but cannot be opened now \(Stale file handle\)"
        ):
            write_streamed(data, tmp_path / "a.nc", [(0, {"flow": data["flow"].values})])
    with xr.open_dataset(tmp_path / "a.nc") as written:
        assert written["flow"].values.tolist() == [1.0, 2.0]


@pytest.mark.skipif(bool(unavailable()), reason=unavailable())
def test_a_parquet_file_that_the_disk_does_not_let_close_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    def write() -> None:
        with pytest.raises(DataError) as caught:
            write_result(outline(), tmp_path / "a.parquet")
        print(caught.value)

    operations = run(lambda: write_result(outline(), tmp_path / "b.parquet"), tmp_path).operations
    at = next(i for i, (kind, name) in enumerate(operations, 1) if kind == "close" and name.endswith(".partial"))
    outcome = run(write, tmp_path, Fault(at, "EIO"))
    assert outcome.failed and outcome.code == 0, outcome.err
    assert "a.parquet" in outcome.out and "Input/output error" in outcome.out and ";" in outcome.out
    assert not (tmp_path / "a.parquet").exists()
