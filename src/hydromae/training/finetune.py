"""Fine-tuning: a run's weights are trained further on the masks of the tasks that they are meant for."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

from hydromae.base.areas import is_flow
from hydromae.base.errors import ConfigError, RunError
from hydromae.base.files import absolute
from hydromae.config import Config, DataConfig, ModelConfig
from hydromae.config.read import build_config
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.training.callback import Callback
from hydromae.training.own_data import own_data
from hydromae.training.runs import new_run

TaskName = Literal["forecast", "infill", "ungauged"]

LR_FACTOR: Final = 0.3
EPOCHS_FACTOR: Final = 0.5
WARMUP_FACTOR: Final = 0.1
PATIENCE: Final = 3
ANCHORED: Final = 0.1  # of the learning rate

# Keys of the model that follow from the data: left open, since other data may give other values.
_DECIDED_BY_DATA: Final = (
    "modalities",
    "grid_height",
    "grid_width",
    "stations_per_window",
    "static_attr_dim",
    "coordinate_attrs",
)


def finetune(
    run: str | Path,
    task: str | Sequence[str],
    overrides: Iterable[str] = (),
    output: str | Path | None = None,
    *,
    data: str | Path | Store | None = None,
    from_scratch: bool = False,
    callbacks: Iterable[Callback] = (),
    on_progress: Callable[[str, float], None] | None = None,
) -> RunDirectory:
    """Train a run's model further on the masks of one task or several, into a run directory of its own.

    Args:
        run: a trained run, or `gb`, the model that comes with the package; it stays as it is.
        task: forecast, infill, ungauged, or several of them, as a list or separated by commas.
        overrides: keys to change, as `training.lr=1e-4`.
        output: the new run's directory; None: beside `run`, named after it and the tasks.
        data: other data, a store or a configuration, which the model goes on reading on the scales of its training; a
            store of what it reads is written beside the output, `<output>_data`. Their last fifth is held out for
            validation where they have no validation period. The weights are those that were best there, so the
            run's own where tuning gains nothing. None: the run's data, or those that `overrides` name, on
            their own scales.
        from_scratch: begin with new weights instead of the run's, all else being equal, for comparison.
        callbacks: take part in the training, in their order.
        on_progress: called while a store is prepared, where `overrides` change the data.

    Returns:
        The new run; `hydromae.training.runs.is_finished` says whether training reached its end.

    Raises:
        ConfigError: a task is not known, a key is wrong, or none of the weights fits.
        RunError: there is no run, it holds no model, its data are gone, or `output` already holds a run.
    """
    trained_run, overrides = RunDirectory.open(run), _listed(overrides)
    config = finetune_config(trained_run, task, overrides, output, from_scratch)
    RunDirectory(config.output_path).refuse_taken()
    if data is not None:
        rolling = config.masking.strategies.keys() == {"rolling_forecast"}
        path = absolute(config.output_path)
        path = path.with_name(f"{path.name}_data")
        own = own_data(trained_run, data, path, rolling)
        config = finetune_config(
            trained_run, task, [*own.keys, *overrides], output, from_scratch, own.data.model_dump(mode="json")
        )
        store = own.store
    else:
        store = trained_run.store() if config.data == _data_of(trained_run) else prepare(config, on_progress)
    return new_run(config, store, callbacks)


def finetune_config(
    run: RunDirectory,
    task: str | Sequence[str],
    overrides: Iterable[str] = (),
    output: str | Path | None = None,
    from_scratch: bool = False,
    data: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of a fine-tuning: the run's own, except for what is hidden and for how long and fast it learns.

    Every task has the same share of the batches. `forecast` hides the future; `infill` hides gaps and spans of days;
    `ungauged` hides the whole target series of some stations, or of the only one in a window, while all other
    modalities stay visible. The learning rate is 0.3 times the run's, the epochs half as many, and the
    warm-up at most a tenth of them. With a validation period it ends after 3 epochs without a lower loss, the loss of
    the run's own weights included. Where the run was trained on these masks already, on other data, its encoders,
    fusion and recurrence are anchored: they learn at a tenth of that rate.

    Arguments and errors are those of `finetune`, but for `data`: the settings of the data in place of the run's.
    """
    tasks, overrides = task_names(task), _listed(overrides)
    trained = run.config()
    raw = trained.model_dump(mode="json")
    training = raw["training"]
    label = "_".join((*tasks, *(("scratch",) if from_scratch else ())))
    raw["name"] = f"{trained.name}_{label}"
    raw["output"] = str(output or run.own_output("").with_name(f"{run.path.name}_{label}"))
    raw["data"] = dict(data or _data_of(run).model_dump(mode="json"))
    raw["model"] = {key: value for key, value in raw["model"].items() if key not in _DECIDED_BY_DATA}
    training["start_from"] = None if from_scratch else str(run.path)
    training["lr"], training["min_lr"] = (LR_FACTOR * training[key] for key in ("lr", "min_lr"))
    training["epochs"] = math.ceil(EPOCHS_FACTOR * training["epochs"])
    raw["masking"]["strategies"] = {}
    # Overrides come first, since other keys follow from them.
    given = build_config({**raw, "masking": trained.masking.model_dump(mode="json")}, overrides, str(run.config_file))
    training["warmup_epochs"] = min(training["warmup_epochs"], WARMUP_FACTOR * given.training.epochs)
    if training["patience"] is None and given.data.val is not None:
        training["patience"] = PATIENCE
    for name in tasks:
        for strategy, weight in _strategies(name, given, trained.model).items():
            strategies = raw["masking"]["strategies"]
            strategies[strategy] = strategies.get(strategy, 0.0) + weight
            if name == "ungauged":
                raw["masking"]["targets"][strategy] = list(_targets(given))
    known = {strategy for strategy, weight in trained.masking.strategies.items() if weight > 0}
    if raw["masking"]["strategies"].keys() <= known and not from_scratch and not training["lr_scale"]:
        training["lr_scale"] = dict.fromkeys(_readers(trained.model), ANCHORED)
    return build_config(raw, overrides, str(run.config_file))


