"""What tables of floods and droughts say of given scores."""

import numpy as np
import xarray as xr

from hydromae.evaluation.event_scores import score_events
from hydromae.tasks.extreme_tables import extreme_records, extreme_tables


def scores() -> xr.Dataset:
    """Of one event: a forecast that knows chances, climatology, and one that says the opposite."""
    rng = np.random.default_rng(0)
    chance = rng.random((300, 2, 4))
    came = (rng.random(chance.shape) < chance).astype(float)
    issued = np.arange(np.datetime64("2001-01-01"), np.datetime64("2001-01-01") + 300)
    made = {"hydromae": chance, "climatology": np.full(chance.shape, 0.5), "opposite": 1 - chance}
    found = score_events(made, came, issued, np.array([1, 2]), block_days=10, resamples=100)
    found["warned"] = ("model", [0.5, 0.0, 0.25])
    found["warning_days"] = ("model", [2.5, 0.0, 1.0])
    found["warning_events"] = ((), 8)
    return found.expand_dims(event=["2-year flood"])


def test_skill_has_marks_of_significance_and_the_model_s_interval() -> None:
    given = scores()
    skill, f1, _, _ = extreme_tables(given, "none", "days", "small", 0.3)
    assert skill.columns == ("event", "forecast", "lead 1", "lead 2", "events")
    assert [row[1] for row in skill.rows] == ["hydromae", "hydromae, 95 %", "climatology", "opposite"]
    own = given["skill"].sel(model="hydromae", event="2-year flood").values
    assert skill.rows[0][2] == f"{own[0]:.3f}" and skill.rows[2][2] == "0.000 -" and skill.rows[3][3].endswith(" -")
    low, high = (float(given[f"skill_{end}"].sel(model="hydromae").values[0, 0]) for end in ("lower", "upper"))
    assert skill.rows[1][2] == f"{low:.3f} to {high:.3f}"
    assert skill.rows[0][4] == str(int(given["events"][0, 0]))
    assert "no weather after the issue time" in skill.title and "at a probability of 0.3 or more" in f1.title
    assert not any(cell.endswith((" -", " +")) for row in f1.rows for cell in row)


def test_a_forecast_that_is_better_than_the_model_is_marked_so() -> None:
    given = scores().isel(model=[2, 1, 0])
    turned = given.assign(gain=-given["gain"] * 0 - 1, p_value=given["p_value"] * 0 + 0.01)
    table = extreme_tables(turned, "perfect", "weeks", "", 0.3)[0]
    assert table.rows[-2][2].endswith(" +") and table.columns[2] == "week to day 1"


def test_first_warnings_and_reliability_are_shown_of_all_lead_times() -> None:
    given = scores()
    _, _, warnings, reliability = extreme_tables(given, "none", "days", "small", 0.3)
    assert warnings.rows[0] == ("2-year flood", "hydromae", "0.500", "2.500", "8")
    assert [row[1] for row in reliability.rows] == ["mean probability", "share of events", "pairs"]
    assert sum(map(int, reliability.rows[2][2:])) == 300 * 2 * 4
    assert reliability.columns[2] == "0 to 0.1" and abs(float(reliability.rows[1][11]) - 0.95) < 0.05


def test_records_have_every_number_once() -> None:
    records = extreme_records({("none", "days"): scores()})
    assert [len(records[name].rows) for name in ("table", "warnings", "reliability")] == [6, 3, 60]
    assert all(len(row) == len(table.columns) for table in records.values() for row in table.rows)
    table = records["table"]
    assert table.rows[0][:5] == ("none", "days", "2-year flood", "hydromae", "1")
    assert float(table.rows[0][table.columns.index("brier")]) == float(scores()["brier"][0, 0, 0])
