"""Figures hold the numbers of the files that they are drawn from."""

from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from hydromae.base.errors import ConfigError, DataError
from hydromae.drawing.days import day_numbers
from hydromae.plots.plot import plot
from hydromae.store.store_of_frame import store_of_frame
from hydromae.tokens.selection import TARGET

Hydromae = Callable[..., tuple[int, str, str]]
STATIONS = xr.Variable("station", np.array(["12005", "46003"], dtype=object))
NAMES = xr.Variable("station", np.array(["Muick at Invermuick", "Dart at Austins Bridge"], dtype=object))
LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
UNITS = {"units": "mm/d", "long_name": "river flow"}


def forecast(issues: int = 2) -> xr.Dataset:
    random = np.random.default_rng(0)
    mean = random.gamma(2, 1, (issues, 3, 2)).astype(np.float32)
    dims = ("issue_time", "lead_time", "station")
    issue_times = pd.date_range("2012-02-10", periods=issues)
    return xr.Dataset(
        {
            "riverflow": (dims, mean, UNITS),
            "riverflow_quantiles": ((*dims, "quantile"), mean[..., None] * np.array([0.2, 0.6, 1, 1.5, 3]), UNITS),
            "riverflow_volume": (dims, 100 * mean, {"units": "m3/s"}),
            "days_since_observed": (("issue_time", "station"), np.zeros((issues, 2))),
        },
        {"issue_time": issue_times, "lead_time": [1, 2, 3], "station": STATIONS, "station_name": NAMES,
         "quantile": LEVELS},
        {"title": "Forecast by gb", "forcing": "none"},
    )  # fmt: skip


