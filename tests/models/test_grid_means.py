import torch

from hydromae.batch.batch import Batch, CellPlaces, ModalityTokens
from hydromae.config import ModelConfig
from hydromae.models.grid_means import GridMeans
from hydromae.tokens.selection import Selection
from hydromae.tokens.shape import TokenShape, to_tokens

HEADS, WIDTH, DAYS, STATIONS, PATCHES, CELLS = 6, 5, 6, 3, 4, 4


def module() -> GridMeans:
    torch.manual_seed(0)
    kinds = {"precip": "grid", "riverflow": "series"}
    config = ModelConfig(modalities=kinds, recurrent_grids=HEADS, recurrent_dim=4, static_attr_dim=2)
    made = GridMeans(config, WIDTH)
    made.reset()
    return made


def batch(hidden_patch: int | None = None, token_days: int = 2) -> tuple[Batch, torch.Tensor, torch.Tensor]:
    """A batch, its values [B, T, P, cells], and where they are seen."""
    random = torch.Generator().manual_seed(1)
    values = torch.randn(2, DAYS, PATCHES, CELLS, generator=random)
    values[torch.rand(values.shape, generator=random) < 0.2] = torch.nan
    shape = TokenShape("grid", CELLS, token_days, PATCHES)
    tokens = to_tokens(values, shape)
    kept = torch.tensor([i for i in range(tokens.shape[1]) if i % PATCHES != hidden_patch]).expand(2, -1)
    nothing = Selection(kept[:, :0], None)
    of_grid = ModalityTokens(tokens.nan_to_num(), ~tokens.isnan(), Selection(kept, None), nothing, shape)
    index = torch.randint(0, PATCHES * CELLS, (2, STATIONS, 7), generator=random)
    north, east = (100 * torch.randn(2, STATIONS, 7, generator=random) for _ in range(2))
    north[0, 1, 3] = east[0, 1, 3] = torch.nan
    attributes = torch.randn(2, STATIONS, 2, generator=random)
    seen = ~values.isnan()
    if hidden_patch is not None:
        seen[:, :, hidden_patch] = False
    made = Batch({"precip": of_grid}, attributes, None, DAYS, cells=CellPlaces(index, north, east))
    return made, values.nan_to_num(), seen


def test_a_mean_is_of_the_cells_that_are_seen() -> None:
    means, (given, values, seen) = module(), batch(hidden_patch=2)
    cells = given.cells
    assert cells is not None
    weights = means.weights(cells.north, cells.east)
    for b in range(2):
        for s in range(STATIONS):
            of_station = cells.index[b, s]
            shown = seen[b].flatten(1)[:, of_station].float()  # [T, K]
            total = (values[b].flatten(1)[:, of_station] * shown) @ weights[b, s] / weights[b, s].sum(0)
            share = shown @ weights[b, s] / weights[b, s].sum(0)
            expected = torch.cat([total / (share + 0.02), share], -1) @ means.inputs["precip_around"]
            found = means(given)["precip"]
            torch.testing.assert_close(found.added[b, :, s], expected, rtol=1e-4, atol=1e-5)
            known = ~cells.north[b, s].isnan()
            assert torch.equal(found.seen[b, :, s], (shown[:, known] > 0).any(1))


def test_how_tokens_are_cut_does_not_matter() -> None:
    means = module()
    found = [means(batch(token_days=days)[0])["precip"].added for days in (1, 2, 3)]
    torch.testing.assert_close(found[0], found[1])
    torch.testing.assert_close(found[0], found[2])


def test_attributes_widen_the_rings_once_they_are_learnt() -> None:
    means, (given, _, _) = module(), batch()
    usual = means(given)["precip"].added
    assert means.reach is not None
    with torch.no_grad():
        means.reach.weight[:HEADS, 0] = 1.0
    changed = means(given)["precip"].added
    assert not torch.allclose(changed, usual)
    changed.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in means.parameters())
