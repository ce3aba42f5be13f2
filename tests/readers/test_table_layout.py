"""Which columns of a table are stations."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import DataError
from hydromae.readers import open_table
from hydromae.readers.table_layout import looks_like_id

DATES = ["2001-01-01", "2001-01-02"]


def table(path: Path, *names: str, date: str = "date") -> Path:
    """Column i holds i + 1 on the first day and i + 1.5 on the second; parquet or CSV by suffix."""
    frame = pd.DataFrame({name: [i + 1.0, i + 1.5] for i, name in enumerate(names)})
    frame.insert(0, date, DATES)
    frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


SUFFIXES = pytest.mark.parametrize("suffix", [".csv", ".parquet"])


@SUFFIXES
@pytest.mark.parametrize(
    ("beside", "said"),
    [
        (("Unnamed: 0",), "Unnamed: 0"),
        (("index",), "index"),
        (("level_0",), "level_0"),
        (("mean",), "mean"),
        (("year", "month", "day"), "year, month, day"),
        ((" Mean ", "DOY"), "Mean, DOY"),
    ],
)
def test_columns_beside_the_stations_are_left_out_and_named(tmp_path, suffix, beside, said):
    series = open_table(table(tmp_path / f"a{suffix}", *beside, "39001", "9002"), "flow")
    n = len(beside)
    assert series["station"].values.tolist() == ["9002", "39001"]
    np.testing.assert_array_equal(series.values, [[n + 2, n + 1], [n + 2.5, n + 1.5]])
    assert series.attrs["notes"] == (
        f"a{suffix} has no ID and no flow: each column is a station, but {said}, left out",
    )


@SUFFIXES
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("prcp", "tmax", "QObs(mm/d)"), "prcp, tmax, QObs\\(mm/d\\) look"),
        (("gauge_id", "q"), "gauge_id, q look"),
        (("id", "Q_obs"), "id, Q_obs look"),
        (("t2m", "swvl1", "u1000"), "t2m, swvl1, u1000 look"),
        (("prcp_39001", "flow_39001"), "prcp_39001, flow_39001 look"),
        (("0",), "0 looks"),
        (("0", "1", "2"), "0, 1, 2 look"),
        (("Thames at Kingston", "Severn"), "Thames at Kingston, Severn look"),
        (("mean", "year"), "mean, year look"),
    ],
)
def test_columns_that_look_like_no_ids_are_no_stations(tmp_path, suffix, names, said):
    path = table(tmp_path / f"a{suffix}", *names)
    with pytest.raises(
        DataError, match=rf"a\{suffix}: has no column ID and no column flow, and {said} .*id_column.*var"
    ):
        open_table(path, "flow")


def test_the_remedies_work_as_they_are_written(tmp_path):
    path = table(tmp_path / "basin.csv", "prcp", "tmax", "QObs(mm/d)")
    with pytest.raises(DataError, match=r"name the column of the ids .* of the values with variable .add a column"):
        open_table(path, "flow")
    with pytest.raises(DataError, match=r"no column ID.*or add a column of ids where the table is of one station"):
        open_table(path, "QObs(mm/d)")
    pd.read_csv(path, dtype=str).assign(ID="01013500").to_csv(path, index=False)
    series = open_table(path, "QObs(mm/d)")
    assert series["station"].values.tolist() == ["01013500"] and series.values[:, 0].tolist() == [3.0, 3.5]
    long = tmp_path / "long.csv"
    long.write_text("date,gauge,q\n2001-01-01,7,1\n2001-01-01,8,2\n")
    with pytest.raises(DataError, match="gauge, q look like no station id"):
        open_table(long, "flow")
    assert open_table(long, "q", id_column="gauge").values.tolist() == [[1, 2]]
    with pytest.raises(
        DataError, match=r"has no column ID.*did you mean gauge. Name it with the modality's key id_column"
    ):
        open_table(long, "q")
    mixed = table(tmp_path / "mixed.csv", "39001", "Thames at Kingston")
    with pytest.raises(
        DataError, match=r"Thames at Kingston looks like no station id as 39001 does; set .* layout to wide"
    ):
        open_table(mixed, "flow")
    assert set(open_table(mixed, "flow", layout="wide")["station"].values) == {"39001", "Thames at Kingston"}


@SUFFIXES
@pytest.mark.parametrize("ids", [("39001", "camelsgb_10002"), ("GB-10002", "DE110100"), ("02EB004", "H5920010")])
def test_columns_that_look_like_ids_are_stations(tmp_path, suffix, ids):
    series = open_table(table(tmp_path / f"a{suffix}", *ids), "flow")
    assert {str(s.values): s.values for s in series["station"]}.keys() == set(ids)
    assert series.sel(station=ids[1]).values.tolist() == [2.0, 2.5]


@pytest.mark.parametrize("ids", [("Thames at Kingston", "mean"), ("a7", "q"), ("0", "1"), ("index", "39001.1")])
def test_stations_that_are_known_are_stations_whatever_their_names(tmp_path, ids):
    path = table(tmp_path / "a.csv", *ids)
    series = open_table(path, "flow", known=ids)
    assert set(series["station"].values) == set(ids) and series.sel(station=ids[0]).values.tolist() == [1, 1.5]
    named = open_table(path, "flow", layout="wide")
    assert set(named["station"].values) == set(ids) - {"index"}


def test_a_second_column_of_a_station_as_pandas_names_it_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"39001\.1 looks like no station id as 39001 does"):
        open_table(table(tmp_path / "a.csv", "39001", "39001.1"), "flow")


@SUFFIXES
def test_blanks_around_names_of_columns_do_not_count(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    frame = pd.DataFrame({" date": DATES * 2, "ID ": ["7", " 7", "08", "08 "], " flow ": [1.0, 2.0, 3.0, 4.0]})
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    series = open_table(path, "flow")
    assert series["station"].values.tolist() == ["7", "08"] and series.values.tolist() == [[1, 3], [2, 4]]
    wide = open_table(table(tmp_path / f"w{suffix}", " 39001", "9002 ", date="date "), "flow")
    assert wide["station"].values.tolist() == ["9002", "39001"] and wide.values.tolist() == [[2, 1], [2.5, 1.5]]


@SUFFIXES
def test_a_layout_that_is_said_is_kept_to(tmp_path, suffix):
    path = table(tmp_path / f"a{suffix}", "39001", "9002")
    with pytest.raises(DataError, match="has no column ID"):
        open_table(path, "flow", layout="long")
    series = open_table(table(tmp_path / f"b{suffix}", "Unnamed: 0", "flow", "mean"), "flow", layout="wide")
    assert series["station"].values.tolist() == ["flow", "mean"] and series.values.tolist() == [[2, 3], [2.5, 3.5]]
    assert series.attrs["notes"] == (f"each column of b{suffix} is a station, but Unnamed: 0, left out",)
    with pytest.raises(DataError, match="has no column of a station beside date; give one, or take layout: wide out"):
        open_table(table(tmp_path / f"c{suffix}", "index"), "flow", layout="wide")


def test_names_of_variables_do_not_look_like_ids():
    variables = [
        "t2m",
        "swvl1",
        "et0",
        "temperature_2m_mean",
        "soil_temperature_level_1",
        "z500",
        "tmax",
        "pm2.5",
        "q95",
    ]
    assert not any(looks_like_id(name) for name in [*variables, "lag_10", "QObs(mm/d)", "precip_2001", "39001.5", ""])
