from datetime import date

import numpy as np
import pandas as pd
import pytest

from hydromae.base.errors import DataError
from hydromae.config import ModalityConfig
from hydromae.readers import open_table, table_columns
from hydromae.sources.source import open_source
from support.sources import day_range, write_table

DAYS = day_range(date(2001, 1, 1), date(2001, 1, 6))
FLOW = np.random.default_rng(0).lognormal(size=(6, 3)).astype(np.float32)
FLOW[2, 1] = np.nan


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("ids", [[1001, 204, 39], ["1001", "204", "39"]])
def test_every_value_is_found_under_its_day_and_station(tmp_path, suffix, ids):
    path = write_table(tmp_path / f"a{suffix}", DAYS, ids, {"flow": FLOW, "other": FLOW})
    series = open_table(path, "flow")
    assert series["station"].values.tolist() == ["39", "204", "1001"] and series.dtype == np.float32
    assert (series["time"].values.astype("datetime64[D]") == DAYS).all()
    np.testing.assert_array_equal(series.values, FLOW[:, ::-1])


def test_order_of_rows_does_not_matter(tmp_path):
    path = write_table(tmp_path / "a.parquet", DAYS, [3, 2, 1], {"flow": FLOW})
    expected = open_table(path, "flow")
    pd.read_parquet(path).sample(frac=1, random_state=0).to_parquet(tmp_path / "b.parquet")
    assert open_table(tmp_path / "b.parquet", "flow").identical(expected)


def test_absent_rows_are_missing_and_days_stay_contiguous(tmp_path):
    path = write_table(tmp_path / "a.parquet", DAYS, [1, 2, 3], {"flow": np.nan_to_num(FLOW)})
    table = pd.read_parquet(path)
    table[table["date"] != "2001-01-04"].iloc[1:].to_parquet(path)
    series = open_table(path, "flow")
    assert series.sizes["time"] == 6 and np.isnan(series.values).sum() == 4
    assert np.isnan(series.values[3]).all() and np.isnan(series.values[0, 0])


def test_stamps_at_noon_are_calendar_days(tmp_path):
    noon = DAYS.astype("datetime64[s]") + np.timedelta64(12, "h")
    pd.DataFrame({"date": noon, "ID": 1, "flow": np.arange(6.0)}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"date": [str(t).replace("T", " ") for t in noon], "ID": 1, "flow": np.arange(6.0)}).to_csv(
        tmp_path / "a.csv", index=False
    )
    for name in ("a.parquet", "a.csv"):
        assert (open_table(tmp_path / name, "flow")["time"].values.astype("datetime64[D]") == DAYS).all()


def _rows(**changes):
    return pd.DataFrame({"date": ["2001-01-01", "2001-01-02"], "ID": ["7", "8"], "flow": [1.0, 2.0]} | changes)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (_rows(ID=["7", "7"], date=["2001-01-02"] * 2), "station 7 on 2001-01-02 more than once; keep one row"),
        (_rows(date=["2001-01-01", "01/02/2001"]), "column date holds '01/02/2001'; write dates as YYYY-MM-DD"),
        (_rows(date=["2001-01-01", None]), "column date is blank in 1 rows"),
        (_rows(ID=["7", None]), "column ID is blank in 1 rows"),
        (_rows().rename(columns={"flow": "flows"}), "has no column flow, only date, ID, flows; did you mean flows?"),
        (_rows().iloc[:0], "has no rows"),
        (_rows(flow=["1.0", "wet"]), "wet|not numbers"),
    ],
)
def test_wrong_tables_are_named_with_the_place(tmp_path, suffix, rows, message):
    path = tmp_path / f"a{suffix}"
    rows.to_parquet(path) if suffix == ".parquet" else rows.to_csv(path, index=False)
    with pytest.raises(DataError, match=rf"a\{suffix}: .*({message})"):
        open_table(path, "flow")


