"""Series over time and stations in netCDF, Zarr and whatever an engine of xarray opens."""

import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from xarray.backends import BackendEntrypoint, plugins

from hydromae.base.errors import ConfigError, DataError
from hydromae.config import ModalityConfig
from hydromae.readers.builtin import READERS
from hydromae.readers.caravan import is_caravan
from hydromae.readers.labelled_series import is_netcdf_series
from hydromae.sources.source import Source, open_source
from support.readers_sources import write_netcdf
from support.servers import object_store, served

DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-09"))
FLOW = np.random.default_rng(0).gamma(1.0, 3.0, (len(DAYS), 3)).astype(np.float32)
FLOW[2, 1] = np.nan
IDS = np.array(["39002", "01013500", "7001"])
SORTED = [2, 0, 1]  # as numbers


def _data(values: np.ndarray = FLOW, times: Any = DAYS, ids: Any = IDS, name: str = "station", **attrs: Any) -> Any:
    return xr.Dataset(
        {"flow": (("time", "station"), values, {"units": "m3 s-1"} | attrs)},
        {"time": np.asarray(times).astype("datetime64[ns]"), name: ("station", ids)},
    )


def _write(data: xr.Dataset, path: Path) -> Path:
    encoding: dict[str, Any] = {"flow": {"_FillValue": -1.0}}
    if path.suffix == ".zarr":
        data.to_zarr(path, zarr_format=3, encoding=encoding, consolidated=True)
    else:
        data.to_netcdf(path, engine="scipy" if path.stem == "classic" else "h5netcdf", encoding=encoding)
    return path


def _open(root: Path, *paths: str, **settings: Any) -> Source:
    modality = ModalityConfig(**({"kind": "series", "units": "m3/s", "paths": paths} | settings))  # type: ignore[arg-type]
    return open_source("riverflow", modality, root, ())


def _check(source: Source) -> None:
    assert source.station_ids == tuple(IDS[SORTED])
    np.testing.assert_array_equal(source.read(DAYS[0], len(DAYS)), FLOW[:, SORTED])


@pytest.mark.parametrize("name", ["a.nc", "classic.nc", "a.zarr", "a.zip"])
@pytest.mark.parametrize("turned", [False, True])
def test_a_series_is_the_same_in_every_format_and_either_order(tmp_path, name, turned):
    data = _data().transpose("station", "time") if turned else _data()
    if name == "a.zip":
        shutil.make_archive(str(tmp_path / "a"), "zip", _write(data, tmp_path / "b.zarr"))
    else:
        _write(data, tmp_path / name)
    source = _open(tmp_path, name)
    _check(source)
    assert source.readers == ("zarr_series" if name in ("a.zarr", "a.zip") else "netcdf_series",)


@pytest.mark.parametrize(
    ("ids", "texts"),
    [
        (np.array([39001, 7001, 1]), ("1", "7001", "39001")),
        (np.array([39001.0, 7001, 1]), ("1", "7001", "39001")),
        (np.array([b"39001", b"7001", b"a"]), ("39001", "7001", "a")),
    ],
)
def test_ids_are_texts_whatever_they_were(tmp_path, ids, texts):
    _write(_data(ids=ids), tmp_path / "a.nc")
    assert _open(tmp_path, "a.nc").station_ids == texts


@pytest.mark.parametrize(
    "more",
    [
        {"station_id": IDS},
        {"gauge_id": IDS},
        {"ID": IDS},
        {"code": (IDS, {"cf_role": "timeseries_id"}), "station_id": np.arange(3)},
        {"gauge_id": IDS, "station_id": IDS},
    ],
)
def test_the_variable_of_the_ids_is_found_by_role_or_name_before_a_number_of_the_station(tmp_path, more):
    data = _data(ids=np.arange(3))
    for name, given in more.items():
        values, attrs = given if isinstance(given, tuple) else (given, {})
        data[name] = ("station", values, attrs)
    _write(data, tmp_path / "a.nc")
    _check(_open(tmp_path, "a.nc"))


