from datetime import date

import pandas as pd
import pytest
import xarray as xr

from hydromae.tasks.extreme_ensemble import fitted_ensemble
from support.flows import series

TRAIN = (date(2000, 10, 1), date(2002, 9, 30))


def test_without_rain_there_is_no_ensemble_and_a_warning_says_why(caplog: pytest.LogCaptureFixture) -> None:
    flow = xr.Dataset({"riverflow": series(800)})
    with caplog.at_level("WARNING", "hydromae"):
        assert fitted_ensemble(flow, "riverflow", [], TRAIN, 3) is None
    assert "no ensemble streamflow prediction (ESP) stands beside the forecast" in caplog.text


def test_an_ensemble_has_a_member_for_each_past_year() -> None:
    flow = series(1000, 2)
    rain = (flow * 1.5).assign_attrs(units="mm/d", standard_name="lwe_precipitation_rate", long_name="precipitation")
    evaporation = (flow * 0 + 1).assign_attrs(units="mm/d", long_name="evaporation")
    data = xr.Dataset({"riverflow": flow, "precip": rain, "evap": evaporation})
    made = fitted_ensemble(data, "riverflow", ["precip", "evap"], TRAIN, 3)
    assert made is not None
    members = made(pd.DatetimeIndex(["2002-12-01"]))
    assert members.sizes == {"issue_time": 1, "lead_time": 3, "station": 2, "member": members.sizes["member"]}
    assert members["member"].values.tolist() == [2000, 2001, 2002]
