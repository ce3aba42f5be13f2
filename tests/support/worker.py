"""One process of a training that several processes share: steps in float64 if asked; train_watched.py runs it."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from hydromae.batch.batch import Batch
from hydromae.batch.batcher import Batcher
from hydromae.config.read import load_config
from hydromae.masks.mask import MaskRule
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.windows.windows import Windows


class DoubleBatcher(Batcher):
    """Makes batches in float64, so that rounding cannot hide a difference."""

    def batch(self, windows: Windows, mask: MaskRule) -> Batch:
        return doubled(super().batch(windows, mask))


def doubled(batch: Batch) -> Batch:
    tokens = {name: replace(found, values=found.values.double()) for name, found in batch.tokens.items()}
    attributes = None if batch.attributes is None else batch.attributes.double()
    return replace(batch, tokens=tokens, attributes=attributes)


def main(config_file: str, output: str, steps: int, double: bool) -> None:
    torch.set_num_threads(1)
    config = load_config(config_file)
    if double:
        torch.set_default_dtype(torch.float64)
    trainer = build_trainer(config, Store.open(config.store_path))
    if double:
        trainer.stepper.batcher.__class__ = DoubleBatcher
    losses = []
    epoch = 0
    while len(losses) < steps:
        trainer.order.epoch = epoch
        for parts in trainer.batches():
            trainer.train_step(parts, epoch)
            if len(trainer.history) == steps:
                break
        epoch += 1
        losses = [None] * len(trainer.history)
    losses, norms = trainer.history.read(trainer.world)
    weights = trainer.engine.weights()
    validation = None if double else trainer.validate()
    if trainer.world.is_main:
        torch.save({name: tensor.clone() for name, tensor in weights.items()}, output)
        Path(output).with_suffix(".json").write_text(
            json.dumps({"losses": losses, "norms": norms, "validation": validation})
        )
    trainer.world.leave()
