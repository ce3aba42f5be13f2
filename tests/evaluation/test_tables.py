import csv
import io

import numpy as np
import pytest
from rich.console import Console

from hydromae.evaluation.forecast_scores import quartiles, score_forecast
from hydromae.evaluation.tables import ScoreTable, quartile_records, quartile_table
from support.flows import forecast, series

FLOW = series(400, 4)


@pytest.fixture(scope="module")
def over_stations():
    return quartiles(score_forecast(forecast(FLOW, quantiles=True), FLOW))


def rows_of(text):
    return list(csv.reader(io.StringIO(text)))


def test_records_hold_every_score_in_full(over_stations):
    head, *rows = rows_of(quartile_records(over_stations).csv())
    score = over_stations["score"]
    assert len(rows) == score.sizes["metric"] * score.sizes["lead_time"]
    for row in rows:
        given = dict(zip(head, row, strict=True))
        expected = score.sel(metric=given["metric"], lead_time=int(given["lead_time"]))
        read = [float(given[k] or "nan") for k in ("lower_quartile", "median", "upper_quartile")]
        assert np.array_equal(read, expected, equal_nan=True)


def test_the_table_shows_medians_and_quartiles_by_lead_time(over_stations):
    table = quartile_table(over_stations, ["nse", "coverage"])
    assert table.columns == ("metric", "unit", "lead 1", "lead 2", "lead 3", "stations")
    assert [row[0] for row in table.rows] == ["nse", "coverage[interval=0.8]", "coverage[interval=0.4]"]
    low, median, high = over_stations["score"].sel(metric="nse", lead_time=1).values
    assert table.rows[0][2] == f"{median:.3f} ({low:.3f} to {high:.3f})"
    assert quartile_table(over_stations, ["nse"], spread=False).rows[0][2] == f"{median:.3f}"


def test_metrics_that_were_not_scored_are_left_out(over_stations):
    assert "flood" not in quartile_table(over_stations).markdown()


def test_a_series_has_one_column():
    over_stations = quartiles(score_forecast(FLOW, FLOW))
    assert quartile_table(over_stations, ["nse"]).columns == ("metric", "unit", "all days", "stations")
    assert quartile_table(over_stations, ["nse"]).rows == (("nse", "", "1.000 (1.000 to 1.000)", "4"),)
    assert {row[2] for row in rows_of(quartile_records(over_stations).csv())[1:]} == {""}


def test_the_same_table_reaches_a_page_a_terminal_and_a_spreadsheet():
    table = ScoreTable("Skill", ("model", "lead 1"), (("our [model]", "0.500 +"), ("a, b", "-")), "over stations")
    assert table.markdown() == (
        "**Skill**\n\n| model | lead 1 |\n| --- | --: |\n| our [model] | 0.500 + |\n| a, b | - |\n\nover stations\n"
    )
    assert rows_of(table.csv()) == [["model", "lead 1"], ["our [model]", "0.500 +"], ["a, b", "-"]]
    console = Console(width=60, record=True, file=io.StringIO())
    console.print(table.rich())
    shown = console.export_text()
    assert all(text in shown for text in ("Skill", "our [model]", "0.500 +", "over stations"))
