"""Builds the parts of a training from its configuration."""

import logging
import math
from collections.abc import Collection, Iterable

import torch

from hydromae.base.allocator import keep_freed_memory
from hydromae.base.errors import ConfigError
from hydromae.batch.batcher import Batcher
from hydromae.config import Config
from hydromae.masks.masker import Masker
from hydromae.masks.planner import MaskPlanner
from hydromae.runs.directory import RunDirectory
from hydromae.store.memory_store import MemoryStore
from hydromae.store.store import Store
from hydromae.training.callback import Callback
from hydromae.training.early_stopping import check_patience
from hydromae.training.engines import make_engine
from hydromae.training.estimate import refuse_too_large
from hydromae.training.loop import Trainer
from hydromae.training.optimizer import freeze, make_schedule
from hydromae.training.setup import build_model, usable_cores
from hydromae.training.start_from import Start, start_from
from hydromae.training.state import TrainingState, identity
from hydromae.training.step import Stepper
from hydromae.training.validation import check_training, check_validation
from hydromae.training.world import World, join_world
from hydromae.windows.cells_around import cells_around
from hydromae.windows.context import context_stations
from hydromae.windows.loader import WindowLoader
from hydromae.windows.order import BatchOrder, Shares, training_order, validation_order
from hydromae.windows.station_weights import station_weights
from hydromae.windows.windows import WindowReader

logger = logging.getLogger(__name__)


def build_trainer(
    config: Config,
    store: Store,
    run: RunDirectory | None = None,
    *,
    callbacks: Iterable[Callback] = (),
    world: World | None = None,
    batch: int | None = None,
) -> Trainer:
    """A trainer of a new model.

    Args:
        config: the experiment.
        store: its data.
        run: its run directory; None for a trial that writes nothing.
        callbacks: called in their order.
        world: the processes; None joins those that a launcher started.
        batch: windows in a step over all processes; None takes what the configuration gives for their number.

    Raises:
        ConfigError: the configuration does not fit the data or the machine.
        DataError: `data.cache` is memory, and the store differs from when it was written.
    """
    settings = config.training
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    keep_freed_memory()
    world = world or join_world(settings.device)
    check_patience(config)
    # Processes differ a little in what they need, so one of them decides for all.
    world.main_alone(lambda: refuse_too_large(config, store, world.device, world.local_size))
    model = build_model(config, store)
    # A checkpoint restores the weights later, when the run that this one started from may no longer exist.
    fresh = run is None or not any(run.checkpoints.glob("step_*.pt"))
    start: Start | None = None
    if settings.start_from and fresh:
        start = start_from(model, settings.start_from, store)
        if world.is_main:
            start.log()
    freeze(model, settings.freeze)
    model = model.to(world.device)
    if world.rank:
        torch.manual_seed(config.seed + world.rank)  # each process has its own dropout
    engine = make_engine(model, world, settings)
    weights = {name: station_weights(store, name) for name in settings.station_weights}
    batcher = Batcher.of_store(
        store, model.shapes, world.device, config.data.fill, weights, cells_around(model.config, store)
    )
    masker = Masker.of_store(store, model.shapes, config.masking, config.seed)
    _refuse_leaks(masker.planner, model.config.rolling)
    cached = MemoryStore(store) if config.data.cache == "memory" else store
    reader = WindowReader(cached, model.shapes, context_stations(config.data, store))

    batch = batch or settings.batch_size * settings.accumulate * world.size
    parts = math.ceil(batch / (world.size * settings.batch_size))
    order = training_order(config.data, store, batch, config.seed)
    check_training(reader, masker.planner, order)
    workers = min(settings.workers, max(usable_cores() // world.local_size - 1, 0))
    shares = Shares(order, world.rank, world.size, parts)
    held_out, validation = _validation(config, store, reader, masker.planner, world)
    whole = config.model_copy(update={"model": model.config})
    schedule = make_schedule(engine.optimizer, settings, len(order))
    return Trainer(
        config=config,
        store=store,
        run=run,
        state=TrainingState(engine, schedule, world, batch, identity(whole, store, engine)),
        stepper=Stepper(engine, batcher, masker, settings.task_weights),
        reader=reader,
        order=order,
        loader=WindowLoader(reader, shares, workers, pin_memory=world.device.type == "cuda"),
        parts=parts,
        held_out=held_out,
        validation=validation,
        start=start,
        callbacks=callbacks,
    )


def _refuse_leaks(planner: MaskPlanner, rolling: Collection[str]) -> None:
    """Refuse rolling forecasts of what the model takes for weather, whose later days other targets would read."""
    others = sorted(set(planner.settings.forecast) - set(rolling))
    if "rolling_forecast" in planner.weights and others:
        raise ConfigError(
            f"strategy rolling_forecast forecasts {', '.join(others)}, which model.rolling does not name, so that its "
            f"later days would be seen; name it there, or name only {', '.join(rolling)} with masking.forecast"
        )


def _validation(
    config: Config, store: Store, reader: WindowReader, planner: MaskPlanner, world: World
) -> tuple[BatchOrder | None, WindowLoader | None]:
    """Windows of the validation period and their loader; None without such a period, or if nothing can be scored."""
    if config.data.val is None:
        return None, None
    # Other strategies hide values, and so score them, from a window's first day on.
    unscored = config.masking.warm_up if planner.weights.keys() == {"rolling_forecast"} else 0
    order = validation_order(config.data, store, "val", config.training.batch_size * world.size, unscored)
    if (nothing := check_validation(config, reader, planner, order)) is None:
        return order, WindowLoader(reader, Shares(order, world.rank, world.size, 1))
    if world.is_main:
        logger.warning("%s", nothing)
    return order, None
