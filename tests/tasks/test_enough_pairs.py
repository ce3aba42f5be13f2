"""Where no station can be scored it is said why, and what is said to be set is enough."""

import re

import numpy as np
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.tasks.enough_pairs import require_issue_times, unscored

YEAR = slice(1000, 1365)


def seen(gaps: float) -> np.ndarray:
    return np.random.default_rng(0).random((1400, 3)) >= gaps


@pytest.mark.parametrize("gaps", [0.0, 0.2])
def test_a_year_every_five_days_is_too_short_and_what_is_said_mends_it(gaps: float) -> None:
    with pytest.raises(ConfigError, match=r"val: has 72 issue times every 5 days, .* the 100 observed days") as refused:
        require_issue_times(seen(gaps), YEAR, 5, 7, 100, "val")
    every, pairs = re.search(r"set --every (\d+) or --min-pairs (\d+)$", str(refused.value)).groups()  # type: ignore[union-attr]
    require_issue_times(seen(gaps), YEAR, int(every), 7, 100, "val")
    require_issue_times(seen(gaps), YEAR, 5, 7, int(pairs), "val")
    assert (int(every), int(pairs)) == (3, 72) if not gaps else int(pairs) < 72
    with pytest.raises(ConfigError):
        require_issue_times(seen(gaps), YEAR, 5, 7, 73, "val")


def test_what_was_never_observed_and_what_no_interval_mends_is_said() -> None:
    with pytest.raises(ConfigError, match="never observed then; score other days"):
        require_issue_times(seen(1.0), YEAR, 5, 7, 100, "val")
    with pytest.raises(ConfigError, match=r"set --min-pairs 7$"):
        require_issue_times(seen(0.0), slice(0, 40), 5, 7, 100, "val")


def forecast(issues: int, lacking: int) -> xr.DataArray:
    values = np.random.default_rng(1).random((issues, 2, 3))
    values[:lacking] = np.nan
    days = np.datetime64("2001-01-01", "ns") + np.arange(issues) * np.timedelta64(5, "D")
    coords = {"issue_time": days, "lead_time": [1, 2], "station": ["1", "2", "3"]}
    return xr.DataArray(values, coords, ("issue_time", "lead_time", "station"))


def test_what_one_forecast_lacks_is_named_with_what_to_set() -> None:
    days = np.datetime64("2001-01-01", "ns") + np.arange(500) * np.timedelta64(1, "D")
    observed = xr.DataArray(
        np.random.default_rng(2).random((500, 3)), {"time": days, "station": ["1", "2", "3"]}, ("time", "station")
    )
    rows = {"hydromae": forecast(60, 0), "persistence": forecast(60, 2), "climatology": forecast(60, 20)}
    assert unscored(rows, observed, 40) == ""
    why = unscored(rows, observed, 41, ("persistence", "climatology"))
    assert "needs 41 observed days" in why and "the most are 40; set --min-pairs 40 (min_pairs=40)" in why
    assert why.endswith("or leave out climatology, which lacks most (--baselines)")
    assert unscored({name: rows[name] for name in ("hydromae", "persistence")}, observed, 41) == ""
    late = observed.copy()
    late[7::5] = np.nan  # lead 2 after most issue times
    assert "at lead times 2:" in unscored({"hydromae": rows["hydromae"]}, late, 30)
