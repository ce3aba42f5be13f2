from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hydromae.config import AttributesConfig
from hydromae.readers import open_table
from hydromae.sources.attributes import read_attributes

REAL = Path("../shared/data/gb")
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=f"real data are not at {REAL}")


def test_the_table_of_604_catchments_is_read_whole():
    path = REAL / "catchment_daily_604_1970_2012.parquet"
    series = open_table(path, "discharge_vol")
    table = pd.read_parquet(path, columns=["date", "ID", "discharge_vol"])
    assert series.sizes["station"] == table["ID"].nunique() == 604
    assert int(np.isfinite(series.values).sum()) == int(table["discharge_vol"].notna().sum())
    one = table[table["ID"] == 39001].set_index("date")["discharge_vol"].sort_index()
    read = series.sel(station="39001").to_series().reindex(one.index.astype("datetime64[s]"))
    np.testing.assert_array_equal(read.to_numpy(), one.to_numpy())


def test_the_nrfa_attributes_keep_their_gaps():
    path = REAL / "Catchment_attributes_nrfa.csv"
    attributes = read_attributes(path, AttributesConfig(), (-99999.0,))
    table = pd.read_csv(path)
    assert attributes.ids == tuple(table["id"].astype(str)) and attributes.areas is not None
    np.testing.assert_array_equal(np.isnan(attributes.values), table[list(attributes.names)].isna().to_numpy())
    assert np.isnan(attributes.values).any() and np.isfinite(attributes.areas).all()