def test_ids_that_are_unclear_or_absent_are_named_with_the_key_that_helps(tmp_path):
    two = _data(name="station_id").assign(gauge_id=("station", ["a", "b", "c"]))
    _write(two, tmp_path / "two.nc")
    with pytest.raises(DataError, match=r"two\.nc: (gauge_id and station_id|station_id and gauge_id) may be the ids .*"
                                        "of flow; name one with .*id_column"):  # fmt: skip
        _open(tmp_path, "two.nc")
    assert _open(tmp_path, "two.nc", id_column="gauge_id").station_ids == ("a", "b", "c")
    with pytest.raises(DataError, match=r"two\.nc: has no variable code over station, only .*correct .*id_column"):
        _open(tmp_path, "two.nc", id_column="code")
    _write(_data(name="letter"), tmp_path / "none.nc")
    with pytest.raises(DataError, match=r"none\.nc: no variable over station is named as ids .*id_column .*letter"):
        _open(tmp_path, "none.nc", reader="netcdf_series")
    assert _open(tmp_path, "none.nc", reader="netcdf_series", id_column="letter").station_ids == tuple(IDS[SORTED])
    _write(_data(ids=np.array(["39001", "039001", "1"])), tmp_path / "zeros.nc")
    with pytest.raises(DataError, match=r"zeros\.nc: station: has the stations 39001 and 039001"):
        _open(tmp_path, "zeros.nc")


def test_of_several_variables_one_is_named_and_units_are_compared_or_converted(tmp_path):
    data = _data().assign(stage=(("time", "station"), FLOW, {"units": "cm"}), area=("station", [1.0, 2, 3]))
    _write(data, tmp_path / "a.nc")
    with pytest.raises(DataError, match=r"a\.nc: has 2 variables over time and stations \(flow, stage\), not one"):
        _open(tmp_path, "a.nc")
    with pytest.raises(DataError, match=r"a\.nc: has no variable flows over .*only flow, stage; did you mean flow"):
        _open(tmp_path, "a.nc", variable="flows")
    with pytest.raises(DataError, match=r"stage is in cm, .*set data\.modalities\.riverflow\.convert_from to cm"):
        _open(tmp_path, "a.nc", variable="stage", units="m")
    metres = _open(tmp_path, "a.nc", variable="stage", units="m", convert_from="cm")
    np.testing.assert_allclose(metres.read(DAYS[0], len(DAYS)), FLOW[:, SORTED] / 100, rtol=1e-6)


def test_files_of_other_days_and_of_other_stations_are_one_source_with_names(tmp_path):
    named = _data().assign(gauge_name=("station", ["Thames", "Fish", "Dee"]))
    _write(named.isel(time=slice(0, 4)), tmp_path / "1.nc")
    _write(named.isel(time=slice(4, None), station=[0, 1]), tmp_path / "2.nc")
    _write(named.isel(time=slice(4, None), station=[2]), tmp_path / "3.nc")
    source = _open(tmp_path, "*.nc")
    values = dict(zip(source.station_ids, source.read(DAYS[0], len(DAYS)).T, strict=True))
    for column, station in enumerate(IDS):
        np.testing.assert_array_equal(values[station], FLOW[:, column])
    (piece,) = _open(tmp_path, "1.nc").pieces
    assert piece.values["station_name"].values.tolist() == ["Dee", "Thames", "Fish"]
    assert source.pieces[0].files == ("1.nc", "2.nc", "3.nc")


def _hourly(path: Path, hours: slice, bounds: bool) -> None:
    """Hourly amounts of 1 on 2001-01-01 (by the hours that they cover), 2 on the day after, stamped at their ends."""
    ends = np.datetime64("2001-01-01", "h") + np.arange(1, 49)
    values = np.repeat([[1.0], [2.0]], 24, axis=0)[hours] * [1, 10, 100]
    data = _data(values, ends[hours], units="mm")
    if bounds:
        data["time"].attrs["bounds"] = "time_bnds"
        data["time_bnds"] = (("time", "nv"), np.stack([ends - 1, ends], 1)[hours].astype("datetime64[ns]"))
    _write(data, path)


