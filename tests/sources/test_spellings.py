"""One station is one, however its id is spelled in each of the files and lists that name it."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.check import check
from hydromae.config import ModalityConfig
from hydromae.config.read import build_config, dump_config, load_config
from hydromae.readers import open_camels_gb, open_nrfa_gdf, open_table
from hydromae.sources.patches_table import station_patches
from hydromae.sources.plan import Plan, make_plan
from hydromae.sources.source import open_source
from hydromae.store.prepare import prepare
from support.readers_sources import write_camels, write_caravan, write_nrfa
from support.sources import World

ORDER = ("9002", "101", "39001", "27003")  # of the attributes
SPELLINGS: dict[str, Callable[[int], Any]] = {
    "text": str,
    "with a point": lambda i: f"{i}.0",
    "with zeros": lambda i: f"{i:08d}",
    "float": float,
    "bytes": lambda i: str(i).encode(),
    "text of bytes": lambda i: str(str(i).encode()),
    "blanks": lambda i: f" {i} ",
    "decimal": Decimal,
}
SPELLED = pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS.keys())


@pytest.fixture
def world(world: World) -> World:
    """Series alone."""
    for name in ("precip", "soil"):
        del world.raw["data"]["modalities"][name]
    del world.raw["data"]["land_mask"]
    return world


def respell(world: World, spell: Callable[[int], Any], name: str = "evap", suffix: str = ".parquet") -> None:
    """Write one modality's table with ids spelled otherwise."""
    path = world.root / f"{name}{suffix}"
    column = {"evap": "evaporation", "riverflow": "discharge_vol"}[name]
    frame = pd.read_parquet(world.root / "series.parquet", columns=["date", "ID", column])
    frame["ID"] = frame["ID"].map(spell)
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    world.raw["data"]["modalities"][name]["paths"] = path.name


def spell_attributes(world: World, spell: Callable[[int], Any]) -> None:
    frame = pd.read_csv(world.root / "attributes.csv")
    frame.assign(id=frame["id"].map(spell)).to_csv(world.root / "attributes.csv", index=False)


def require_values(plan: Plan, world: World) -> None:
    """Every value of every series under its station and day."""
    for source in plan.sources:
        expected = world.series[source.name][:, [world.ids.index(str(int(i))) for i in plan.station_ids]]
        np.testing.assert_array_equal(source.read(np.datetime64(plan.first_day), plan.n_days), expected)


@SPELLED
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_long_table_gives_the_stations_of_the_attributes(world: World, spell: Callable[[int], Any], suffix: str):
    respell(world, spell, suffix=suffix)
    plan = make_plan(world.config())
    assert plan.station_ids == ORDER and plan.attributes.ids == ORDER
    require_values(plan, world)
    np.testing.assert_array_equal(plan.attributes.values[:, 0], [51, 52, 54, 55])
    said = [note for note in plan.notes if "only in zeros" in note]
    assert said == (
        ["evap: station 00000101 (and 3 more) differs from 101 only in zeros, and is taken for it"]
        if spell is SPELLINGS["with zeros"]
        else []
    )


@SPELLED
def test_the_attributes_give_the_spelling_and_find_the_series(world: World, spell: Callable[[int], Any]):
    spell_attributes(world, spell)
    plan = make_plan(world.config())
    assert plan.station_ids == (tuple(f"{int(i):08d}" for i in ORDER) if spell is SPELLINGS["with zeros"] else ORDER)
    require_values(plan, world)


@pytest.mark.parametrize("spell", [str, lambda i: f"{i}.0", lambda i: f"{i:08d}", lambda i: f" {i}"])
@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_wide_table_gives_them_too(world: World, spell: Callable[[int], str], suffix: str):
    frame = pd.DataFrame(world.series["evap"], columns=[spell(int(i)) for i in world.ids])
    frame.insert(0, "date", world.days.astype(str))
    path = world.root / f"wide{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    world.raw["data"]["modalities"]["evap"]["paths"] = path.name
    plan = make_plan(world.config())
    assert plan.station_ids == ORDER
    require_values(plan, world)


