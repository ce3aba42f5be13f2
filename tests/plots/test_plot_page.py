"""The page of a file: what it holds is the file's, and in a browser the station and the issue time are chosen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from hydromae.base.errors import ConfigError
from hydromae.plots.plot import plot
from hydromae.store.store_of_frame import store_of_frame
from support.browser import Opened, needs_browser, running_browser
from support.html_page import Page, assert_fetches_nothing
from support.packed import unpacked

STATIONS = xr.Variable("station", np.array(["12005", "46003"], dtype=object))
NAMES = xr.Variable("station", np.array(["Muick at Invermuick", "Dart at Austins Bridge"], dtype=object))
LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]
UNITS = {"units": "mm/d", "long_name": "river flow"}
DAYS = pd.date_range("2012-01-01", periods=60)


def forecast() -> xr.Dataset:
    mean = np.random.default_rng(0).gamma(2, 1, (2, 3, 2)).astype(np.float32)
    dims = ("issue_time", "lead_time", "station")
    return xr.Dataset(
        {
            "riverflow": (dims, mean, UNITS),
            "riverflow_quantiles": ((*dims, "quantile"), mean[..., None] * np.array([0.2, 0.6, 1, 1.5, 3]), UNITS),
            "riverflow_threshold": (("event", "station"), np.array([[1e6, 1e6], [0.25, np.nan]])),
        },
        {"issue_time": DAYS[40:42], "lead_time": [1, 2, 3], "station": STATIONS, "station_name": NAMES,
         "quantile": LEVELS, "event": ["2-year flood", "below Q95"]},
        {"title": "Forecast by gb", "forcing": "none"},
    )  # fmt: skip


def observed() -> pd.DataFrame:
    random = np.random.default_rng(1)
    columns = {"precip": random.gamma(1, 4, 120), "riverflow": random.gamma(2, 1, 120)}
    return pd.DataFrame({**columns, "station": np.tile(["12005", "46003"], 60)}, index=DAYS.repeat(2))


def content(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    text = path.read_text(encoding="utf-8")
    return unpacked(text.split('id="plot-data">')[1].split("<")[0])


def physical(described: dict[str, Any], values: np.ndarray, station: int) -> np.ndarray:
    return values[station].astype(float) * described["scale"][station] + described["offset"][station]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plot") / "forecast.html"
    units = {"precip": "mm/d", "riverflow": "mm/d"}
    with store_of_frame(observed(), ["precip", "riverflow"], units) as (store, _):
        plot(forecast(), data=store, output=path, days=10)
    return path


def test_the_page_holds_the_forecast_with_its_bands_and_what_was_observed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert_fetches_nothing(text)
    assert "without weather after the issue time" in Page(text).text
    described, arrays = content(page)
    made, flows = forecast(), observed()[observed()["station"] == "46003"]["riverflow"]
    assert described["stations"] == ["12005", "46003"] and described["issue"] == 1 and described["bands"] == [90, 50]
    np.testing.assert_allclose(
        physical(described, arrays["forecast"], 1), made["riverflow"].values[:, :, 1], rtol=2e-3, atol=2e-3
    )
    high = made["riverflow_quantiles"].sel(quantile=0.95).values[:, :, 1]
    np.testing.assert_allclose(physical(described, arrays["high 90"], 1), high, rtol=2e-3, atol=2e-3)
    assert np.datetime64(described["first_day"], "D") == np.datetime64("2012-02-01")  # ten days to the first issue
    expected = flows["2012-02-01":"2012-02-14"]
    np.testing.assert_allclose(physical(described, arrays["observed"], 1), expected, rtol=2e-3, atol=2e-3)
    assert described["levels"] == {"2-year flood": [1e6, 1e6], "below Q95": [0.25, None]}
    rain = arrays["rain"][1].astype(float) * described["rain_scale"][1] + described["rain_offset"][1]
    known = observed()[observed()["station"] == "46003"]["precip"]["2012-02-01":"2012-02-14"]
    np.testing.assert_allclose(rain, known, rtol=2e-3, atol=0.02)


def test_filled_gaps_have_the_line_of_the_model_beside_the_observations(tmp_path: Path) -> None:
    values = np.random.default_rng(2).gamma(2, 1, (60, 2)).astype(np.float32)
    flag = np.zeros((60, 2), np.int8)
    flag[20:25, 0] = 1
    series = xr.Dataset(
        {"riverflow": (("time", "station"), values, UNITS), "riverflow_flag": (("time", "station"), flag)},
        {"time": DAYS, "station": STATIONS, "station_name": NAMES},
    )
    plot(series, output=tmp_path / "filled.html", days=20)
    described, arrays = content(tmp_path / "filled.html")
    assert np.isnan(arrays["observed"][0, 20:25]).all() and np.isfinite(arrays["model"][0, 19:26]).all()
    assert np.isfinite(arrays["model"][0]).sum() == 7 and np.isnan(arrays["model"][1]).all()
    np.testing.assert_allclose(physical(described, arrays["model"], 0)[19:26], values[19:26, 0], rtol=2e-3, atol=2e-3)
    first, last = described["spans"][0]
    assert first <= 20 and last >= 24 and last - first == 19


def test_scores_have_no_page_of_their_own(tmp_path: Path) -> None:
    scores = xr.Dataset({"score": (("metric", "lead_time"), np.zeros((1, 2)))})
    with pytest.raises(ConfigError, match="hydromae report"):
        plot(scores, output=tmp_path / "scores.html")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with running_browser() as running:
        yield running


@needs_browser
@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_the_station_and_the_issue_time_are_chosen(browser: Any, page: Path, width: int, scheme: str) -> None:
    view = Opened(browser, page.as_uri(), width=width, scheme=scheme)
    shown = view.page
    shown.fill("#station", "austins")
    shown.press("#station", "Enter")
    assert shown.inner_text("#station-name") == "46003, Dart at Austins Bridge"
    mean = forecast()["riverflow"].values
    assert f"after 2012-02-11: {mean[1, :, 1].max():.3g}"[:-1] in shown.inner_text("#answer")
    shown.click("#issue-before")
    assert shown.inner_text("#issue-day") == "2012-02-10"
    assert "Highest in the 3 days after 2012-02-10" in shown.get_attribute("#forecast-host", "aria-label")
    key = shown.inner_text("#forecast-host")
    for words in ("observed", "observed later", "persistence", "forecast", "rain observed", "90 % band", "50 % band"):
        assert words in key, words
    assert "2-year flood" not in key
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert view.barriers() == [] and view.complaints == [] and view.foreign == []


@needs_browser
def test_without_scripts_there_is_a_picture(browser: Any, page: Path) -> None:
    shown = Opened(browser, page.as_uri(), java_script_enabled=False).page
    assert shown.locator(".picture img").is_visible() and not shown.locator("#forecast-host").is_visible()
