"""Several sources of one series: whose values are taken, what is counted, what is said and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hydromae.base.errors import ConfigError, DataError
from hydromae.check.check import check
from hydromae.config import Config
from hydromae.config.read import build_config, dump_config, load_config
from hydromae.sources.joined import open_modality
from hydromae.sources.overlap import overlap_of
from hydromae.sources.source import Source
from hydromae.store.prepare import prepare
from support.readers_sources import write_camels, write_caravan, write_nrfa
from support.sources import day_range, write_table

FIRST = np.datetime64("2001-01-01")
DAYS = day_range(FIRST.item(), (FIRST + np.timedelta64(99, "D")).item())
RANDOM = np.random.default_rng(3)
SOURCES: dict[str, Any] = {"nrfa": {"paths": "nrfa"}, "camels": {"paths": "camels"}}


def flow(days: int = 100) -> np.ndarray:
    return np.round(RANDOM.lognormal(1, 1, days), 3).astype(np.float32)


def configured(root: Path, modality: dict[str, Any], *overrides: str) -> Config:
    raw = {
        "data": {
            "root": str(root),
            "store": str(root / "store"),
            "train": ["2001-01-01", "2001-03-11"],
            "val": ["2001-03-12", "2001-04-10"],
            "modalities": {"riverflow": {"per_area": False, **modality}},
        }
    }
    return build_config(raw, overrides)


def opened(root: Path, modality: dict[str, Any]) -> Source:
    data = configured(root, modality).data
    return open_modality("riverflow", data.modalities["riverflow"], root, data.missing_values)


def values_of(source: Source, station: str, first: np.datetime64 = FIRST, days: int = 100) -> np.ndarray:
    return source.for_stations([station]).read(first, days)[:, 0]


def write_archives(root: Path, a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> None:
    """NRFA files of stations 1 (a) and 2 (b), CAMELS-GB files of 2 (c) and 3 (d)."""
    (root / "nrfa").mkdir()
    write_nrfa(root / "nrfa/1_gdf.csv", "1", DAYS[: len(a)], a)
    write_nrfa(root / "nrfa/2_gdf.csv", "2", DAYS[: len(b)], b)
    write_camels(root / "camels", "2", DAYS[: len(c)], {"discharge_vol": c})
    write_camels(root / "camels", "3", DAYS[: len(d)], {"discharge_vol": d})


@pytest.mark.parametrize("modality", [{"paths": ["nrfa", "camels"]}, {"sources": SOURCES}])
def test_files_of_different_stations_are_joined(tmp_path, modality):
    one, other = flow(), flow(80)
    (tmp_path / "nrfa").mkdir()
    write_nrfa(tmp_path / "nrfa/1_gdf.csv", "1", DAYS, one)
    write_camels(tmp_path / "camels", "3", DAYS[10:90], {"discharge_vol": other})
    store = prepare(configured(tmp_path, modality))
    assert store.station_ids == ("1", "3")
    stored = store.read("riverflow", slice(0, 100))
    np.testing.assert_array_equal(stored[:, 0], one)
    np.testing.assert_array_equal(stored[:, 1], np.concatenate([np.full(10, np.nan), other, np.full(10, np.nan)]))
    files = {file.path for file in store.provenance.sources}
    assert files == {"nrfa/1_gdf.csv", "camels/CAMELS_GB_hydromet_timeseries_3_20010111-20010331.csv"}


def test_where_sources_overlap_the_first_wins_the_next_fills_and_both_are_counted(tmp_path):
    b = flow()
    c = b.copy()
    c[[3, 7]] += 0.001  # a rounding
    c[50] = b[50] * 2 + 100
    b[20:25] = np.nan
    b[80:] = np.nan
    c[90] = np.nan
    write_archives(tmp_path, flow(), b, c, flow())
    source = opened(tmp_path, {"sources": SOURCES})
    expected = np.where(np.isnan(b), c, b)
    np.testing.assert_array_equal(values_of(source, "2"), expected)
    (overlap,) = source.overlaps  # type: ignore[attr-defined]
    counted = (overlap.stations, overlap.both, overlap.differ, overlap.far, overlap.filled, overlap.unlike)
    assert counted == (("2",), 75, 3, 1, 24, ())
    told = " ".join(source.notes)
    assert "3 stations of nrfa (2 stations), camels (2 stations) are joined; where two hold a station" in told
    assert (
        f"nrfa and camels both hold 1 station (2): of 75 values that both have, that of nrfa is taken (3 differ, 1 by "
        f"more than 10%, most at 2 on 2001-02-20: {b[50]:g} and {c[50]:g} m3/s); 24 that nrfa lacks come from camels"
    ) in told
    swapped = opened(tmp_path, {"sources": dict(reversed(SOURCES.items()))})
    np.testing.assert_array_equal(values_of(swapped, "2"), np.where(np.isnan(c), b, c))


def test_a_code_that_means_missing_does_not_win(tmp_path):
    b, c = flow(), flow()
    b[5] = -99999
    write_archives(tmp_path, flow(), b, c, flow())
    assert values_of(opened(tmp_path, {"sources": SOURCES}), "2")[5] == c[5]


def test_excluded_days_are_missing_in_all_sources(tmp_path):
    write_archives(tmp_path, flow(), flow(), flow(), flow())
    source = opened(tmp_path, {"sources": SOURCES, "exclude_dates": ["2001-01-03"]})
    assert np.isnan(source.read(FIRST, 5)[2]).all() and not np.isnan(source.read(FIRST, 5)[[0, 1, 3, 4]]).any()
    assert sum("exclude_dates" in note for note in source.notes) == 1


def test_each_source_has_its_own_reader_variable_columns_prefix_and_shift(tmp_path):
    values, other, third = flow(), flow(), flow()
    write_caravan(tmp_path / "caravan", "camelsgb_7", DAYS, {"q_m3": values})
    path = write_table(tmp_path / "t.csv", DAYS, ["8"], {"flow": other[:, None]})
    path.write_text(path.read_text().replace("date,ID,", "day,gauge,", 1))
    write_table(tmp_path / "u.csv", DAYS, ["7", "9"], {"discharge_vol": np.stack([third, third], axis=1)})
    sources = {
        "caravan": {"paths": "caravan", "variable": "q_m3", "id_prefix": "camelsgb_", "reader": "caravan"},
        "mine": {"paths": "t.csv", "variable": "flow", "date_column": "day", "id_column": "gauge", "shift_days": -1},
        "other": {"paths": "u.csv"},
    }
    source = opened(tmp_path, {"sources": sources})
    assert source.station_ids == ("7", "8", "9")
    np.testing.assert_array_equal(values_of(source, "7"), values)
    np.testing.assert_array_equal(values_of(source, "8", FIRST - np.timedelta64(1, "D")), other)
    np.testing.assert_array_equal(values_of(source, "9"), third)
    assert "riverflow.sources.mine: days are moved by -1, as shift_days says" in source.notes
    sources["other"]["id_prefix"] = "x"
    with pytest.raises(DataError, match=r"u\.csv: station 7 does not begin with x .*riverflow\.sources\.other\.id_pre"):
        opened(tmp_path, {"sources": sources})


def test_a_station_whose_id_lost_zeros_in_one_source_is_one_station(tmp_path):
    one, other = flow(60), flow()
    write_table(tmp_path / "a.csv", DAYS[:60], [7], {"discharge_vol": one[:, None]})
    write_table(tmp_path / "b.csv", DAYS, ["007"], {"discharge_vol": other[:, None]})
    source = opened(tmp_path, {"sources": {"a": {"paths": "a.csv"}, "b": {"paths": "b.csv"}}})
    assert source.station_ids == ("007",)
    np.testing.assert_array_equal(values_of(source, "007"), np.concatenate([one, other[60:]]))


def test_sources_in_other_units_are_refused_and_never_converted(tmp_path):
    write_archives(tmp_path, flow(), flow(), flow(), flow())
    sources = {**SOURCES, "camels": {"paths": "camels", "variable": "discharge_spec"}}
    write_camels(tmp_path / "camels", "2", DAYS, {"discharge_spec": flow()})
    write_camels(tmp_path / "camels", "3", DAYS, {"discharge_spec": flow()})
    with pytest.raises(
        DataError, match=r"is in mm/d, but data\.modalities\.riverflow\.units, .* is m3/s; name another"
    ):
        opened(tmp_path, {"sources": sources})


def test_a_station_in_other_units_is_an_error_of_check_and_said_by_prepare(tmp_path):
    b = flow()
    (tmp_path / "nrfa").mkdir()
    write_nrfa(tmp_path / "nrfa/2_gdf.csv", "2", DAYS, b)
    write_table(tmp_path / "litres.csv", DAYS, ["2", "3"], {"discharge_vol": np.stack([b, b], axis=1) * 30})
    config = configured(tmp_path, {"sources": {"nrfa": {"paths": "nrfa"}, "mine": {"paths": "litres.csv"}}})
    said = "nrfa and mine differ by more than 10% on many of the days that both hold at 2 (100%); check that the units"
    report = check(config)
    assert report.exit_code == 1 and any(said in problem.text for problem in report.problems)
    assert any(said in note for note in prepare(config).provenance.notes)


def test_an_impossible_value_names_the_file_that_gives_it(tmp_path):
    b, c, d = flow(), flow(), flow()
    b[30], c[30], d[40] = np.nan, -5, -7
    write_archives(tmp_path, flow(), b, c, d)
    with pytest.raises(DataError, match=r"camels: discharge_vol of station 2 on 2001-01-31 is -5 m3/s"):
        prepare(configured(tmp_path, {"sources": SOURCES}))
    c[30] = 1
    write_camels(tmp_path / "camels", "2", DAYS, {"discharge_vol": c})
    with pytest.raises(DataError, match=r"camels: discharge_vol of station 3 on 2001-02-10 is -7 m3/s"):
        prepare(configured(tmp_path, {"sources": SOURCES}))
    write_camels(tmp_path / "camels", "3", DAYS, {"discharge_vol": flow()})
    b[30] = -9
    write_nrfa(tmp_path / "nrfa/2_gdf.csv", "2", DAYS, b)
    with pytest.raises(DataError, match=r"nrfa: gdf of station 2 on 2001-01-31 is -9 m3/s"):
        prepare(configured(tmp_path, {"sources": SOURCES}))


def test_tables_of_a_station_each_are_one_source_and_their_files_are_named(tmp_path):
    values = {station: flow(70) for station in ("5", "6", "7")}
    for start, (station, given) in enumerate(values.items()):
        write_table(tmp_path / f"s{station}.csv", DAYS[10 * start :][:70], [station], {"discharge_vol": given[:, None]})
    source = opened(tmp_path, {"paths": "s*.csv"})
    assert source.station_ids == ("5", "6", "7") and len(source.pieces) == 1
    for start, (station, given) in enumerate(values.items()):
        read = values_of(source, station)
        np.testing.assert_array_equal(read[10 * start :][:70], given)
        assert np.isnan(read).sum() == 30
    values["6"][3] = -1
    write_table(tmp_path / "s6.csv", DAYS[10:80], ["6"], {"discharge_vol": values["6"][:, None]})
    with pytest.raises(DataError, match=r"s6\.csv: discharge_vol of station 6 on 2001-01-14 is -1 m3/s"):
        prepare(configured(tmp_path, {"paths": "s*.csv"}))


def test_tables_of_one_source_may_follow_each_other_station_by_station(tmp_path):
    a, b = flow(), flow(60)
    for name, station, days, values in (
        ("a1", "1", DAYS[:50], a[:50]),
        ("a2", "1", DAYS[50:], a[50:]),
        ("b1", "2", DAYS[:60], b),
    ):
        write_table(tmp_path / f"{name}.csv", days, [station], {"discharge_vol": values[:, None]})
    source = opened(tmp_path, {"paths": "*.csv"})
    np.testing.assert_array_equal(values_of(source, "1"), a)
    np.testing.assert_array_equal(values_of(source, "2", days=60), b)
    with pytest.raises(DataError, match=r"a1\.csv: ends before .*a2\.csv of station 1 begins; list data\.modalities"):
        opened(tmp_path, {"paths": ["b1.csv", "a2.csv", "a1.csv"]})


def test_one_station_twice_in_one_source_is_refused_with_a_remedy_that_works(tmp_path):
    one, other = flow(), flow()
    write_table(tmp_path / "a.csv", DAYS, ["1", "2"], {"discharge_vol": np.stack([one, one], axis=1)})
    write_table(tmp_path / "b.csv", DAYS, ["2", "3"], {"discharge_vol": np.stack([other, other], axis=1)})
    with pytest.raises(
        DataError,
        match=r"b\.csv: overlaps with .*a\.csv \(2001-01-01 of station 2 is in both\); cut one of them, or name them "
        r"as two sources, of which the first wins \(data\.modalities\.riverflow\.sources\)",
    ):
        opened(tmp_path, {"paths": ["a.csv", "b.csv"]})
    source = opened(tmp_path, {"sources": {"a": {"paths": "a.csv"}, "b": {"paths": "b.csv"}}})
    np.testing.assert_array_equal(values_of(source, "2"), one)
    np.testing.assert_array_equal(values_of(source, "3"), other)


@pytest.mark.parametrize("order", [["1", "2"], ["2", "1"]])
def test_every_file_that_holds_a_station_is_compared_even_those_of_one_folder(tmp_path, order):
    folder = tmp_path / "all"
    folder.mkdir()
    write_nrfa(folder / "1_gdf.csv", "1", DAYS[:50], flow(50))
    write_nrfa(folder / "4_gdf.csv", "4", DAYS[:50], flow(50))
    for station in ("2", "3"):
        write_camels(folder, station, DAYS, {"discharge_vol": flow()})
    write_table(tmp_path / "t.parquet", DAYS[60:], order, {"discharge_vol": np.stack([flow(40), flow(40)], axis=1)})
    with pytest.raises(DataError, match=r"t\.parquet: overlaps with .*all \(2001-03-02 of station 2 is in both\)"):
        opened(tmp_path, {"paths": ["all/*_gdf.csv", "all/CAMELS*", "t.parquet"]})


def test_wrong_keys_of_sources_are_named(tmp_path):
    with pytest.raises(ConfigError, match="paths and sources are both given; name all files under sources"):
        configured(tmp_path, {"paths": "a.csv", "sources": SOURCES})
    with pytest.raises(ConfigError, match=r"unknown key data\.modalities\.riverflow\.sources\.nrfa\.path; did you"):
        configured(tmp_path, {"sources": {"nrfa": {"path": "a.csv"}}})
    with pytest.raises(ConfigError, match=r"riverflow\.sources\.nrfa: a source has no paths"):
        configured(tmp_path, {"sources": {"nrfa": {}}})
    with pytest.raises(ConfigError, match="sources are for series"):
        build_config({"data": {"modalities": {"precip": {"sources": SOURCES}}}})
    with pytest.raises(ConfigError, match=r"source name 'A b' must be lower-case"):
        configured(tmp_path, {"sources": {"A b": {"paths": "a.csv"}}})
    with pytest.raises(ConfigError, match=r"data\.modalities\.riverflow\.sources\.nrfa\.reader is table2, .* table"):
        opened(tmp_path, {"sources": {"nrfa": {"paths": ".", "reader": "table2"}}})


def test_a_configuration_with_sources_reads_back_as_it_is_written(tmp_path):
    config = configured(tmp_path, {"sources": SOURCES}, "data.modalities.riverflow.sources.camels.shift_days=-1")
    (tmp_path / "saved.yaml").write_text(dump_config(config))
    again = load_config(tmp_path / "saved.yaml")
    assert again == config and list(again.data.modalities["riverflow"].sources) == ["nrfa", "camels"]
    without = load_config(tmp_path / "saved.yaml", ["data.modalities.riverflow.sources.camels=null"])
    assert list(without.data.modalities["riverflow"].sources) == ["nrfa"]


def test_a_store_knows_the_order_of_its_sources_and_not_their_names(tmp_path):
    write_archives(tmp_path, flow(), flow(), flow(), flow())
    store = prepare(configured(tmp_path, {"sources": SOURCES}))
    named = {"first": SOURCES["nrfa"], "second": SOURCES["camels"]}
    assert prepare(configured(tmp_path, {"sources": named})).fingerprint == store.fingerprint
    swapped = configured(tmp_path, {"sources": dict(reversed(SOURCES.items()))})
    with pytest.raises(DataError, match=r"other options \(data\.modalities\.riverflow\.sources\)"):
        prepare(swapped)
    assert prepare(swapped, overwrite=True).fingerprint != store.fingerprint
    (tmp_path / "camels/CAMELS_GB_hydromet_timeseries_3_20010101-20010410.csv").write_text("date,discharge_vol\n")
    with pytest.raises(DataError, match=r"files that have changed since \(camels/CAMELS_GB.*_3_"):
        prepare(swapped)


def test_days_are_added_to_a_store_of_several_sources(tmp_path):
    a, b, c, d = flow(), flow(), flow(), flow()
    c[60:] = b[60:]
    (tmp_path / "whole").mkdir()
    (tmp_path / "part").mkdir()
    write_archives(tmp_path / "whole", a, b, c, d)
    write_archives(tmp_path / "part", a[:80], b[:80], c[:80], d[:80])
    part = configured(tmp_path / "part", {"sources": SOURCES}, "data.val=[2001-03-12, 2001-03-21]")
    assert prepare(part).n_days == 80
    longer = configured(tmp_path / "whole", {"sources": SOURCES}, f"data.store={part.store_path}")
    grown = prepare(longer, append=True)
    new = prepare(configured(tmp_path / "whole", {"sources": SOURCES}))
    np.testing.assert_array_equal(grown.read("riverflow", slice(0, 100)), new.read("riverflow", slice(0, 100)))
    assert grown.n_days == 100 and any("were added from" in note for note in grown.provenance.notes)
    swapped = configured(
        tmp_path / "whole", {"sources": {**SOURCES, "camels": {"paths": "camels", "shift_days": 1}}},
        f"data.store={part.store_path}",
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"was made with other data\.modalities\.riverflow\.sources"):
        prepare(swapped, append=True)


def test_stores_made_before_there_were_sources_stay_valid(tmp_path):
    write_archives(tmp_path, flow(), flow(), flow(), flow())
    store = prepare(configured(tmp_path, {"paths": "nrfa"}))
    assert "sources" not in store.provenance.options["modalities"]["riverflow"]


def test_overlaps_are_counted_in_blocks_of_stations_as_one_by_one(tmp_path):
    ids = [str(i) for i in range(1, 131)]
    one = RANDOM.integers(0, 4, (30, 130)).astype(np.float32)
    other = RANDOM.integers(0, 4, (30, 130)).astype(np.float32)
    one[RANDOM.random(one.shape) < 0.2] = np.nan
    other[RANDOM.random(one.shape) < 0.2] = np.nan
    write_table(tmp_path / "a.csv", DAYS[:30], ids, {"discharge_vol": one})
    write_table(tmp_path / "b.csv", DAYS[:30], ids, {"discharge_vol": other})
    parts = [opened(tmp_path, {"paths": name}) for name in ("a.csv", "b.csv")]
    found = overlap_of(("a",), parts[0], "b", parts[1], "m3/s")
    both = ~np.isnan(one) & ~np.isnan(other)
    assert (found.both, found.differ) == (both.sum(), (one != other)[both].sum())
    assert found.filled == (np.isnan(one) & ~np.isnan(other)).sum() and len(found.stations) == 130
