from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hydromae.base.errors import ConfigError
from hydromae.config import MaskingConfig
from hydromae.masks.hiding import Hiding
from hydromae.masks.planner import MaskPlanner
from hydromae.tokens.shape import TokenShape

DAYS = 12
PER_SLOT = {"precip": 6, "evap": 3, "riverflow": 3}


def planner_of(image_days: int = 1, vector_days: int = 1, seed: int = 0, **masking: Any) -> MaskPlanner:
    shapes = {
        "precip": TokenShape("grid", 4, image_days, 6),
        "evap": TokenShape("series", 1, vector_days, 3),
        "riverflow": TokenShape("series", 1, vector_days, 3),
    }
    return MaskPlanner(MaskingConfig(**masking), shapes, ["riverflow"], seed)


def full(planner: MaskPlanner, size: int = 1, days: int = DAYS) -> dict[str, list[list[int]]]:
    """Every token available."""
    return {name: [[PER_SLOT[name]] * shape.slots(days)] * size for name, shape in planner.shapes.items()}


def without(planner: MaskPlanner, *names: str) -> dict[str, list[list[int]]]:
    return {
        name: [[0] * len(slots) for slots in samples] if name in names else samples
        for name, samples in full(planner).items()
    }


def strategies(plan: dict[str, list[Hiding]]) -> list[str]:
    """The strategy of each sample, which all modalities share."""
    of_samples = list(zip(*([hiding.strategy for hiding in hidings] for hidings in plan.values()), strict=True))
    assert all(len(set(names)) == 1 for names in of_samples)
    return [names[0] for names in of_samples]


def test_strategies_are_drawn_by_their_weights() -> None:
    planner = planner_of(strategies={"random": 3, "span": 1, "place": 0, "forecast": 4})
    drawn = Counter(strategies(planner.of_batch(full(planner), DAYS, number, 0))[0] for number in range(800))
    assert set(drawn) == {"random", "span", "forecast"}
    for name, weight in (("random", 3), ("span", 1), ("forecast", 4)):
        # 800 draws deviate from their expectation by 14 at the most.
        assert abs(drawn[name] - 100 * weight) < 5 * 14.2


def test_all_samples_of_a_training_batch_are_hidden_alike_and_by_the_batchs_number() -> None:
    planner = planner_of(strategies={"random": 1, "modality": 1, "forecast": 1})
    plans = [planner.of_batch(full(planner, size=3), DAYS, number, epoch=2) for number in range(60)]
    assert all(len(set(hidings)) == 1 for plan in plans for hidings in plan.values())
    assert {strategies(plan)[0] for plan in plans} == {"random", "modality", "forecast"}
    assert plans[7] == planner.of_batch(full(planner, size=3), DAYS, 7, epoch=2)
    assert plans != [planner.of_batch(full(planner, size=3), DAYS, number, epoch=3) for number in range(60)]
    other = planner_of(strategies={"random": 1, "modality": 1, "forecast": 1}, seed=1)
    assert plans != [other.of_batch(full(planner, size=3), DAYS, number, epoch=2) for number in range(60)]


@settings(deadline=None)
@given(starts=st.lists(st.integers(0, 5000), min_size=1, max_size=6))
def test_in_evaluation_each_window_has_its_own_draw_whoever_its_mates_are(starts: list[int]) -> None:
    planner = planner_of(strategies={"random": 1, "span": 1, "modality": 1, "forecast": 1})
    together = planner.of_windows(full(planner, len(starts)), DAYS, starts)
    for i, start in enumerate(starts):
        alone = planner.of_windows(full(planner), DAYS, [start])
        assert {name: [hidings[i]] for name, hidings in together.items()} == alone


def test_windows_of_evaluation_have_all_strategies() -> None:
    planner = planner_of(strategies={"random": 1, "span": 1, "modality": 1, "forecast": 1})
    assert set(strategies(planner.of_windows(full(planner, 60), DAYS, range(60)))) == set(planner.weights)


def test_one_modality_is_hidden_whole_and_each_of_them_in_turn() -> None:
    planner = planner_of(strategies={"modality": 1})
    seen = Counter()
    for number in range(90):
        plan = planner.of_batch(full(planner), DAYS, number, 0)
        hidden = [name for name, (hiding,) in plan.items() if hiding.targets]
        assert len(hidden) == 1
        seen[hidden[0]] += 1
        for name, (hiding,) in plan.items():
            whole = PER_SLOT[name] * DAYS
            assert (hiding.targets, hiding.visible) == ((whole, 0) if name in hidden else (0, whole))
    assert set(seen) == set(PER_SLOT) and min(seen.values()) > 10


