import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hydromae.evaluation.reconstruction import SquaredErrors


def fields(seed: int, windows: int, *place: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    random = np.random.default_rng(seed)
    shape = (windows, 5, *place)
    truth = random.normal(size=shape).astype(np.float32)
    truth[random.random(shape) < 0.4] = np.nan
    model = random.normal(size=shape).astype(np.float32)
    return truth, {"model": np.where(np.isnan(truth), np.nan, model), "mean": model + 1}


def add(errors: SquaredErrors, truth: np.ndarray, filled: dict[str, np.ndarray]) -> None:
    errors.add(torch.from_numpy(truth), {method: torch.from_numpy(values) for method, values in filled.items()})


@given(seed=st.integers(0, 1000), windows=st.integers(1, 4))
def test_the_error_of_a_grid_is_over_all_cells_and_windows(seed: int, windows: int) -> None:
    truth, filled = fields(seed, windows, 3, 4)
    errors = SquaredErrors("grid", "mm/d")
    for i in range(windows):
        add(errors, truth[i : i + 1], {method: values[i : i + 1] for method, values in filled.items()})
    result = errors.result()
    for method, values in filled.items():
        squares = (values.astype(np.float64) - truth)[~np.isnan(truth)] ** 2
        assert result["mse"][method] == pytest.approx(squares.mean(), rel=1e-5)
    assert result["values"] == (~np.isnan(truth)).sum() and result["measure"] == "land cells"


@given(seed=st.integers(0, 1000), stations=st.integers(1, 6))
def test_the_error_of_series_is_the_median_of_the_stations_that_were_scored(seed: int, stations: int) -> None:
    truth, filled = fields(seed, 3, stations + 1)
    truth[..., -1] = np.nan  # never scored
    errors = SquaredErrors("series", "mm/d")
    for piece in (slice(0, 1), slice(1, 3)):
        add(errors, truth[piece], {method: values[piece] for method, values in filled.items()})
    result = errors.result()
    scored = ~np.isnan(truth).all(axis=(0, 1))
    for method, values in filled.items():
        squares = np.where(np.isnan(truth), np.nan, (values.astype(np.float64) - truth) ** 2)[..., scored]
        assert result["mse"][method] == pytest.approx(np.median(np.nanmean(squares, axis=(0, 1))), rel=1e-5)
    assert result["measure"] == "median over stations" and result["units"] == "mm/d"


def test_where_nothing_was_hidden_there_is_no_error_rather_than_none_at_all() -> None:
    errors = SquaredErrors("series", "m3/s")
    add(errors, np.full((1, 2, 3), np.nan, np.float32), {"model": np.zeros((1, 2, 3), np.float32)})
    assert errors.result() == {
        "kind": "series", "units": "m3/s", "measure": "median over stations", "mse": {"model": None}, "values": 0
    }  # fmt: skip


def test_without_any_window_there_is_no_result() -> None:
    with pytest.raises(ValueError, match="no window was added"):
        SquaredErrors("grid", "1").result()
