import numpy as np
import pandas as pd

from hydromae.baselines.forecast.persistence import Persistence
from support.baseline_flows import FORCING, TRAIN, make_rivers


def test_every_lead_is_the_last_known_flow():
    rivers = make_rivers()
    issue = pd.date_range("2005-03-01", periods=30)
    forecast = Persistence().fit(rivers, "riverflow", FORCING, TRAIN, 3).forecast(rivers, issue, "none")
    last = rivers["riverflow"].to_pandas().ffill().loc[issue].to_numpy()
    for lead in (1, 2, 3):
        np.testing.assert_array_equal(forecast.sel(lead_time=lead).values, last)


def test_a_flow_that_was_known_long_ago_is_still_the_last_one():
    rivers = make_rivers()
    rivers["riverflow"].loc["2005-01-02":, "1001"] = np.nan
    rivers["riverflow"].loc["2005-01-01", "1001"] = 7.5
    method = Persistence().fit(rivers, "riverflow", FORCING, TRAIN, 1)
    assert method.forecast(rivers, pd.DatetimeIndex(["2005-12-01"]), "none").values[0, 0, 0] == 7.5


def test_before_any_flow_the_mean_of_training_stands_in():
    rivers = make_rivers()
    method = Persistence().fit(rivers, "riverflow", FORCING, TRAIN, 1)
    mean = rivers["riverflow"].sel(time=TRAIN).mean("time").values
    early = method.forecast(rivers, pd.DatetimeIndex(["2000-06-01"]), "none")
    np.testing.assert_allclose(early.values[0, 0], mean, rtol=1e-5)
