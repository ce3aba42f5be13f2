"""Which reader is chosen, and what a configuration makes of folders, patterns and several files."""

import os
import shutil
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.check import check
from hydromae.config import ModalityConfig
from hydromae.readers.detect import READERS, find_reader, locate
from hydromae.readers.files import expand
from hydromae.store.prepare import prepare
from support.readers_sources import write_camels, write_caravan, write_months, write_netcdf, write_nrfa
from support.sources import World, make_world, write_grid

GRID = ModalityConfig(kind="grid", units="mm/d")
SERIES = ModalityConfig(kind="series", units="m3/s")


@pytest.fixture(scope="module")
def every_format(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources with precipitation and flow in every other format beside the usual ones."""
    world = make_world(tmp_path_factory.mktemp("formats") / "sources")
    root, days = world.root, world.days
    precip, flow = world.grids["precip"], world.series["riverflow"]
    write_months(root / "months", precip, days)
    (root / "cdf").mkdir()
    for month in np.unique(days.astype("datetime64[M]")):
        inside = days.astype("datetime64[M]") == month
        write_netcdf(root / "cdf" / f"rain_{month}.nc", precip[inside], days[inside])
    write_netcdf(root / "rain.zarr", precip, days, chunks=(70, 15, 10))
    for i, station in enumerate(world.ids):
        write_camels(root / "camels", station, days, {"discharge_spec": 2 * flow[:, i], "discharge_vol": flow[:, i]})
        (root / "nrfa").mkdir(exist_ok=True)
        write_nrfa(root / "nrfa" / f"{station}_gdf.csv", station, days, flow[:, i])
        write_caravan(root / "caravan", station, days, {"discharge_vol": flow[:, i]})
    (root / "camels" / "CAMELS_GB_topographic_attributes.csv").write_text("gauge_id,gauge_name\n")
    return root


@pytest.fixture
def formats(world: World, every_format: Path) -> World:
    """A world of the test's own that has all of them."""
    shutil.copytree(every_format, world.root, dirs_exist_ok=True)
    return world


@pytest.mark.parametrize(
    ("path", "settings", "reader", "why"),
    [
        ("precip_train.h5", GRID, "hdf5_grid", "HDF5 with data [140, 15, 10] and dates"),
        ("months", GRID, "monthly_hdf5", "a folder of 7 months, 2001-01.h5 to 2001-07.h5"),
        ("cdf/rain_2001-02.nc", GRID, "netcdf_grid", "netCDF-4 with rainfall [28, 15, 10]"),
        ("cdf", GRID, "netcdf_grid", "a folder of 7, the first netCDF-4 with rainfall [31, 15, 10]"),
        ("rain.zarr", GRID, "zarr_grid", "a Zarr group of version 3"),
        ("series.parquet", SERIES, "table", "a table with the columns date, ID, evaporation, discharge_vol"),
        (
            "camels",
            SERIES,
            "camels_gb",
            "a folder of 4, the first a CAMELS-GB file of station 101, by its name and header",
        ),
        ("nrfa", SERIES, "nrfa_gdf", "a folder of 4, the first an NRFA file, by its first line"),
        ("nrfa/101_gdf.csv", SERIES, "nrfa_gdf", "an NRFA file, by its first line"),
        ("caravan", SERIES, "caravan", "a folder of 4, the first a netCDF of station 101, 1 variables over date"),
    ],
)
def test_the_format_is_found_and_the_reason_said(formats, path, settings, reader, why):
    assert find_reader(formats.root / path, "flow", settings).name == reader
    pieces = locate("flow", settings.model_copy(update={"paths": (path,)}), formats.root)
    assert {piece.why for piece in pieces} == {why}


def test_a_named_reader_is_why_it_was_chosen(formats):
    settings = SERIES.model_copy(update={"paths": ("series.parquet",), "reader": "table"})
    assert locate("flow", settings, formats.root)[0].why == "named by data.modalities.flow.reader"


def test_content_counts_not_the_suffix(formats):
    root = formats.root
    (root / "precip_train.h5").rename(root / "grid.nc")
    (root / "cdf/rain_2001-02.nc").rename(root / "cdf.h5")
    (root / "nrfa/101_gdf.csv").rename(root / "flow.txt")
    found = [find_reader(root / p, "x", s).name for p, s in (("grid.nc", GRID), ("cdf.h5", GRID), ("flow.txt", SERIES))]
    assert found == ["hdf5_grid", "netcdf_grid", "nrfa_gdf"]


def test_a_damaged_file_goes_to_the_reader_of_its_suffix(world):
    for name, reader in (("a.h5", "hdf5_grid"), ("a.nc", "netcdf_grid")):
        (world.root / name).write_bytes(b"\x89HDF\r\n\x1a\n")
        assert find_reader(world.root / name, "precip", GRID).name == reader


def test_what_no_reader_knows_lists_what_was_looked_for(world):
    (world.root / "notes.txt").write_text("rain")
    for settings in (GRID, SERIES):
        with pytest.raises(DataError) as raised:
            find_reader(world.root / "notes.txt", "x", settings)
        assert all((reader.looks_for in str(raised.value)) == (reader.kind == settings.kind) for reader in READERS)
    with pytest.raises(DataError, match=r"is no grid of a known format.*netCDF with time, y and x or a folder of them"):
        find_reader(world.root, "x", GRID)
    with pytest.raises(DataError, match=r"note\.txt: no such file; did you mean notes\.txt"):
        find_reader(world.root / "note.txt", "x", GRID)


def test_a_reader_can_be_forced_but_not_of_another_kind(formats):
    forced = SERIES.model_copy(update={"reader": "table"})
    assert find_reader(formats.root / "nrfa/101_gdf.csv", "flow", forced).name == "table"
    with pytest.raises(ConfigError, match=r"flow\.reader is nrfa_gfd, which reads no series; did you mean nrfa_gdf"):
        find_reader(formats.root, "flow", SERIES.model_copy(update={"reader": "nrfa_gfd"}))
    with pytest.raises(ConfigError, match=r"rain\.reader is table, which reads no grid"):
        find_reader(formats.root, "rain", GRID.model_copy(update={"reader": "table"}))


def test_the_page_on_data_names_every_reader():
    page = Path("docs/data.md").read_text(encoding="utf-8")
    assert all(f"| `{reader.name}` | {reader.kind} |" in page for reader in READERS)


def test_patterns_are_sorted_and_relative_to_the_root(formats):
    found = expand(formats.root, ["precip_train.h5", "cdf/*.nc"])
    assert found == ["precip_train.h5", *(f"cdf/rain_2001-{month:02d}.nc" for month in range(1, 8))]
    absolute = str(formats.root / "cdf" / "*-0[12].nc")
    assert [os.path.basename(path) for path in expand(formats.root, [absolute])] == [
        "rain_2001-01.nc",
        "rain_2001-02.nc",
    ]
    with pytest.raises(DataError, match=r"snow\*\.nc: no file matches this pattern"):
        expand(formats.root, ["snow*.nc"])


def test_a_path_that_is_there_is_no_pattern(tmp_path):
    (tmp_path / "rain[1].nc").write_text("")
    (tmp_path / "rain1.nc").write_text("")
    assert expand(tmp_path, ["rain[1].nc"]) == ["rain[1].nc"]


def _config(world: World, precip, flow, *more: str):
    raw = world.raw["data"]["modalities"]
    raw["precip"] = {"paths": precip}
    raw["riverflow"] = {"paths": flow}
    return world.config(f"data.store={world.root.parent / 'other'}", *more)


@pytest.mark.parametrize(
    ("precip", "flow", "readers", "files"),
    [
        ("months", "camels", ("monthly_hdf5", "camels_gb"), (7, 4)),
        ("cdf/*.nc", "nrfa", ("netcdf_grid", "nrfa_gdf"), (7, 4)),
        ("cdf", "caravan", ("netcdf_grid", "caravan"), (7, 4)),
        ("rain.zarr", "nrfa", ("zarr_grid", "nrfa_gdf"), (11, 4)),
        # Each part is in one of those above.
        pytest.param(
            "cdf/*.nc",
            "camels/CAMELS_GB_hydromet*.csv",
            ("netcdf_grid", "camels_gb"),
            (7, 4),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_store_is_the_same_whatever_the_format(formats, precip, flow, readers, files):
    usual = prepare(formats.config())
    config = _config(formats, precip, flow)
    report = check(config)
    rows = {row.name: row for row in report.rows}
    assert report.exit_code == 0, [problem.text for problem in report.problems]
    assert (rows["precip"].reader, rows["riverflow"].reader) == readers
    assert (rows["precip"].files, rows["riverflow"].files) == files
    store = prepare(config)
    assert store.station_ids == usual.station_ids
    np.testing.assert_array_equal(store.values("precip"), usual.values("precip"))
    np.testing.assert_allclose(store.values("riverflow"), usual.values("riverflow"), atol=0.00051)
    sources = [source.path for source in store.provenance.sources if source.role in ("precip", "riverflow")]
    assert len(sources) == sum(files) and all((formats.root / path).is_file() for path in sources)
    turned = "precip: rows from the south were turned" in store.provenance.notes
    assert turned == (readers[0] in ("netcdf_grid", "zarr_grid"))


def test_a_file_that_is_gone_from_a_folder_is_noticed(formats):
    config = _config(formats, "months", "nrfa")
    prepare(config)
    (formats.root / "months/2001-03.h5").unlink()
    with pytest.raises(DataError, match=r"files that are not among .* any more \(months/2001-03\.h5\).*--overwrite"):
        prepare(config)


def test_a_change_of_one_file_in_a_folder_is_noticed(formats):
    config = _config(formats, "months", "nrfa")
    assert prepare(config).path == prepare(config).path
    with h5py.File(formats.root / "months/2001-03.h5", "a") as file:
        file["2001-03-05"][0, 0] = 3
    with pytest.raises(DataError, match=r"files that have changed since \(months/2001-03\.h5\)"):
        prepare(config)


def test_a_store_made_before_there_were_readers_stays_valid(world):
    store = prepare(world.config())
    assert all("reader" not in settings for settings in store.provenance.options["modalities"].values())


def test_other_units_than_the_configured_are_refused(formats):
    write_netcdf(formats.root / "kelvin.nc", formats.grids["precip"], formats.days, units="K")
    report = check(_config(formats, "kelvin.nc", "camels", "data.modalities.riverflow.variable=discharge_spec"))
    text = " ".join(problem.text for problem in report.problems)
    assert "kelvin.nc: rainfall is in K, but data.modalities.precip.units is mm/d" in text
    assert "discharge_spec is in mm/d, but data.modalities.riverflow.units is m3/s" in text
    assert report.exit_code == 2
    assert {row.name: row.reader for row in report.rows}["precip"] == "netcdf_grid"


def test_values_that_cannot_be_read_are_named_with_their_days(formats):
    path = formats.root / "cdf/rain_2001-02.nc"
    with h5py.File(path) as file:
        values = file["rainfall"][:]
    with h5py.File(path, "a") as file:
        attrs = dict(file["rainfall"].attrs)
        dims = [file[name] for name in ("time", "projection_y_coordinate", "projection_x_coordinate")]
        del file["rainfall"]
        file.create_dataset("rainfall", data=values, compression="gzip", chunks=(1, *values.shape[1:]))
        for i, dim in enumerate(dims):
            file["rainfall"].dims[i].attach_scale(dim)
        file["rainfall"].attrs.update({k: v for k, v in attrs.items() if k in ("units", "_FillValue")})
        chunk = file["rainfall"].id.get_chunk_info(3)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"rain_2001-02\.nc: rainfall cannot be read from 2001-02-01"):
        prepare(_config(formats, "cdf/*.nc", "camels"))


def test_stations_of_one_format_are_one_piece_and_other_files_follow_in_time(formats):
    table = pd.read_parquet(formats.root / "series.parquet")
    late = table.assign(date=table["date"] + pd.Timedelta(days=1000))
    late.to_parquet(formats.root / "late.parquet")
    settings = SERIES.model_copy(update={"paths": ("camels", "late.parquet"), "variable": "discharge_vol"})
    pieces = locate("flow", settings, formats.root)
    assert [(piece.reader.name, len(piece.files)) for piece in pieces] == [("camels_gb", 4), ("table", 1)]


def test_grids_of_two_formats_follow_each_other(formats):
    n = formats.n_train
    root, precip = formats.root, formats.grids["precip"]
    write_months(root / "early", precip[:n], formats.days[:n])
    write_grid(root / "late.h5", precip[n:], formats.days[n:])
    store = prepare(_config(formats, ["early", "late.h5"], "camels"))
    np.testing.assert_array_equal(store.values("precip"), prepare(formats.config()).values("precip"))