def horizons(planner: MaskPlanner, days: int) -> Counter[int]:
    plans = [planner.of_batch(full(planner, days=days), days, number, 0)["riverflow"][0] for number in range(300)]
    assert all(hiding.strategy == "forecast" and hiding.visible > 0 for hiding in plans)
    return Counter(days - hiding.closed * planner.shapes["riverflow"].days for hiding in plans)


@pytest.mark.parametrize(("days", "longest"), [(30, 5), (6, 5), (5, 4), (2, 1)])
def test_horizons_are_from_one_day_to_the_longest_and_leave_a_past(days: int, longest: int) -> None:
    drawn = horizons(planner_of(strategies={"forecast": 1}, horizon=5), days)
    assert set(drawn) == set(range(1, longest + 1))
    assert max(drawn.values()) < 3 * min(drawn.values())


@pytest.mark.parametrize(
    ("image_days", "vector_days", "days", "expected"),
    [(1, 5, 30, {5, 10}), (1, 5, 32, {2, 7}), (2, 3, 30, {6, 12}), (5, 5, 7, {2}), (1, 1, 30, set(range(1, 8)))],
)
def test_horizons_are_rounded_up_to_whole_tokens_of_every_modality(
    image_days: int, vector_days: int, days: int, expected: set[int]
) -> None:
    planner = planner_of(image_days, vector_days, strategies={"forecast": 1}, forcing=0)
    assert set(horizons(planner, days)) == expected
    for number in range(50):
        plan = planner.of_batch(full(planner, days=days), days, number, 0)
        assert len({hiding.closed * planner.shapes[name].days for name, (hiding,) in plan.items()}) == 1


@pytest.mark.parametrize("forcing", [0.0, 0.3, 1.0])
def test_the_others_future_is_visible_in_the_share_of_perfect_forecasts(forcing: float) -> None:
    planner = planner_of(strategies={"forecast": 1}, forcing=forcing)
    perfect = 0
    for number in range(400):
        plan = {name: hiding for name, (hiding,) in planner.of_batch(full(planner), DAYS, number, 0).items()}
        closed = plan["riverflow"].closed
        assert plan["riverflow"].targets == 3 * (DAYS - closed) > 0
        known = {name: plan[name].visible for name in ("precip", "evap")}
        assert not any(plan[name].targets for name in known)
        everything, past = ({name: PER_SLOT[name] * n for name in known} for n in (DAYS, closed))
        assert known in (everything, past)
        perfect += known == everything
    # 400 draws deviate by 10 at the most.
    assert abs(perfect - 400 * forcing) <= (0 if forcing in (0, 1) else 50)


@pytest.mark.parametrize(
    ("strategy", "absent", "days"),
    [("forecast", ("riverflow",), DAYS), ("modality", ("precip", "evap"), DAYS), ("forecast", (), 1)],
)
def test_what_would_leave_nothing_to_predict_or_to_see_is_random_in_training_and_nothing_in_evaluation(
    strategy: str, absent: tuple[str, ...], days: int
) -> None:
    planner = planner_of(strategies={strategy: 1})
    available = without(planner, *absent) if absent else full(planner, days=days)
    for number in range(20):
        plan = planner.of_batch(available, days, number, 0)
        assert strategies(plan) == ["random"]
        assert any(hiding.targets for (hiding,) in plan.values())
        # Nothing is scored that the strategy does not train.
        for (hiding,) in planner.of_windows(available, days, [number]).values():
            assert hiding.targets == 0 and hiding.visible == hiding.available and not hiding.hides