@pytest.mark.parametrize("bounds", [True, False])
@pytest.mark.parametrize("shift", [0, 1])
def test_hours_become_days_as_those_of_grids_do_also_across_files(tmp_path, bounds, shift):
    _hourly(tmp_path / "1.nc", slice(0, 20), bounds)
    _hourly(tmp_path / "2.nc", slice(20, 48), bounds)
    rule = {"daily": "sum", "units": "mm/d", "shift_days": shift} | ({} if bounds else {"stamped": "end"})
    source = _open(tmp_path, "*.nc", **rule)
    assert source.held.tolist() == (DAYS[:2] + shift).tolist()
    expected = np.array([[24, 240, 2400], [48, 480, 4800]])[:, SORTED]
    np.testing.assert_array_equal(source.read(DAYS[0] + shift, 2), expected)
    with pytest.raises(DataError, match=r"1\.nc: 2001-01-01 has 20 values in its time.*set the modality's key daily"):
        _open(tmp_path, "1.nc", units="mm/d", convert_from="mm")


def test_a_record_of_many_hours_is_not_too_long(tmp_path):
    hours = np.datetime64("1990-01-01", "h") + np.arange(150_000)
    _write(_data(np.ones((len(hours), 1), np.float32), hours, IDS[:1]), tmp_path / "a.nc")
    assert (_open(tmp_path, "a.nc", daily="mean").held[-1] - np.datetime64("1990-01-01")).astype(int) == 6249


def test_calendars_follow_the_rules_of_grids(tmp_path):
    data = _data(FLOW[:4, :], DAYS[:4]).assign_coords(time=("time", [57, 58, 59, 60]))
    data["time"].attrs |= {"units": "days since 2000-01-01", "calendar": "noleap"}
    _write(data, tmp_path / "a.nc")
    with pytest.raises(DataError, match=r"a\.nc: has the calendar noleap.*align_on"):
        _open(tmp_path, "a.nc")
    source = _open(tmp_path, "a.nc", align_on="date")
    held = ["2000-02-27", "2000-02-28", "2000-03-01", "2000-03-02"]
    assert [str(day) for day in source.held] == held
    np.testing.assert_array_equal(source.read(np.datetime64("2000-02-28"), 3)[[0, 2]], FLOW[1:3, SORTED])
    assert np.isnan(source.read(np.datetime64("2000-02-29"), 1)).all()


def test_repeated_and_unordered_days_are_named(tmp_path):
    _write(_data(times=DAYS[[0, 1, 1, 2, 3, 4, 5, 6]]), tmp_path / "a.nc")
    with pytest.raises(DataError, match=r"a\.nc: 2001-01-02 is twice in its time \(values 1 and 2\)"):
        _open(tmp_path, "a.nc")
    _write(_data(times=DAYS[::-1]), tmp_path / "b.nc")
    with pytest.raises(DataError, match=r"b\.nc: 2001-01-07 follows 2001-01-08 in its time; sort the values"):
        _open(tmp_path, "b.nc")


def test_days_that_a_file_lacks_are_missing(tmp_path):
    _write(_data().isel(time=[0, 1, 6, 7]), tmp_path / "a.nc")
    read = _open(tmp_path, "a.nc").read(DAYS[0], len(DAYS))
    assert np.isnan(read[2:6]).all() and (read[6:] == FLOW[6:, SORTED]).all()


