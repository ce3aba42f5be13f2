from typing import Any

import pytest
import torch
from torch import nn

from hydromae.models.losses import squared_error
from hydromae.models.multimodal_mae import MultiModalMAE
from support.tiny import plain_dict, tiny_config

# Linear layers that start otherwise.
OTHERS = ("film", "calendar", "evap_encoder.embedding", "riverflow_encoder.embedding", "decoder.head")


def test_linear_layers_start_xavier_uniform_with_zero_bias() -> None:
    torch.manual_seed(0)
    model = MultiModalMAE(tiny_config(d_model=64))
    checked = 0
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and not any(word in name for word in OTHERS):
            bound = (6 / (module.in_features + module.out_features)) ** 0.5
            largest = float(module.weight.detach().abs().max())
            assert 0.7 * bound < largest <= bound, name
            # The static token's bias stands in for an input that is nearly 0: it starts with unit variance.
            assert module.bias is None or module.bias.any() == name.endswith("static"), name
            checked += 1
    assert checked > 50


def test_series_embeddings_start_with_unit_variance() -> None:
    torch.manual_seed(0)
    model = MultiModalMAE(tiny_config(d_model=256, series_patch_size=5))
    embedding = model.get_submodule("evap_encoder.embedding")
    embedded = embedding(torch.randn(2000, 5)).detach()
    assert 0.9 < float(embedded.var()) < 1.1


def test_tokens_and_positions_start_small_and_different() -> None:
    torch.manual_seed(0)
    model = MultiModalMAE(tiny_config(d_model=64, series_position="learned"))
    words = ("mask_token", "position", "modality")
    found = [p.detach() for name, p in model.named_parameters() if any(word in name for word in words)]
    assert len(found) == 4 + 2 * 2 + 2 * 2 + 2 * 4  # mask tokens, positions of grids and series, modality tokens
    assert 0.018 < float(torch.cat([p.flatten() for p in found]).std()) < 0.022
    assert all(p.any() for p in found)


def test_the_same_seed_gives_the_same_model() -> None:
    torch.manual_seed(3)
    one = MultiModalMAE(tiny_config()).state_dict()
    torch.manual_seed(3)
    other = MultiModalMAE(tiny_config()).state_dict()
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("changes", [{}, {"recurrent_dim": 32}, {"use_weighted_fm": True}])
def test_a_fresh_model_is_about_as_good_as_the_mean(changes: dict[str, Any]) -> None:
    torch.manual_seed(0)
    model = MultiModalMAE(tiny_config(d_model=64, decoder_dim=64, **changes)).eval()
    batch = model.as_batch(plain_dict(model.config, size=40))
    predicted = model.predict(batch)
    for name, tokens in batch.tokens.items():
        loss = squared_error(predicted[name], tokens)[0]
        nothing_known = squared_error(torch.zeros_like(predicted[name]), tokens)[0]
        assert loss < 1.15 * nothing_known, (name, float(loss / nothing_known))