def test_a_modality_is_hidden_whole_with_its_group_and_never_with_all_that_there_is() -> None:
    planner = planner_of(strategies={"modality": 1}, groups=[["evap", "riverflow"]])
    hidden = {
        tuple(name for name, hidings in planner.of_batch(full(planner), DAYS, number, 0).items() if hidings[0].targets)
        for number in range(30)
    }
    assert hidden == {("precip",), ("evap", "riverflow")}
    # Without rain nothing would be seen, so that strategy random takes its place.
    assert strategies(planner.of_batch(without(planner, "precip"), DAYS, 0, 0)) == ["random"]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([["precip", "evap"]], r"precip and evap together, whose tokens differ: 6 patches over 1 day, and 3 groups"),
        ([["evap", "snow"]], "names snow, which is none of precip, evap, riverflow"),
    ],
)
def test_a_group_that_cannot_be_hidden_together_is_refused(groups: list[list[str]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        planner_of(groups=groups)


@pytest.mark.parametrize(
    ("masking", "message"),
    [
        ({"groups": [["evap"]]}, "no group; name two"),
        ({"groups": [["evap", "temp"], ["evap", "precip"]]}, "evap is named twice"),
        ({"groups": [["evap", "temp"]], "targets": {"place": ["evap"]}}, "targets of place lack temp of the group"),
    ],
)
def test_groups_that_contradict_are_refused(masking: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MaskingConfig(**masking)


@pytest.mark.parametrize("strategy", ["random", "span", "place", "modality"])
def test_a_strategy_hides_its_targets_alone_and_all_else_is_seen(strategy: str) -> None:
    planner = planner_of(strategies={strategy: 1}, targets={strategy: ["riverflow"]})
    for number in range(20):
        for plan in (
            planner.of_batch(full(planner), DAYS, number, 0),
            planner.of_windows(full(planner), DAYS, [number]),
        ):
            assert strategies(plan) == [strategy]
            flow = plan["riverflow"][0]
            assert flow.targets == (3 * DAYS if strategy == "modality" else round(0.4 * 3 * DAYS))
            for name in ("precip", "evap"):
                assert (plan[name][0].targets, plan[name][0].visible) == (0, PER_SLOT[name] * DAYS)


def test_targets_of_one_strategy_leave_the_others_as_they_are() -> None:
    planner = planner_of(strategies={"random": 1, "place": 1}, targets={"place": ["riverflow"]})
    seen = set()
    for number in range(40):
        plan = planner.of_batch(full(planner), DAYS, number, 0)
        (strategy,) = strategies(plan)
        seen.add((strategy, plan["evap"][0].targets > 0))
    assert seen == {("random", True), ("place", False)}


@pytest.mark.parametrize("strategy", ["random", "span", "place", "modality"])
def test_random_of_all_takes_the_place_of_a_strategy_whose_targets_were_not_observed(strategy: str) -> None:
    planner = planner_of(strategies={strategy: 1}, targets={strategy: ["riverflow"]})
    plan = planner.of_batch(without(planner, "riverflow"), DAYS, 0, 0)
    assert strategies(plan) == ["random"] and plan["precip"][0].targets > 0 and plan["evap"][0].targets > 0
    for (hiding,) in planner.of_windows(without(planner, "riverflow"), DAYS, [0]).values():
        assert hiding.targets == 0 and hiding.visible == hiding.available


def test_a_sample_without_flow_takes_part_in_the_forecasts_of_its_batch() -> None:
    planner = planner_of(strategies={"forecast": 1})
    available = {name: [*full(planner)[name], *without(planner, "riverflow")[name]] for name in PER_SLOT}
    plan = planner.of_batch(available, DAYS, 0, 0)
    assert strategies(plan) == ["forecast", "forecast"]
    assert plan["riverflow"][0].targets > 0 == plan["riverflow"][1].targets


@given(
    counts=st.lists(st.integers(0, 6), min_size=DAYS, max_size=DAYS),
    ratio=st.floats(0.01, 0.99),
    number=st.integers(0, 100),
)
@settings(deadline=None)
def test_targets_visible_and_ignored_tokens_are_all_there_are(counts: list[int], ratio: float, number: int) -> None:
    planner = planner_of(
        strategies={"random": 1, "modality": 1, "forecast": 1}, grid_mask_ratio=ratio, series_mask_ratio=0.5
    )
    available = {**full(planner), "precip": [counts]}
    hiding = planner.of_batch(available, DAYS, number, 0)["precip"][0]
    ignored = 0 if hiding.predicted else hiding.behind
    assert hiding.targets + hiding.visible + ignored == hiding.available == sum(counts)
    assert hiding.gaps == 6 * hiding.closed - sum(counts[: hiding.closed])
    if hiding.strategy == "random":
        assert hiding.targets == max(round(ratio * sum(counts)), min(1, sum(counts) // 2))


@pytest.mark.parametrize("strategy", ["modality", "forecast"])
def test_a_training_sample_never_has_targets_and_nothing_to_see(strategy: str) -> None:
    planner = planner_of(strategies={strategy: 1}, forcing=0)
    both = full(planner, size=2)
    late = [0] * (DAYS - 1) + [3]
    for only in planner.shapes if strategy == "modality" else ["riverflow"]:
        # The first sample has every token, the second those of one modality alone: in a forecast, behind the issue day.
        alone = {
            name: [samples[0], (late if strategy == "forecast" else samples[1]) if name == only else [0] * DAYS]
            for name, samples in both.items()
        }
        for number in range(12):
            plan = planner.of_batch(alone, DAYS, number, 0)
            for sample in zip(*plan.values(), strict=True):
                assert any(h.visible for h in sample) or not any(h.targets for h in sample)
            assert strategies(plan)[0] == strategy
            if strategy == "modality" and plan[only][0].visible == 0:
                assert strategies(plan)[1] == "random"
            if strategy == "modality":
                assert plan[only][1].visible > 0
