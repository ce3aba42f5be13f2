from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from hydromae.base.errors import ConfigError
from hydromae.base.patches import cell_index
from hydromae.batch.batch import Batch, scatter
from hydromae.config.read import build_config
from hydromae.masks.tasks import forecast_mask
from hydromae.models.losses import scored_cells
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.windows.windows import WindowReader, Windows
from support.batches import BatchMaker
from support.small import small_config, small_parts, small_raw
from support.sources import World

Prepared = tuple[World, Store]
DAYS = 12
MODEL: dict[str, Any] = {
    "series_patch_size": 1,
    "series_patch_days": 3,
    "grid_patch_days": 1,
    "recurrent_dim": 8,
    "rolling": ["riverflow"],
    "validity_embedding": True,
}
ONE: dict[str, Any] = {"data": {"window": DAYS, "stations_per_window": 1}, "model": MODEL}
SEVERAL: dict[str, Any] = {
    "data": {"window": DAYS, "stations_per_window": 3},
    "model": {**MODEL, "recurrent_donors": 1},
}
AROUND: dict[str, Any] = {
    "data": {"window": DAYS, "stations_per_window": 1, "context_stations": 2},
    "model": {**MODEL, "recurrent_context": 5},
}
EVERY: dict[str, Any] = {"data": {"window": DAYS}, "model": MODEL}
GRIDS: dict[str, Any] = {"data": {"window": DAYS}, "model": {**MODEL, "recurrent_grids": 6}}
BACK: dict[str, Any] = {**ONE, "model": {**MODEL, "recurrent_backward": True}}
ALONE: dict[str, Any] = {
    **ONE,
    "model": {**GRIDS["model"], "recurrent_backward": True, "quantiles": [0.1, 0.5, 0.9], "attention": "none"},
}
DAILY: dict[str, Any] = {**ONE, "model": {**ALONE["model"], "series_patch_days": 1}}
GRIDS_ONE: dict[str, Any] = {**ONE, "model": GRIDS["model"]}
UNATTENDED: dict[str, Any] = {**ONE, "model": {**GRIDS["model"], "grids_attended": False}}
# GRIDS and UNATTENDED together have all of GRIDS_ONE.
EACH = [ONE, SEVERAL, AROUND, EVERY, GRIDS, pytest.param(GRIDS_ONE, marks=pytest.mark.slow), UNATTENDED, BACK, ALONE]
ROLLING: dict[str, Any] = {"strategies": {"rolling_forecast": 1}, "horizon": 5}


