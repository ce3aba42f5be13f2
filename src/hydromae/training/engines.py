"""The engine that a configuration names."""

from hydromae.config import TrainingConfig
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.training.engine import Engine, precision_on
from hydromae.training.world import World


def make_engine(model: MultiModalMAE, world: World, settings: TrainingConfig) -> Engine:
    """The engine that `training.engine` names, for several processes; a single process needs none.

    The precision `auto` becomes that of the device.

    Raises:
        ConfigError: it is deepspeed, which is not installed.
    """
    settings = settings.model_copy(update={"precision": precision_on(world.device, settings)})
    if world.size == 1:
        return Engine(model, world, settings)
    if settings.engine == "deepspeed":
        from hydromae.training.deepspeed_engine import DeepSpeedEngine  # an optional package

        return DeepSpeedEngine(model, world, settings)
    from hydromae.training.parallel_engines import DDPEngine, FSDPEngine  # takes a second

    return (FSDPEngine if settings.engine == "fsdp" else DDPEngine)(model, world, settings)
