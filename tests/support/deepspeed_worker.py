"""One of several processes that make three steps; one of them or, in fp16, a wild scale spoils the second."""

import sys
from typing import Any

import torch
from torch import Tensor

from hydromae.config.read import load_config
from hydromae.store.store import Store
from hydromae.training.build import build_trainer
from hydromae.training.engine import Engine

SCALES = (2.0**8, 2.0**40, 2.0**8)  # the second overflows where gradients are scaled as they should be


def spoil(engine: Engine) -> None:
    """Make the gradients of this process's next part infinite."""
    original = engine.backward

    def backward(loss: Tensor, last: bool = True) -> None:
        engine.backward = original  # type: ignore[method-assign]
        original(loss * torch.inf, last)

    engine.backward = backward  # type: ignore[method-assign]


def own_weights(engine: Engine) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in engine.model.named_parameters()}


def what_is_left(engine: Engine) -> dict[str, Any]:
    """Weights as this process has them, their average, AdamW's state and the loss scale."""
    state = engine.state()
    with engine.averaged():
        average = own_weights(engine)
    return {
        "weights": own_weights(engine),
        "average": average,
        "moments": {f"{name}.{key}": own[key] for name, own in state["optimizer"]["state"].items() for key in own},
        "scale": state["loss_scale"]["state"].clone(),
    }


def main(config_file: str, output: str, spoiler: int) -> None:
    torch.set_num_threads(1)
    config = load_config(config_file)
    trainer = build_trainer(config, Store.open(config.store_path))
    engine, world = trainer.engine, trainer.world
    left = []
    for step, parts in enumerate(trainer.batches()):
        if engine.loss_scale.enabled:
            engine.loss_scale.load_state_dict({"state": torch.tensor([SCALES[step], 0.0, 2.0])})
        elif step == 1 and world.rank == spoiler:
            spoil(engine)
        trainer.train_step(parts, 0)
        left.append(what_is_left(engine))
    losses, norms = trainer.history.read(world)
    torch.save({"losses": losses, "norms": norms, "left": left}, f"{output}.{world.rank}")
    world.leave()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