@pytest.fixture(autouse=True)
def places(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coordinates of the stations, of which the small source has only the latitude."""
    known = np.array([[51.0, 52.0, 51.5, 53.0], [0.0, -1.0, 0.5, -2.0]])
    for module in ("batch.batcher", "windows.context", "windows.cells_around"):
        monkeypatch.setattr(f"hydromae.{module}.station_places", lambda store: known)

    def cell_places(store: Store) -> np.ndarray:
        """Cells some 20 km apart, from 54 degrees north and 2 degrees west on."""
        row, column = np.divmod(cell_index(store.valid_patches, store.shape, store.patch_size).ravel(), store.shape[1])
        return np.stack([54 - 0.2 * row, -2 + 0.3 * column])

    monkeypatch.setattr("hydromae.windows.cells_around.cell_places", cell_places)


def parts(prepared: Prepared, path: Path, sections: dict[str, Any], **masking: Any) -> tuple[Any, ...]:
    config = small_config(prepared[0], path, **sections, masking={**ROLLING, **masking})
    return small_parts(config, prepared[1])


def read(reader: WindowReader, sections: dict[str, Any]) -> Windows:
    groups = {"stations_per_window": None} | sections["data"]
    stations = {None: None, 1: [[3], [0]], 3: [[3, 1, 2], [0, 2, 1]]}[groups["stations_per_window"]]
    return reader.read([60, 100], DAYS, stations=None if stations is None else np.array(stations))


def of_issues(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    tokens = batch.tokens["riverflow"]
    assert tokens.issued is not None
    return tokens.issued.day, tokens.target.index // tokens.shape.places * tokens.shape.days


@pytest.mark.parametrize("sections", [ONE, SEVERAL, EVERY])
def test_every_token_boundary_forecasts_the_whole_tokens_of_its_horizon(
    prepared: Prepared, tmp_path: Path, sections: dict[str, Any]
) -> None:
    _, reader, maker = parts(prepared, tmp_path, sections)
    windows = read(reader, sections)
    batch = maker.training_batch(windows, 0)
    issue, first = of_issues(batch)
    tokens = batch.tokens["riverflow"]
    assert tokens.issued is not None
    # A horizon of 5 days is two tokens of 3; the last issue day has one token left. Each is forecast without later
    # weather and with that of the horizon.
    forecasts = zip(issue[0].tolist(), first[0].tolist(), tokens.issued.weather[0].tolist(), strict=True)
    assert sorted(set(forecasts)) == sorted(
        (day, begin, day + known)
        for day, begin in [(3, 3), (3, 6), (6, 6), (6, 9), (9, 9)]
        for known in (0, 6)
    )  # fmt: skip
    real = batch.tokens["riverflow"].target.real
    assert torch.equal(real, batch.tokens["riverflow"].target.take(batch.tokens["riverflow"].valid).any(-1))
    for name in ("precip", "soil", "evap"):
        assert not batch.tokens[name].target.real.any()
    plan = maker.masker.planner.of_batch(windows.available_by_slot, DAYS, 0, 0)
    assert [hiding.rolled for hiding in plan["riverflow"]] == real.sum(1).tolist()
    assert all(hiding.hides for hiding in plan["riverflow"])


def test_issue_days_lie_as_far_apart_as_asked(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = parts(prepared, tmp_path, DAILY, forcing=0.0, warm_up=2, issue_every=4)
    windows = read(reader, DAILY)
    batch = maker.training_batch(windows, 0)
    issue, first = of_issues(batch)
    expected = {(day, day + lead) for day in (2, 6, 10) for lead in range(5) if day + lead < DAYS}
    assert set(zip(issue[0].tolist(), first[0].tolist(), strict=True)) == expected
    plan = maker.masker.planner.of_batch(windows.available_by_slot, DAYS, 0, 0)
    assert [hiding.rolled for hiding in plan["riverflow"]] == batch.tokens["riverflow"].target.real.sum(1).tolist()


@pytest.mark.parametrize("sections", EACH)
@pytest.mark.parametrize(
    ("forcing", "training"),
    [
        (0.0, True),
        (1.0, False),
        pytest.param(0.0, False, marks=pytest.mark.slow),
        pytest.param(1.0, True, marks=pytest.mark.slow),
    ],
)
def test_a_forecast_is_the_same_bit_for_bit_whatever_comes_after_its_issue_day(
    prepared: Prepared, tmp_path: Path, sections: dict[str, Any], forcing: float, training: bool
) -> None:
    model, reader, maker = parts(prepared, tmp_path, sections, forcing=forcing)
    windows = read(reader, sections)
    random = torch.Generator().manual_seed(0)

    def predicted(given: Windows) -> tuple[torch.Tensor, Batch]:
        batch = maker.training_batch(given, 0) if training else maker.evaluation_batch(given)
        return model.predict(batch)["riverflow"], batch

    usual, batch = predicted(windows)
    issue, _ = of_issues(batch)
    real = batch.tokens["riverflow"].target.real
    for day in (3, 6, 9):

        def spoiled(name: str, values: torch.Tensor, day: int = day) -> torch.Tensor:
            # With known weather what comes after the horizon, two tokens, is unknown.
            begin = day if name == "riverflow" or forcing == 0 else day + 6
            garbage = 100 * torch.rand(values.shape, generator=random)
            late = (torch.arange(DAYS) >= begin).view(1, -1, *[1] * (values.ndim - 2)) & ~values.isnan()
            return torch.where(late, garbage, values)

        around = windows.context
        if around is not None:
            around = replace(around, values={name: spoiled(name, values) for name, values in around.values.items()})
        values = {name: spoiled(name, values) for name, values in windows.values.items()}
        found, _ = predicted(replace(windows, values=values, context=around))
        assert torch.equal(found[real & (issue <= day)], usual[real & (issue <= day)])
        if day < 9:
            assert not torch.equal(found[real], usual[real])


# 0.5 forecasts in both regimes, the others in one.
@pytest.mark.parametrize("sections", EACH)
@pytest.mark.parametrize("forcing", [0.5, *(pytest.param(share, marks=pytest.mark.slow) for share in (0.0, 1.0))])
def test_each_forecast_is_that_of_its_issue_day_by_itself(
    prepared: Prepared, tmp_path: Path, sections: dict[str, Any], forcing: float
) -> None:
    model, reader, maker = parts(prepared, tmp_path, sections, forcing=forcing)
    windows = read(reader, sections)
    batch = maker.evaluation_batch(windows)
    tokens, predicted = batch.tokens["riverflow"], model.predict(batch)["riverflow"]
    issue, _ = of_issues(batch)
    stations = prepared[1].read("riverflow", slice(0, 1)).shape[1]
    values = {
        name: torch.zeros(DAYS, stations) if model.shapes[name].kind == "series" else of_name[0]
        for name, of_name in windows.values.items()
    }
    chosen = {"riverflow": torch.ones(stations, dtype=torch.bool)}
    assert tokens.issued is not None
    regimes = {0.0: [False], 0.5: [False, True], 1.0: [True]}[forcing]
    for day, perfect in product((3, 6, 9), regimes):
        known = [name for name in values if name != "riverflow"] if perfect else []
        alone = maker.batcher.batch(
            _cut(windows, day + 6), forecast_mask(_cut_values(values, day + 6), day, chosen, known)
        )
        single = scatter(model.predict(alone)["riverflow"], alone.tokens["riverflow"], alone.n_days)
        of_regime = (tokens.issued.weather > tokens.issued.day) == perfect
        for sample in range(2):
            of_issue = tokens.target.real[sample] & (issue[sample] == day) & of_regime[sample]
            assert of_issue.any()
            for entry in of_issue.nonzero()[:, 0].tolist():
                index = int(tokens.target.index[sample, entry])
                slot, place = divmod(index, tokens.shape.places)
                if sections not in (EVERY, GRIDS) and place:
                    continue  # a task asks for the first station of a window only
                expected = single[sample, slot * 3 : slot * 3 + 3, place]
                torch.testing.assert_close(predicted[sample, entry, : len(expected)], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("forcing", [0.0, 1.0])
def test_a_forecast_reads_what_the_stations_around_show_before_its_issue_day(
    prepared: Prepared, tmp_path: Path, forcing: float
) -> None:
    model, reader, maker = parts(prepared, tmp_path, AROUND, forcing=forcing)
    windows = read(reader, AROUND)
    assert windows.context is not None and set(windows.context.values) == {"evap", "riverflow"}
    usual = model.predict(maker.evaluation_batch(windows))["riverflow"]
    for name in windows.context.values:
        changed = {**windows.context.values, name: windows.context.values[name] + 1}
        given = replace(windows, context=replace(windows.context, values=changed))
        assert not torch.equal(model.predict(maker.evaluation_batch(given))["riverflow"], usual)
    kept = maker.training_batch(windows, 0).context
    assert kept is not None
    shown = torch.stack([kept.seen["evap"].any(1), ~windows.context.values["evap"].isnan().all(1)])
    assert (shown[0] <= shown[1]).all()


@pytest.mark.parametrize("sections", [GRIDS, GRIDS_ONE, UNATTENDED, ALONE])
def test_a_forecast_reads_the_cells_around_its_station(
    prepared: Prepared, tmp_path: Path, sections: dict[str, Any]
) -> None:
    model, reader, maker = parts(prepared, tmp_path, sections, forcing=1.0)
    # Only the recurrence is left to bring it; attention that leaves the grids out brings nothing of them anyway.
    for name, parameter in model.named_parameters():
        if model.config.attended("grid") and "station_states" not in name and "states.to_value" not in name:
            torch.nn.init.zeros_(parameter)
    windows = read(reader, sections)
    usual = model.predict(maker.evaluation_batch(windows))["riverflow"]
    for name in ("precip", "soil"):
        given = replace(windows, values={**windows.values, name: windows.values[name] * 2})
        assert not torch.equal(model.predict(maker.evaluation_batch(given))["riverflow"], usual)
        # Cells that lie around no station are not read.
        cells = maker.evaluation_batch(windows).cells
        assert cells is not None
        spoiled = windows.values[name].clone()
        elsewhere = torch.ones(spoiled[0, 0].numel(), dtype=torch.bool)
        elsewhere[cells.index.unique()] = False
        assert elsewhere.any()
        spoiled.flatten(2)[:, :, elsewhere] = 77.0
        given = replace(windows, values={**windows.values, name: spoiled})
        assert torch.equal(model.predict(maker.evaluation_batch(given))["riverflow"], usual)


def test_a_gap_is_filled_from_both_sides_and_a_forecast_in_the_same_batch_is_not(
    prepared: Prepared, tmp_path: Path
) -> None:
    model, reader, maker = parts(prepared, tmp_path, BACK, strategies={"gap": 1}, targets={"gap": ["riverflow"]})
    # Only the recurrence from the last day is left.
    for name, parameter in model.named_parameters():
        if not name.startswith("station_states.") and "later_to_value" not in name:
            torch.nn.init.zeros_(parameter)
    windows = read(reader, BACK)
    batch = maker.training_batch(windows, 0)
    usual = model.predict(batch)["riverflow"]
    tokens = batch.tokens["riverflow"]
    seen = tokens.valid if tokens.readable is None else tokens.readable
    last = (torch.arange(DAYS) * seen.reshape(2, DAYS)).amax(1)  # the last visible day of each window
    day = (tokens.target.index // tokens.shape.places * tokens.shape.days)[..., None] + torch.arange(3)
    scored = scored_cells(tokens)
    before = scored & (day < last[:, None, None])
    assert before.any() and (usual[before] != 0).all()
    assert (usual[scored & ~before] == 0).all()
    flow = windows.values["riverflow"].clone()
    for sample in range(2):
        flow[sample, last[sample]] += 5.0
    changed = model.predict(maker.training_batch(replace(windows, values={**windows.values, "riverflow": flow}), 0))
    assert (changed["riverflow"][before] != usual[before]).all()


@pytest.mark.parametrize("name", ["evap", "precip"])
def test_a_modality_that_is_dropped_is_not_seen_in_some_windows_of_training(
    prepared: Prepared, tmp_path: Path, name: str
) -> None:
    _, reader, maker = parts(prepared, tmp_path, ONE, drop={name: 0.5, "riverflow": 0.3})
    starts, stations = list(range(60, 92)), np.array([[i % 4] for i in range(32)])
    windows = reader.read(starts, DAYS, stations=stations)
    shown = {
        modality: tokens.visible.real.any(1) for modality, tokens in maker.training_batch(windows, 0).tokens.items()
    }
    assert 8 <= shown[name].sum() <= 24 and shown["soil"].all()
    assert torch.stack(list(shown.values())).any(0).all()
    other = maker.training_batch(windows, 1).tokens[name].visible.real.any(1)
    assert not torch.equal(other, shown[name])
    # Each window by itself draws the same; evaluation drops none.
    alone = maker.training_batch(reader.read(starts[3:5], DAYS, stations=stations[3:5]), 0)
    assert torch.equal(alone.tokens[name].visible.real.any(1), shown[name][3:5])
    assert maker.evaluation_batch(windows).tokens[name].visible.real.any(1).all()


def test_windows_of_training_that_show_only_what_is_forecast(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = parts(prepared, tmp_path, ONE, drop_forcing=0.5, drop={"precip": 0.5})
    starts, stations = list(range(60, 92)), np.array([[i % 4] for i in range(32)])
    windows = reader.read(starts, DAYS, stations=stations)
    tokens = maker.training_batch(windows, 0).tokens
    shown = {name: selected.visible.real.any(1) for name, selected in tokens.items()}
    only_flow = ~(shown["precip"] | shown["soil"] | shown["evap"])
    assert 8 <= only_flow.sum() <= 24 and shown["riverflow"].all()
    assert torch.equal(shown["soil"], ~only_flow) and torch.equal(shown["evap"], ~only_flow)
    assert (only_flow | ~shown["precip"]).sum() > only_flow.sum()  # rain is left out by itself, too
    assert all(selected.visible.real.any(1).all() for selected in maker.evaluation_batch(windows).tokens.values())


def test_windows_of_training_that_lack_attributes(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = parts(prepared, tmp_path, ONE, drop_attributes=0.6)
    starts, stations = list(range(60, 100)), np.array([[i % 4] for i in range(40)])
    windows = reader.read(starts, DAYS, stations=stations)
    known = torch.ones(40, 1, 8)
    given = maker.masker.without_attributes(known, windows, 3)
    lacking = given.isnan()[:, 0]  # [B, A]
    assert 6 <= lacking.all(1).sum() <= 18
    some = lacking.any(1) & ~lacking.all(1)
    assert 6 <= some.sum() <= 18 and 0.3 < lacking[some].double().mean() < 0.7
    assert not torch.equal(maker.masker.without_attributes(known, windows, 4).isnan(), given.isnan())
    few = reader.read(starts[5:8], DAYS, stations=stations[5:8])
    assert torch.equal(maker.masker.without_attributes(known[5:8], few, 3).isnan()[:, 0], lacking[5:8])
    _, _, usual = parts(prepared, tmp_path, ONE)
    assert usual.masker.without_attributes(known, windows, 3) is known


def test_of_each_window_something_is_shown_whatever_is_dropped(prepared: Prepared, tmp_path: Path) -> None:
    every = dict.fromkeys(("precip", "soil", "evap", "riverflow"), 0.9)
    model, reader, maker = parts(prepared, tmp_path, ONE, drop=every)
    starts, stations = list(range(60, 92)), np.array([[i % 4] for i in range(32)])
    batch = maker.training_batch(reader.read(starts, DAYS, stations=stations), 0)
    assert torch.stack([tokens.visible.real.any(1) for tokens in batch.tokens.values()]).any(0).all()
    assert model.train()(batch)[0].isfinite()


def test_nothing_is_issued_in_the_days_of_warm_up(prepared: Prepared, tmp_path: Path) -> None:
    _, reader, maker = parts(prepared, tmp_path, ONE, warm_up=4)
    windows = read(reader, ONE)
    issue, _ = of_issues(maker.training_batch(windows, 0))
    assert sorted(set(issue[0].tolist())) == [6, 9]  # 4 days are two tokens
    plan = maker.masker.planner.of_batch(windows.available_by_slot, DAYS, 0, 0)
    assert plan["riverflow"][0].rolled == 6  # two tokens after day 6 and one after day 9, each in two regimes


def _cut(windows: Windows, days: int) -> Windows:
    around = windows.context
    if around is not None:
        around = replace(around, values=_cut_samples(around.values, days))
    return replace(windows, values=_cut_samples(windows.values, days), context=around)


def _cut_samples(values: dict[str, torch.Tensor], days: int) -> dict[str, torch.Tensor]:
    return {name: of_name[:, :days] for name, of_name in values.items()}


def _cut_values(values: dict[str, torch.Tensor], days: int) -> dict[str, torch.Tensor]:
    return {name: of_name[:days] for name, of_name in values.items()}


def test_a_mixture_is_validated_as_each_window_is_by_itself(prepared: Prepared, tmp_path: Path) -> None:
    strategies = {"rolling_forecast": 1, "random": 1, "forecast": 1, "gap": 1}
    model, reader, maker = parts(prepared, tmp_path, ONE, strategies=strategies)
    starts, stations = list(range(60, 76)), np.array([[i % 4] for i in range(16)])
    together = maker.evaluation_batch(reader.read(starts, DAYS, stations=stations))
    issued = together.tokens["riverflow"].issued
    assert issued is not None
    rolling = [(issued.day[i] < DAYS)[together.tokens["riverflow"].target.real[i]].any() for i in range(16)]
    assert any(rolling) and not all(rolling)
    predicted = model.predict(together)
    for i in range(16):
        alone = maker.evaluation_batch(reader.read(starts[i : i + 1], DAYS, stations=stations[i : i + 1]))
        for name, expected in model.predict(alone).items():
            found = {key: predicted[name][i, entry] for key, entry in _entries(together, name, i).items()}
            own = {key: expected[0, entry] for key, entry in _entries(alone, name, 0).items()}
            assert found.keys() == own.keys()
            for key, values in own.items():
                torch.testing.assert_close(found[key], values, rtol=1e-5, atol=1e-5)


def _entries(batch: Batch, name: str, sample: int) -> dict[tuple[int, tuple[int, int]], int]:
    """Place of a token, its issue day and the last of known weather (99 of no forecast) -> entry among the targets."""
    tokens = batch.tokens[name]
    entries = tokens.target.real[sample].nonzero()[:, 0].tolist()
    days = [(99, 99)] * tokens.target.index.shape[1]
    if tokens.issued is not None:
        known = zip(tokens.issued.day[sample].tolist(), tokens.issued.weather[sample].tolist(), strict=True)
        days = [(day, weather) if day < DAYS else (99, 99) for day, weather in known]
    return {(int(tokens.target.index[sample, entry]), days[entry]): entry for entry in entries}


def test_a_step_trains_every_part_and_scores_each_issue_days_observations(prepared: Prepared, tmp_path: Path) -> None:
    model, reader, maker = parts(prepared, tmp_path, ONE)
    batch = maker.training_batch(read(reader, ONE), 0)
    total, losses = model.train()(batch)
    total.backward()
    assert total.isfinite() and losses["riverflow_loss"] > 0
    assert scored_cells(batch.tokens["riverflow"]).sum() > 20
    unused = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not unused


def test_what_is_forecast_but_taken_for_weather_is_refused_before_training(prepared: Prepared, tmp_path: Path) -> None:
    masking = {**ROLLING, "forecast": ["riverflow", "evap"]}
    with pytest.raises(ConfigError, match=r"forecasts evap, which model\.rolling does not name"):
        build_trainer(small_config(prepared[0], tmp_path / "leak", **ONE, masking=masking), prepared[1])
    both = {**ONE, "model": {**MODEL, "rolling": ["riverflow", "evap"]}}
    build_trainer(small_config(prepared[0], tmp_path / "both", **both, masking=masking), prepared[1])


def test_what_rolling_needs_is_said(prepared: Prepared, tmp_path: Path) -> None:
    raw = small_raw(prepared[0], tmp_path, masking=ROLLING)
    with pytest.raises(ConfigError, match="rolling_forecast needs a model whose attention looks back only"):
        build_config(raw)
    raw["model"]["rolling"] = ["riverflow"]
    build_config(raw)
    with pytest.raises(ConfigError, match="a fill would show later days"):
        build_config({**raw, "data": {**raw["data"], "fill": {"evap": "nearest"}}})
    config = small_config(prepared[0], tmp_path, **ONE, masking=ROLLING)
    model, reader, _ = small_parts(config, prepared[1])
    looking_both_ways = MultiModalMAE(model.config.model_copy(update={"rolling": ()}), model.valid_patches)
    maker = BatchMaker(prepared[1], model.shapes, config.masking)
    with pytest.raises(ValueError, match="needs a model with rolling series"):
        looking_both_ways.predict(maker.evaluation_batch(read(reader, ONE)))


def test_what_looks_back_from_the_end_does_not_run_where_nothing_reads_it(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, reader, maker = parts(prepared, tmp_path, BACK)
    batch, states = maker.training_batch(read(reader, BACK), 0), model.station_states
    calls: list[int] = []
    states.later.register_forward_hook(lambda *_: calls.append(1))
    made = []
    for nothing_reads in (states._nothing_reads, lambda *_: False):
        monkeypatch.setattr(states, "_nothing_reads", nothing_reads)
        model.zero_grad()
        loss, _ = model(batch)
        loss.backward()
        made.append((loss.detach(), {name: weight.grad for name, weight in model.named_parameters()}))
    assert calls == [1]  # the second time only
    assert torch.equal(made[0][0], made[1][0])
    for name, gradient in made[0][1].items():
        assert (gradient is None) == (made[1][1][name] is None) and (
            gradient is None or torch.equal(gradient, made[1][1][name])
        )
    assert (states.later.weight_hh_l0.grad == 0).all()