def _listed(overrides: Iterable[str]) -> tuple[str, ...]:
    return (overrides,) if isinstance(overrides, str) else tuple(overrides)


def task_names(task: str | Sequence[str]) -> tuple[TaskName, ...]:
    """The names of tasks, each once, in the given order.

    Raises:
        ConfigError: one is not known, or there is none.
    """
    names = [part.strip() for part in task.split(",")] if isinstance(task, str) else list(task)
    tasks = {str(name): name for name in get_args(TaskName)}
    for name in names:
        if name not in tasks:
            raise ConfigError(f"task {name!r} is not known; give one or several of {', '.join(tasks)}")
    if not names:
        raise ConfigError(f"no task is given; give one or several of {', '.join(tasks)}")
    return tuple(tasks[name] for name in dict.fromkeys(names))


def _strategies(task: TaskName, config: Config, trained: ModelConfig) -> dict[str, float]:
    """Strategies of a task, whose weights add up to 1."""
    if task == "forecast":
        # Where the model can, a window is forecast from each of its issue days: many times more to learn from.
        return {"rolling_forecast" if config.model.rolling else "forecast": 1.0}
    if task == "infill":
        # A fill would reveal what a gap hides.
        return {"random" if config.data.fill else "gap": 0.5, "span": 0.5}
    stations = config.data.stations_per_window or trained.stations_per_window
    groups = math.ceil(stations / config.model.series_patch_size)
    # Strategy place hides only some days of a station where the ratio amounts to less than one station.
    return {"place" if config.masking.series_mask_ratio * groups >= 1 and groups > 1 else "modality": 1.0}


def _readers(model: ModelConfig) -> list[str]:
    """The parts of a model that make of what is visible what the decoders read."""
    parts = ["*_encoder"] if model.attention != "none" else []
    if model.fused:
        parts += ["norm_shared", *(["blocks_shared"] if model.shared_depth else [])]
    return [*parts, *(["station_states"] if model.recurrent_dim else [])]


def _targets(config: Config) -> tuple[str, ...]:
    """The series that an ungauged station lacks: those that forecasts predict.

    Raises:
        ConfigError: none is named, and no series is in m3/s.
    """
    modalities = config.data.modalities
    flow = [name for name, modality in modalities.items() if modality.kind == "series" and is_flow(modality.units)]
    if targets := config.masking.forecast or tuple(flow):
        return targets
    raise ConfigError(
        f"task ungauged hides a series in m3/s, and there is none among {', '.join(modalities)}; name what it shall "
        f"hide with masking.forecast=[...]"
    )


def _data_of(run: RunDirectory) -> DataConfig:
    """The run's settings of its data, with the store where it is now, unless it is gone."""
    data = run.config().data
    try:
        return data.model_copy(update={"store": str(run.store().path)})
    except RunError:  # other data may be given
        return data