def test_names_are_columns_of_a_wide_table_where_the_attributes_have_them(world: World):
    names = {"39001": "Thames at Kingston", "9002": "Deveron", "27003": "Aire", "101": "mean"}
    spell_attributes(world, lambda i: names.get(str(i), i))
    for name, values in world.series.items():
        frame = pd.DataFrame(values, columns=[names[i] for i in world.ids])
        frame.assign(date=world.days.astype(str), total=1.0).to_csv(world.root / f"{name}.csv", index=False)
        world.raw["data"]["modalities"][name]["paths"] = f"{name}.csv"
    plan = make_plan(world.config())
    assert plan.station_ids == ("Deveron", "mean", "Thames at Kingston", "Aire")
    flow = next(source for source in plan.sources if source.name == "riverflow")
    order = [1, 3, 0, 2]
    np.testing.assert_array_equal(flow.read(np.datetime64(plan.first_day), 200), world.series["riverflow"][:, order])
    assert any("but total, left out" in note for note in plan.notes)
    assert check(world.config()).exit_code == 0


def test_without_attributes_a_station_keeps_the_zeros_that_other_files_lost(world: World):
    del world.raw["data"]["attributes"]
    respell(world, lambda i: f"{i:08d}")
    plan = make_plan(world.config())
    assert plan.station_ids == ("00000101", "00009002", "00027003", "00039001")
    require_values(plan, world)


def test_files_that_follow_each_other_may_spell_otherwise(world: World):
    respell(world, str)
    frame = pd.read_parquet(world.root / "evap.parquet")
    late = frame["date"] >= "2001-04-01"
    frame[~late].to_csv(world.root / "a.csv", index=False)
    frame[late].assign(ID=frame["ID"].map(lambda i: f"0{i}")).to_csv(world.root / "b.csv", index=False)
    world.raw["data"]["modalities"]["evap"]["paths"] = ["a.csv", "b.csv"]
    plan = make_plan(world.config())
    assert plan.station_ids == ORDER
    require_values(plan, world)


def test_what_may_be_two_stations_is_refused_by_both_names(world: World):
    respell(world, lambda i: {9002: "039001"}.get(i, str(i)), suffix=".csv")
    with pytest.raises(
        DataError, match=r"evap\.csv: has the stations (39001 and 039001|039001 and 39001), which may be"
    ):
        make_plan(world.config())
    respell(world, str)
    spell_attributes(world, lambda i: {55555: "0101"}.get(i, str(i)))
    with pytest.raises(DataError, match=r"attributes\.csv: has the stations 101 and 0101 \(line 4\), which may be one"):
        make_plan(world.config())


def test_a_row_twice_under_two_spellings_is_a_row_twice(tmp_path: Path):
    (tmp_path / "a.csv").write_text("date,ID,flow\n2001-01-01,7,1\n2001-01-01,7.0,2\n")
    with pytest.raises(DataError, match=r"a\.csv: has station 7 on 2001-01-01 more than once"):
        open_table(tmp_path / "a.csv", "flow")


@pytest.mark.parametrize("given", ["27003", "027003", "27003.0", "'27003'", "'027003'", "0027003", "'27003 '"])
def test_a_station_is_excluded_however_the_configuration_spells_it(world: World, given: str):
    override = f"data.exclude_stations=[{given}]"
    assert make_plan(world.config(override)).station_ids == ("9002", "101", "39001")
    assert check(world.config(override)).exit_code == 0
    path = world.root / "a.yaml"
    path.write_text(f"data: {{exclude_stations: [{given}]}}")
    assert load_config(path).data.exclude_stations == world.config(override).data.exclude_stations


def test_a_number_after_a_zero_is_no_octal_one(tmp_path: Path):
    path = tmp_path / "a.yaml"
    path.write_text("data: {exclude_stations: [01013500, 01013580]}\ntraining: {epochs: 010}\n")
    config = load_config(path)
    assert config.data.exclude_stations == ("01013500", "01013580") and config.training.epochs == 10
    path.write_text(dump_config(config))
    assert load_config(path) == config


@pytest.mark.parametrize("given", [True, None, [1]])
def test_what_is_no_id_in_a_list_of_stations_is_refused(given: object):
    with pytest.raises(ConfigError, match=r"exclude_stations: .* is no station id; quote"):
        build_config({"data": {"exclude_stations": [given]}})


def test_a_station_that_two_names_of_a_list_mean_is_excluded_once(world: World):
    assert make_plan(world.config("data.exclude_stations=['39001','039001']")).station_ids == ("9002", "101", "27003")