def test_grids_and_files_of_one_station_are_left_to_their_readers(tmp_path):
    grid = write_netcdf(tmp_path / "grid.nc", np.ones((8, 4, 6)), DAYS)
    assert is_netcdf_series(grid) == ""
    one = tmp_path / "camelsgb_1.nc"
    xr.Dataset({"streamflow": ("date", FLOW[:, 0])}, {"date": DAYS.astype("datetime64[ns]")}).to_netcdf(one)
    assert is_caravan(one) and not is_netcdf_series(one)
    both = _data().rename(time="date").assign(quality=("date", np.arange(len(DAYS))))
    both.to_netcdf(tmp_path / "both.nc", engine="h5netcdf")
    assert is_netcdf_series(tmp_path / "both.nc") and not is_caravan(tmp_path / "both.nc")
    _check(_open(tmp_path, "both.nc", variable="flow"))
    with pytest.raises(DataError, match=r"grid\.nc: is no series of a known format"):
        _open(tmp_path, "grid.nc")
    with pytest.raises(DataError, match=r"grid\.nc: has no variable over time and stations; .*kind to grid"):
        _open(tmp_path, "grid.nc", reader="netcdf_series")


@pytest.mark.parametrize("shape", [(2 * 10**8, 3), (10, 10**9), (10**5, 10**5)])
def test_sizes_that_are_only_declared_take_no_memory(tmp_path, shape):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        values = file.create_dataset("flow", shape, "f4", chunks=(10, 3))
        for axis, (name, length) in enumerate(zip(("time", "station"), shape, strict=True)):
            file.create_dataset(name, (length,), "f8", chunks=(min(length, 1000),))
            file[name].make_scale(name)
            values.dims[axis].attach_scale(file[name])
        file["time"].attrs["units"] = "days since 2000-01-01"
    with pytest.raises(DataError, match=r"a\.nc: (.*declares|spans)"):
        _open(tmp_path, "a.nc", reader="netcdf_series")
    assert all(isinstance(reader.accepts(tmp_path / "a.nc"), str) for reader in READERS)


def test_a_series_at_an_address_is_read(tmp_path, monkeypatch):
    pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'hydromae[cloud]'")
    monkeypatch.setenv("HYDROMAE_CACHE", str(tmp_path / "copies"))
    (tmp_path / "served").mkdir()
    for name in ("a.nc", "a.zarr"):
        _write(_data(), tmp_path / "served" / name)
    with served(tmp_path / "served") as web:
        for name in ("a.nc", "a.zarr"):
            _check(_open(tmp_path, f"{web}/{name}"))


def test_a_series_in_an_object_store_and_in_icechunk_is_read(tmp_path, monkeypatch):
    icechunk = pytest.importorskip("icechunk", reason="needs icechunk: pip install 'hydromae[icechunk]'")
    storage = icechunk.local_filesystem_storage(str(tmp_path / "ice"))
    session = icechunk.Repository.create(storage).writable_session("main")
    _data().assign_coords(station=[39002, 1013500, 7001]).to_zarr(session.store, consolidated=False)
    session.commit("flow")
    assert _open(tmp_path, "ice").station_ids == ("7001", "39002", "1013500")
    with object_store(monkeypatch, tmp_path) as bucket:
        _data().to_zarr(f"{bucket}/a.zarr", zarr_format=3)
        _check(_open(tmp_path, f"{bucket}/a.zarr"))


class _Lines(BackendEntrypoint):
    """A day a line, a number a station."""

    open_dataset_parameters = ("filename_or_obj", "drop_variables")

    def open_dataset(self, filename_or_obj: Any, *, drop_variables: Any = None) -> xr.Dataset:  # type: ignore[override]
        return _data(np.loadtxt(filename_or_obj))


def test_an_engine_reads_series_as_it_reads_grids(tmp_path, monkeypatch):
    engines = {**plugins.list_engines(), "lines": _Lines()}
    monkeypatch.setattr(plugins, "list_engines", lambda: engines)
    monkeypatch.setattr(xr.backends, "list_engines", lambda: engines)
    np.savetxt(tmp_path / "a.lines", FLOW)
    source = _open(tmp_path, "a.lines", engine="lines")
    _check(source)
    assert "riverflow: read by xarray's engine lines" in source.notes
    with pytest.raises(ConfigError, match="the engine netcdf4 is not named"):
        _open(tmp_path, "a.lines", engine="netcdf4")
