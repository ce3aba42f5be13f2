"""What is missing is filled alike (`data.fill`) in training and in every task."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from hydromae.batch.batch import scatter
from hydromae.batch.states import state_window
from hydromae.masks.tasks import ValueMask
from hydromae.prediction.predictor import Predictor
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.tasks.infill import infill
from hydromae.tasks.reconstruct import reconstruct
from hydromae.tasks.ungauged import ungauged
from hydromae.tokens.selection import MISSING, TARGET
from hydromae.tokens.shape import from_tokens
from hydromae.windows.windows import WindowReader
from support.batches import BatchMaker
from support.other_values import OtherValues
from support.sources import FIRST, World
from support.untrained import untrained_run

START, DAYS = 100, 8
METHODS = ("nearest", "median", "zero")
MODEL: dict[str, Any] = {"series_patch_size": 2, "recurrent_dim": 4, "validity_embedding": True}
Prepared = tuple[World, Store]


def run_with(prepared: Prepared, path: Path, method: str | None, names: tuple[str, ...], **masking: Any) -> Path:
    """A run whose missing values of some modalities are filled; all have the same weights."""
    data = {"window": DAYS, "fill": {} if method is None else dict.fromkeys(names, method)}
    return untrained_run(*prepared, path, data=data, model=MODEL, masking=masking).path


def with_gaps(store: Store) -> Store:
    """The store with more gaps: whole tokens, parts of tokens, a station that is not seen in the whole window."""
    random, made = np.random.default_rng(5), {}
    for name in store.names:
        values = np.array(store.values(name))
        values[random.random(values.shape[:2]) < 0.25] = np.nan  # whole patches or stations of a day
        if store.kind(name) == "series":
            values[START - 20 : START + 20, 3] = np.nan
        made[name] = values
    return OtherValues(store, made)


class _Reader(WindowReader):
    """Counts what is there from the values themselves, since they are not those that the store was made of."""

    def __init__(self, store: Store, shapes: Any) -> None:
        super().__init__(store, shapes)
        for name in shapes:
            present = ~np.isnan(store.values(name))
            self.store._present[name] = present.any(-1) if present.ndim == 3 else present


EVERY = ("precip", "soil", "evap", "riverflow")


QUICK = {("nearest", "random"), ("median", "span"), ("zero", "modality"), ("nearest", "forecast")}


@pytest.mark.parametrize(
    ("method", "strategy"),
    [
        pytest.param(method, strategy, marks=() if (method, strategy) in QUICK else pytest.mark.slow)
        for method in METHODS
        for strategy in ("random", "span", "modality", "forecast")
    ],
)
def test_a_question_is_answered_as_the_mask_of_the_training_is(
    prepared: Prepared, tmp_path: Path, method: str, strategy: str
) -> None:
    strategies = {strategy: 1}
    run = run_with(prepared, tmp_path / "run", method, EVERY, strategies=strategies, forcing=0.5, horizon=3)
    plain = run_with(prepared, tmp_path / "plain", None, EVERY, strategies=strategies, forcing=0.5, horizon=3)
    store = with_gaps(prepared[1])
    predictor, without = (Predictor(path, store) for path in (run, plain))
    masking, fill = predictor.config.masking, predictor.config.data.fill
    maker = BatchMaker(store, predictor.model.shapes, masking, 0, torch.device("cpu"), fill)
    reader, differ = _Reader(store, predictor.model.shapes), False
    for start in (START, START + 5, START + 13):
        windows = reader.read([start], DAYS)
        batch = maker.evaluation_batch(windows)
        predicted = predictor.model.predict(batch)
        values = predictor.read(start, DAYS)
        state = {name: state_window(tokens, DAYS)[0] for name, tokens in batch.tokens.items()}
        wanted = {name: of == TARGET for name, of in state.items()}
        hidden = {}
        for name, tokens in batch.tokens.items():
            seen = torch.zeros(tokens.values.shape[:2], dtype=torch.bool)
            seen[0, tokens.visible.index[0]] = True
            cells = seen[..., None].expand_as(tokens.values).float()
            # Neither target nor visible: what a forecast ignores, and the missing tokens of what is hidden.
            hidden[name] = from_tokens(cells, tokens.shape, DAYS)[0] == 0
        mask = ValueMask(wanted, hidden)
        found = predictor.ask(start, values, mask)
        bare = without.ask(start, values, mask)
        for name, tokens in batch.tokens.items():
            expected = predictor.data.scalers[name].unscale(scatter(predicted[name], tokens, DAYS))[0]
            expected = torch.where(state[name] == TARGET, expected, torch.nan)
            torch.testing.assert_close(found[name].mean, expected, equal_nan=True, rtol=1e-4, atol=1e-5)
            real = wanted[name] & (state[name] != MISSING)
            differ |= not torch.allclose(found[name].mean[real], bare[name].mean[real], rtol=1e-3)
    assert differ  # fills count


GAP, STATION = 147, 1


@pytest.fixture(scope="module")
def gapped(prepared: Prepared) -> tuple[Store, Store]:
    """Evaporation with a gap, and with what the nearest day, the one before, has there; flow lacks the day after."""
    made = []
    for name in ("gap", "filled"):
        of_store = {}
        for modality in prepared[1].names:
            values = np.array(prepared[1].values(modality))
            if modality == "evap":
                values[GAP, STATION] = np.nan if name == "gap" else values[GAP - 1, STATION]
            if modality == "riverflow":
                values[GAP + 1, STATION] = np.nan
            of_store[modality] = values
        made.append(OtherValues(prepared[1], of_store))
    return made[0], made[1]


def tasks(run: Path, data: Store, folder: Path) -> dict[str, np.ndarray]:
    """River flow by every task that reads other data, around the gap."""
    period = (FIRST + timedelta(days=GAP - 2), FIRST + timedelta(days=GAP + 4))
    folder.mkdir()
    issue: list[date] = [FIRST + timedelta(days=GAP + 1)]
    made: dict[str, xr.Dataset] = {
        "forecast": forecast(run, issue, data=data, horizon=2),
        "forecast with weather": forecast(
            run, [FIRST + timedelta(days=GAP - 1)], data=data, horizon=2, forcing="perfect"
        ),
        "infill": infill(run, folder / "infill.nc", data=data, period=period, modalities=["riverflow"]),
        "ungauged": ungauged(run, folder / "ungauged.nc", data=data, period=period),
    }
    found = {task: one["riverflow"].values for task, one in made.items()}
    for one in made.values():
        one.close()
    return found


@pytest.mark.parametrize("names", [pytest.param(("evap",), marks=pytest.mark.slow), ("evap", "riverflow")])
def test_every_task_shows_a_fill_as_it_shows_the_value_itself(
    prepared: Prepared, gapped: tuple[Store, Store], tmp_path: Path, names: tuple[str, ...]
) -> None:
    model = {**MODEL, "validity_embedding": False}
    data = {"window": DAYS, "fill": dict.fromkeys(names, "nearest")}
    run = untrained_run(*prepared, tmp_path / "run", data=data, model=model).path
    plain = untrained_run(*prepared, tmp_path / "plain", data={**data, "fill": {}}, model=model).path
    found, expected = (tasks(run, store, tmp_path / f"run{i}") for i, store in enumerate(gapped))
    without = tasks(plain, gapped[0], tmp_path / "without")
    for task in found:
        np.testing.assert_allclose(found[task], expected[task], rtol=1e-5, err_msg=task)
        assert not np.allclose(found[task], without[task], rtol=1e-4), task


def test_flow_that_is_hidden_is_never_filled(prepared: Prepared, tmp_path: Path) -> None:
    model = {**MODEL, "validity_embedding": False}
    period = (FIRST + timedelta(days=140), FIRST + timedelta(days=150))
    found = []
    for name, fill in (("with", {"riverflow": "nearest"}), ("without", {})):
        run = untrained_run(*prepared, tmp_path / name, data={"window": DAYS, "fill": fill}, model=model).path
        with ungauged(run, tmp_path / f"{name}.nc", period=period) as file:
            found.append(file["riverflow"].values)
    np.testing.assert_array_equal(*found)


def test_reconstruction_shows_the_fills_of_the_training(prepared: Prepared, tmp_path: Path) -> None:
    made = {}
    for method in (None, "median"):
        run = run_with(prepared, tmp_path / str(method), method, EVERY)
        period = (FIRST + timedelta(days=START), FIRST + timedelta(days=START + DAYS - 1))
        with reconstruct(run, tmp_path / f"{method}.nc", period=period) as file:
            made[method] = file.load()
        assert made[method].attrs["fill"].startswith("none" if method is None else "precip: median")
    hidden = made[None]["riverflow_state"].values == TARGET
    assert np.array_equal(hidden, made["median"]["riverflow_state"].values == TARGET)
    one, other = (made[method]["riverflow_reconstructed"].values[hidden] for method in made)
    assert not np.allclose(one, other)