def test_groups_of_stations_are_made_of_any_spelling(world: World):
    attributes = pd.read_csv(world.root / "attributes.csv").assign(longitude=[0.0, 1, 2, 3, 4])
    attributes.to_csv(world.root / "attributes.csv", index=False)
    world.raw["data"]["attributes"]["columns"] = ["latitude", "longitude"]
    respell(world, lambda i: f"{i:06d}")
    assert station_patches(world.config()).attributes.ids == ORDER


def test_days_are_added_from_a_file_that_spells_otherwise(world: World):
    short = f"data.val=[{world.days[world.n_train]}, {world.days[179]}]"
    old = prepare(world.config(short))
    spell_attributes(world, lambda i: f"{i:06d}")
    respell(world, lambda i: f"{i}.0")
    respell(world, lambda i: f"{i:06d}", "riverflow")
    world.raw["data"]["attributes"]["path"] = "attributes.csv"
    store = prepare(world.config(), append=True)
    assert store.station_ids == old.station_ids == ORDER and store.n_days == 200
    expected = world.series["riverflow"][:, [world.ids.index(i) for i in ORDER]]
    np.testing.assert_array_equal(store.values("riverflow"), expected)


DAYS = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-04"))


def test_files_of_one_station_each_are_known_by_their_ids(tmp_path: Path):
    paths = [
        write_nrfa(tmp_path / f"{i}.csv", spelled, DAYS, np.full(3, i)) for i, spelled in enumerate(("7.0", "39001"))
    ]
    assert open_nrfa_gdf(paths)["station"].values.tolist() == ["7", "39001"]
    twice = write_nrfa(tmp_path / "twice.csv", "007", DAYS, np.ones(3))
    with pytest.raises(
        DataError, match=r"twice\.csv: holds station 007, as .*0\.csv does under the id 7, which differs in"
    ):
        open_nrfa_gdf([*paths, twice])
    camels = [write_camels(tmp_path / i, i, DAYS, {"pet": np.ones(3)}) for i in ("39001", "039001")]
    with pytest.raises(DataError, match=r"holds station 039001, as .* does under the id 39001"):
        open_camels_gb(camels, "pet")


@pytest.mark.parametrize("kind", ["camels", "nrfa", "caravan"])
def test_station_files_meet_the_attributes_in_any_spelling(world: World, kind: str):
    folder = world.root / kind
    folder.mkdir()
    for column, station in enumerate(world.ids):
        values = world.series["evap"][:, column].astype(float)
        if kind == "camels":
            write_camels(folder, f"{int(station):08d}", world.days, {"pet": values})
        elif kind == "nrfa":
            write_nrfa(folder / f"{station}.csv", f"{int(station):08d}", world.days, values, units="mm")
        else:
            write_caravan(folder, f"{int(station):08d}", world.days, {"pet": values})
    world.raw["data"]["modalities"]["evap"] |= {"paths": kind, "variable": "pet"}
    plan = make_plan(world.config())
    assert plan.station_ids == ORDER
    evap = next(source for source in plan.sources if source.name == "evap")
    expected = world.series["evap"][:, [world.ids.index(i) for i in ORDER]]
    np.testing.assert_allclose(evap.read(np.datetime64(plan.first_day), 200), expected, atol=6e-4)  # 3 digits


@pytest.mark.parametrize("ids", [[1.0, 2.0], [b"1", b"2"], np.array([b"1", b"2"]), ["1.0", "2"]])
def test_a_reader_of_ones_own_may_give_ids_of_any_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ids: Any):
    from hydromae.readers.detect import Located
    from hydromae.readers.reader import Reader
    from hydromae.sources import source as sources

    def read(paths: Any, request: Any) -> xr.DataArray:
        coords = {"time": DAYS.astype("datetime64[ns]"), "station": ids}
        return xr.DataArray(np.ones((3, 2)), coords, ("time", "station"), "flow")

    mine = Reader("mine", "series", "mine", lambda path: "mine", read)
    located = [Located(mine, (tmp_path,), ("a",), "")]
    monkeypatch.setattr(sources, "locate", lambda *args: located)
    source = open_source("flow", ModalityConfig(kind="series", units="m3/s", paths=("a",)), tmp_path, ())
    assert source.station_ids == ("1", "2")


def test_stores_made_before_know_nothing_of_the_layout(world: World):
    from hydromae.store.provenance import differing_keys, options_of

    options = options_of(world.config())
    assert all("layout" not in given for given in options["modalities"].values())
    wide = options_of(world.config("data.modalities.evap.layout=wide"))
    assert differing_keys(options, wide) == ["data.modalities.evap.layout"]