def test_a_damaged_or_foreign_table_is_named(tmp_path):
    path = write_table(tmp_path / "a.parquet", DAYS, [1, 2, 3], {"flow": FLOW})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read"):
        open_table(path, "flow")
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(DataError, match=r"a\.xlsx: tables are read from \.parquet and \.csv"):
        open_table(tmp_path / "a.xlsx", "flow")


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".csv.gz"])
def test_columns_of_days_and_ids_have_the_names_they_are_given(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    rows = pd.DataFrame(
        {"day": ["20010101", "20010102"] * 2, "gauge": ["7", "7", "8", "8"], "q": [1.0, 2.0, 3.0, None]}
    )
    rows.to_parquet(path) if suffix == ".parquet" else rows.to_csv(path, index=False)
    series = open_table(path, "q", date_column="day", id_column="gauge")
    np.testing.assert_array_equal(series.values, [[1, 3], [2, np.nan]])
    with pytest.raises(DataError, match="has no column date, only day, gauge, q"):
        open_table(path, "q", id_column="gauge")


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_a_wide_table_gives_what_the_long_one_gives(tmp_path, suffix):
    path = tmp_path / f"wide{suffix}"
    wide = pd.DataFrame(FLOW[:, ::-1], columns=["1001", "204", "39"])
    wide.insert(1, "date", DAYS.astype(str))
    wide = wide.drop(index=3)
    wide.to_parquet(path) if suffix == ".parquet" else wide.to_csv(path, index=False)
    expected = FLOW.copy()
    expected[3] = np.nan
    series = open_table(path, "flow")
    assert series["station"].values.tolist() == ["39", "204", "1001"]
    np.testing.assert_array_equal(series.values, expected)
    assert series.attrs["notes"] == (f"{path.name} has no ID and no flow: each column is a station",)
    pd.concat([wide, wide.iloc[:1]]).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(DataError, match="has 2001-01-01 more than once"):
        open_table(tmp_path / "twice.csv", "flow")


def test_a_day_that_is_twice_in_other_batches_is_named(tmp_path, monkeypatch):
    path = write_table(tmp_path / "a.parquet", DAYS, [3, 2, 1], {"flow": FLOW})
    table = pd.read_parquet(path)
    pd.concat([table, table.iloc[7:8]]).to_parquet(path)
    monkeypatch.setattr(table_columns, "_ROWS", 4)
    with pytest.raises(DataError, match=r"has station 2 on 2001-01-03 more than once"):
        open_table(path, "flow")


def test_a_table_of_more_days_than_any_record_is_refused_before_memory_is_taken(tmp_path):
    _rows(date=["0001-01-01", "9999-12-31"]).to_csv(tmp_path / "a.csv", index=False)
    with pytest.raises(DataError, match=r"a\.csv: spans 3652059 days of 2 stations, more than"):
        open_table(tmp_path / "a.csv", "flow")


def test_a_wide_table_with_a_station_twice_is_refused_by_its_name(tmp_path):
    (tmp_path / "wide.csv").write_text("date,39, 39\n2001-01-01,1,2\n2001-01-02,1,2\n")
    settings = ModalityConfig(kind="series", units="m3/s", paths=("wide.csv",))
    with pytest.raises(DataError, match=r"wide\.csv: has station 39 more than once"):
        open_source("flow", settings, tmp_path, ())


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        ("date;ID;flow\n2001-01-01;5;1.5\n", {}, "its columns are separated by semicolons; write it with commas"),
        (
            "date,ID,flow\n2001-01-01,5,1.5\n2001-01-02,6,wet\n",
            {},
            "column flow holds 'wet' .date 2001-01-02, ID 6.;",
        ),
        ("date,gauge,flow\n2001-01-01,5,1.5\n", {"id_column": "site"}, "no column site, only .* key id_column"),
        ("day,gauge,flow\n2001-01-01,5,1.5\n", {}, "no column date, only .* key date_column"),
    ],
)
def test_what_keeps_a_table_from_being_read_is_named(tmp_path, text, keys, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DataError, match=rf"t\.csv: .*{message}"):
        open_table(tmp_path / "t.csv", "flow", **keys)