def observed(days: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(1)
    index = pd.date_range("2012-01-01", periods=days).repeat(2)
    station = np.tile(["12005", "46003"], days)
    return pd.DataFrame({"precip": random.gamma(1, 4, 2 * days), "riverflow": random.gamma(2, 1, 2 * days),
                         "station": station}, index=index)  # fmt: skip


def line(axes: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    (found,) = (one for one in axes.lines if one.get_label() == label)
    return np.asarray(found.get_xdata()), np.asarray(found.get_ydata())


def test_a_forecast_is_drawn_with_its_bands_after_what_was_observed() -> None:
    made, record = forecast(), observed()
    with store_of_frame(record, ["precip", "riverflow"], {"precip": "mm/d", "riverflow": "mm/d"}) as (store, _):
        figure = plot(made, "dart", data=store, days=10)
    rain, flow = figure.axes
    issue, flows = np.datetime64("2012-02-11"), record[record["station"] == "46003"]["riverflow"]
    days, values = line(flow, "forecast")
    np.testing.assert_array_equal(days, day_numbers(issue + np.arange(1, 4)))
    np.testing.assert_array_equal(values, made["riverflow"].values[1, :, 1])  # of the last issue time
    days, values = line(flow, "observed")
    np.testing.assert_array_equal(days, day_numbers(issue - np.arange(9, -1, -1)))
    np.testing.assert_allclose(values, flows["2012-02-02":"2012-02-11"], rtol=1e-6)
    np.testing.assert_allclose(line(flow, "observed later")[1], flows["2012-02-12":"2012-02-14"], rtol=1e-6)
    np.testing.assert_allclose(line(flow, "persistence")[1], flows["2012-02-11"], rtol=1e-6)
    bands = [one for one in flow.collections if isinstance(one, PolyCollection)]
    assert [band.get_label() for band in bands] == ["90 % band", "50 % band"]
    widest = bands[0].get_paths()[0].vertices[:, 1]
    quantiles = made["riverflow_quantiles"].values[1, :, 1]
    np.testing.assert_allclose([widest.min(), widest.max()], [quantiles[:, 0].min(), quantiles[:, -1].max()], rtol=1e-6)
    assert len(rain.patches) == 13 and rain.get_ylim()[0] > rain.get_ylim()[1]  # bars hang from the top
    assert rain.get_title(loc="left") == "46003, Dart at Austins Bridge"


def test_levels_within_the_height_of_the_panel_are_marked() -> None:
    made = forecast()
    made["riverflow_threshold"] = (("event", "station"), np.array([[1e6, 0.5], [0.25, np.nan]]))
    made = made.assign_coords(event=["flood of 2 years", "below Q95"])
    figure = plot(made)
    marked = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert marked == [[], ["below Q95"], [], ["flood of 2 years"]]


def test_without_the_data_only_the_forecast_is_drawn() -> None:
    figure = plot(forecast(), "12005", issue_time="2012-02-10")
    labels = {one.get_label() for one in figure.axes[1].lines}
    assert {"forecast", "issued"} <= labels and not {"observed", "persistence"} & labels


def test_several_stations_are_drawn_below_each_other_with_one_issue_time() -> None:
    figure = plot(forecast())
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles == ["12005, Muick at Invermuick", "", "46003, Dart at Austins Bridge", ""]


def test_filled_gaps_stand_apart_from_what_was_observed() -> None:
    values = np.arange(100.0)[:, None] + np.array([0, 500.0])
    flag = np.zeros((100, 2), np.int8)
    flag[40:45, 0] = 1
    filled = xr.Dataset(
        {"evap": (("time", "station"), values), "evap_flag": (("time", "station"), np.zeros_like(flag)),
         "riverflow": (("time", "station"), values, UNITS), "riverflow_flag": (("time", "station"), flag)},
        {"time": pd.date_range("2012-01-01", periods=100), "station": STATIONS},
    )  # fmt: skip
    (axes,) = plot(filled, "12005", days=30).axes
    days, seen = line(axes, "observed")
    gap = day_numbers(np.datetime64("2012-01-01") + np.arange(40, 45))
    assert np.isnan(seen[np.isin(days, gap)]).all() and np.isfinite(seen).sum() == 25
    days, model = line(axes, "model")
    np.testing.assert_array_equal(model[np.isfinite(model)], np.arange(39.0, 46.0))  # it touches both sides


def test_a_reconstruction_shows_what_was_hidden() -> None:
    observations = np.arange(40.0)[:, None] + np.zeros(2)
    state = np.where(np.arange(40)[:, None] % 10 == 0, TARGET, 0).astype(np.int8) + np.zeros((1, 2), np.int8)
    made = xr.Dataset(
        {"riverflow": (("time", "station"), observations, UNITS),
         "riverflow_reconstructed": (("time", "station"), observations + 1),
         "riverflow_state": (("time", "station"), state)},
        {"time": pd.date_range("2012-01-01", periods=40), "station": STATIONS},
    )  # fmt: skip
    (axes,) = plot(made, "46003", days=40).axes
    model = line(axes, "model")[1]
    np.testing.assert_array_equal(model[np.isfinite(model)], [1.0, 11.0, 21.0, 31.0])


def test_skill_is_drawn_against_lead_time() -> None:
    score = np.random.default_rng(0).random((2, 2, 3, 3))
    scores = xr.Dataset(
        {"score": (("model", "metric", "lead_time", "percentile"), score)},
        {"model": ["hydromae", "ridge"], "metric": ["nse", "kge"], "lead_time": [1, 2, 3], "percentile": [25, 50, 75]},
    )
    (axes,) = plot(scores, metric="kge").axes
    np.testing.assert_array_equal(line(axes, "ridge")[1], score[1, 1, :, 1])
    with pytest.raises(DataError, match="has no metric crps; it has nse, kge"):
        plot(scores, metric="crps")


@pytest.mark.parametrize(
    ("station", "expected"),
    [
        ("99", "has no station '99'; it has 12005, 46003"),
        ("at", "the name 'at' fits 2 stations, 12005 .Muick at Invermuick., 46003"),
    ],
)
def test_a_station_that_cannot_be_found_is_refused(station: str, expected: str) -> None:
    with pytest.raises(DataError, match=expected):
        plot(forecast(), station)


def test_what_cannot_be_drawn_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="the suffix says which format to write"):
        plot(forecast(), output=tmp_path / "forecast.jpg")
    with pytest.raises(DataError, match="has no issue time 2013-01-01; it has 2012-02-10, 2012-02-11"):
        plot(forecast(), output=tmp_path / "forecast.png", issue_time="2013-01-01")
    with pytest.raises(DataError, match="holds no series of stations that could be drawn"):
        plot(xr.Dataset({"precip": (("time", "y", "x"), np.zeros((1, 1, 1)))}), output=tmp_path / "forecast.png")
    many = forecast().isel(station=[0] * 7)
    with pytest.raises(DataError, match="has 7 stations, and a figure holds 6; name some with --station"):
        plot(many, output=tmp_path / "forecast.png")
    assert not list(tmp_path.iterdir())


def test_the_command_writes_the_picture_once(hydromae: Hydromae, tmp_path: Path) -> None:
    forecast().to_netcdf(tmp_path / "forecast.nc", engine="h5netcdf")
    code, output, _ = hydromae("plot", tmp_path / "forecast.nc", "--station", "muick")
    assert code == 0 and f"Written: {tmp_path / 'forecast.png'}" in output
    assert plt.imread(tmp_path / "forecast.png").shape[1] > 900
    code, _, errors = hydromae("plot", tmp_path / "forecast.nc", "--station", "muick")
    assert code == 2 and "is there already; give another path, or replace it with --overwrite" in errors
    for suffix in ("png", "svg", "pdf"):
        output = tmp_path / f"forecast.{suffix}"
        for _ in range(2):
            assert hydromae("plot", tmp_path / "forecast.nc", "-o", output, "--overwrite", "--station", "dart")[0] == 0
        output.write_bytes(b"somebody's own")
        code, _, errors = hydromae("plot", tmp_path / "forecast.nc", "-o", output, "--overwrite")
        assert code == 2 and "was not written by hydromae, so it is not replaced" in errors
    assert hydromae("plot", tmp_path / "none.nc")[0] == 2


def test_a_figure_is_matplotlibs() -> None:
    assert isinstance(plot(forecast()), Figure)
