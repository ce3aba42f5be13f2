from pathlib import Path

from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from support.small import small_config
from support.sources import World


def test_a_series_that_is_hidden_whole_does_not_blow_up_the_gradient(
    prepared: tuple[World, Store], tmp_path: Path
) -> None:
    # Its encoder sees the static token alone, whose input is the mean of scaled attributes: nearly 0.
    masking = {"strategies": {"modality": 1.0}}
    trainer = build_trainer(small_config(prepared[0], tmp_path, masking=masking), prepared[1])
    for parts in trainer.batches():
        trainer.train_step(parts, epoch=0)
    _, norms = trainer.history.read(trainer.world)
    assert max(norms) < 1000
