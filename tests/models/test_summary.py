"""The table of a model tells its true parameters, and its cost is that of the products it does."""

import re

import pytest
from rich.console import Console

from hydromae.config import Config
from hydromae.config.read import load_config
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.models.summary import forward_operations, parts, summary_table
from support.tiny import tiny_config

RATIOS = {"grid": 0.4, "series": 0.4}


def text_of(model: MultiModalMAE, config: Config) -> str:
    console = Console(width=120, force_terminal=False)
    with console.capture() as captured:
        console.print(summary_table(model, config))
    return captured.get()


def total_of(model: MultiModalMAE, config: Config) -> list[str]:
    total = next(line for line in text_of(model, config).splitlines() if "total" in line)
    return re.findall(r"[\d,]+", total)


def test_totals_are_printed_in_full_digits() -> None:
    shallow = [f"model.{part}=1" for part in ("grid_encoder_layers", "series_encoder_layers", "decoder_layers")]
    config = load_config("configs/crossmae.yaml", shallow)
    model = MultiModalMAE(config.model)
    sizes = [parameter.numel() for parameter in model.parameters()]
    assert sum(sizes) > 10**6 and total_of(model, config) == [f"{sum(sizes):,}", str(len(sizes))]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "parameters", "tensors"),
    [("crossmae", "25,596,846", "623"), ("crossmae_wfm", "25,607,190", "668")],
)
def test_totals_of_published_models_are_as_they_were(file: str, parameters: str, tensors: str) -> None:
    config = load_config(f"configs/{file}.yaml")
    assert total_of(MultiModalMAE(config.model), config) == [parameters, tensors]


def test_parts_hold_every_parameter_once() -> None:
    model = MultiModalMAE(tiny_config(missing_attributes="learned"))
    found = parts(model)
    assert sum(part.parameters for part in found) == sum(p.numel() for p in model.parameters())
    assert sum(part.tensors for part in found) == len(list(model.parameters()))


def test_operations_of_a_model_without_layers_above_the_embedding_can_be_worked_by_hand() -> None:
    # One series of 4 stations, one a token: 4 tokens a day, of which 2 are hidden in 1 day at a ratio of a half.
    width, context = 8, 8
    sizes = {
        "stations_per_window": 4,
        "series_patch_size": 1,
        "series_encoder_layers": 1,
        "decoder_layers": 1,
        "nhead": 1,
    }
    plain = {"static_attr_dim": 0, "series_position": "learned", "fusion": "none", "calendar": False}
    config = tiny_config(modalities={"flow": "series"}, d_model=width, decoder_dim=context, **sizes, **plain)
    n_visible, n_hidden = 2, 2
    embedding = 2 * n_visible * 1 * width
    layer = 2 * n_visible * (3 + 1 + 4 + 4) * width**2 + 2 * 2 * n_visible * n_visible * width
    block = 2 * n_hidden * (1 + 1 + 4 + 4) * context**2 + 2 * n_visible * width * 2 * context
    block += 2 * 2 * n_hidden * n_visible * context
    head = 2 * n_hidden * context
    counted = forward_operations(MultiModalMAE(config), 1, {"grid": 0.5, "series": 0.5})
    assert counted == embedding + layer + block + head


@pytest.mark.parametrize("backward", [False, True])
def test_the_products_of_a_recurrence_count(backward: bool) -> None:
    sizes = {
        "modalities": {"flow": "series"},
        "series_encoder_layers": 1,
        "decoder_layers": 1,
        "recurrent_backward": backward,
    }
    first, wider = (
        forward_operations(MultiModalMAE(tiny_config(recurrent_dim=dim, **sizes)), 6, RATIOS) for dim in (64, 128)
    )
    # 6 days of 5 stations, 4 gates of an input of 32 and of the state itself.
    more = 2 * 6 * 5 * 4 * (128 * (32 + 128) - 64 * (32 + 64)) * (2 if backward else 1)
    assert more <= wider - first < 1.2 * more


def test_operations_grow_faster_than_the_window() -> None:
    model = MultiModalMAE(tiny_config(grid_encoder_layers=1, series_encoder_layers=1, decoder_layers=1))
    assert forward_operations(model, 12, RATIOS) > 2 * forward_operations(model, 6, RATIOS)
