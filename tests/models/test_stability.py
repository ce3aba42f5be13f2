"""Training stays sound in half precision and with either order of the norms."""

import pytest
import torch

from hydromae.models.multimodal_mae import MultiModalMAE
from support.tiny import plain_dict, tiny_config

STEPS = 200


@pytest.mark.slow
@pytest.mark.parametrize("norm_first", [True, False])
def test_200_steps_under_fp16_autocast_with_loss_scaling_learn_without_nan(norm_first: bool) -> None:
    torch.manual_seed(0)
    few = {"modalities": {"temp": "grid", "riverflow": "series"}, "grid_encoder_layers": 1, "series_encoder_layers": 1}
    config = tiny_config(norm_first=norm_first, decoder_layers=1, **few)
    model = MultiModalMAE(config)
    batch = model.as_batch(plain_dict(config))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**16)
    losses, skipped = [], 0
    for _ in range(STEPS):
        with torch.autocast("cpu", torch.float16):
            loss, _ = model(batch)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        before = scaler.get_scale()
        scaler.step(optimizer)
        scaler.update()
        skipped += scaler.get_scale() < before
        losses.append(loss.item())
    assert all(loss == loss and abs(loss) < float("inf") for loss in losses)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert skipped <= 5
    # It is one batch of noise: learning it by heart is what more than halves the loss.
    assert losses[-1] < 0.5 * losses[0]
