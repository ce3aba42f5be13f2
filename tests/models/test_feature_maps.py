import math

import pytest
import torch
from torch import nn

from hydromae.models.encoder import EncoderStack
from hydromae.models.feature_maps import WeightedFeatureMaps, map_layers
from hydromae.models.initialise import initialise
from hydromae.models.multimodal_mae import MultiModalMAE
from support.tiny import plain_dict, randomise, tiny_config, tiny_model


def test_without_weighted_maps_decoders_read_the_last_layer() -> None:
    assert map_layers(tiny_config(), 3) == (2,)


@pytest.mark.parametrize("depth", [1, 2, 4, 5, 6])
def test_an_encoder_gives_the_layers_of_like_depth_and_its_output_last(depth: int) -> None:
    config = tiny_config(use_weighted_fm=True, grid_encoder_layers=6, series_encoder_layers=depth)
    like = [math.ceil((i + 1) * depth / 6) - 1 for i in range(6)]
    assert map_layers(config, depth) == (*like, depth - 1)
    alone = config.model_copy(update={"fusion": "none"})
    assert map_layers(alone, depth) == tuple(range(depth))


def test_chosen_layers_count_in_the_deepest_encoder() -> None:
    changes = {"use_weighted_fm": True, "use_fm_layers": (1, 4), "grid_encoder_layers": 6, "series_encoder_layers": 4}
    assert map_layers(tiny_config(**changes), 6) == (1, 4, 5)
    assert map_layers(tiny_config(**changes), 4) == (1, 3, 3)
    alone = tiny_config(**changes, fusion="none")
    assert map_layers(alone, 6) == (1, 4)
    assert map_layers(alone, 4) == (1, 3)


def test_layers_that_no_map_uses_are_not_built() -> None:
    changes = {"use_weighted_fm": True, "use_fm_layers": (0, 2), "grid_encoder_layers": 6, "series_encoder_layers": 4}
    alone = MultiModalMAE(tiny_config(**changes, fusion="none"))
    assert len(alone.get_submodule("precip_encoder.stack.layers")) == 3  # type: ignore[arg-type]
    assert len(alone.get_submodule("evap_encoder.stack.layers")) == 2  # type: ignore[arg-type]
    assert len(alone.get_submodule("evap_encoder.stack.film")) == 2  # type: ignore[arg-type]
    fused = MultiModalMAE(tiny_config(**changes))
    assert len(fused.get_submodule("precip_encoder.stack.layers")) == 6  # type: ignore[arg-type]


def test_maps_are_the_layers_outputs_through_the_final_norm() -> None:
    stack = EncoderStack(tiny_config(grid_encoder_layers=3), (0, 2, 2), film=False)
    randomise(stack)
    tokens = torch.randn(2, 4, 16)
    outputs = [tokens]
    for layer in stack.layers:
        outputs.append(layer(outputs[-1]))
    found = stack(tokens, None, with_input=True)
    for one, expected in zip(found, [outputs[i] for i in (0, 1, 3, 3)], strict=True):
        assert torch.equal(one, stack.norm(expected))


def test_every_decoder_layer_reads_its_own_mixture_through_its_own_norm() -> None:
    module = WeightedFeatureMaps(3, 2, 8)
    randomise(module)
    maps = [torch.randn(2, 5, 8) for _ in range(3)]
    for i, found in enumerate(module(maps)):
        weights = module.mixture.weight[i].double()
        mixed = sum((w * m.double() for w, m in zip(weights, maps, strict=True)), torch.zeros(2, 5, 8).double())
        norm = module.norms[i]
        assert isinstance(norm, nn.LayerNorm)
        expected = (mixed - mixed.mean(-1, keepdim=True)) / (
            mixed.var(-1, unbiased=False, keepdim=True) + norm.eps
        ).sqrt()
        torch.testing.assert_close(found.double(), expected * norm.weight + norm.bias, rtol=1e-5, atol=1e-5)


def test_weights_start_as_normal_with_variance_one_over_the_maps() -> None:
    torch.manual_seed(0)
    module = WeightedFeatureMaps(400, 500, 1)
    initialise(module)
    weights = module.mixture.weight.detach().double()  # 200,000 draws
    assert weights.mean().abs() < 5 * 400**-0.5 / 200_000**0.5
    assert abs(weights.var() * 400 - 1) < 5 * (2 / 200_000) ** 0.5
    # The fourth moment of a normal is 3; of a uniform distribution 1.8.
    assert abs((weights / weights.std()).pow(4).mean() - 3) < 5 * (96 / 200_000) ** 0.5


@pytest.mark.parametrize("fusion", ["none", "full"])
@pytest.mark.parametrize("layers", [None, (0,), (1, 3)])
@pytest.mark.parametrize("use_input", [True, False])
def test_every_weight_learns_whatever_maps_are_mixed(
    fusion: str, layers: tuple[int, ...] | None, use_input: bool
) -> None:
    config = tiny_config(
        use_weighted_fm=True,
        use_fm_layers=layers,
        use_input=use_input,
        fusion=fusion,
        grid_encoder_layers=4,
        series_encoder_layers=3,
        series_patch_size=1,
    )
    model = tiny_model(config)
    model(plain_dict(config))[0].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name
