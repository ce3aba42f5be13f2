import torch

from hydromae.batch.batch import Context
from hydromae.config import ModelConfig
from hydromae.models.surroundings import Surroundings

HEADS, WIDTH = 12, 5


def surroundings() -> Surroundings:
    torch.manual_seed(0)
    modalities = {"precip": "series", "riverflow": "series"}
    module = Surroundings(ModelConfig(modalities=modalities, recurrent_context=HEADS, recurrent_dim=4), WIDTH)
    module.reset()
    return module


def context(stations: int = 3, days: int = 4) -> Context:
    random = torch.Generator().manual_seed(1)
    values = {name: torch.randn(2, days, stations, generator=random) for name in ("precip", "riverflow")}
    seen = {name: torch.rand(2, days, stations, generator=random) > 0.3 for name in values}
    north, east = (100 * torch.randn(2, 1, stations, generator=random) for _ in range(2))
    return Context({name: torch.where(seen[name], values[name], 0.0) for name in values}, seen, north, east)


def whole(module: Surroundings, around: Context) -> torch.Tensor:
    return torch.stack(list(module(around).values())).sum(0)


def test_first_means_are_of_rings_and_of_directions() -> None:
    # 80 km to the north, 80 km to the south, 10 km to the east.
    weights = surroundings().weights(torch.tensor([[[80.0, -80.0, 0.0]]]), torch.tensor([[[0.0, 0.0, 10.0]]]))[0, 0]
    assert weights.shape == (3, HEADS) and (weights > 0).all()
    torch.testing.assert_close(weights[0, :4], weights[1, :4])  # rings know no direction
    assert weights[:, 0].argmax() == 2 and weights[:, 2].argmin() == 2
    assert weights[0, 4] / weights[1, 4] > 20  # the first direction is north


def test_a_mean_is_of_what_is_seen() -> None:
    module, around = surroundings(), context()
    weights = module.weights(around.north, around.east)[:, 0]  # [B, K, H]
    added = 0
    for name in ("precip", "riverflow"):
        share = torch.einsum("btk,bkh->bth", around.seen[name].float(), weights) / weights.sum(1)[:, None]
        total = torch.einsum("btk,bkh->bth", around.values[name], weights) / weights.sum(1)[:, None]
        features = torch.cat([total / (share + 0.02), share], -1)
        added = added + features @ module.inputs[f"{name}_around"]
    torch.testing.assert_close(whole(module, around)[:, :, 0], added)
    only_rain = Context(
        {**around.values, "riverflow": torch.zeros_like(around.values["riverflow"])},
        {**around.seen, "riverflow": torch.zeros_like(around.seen["riverflow"])},
        around.north,
        around.east,
    )
    torch.testing.assert_close(module(around)["precip"], whole(module, only_rain))
    assert (module(only_rain)["riverflow"] == 0).all()


def test_the_order_and_the_number_of_stations_around_do_not_matter() -> None:
    module, around = surroundings(), context()
    order = torch.tensor([2, 0, 1])
    turned = Context(
        {name: values[..., order] for name, values in around.values.items()},
        {name: seen[..., order] for name, seen in around.seen.items()},
        around.north[..., order],
        around.east[..., order],
    )
    torch.testing.assert_close(whole(module, turned), whole(module, around))
    assert whole(module, context(stations=7)).shape == (2, 4, 1, WIDTH)


def test_a_station_of_unknown_place_has_no_weight() -> None:
    weights = surroundings().weights(torch.tensor([[[50.0, torch.nan]]]), torch.tensor([[[0.0, torch.nan]]]))
    assert (weights[0, 0, 0] > 0).all() and (weights[0, 0, 1] == 0).all()


def test_nothing_around_adds_nothing_and_gradients_stay_finite() -> None:
    module, around = surroundings(), context()
    nothing = Context(
        {name: torch.zeros_like(values) for name, values in around.values.items()},
        {name: torch.zeros_like(seen) for name, seen in around.seen.items()},
        around.north * torch.nan,
        around.east,
    )
    added = whole(module, nothing)
    assert (added == 0).all()
    added.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())
