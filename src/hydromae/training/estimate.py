"""What a training would need of the machine, computed before anything large is made."""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from rich.table import Table

from hydromae.base.errors import ConfigError
from hydromae.base.memory import machine_memory, used_memory
from hydromae.config import Config, ModelConfig
from hydromae.masks.planner import MaskPlanner
from hydromae.masks.whole import forecast_modalities
from hydromae.models.cost import step_cost
from hydromae.models.summary import ADAMW_BYTES
from hydromae.store.store import Store
from hydromae.tokens.shape import TokenShape, token_shape
from hydromae.training.engine import AUTOCAST, precision_on
from hydromae.training.setup import model_config_for
from hydromae.windows.neighbours import station_groups
from hydromae.windows.order import BatchOrder, training_lengths
from hydromae.windows.spans import usable_runs

_DRAWS = 32  # masks drawn; the one with most visible tokens counts
_BACKWARD = 2  # operations, as a multiple of the forward pass
_EFFICIENCY = 0.5  # of a step, relative to a plain product of matrices
# At most so many numbers are kept by a layer for each token and unit of its width; 26 were measured.
_KEPT = 40


@dataclass(frozen=True)
class Estimate:
    """The most that a step takes, estimated before it is tried.

    Attributes:
        parameters: of the model.
        tokens: modality -> tokens of the longest window without gaps: all, visible, hidden.
        windows: number of windows computed at once.
        saved: bytes that one forward pass keeps for the backward pass.
        memory: of all processes on the machine, or of one GPU, bytes.
        available: memory of the machine or GPU, bytes; None where it is not known.
        seconds: rough duration of a step.
        device: cpu or cuda.
    """

    parameters: int
    tokens: dict[str, tuple[int, int, int]]
    windows: int
    saved: int
    memory: int
    available: int | None
    seconds: float
    device: str

    @property
    def fits(self) -> bool:
        """Whether there is enough memory."""
        return self.available is None or self.memory <= self.available

    @property
    def every_token(self) -> int:
        """Tokens of a window of all modalities."""
        return sum(total for total, _, _ in self.tokens.values())

    def table(self) -> Table:
        """The figures, for the console."""
        table = Table("what", "estimate", title="Before a step is tried", title_justify="left")
        table.add_row("parameters", f"{self.parameters:,}")
        for name, (total, _, _) in self.tokens.items():
            table.add_row(f"tokens of {name}", f"{total:,} a window")
        table.add_row("tokens together", f"{self.every_token:,} a window, {self.windows} windows at once")
        there = "" if self.available is None else f" of {self.available / 2**30:.1f} GiB"
        table.add_row("memory", f"about {self.memory / 2**30:.2f} GiB{there}")
        table.add_row("seconds a step", f"about {self.seconds:.2g} on {self.device}")
        return table


def estimate(
    config: Config,
    store: Store,
    device: torch.device,
    processes: int = 1,
    patches: int | None = None,
    timed: bool = True,
) -> Estimate:
    """Estimate a step from the configuration and the sizes of the data; no value is read and no weight made.

    Args:
        config: the experiment.
        store: its data.
        device: of the training.
        processes: number of processes on this machine.
        patches: number of valid patches at the configuration's `model.patch_size`; None takes that of the store.
        timed: whether to estimate seconds too; else they are 0.
    """
    settings, model = config.training, _model(config, store, patches)
    patches = len(store.valid_patches) if patches is None else patches
    shapes, days = _shapes(model, patches), max(training_lengths(config.data))
    counts = _most_visible(config, store, shapes, days)
    precision = AUTOCAST[precision_on(device, settings)]
    windows = min(settings.batch_size, _windows(config, store))
    cost = step_cost(model, patches, counts, days, windows, device, precision, timed)
    weights = cost.parameters * (ADAMW_BYTES + (4 if settings.ema else 0))
    each = used_memory(device) + weights + cost.saved
    return Estimate(
        cost.parameters,
        {name: (shape.tokens(days), *counts[name]) for name, shape in shapes.items()},
        windows,
        cost.saved,
        each * (processes if device.type == "cpu" else 1),
        machine_memory(device),
        settings.accumulate * (1 + _BACKWARD) * cost.operations / (_EFFICIENCY * _rate(device)) if timed else 0.0,
        device.type,
    )


def refuse_too_large(config: Config, store: Store, device: torch.device, processes: int = 1) -> None:
    """Refuse a training whose step needs more memory than the machine has.

    Trainings that can never need that much are not estimated, so that small ones begin at once.

    Raises:
        ConfigError: it does not fit; the message names keys with which it would.
    """
    there = machine_memory(device)
    if there is not None and processes * _at_most(config, store) > there / 2:
        require_fit(estimate(config, store, device, processes), config, store, device, processes)


def require_fit(estimated: Estimate, config: Config, store: Store, device: torch.device, processes: int = 1) -> None:
    """Refuse an estimate that does not fit.

    Raises:
        ConfigError: it does not fit; the message names keys with which it would.
    """
    if estimated.fits:
        return
    assert estimated.available is not None
    memory = "the GPU's memory" if device.type == "cuda" else "this machine's memory"
    helpful = [*_helpful(config, store, estimated, device, processes)]
    remedy = (
        f"each of these would fit: {', '.join(helpful)}"
        if helpful
        else "no key does by itself: lower several of training.batch_size, data.window and model.d_model, and raise "
        "model.grid_patch_days and model.patch_size"
    )
    raise ConfigError(
        f"a training step needs about {estimated.memory / 2**30:.1f} GiB, more than {memory} of "
        f"{estimated.available / 2**30:.1f} GiB ({estimated.windows} windows of {estimated.every_token:,} tokens at "
        f"once, {estimated.parameters:,} parameters); {remedy}"
    )


def _helpful(config: Config, store: Store, estimated: Estimate, device: torch.device, processes: int) -> Iterator[str]:
    """Keys with a value that makes a step fit by itself, according to an estimate with that value."""
    assert estimated.available is not None
    room = 0.9 * (estimated.available - (estimated.memory - estimated.saved)) / estimated.saved
    # Where the weights are too large by themselves, only fewer of them help.
    keys, most = (_SMALLER, room) if room > 0 else ((_narrower,), 0.5)
    for smaller in keys:
        for share in (most, most / 2, most / 4):  # a key may act only on part of what a step keeps
            changed = smaller(config, store, share)
            if changed is None:
                break
            said, other, patches = changed
            if estimate(other, store, device, processes, patches, timed=False).fits:
                yield said
                break


Changed = tuple[str, Config, int | None]  # a key, the configuration with it, and the number of patches where it changes


def _fewer_windows(config: Config, store: Store, share: float) -> Changed | None:
    training = config.training
    if (windows := math.floor(min(training.batch_size, _windows(config, store)) * share)) < 1:
        return None
    times = math.ceil(training.batch_size / windows) * training.accumulate
    changed = _changed(config, "training", batch_size=windows, accumulate=times)
    return f"training.batch_size={windows} training.accumulate={times}", changed, None


def _longer_tokens(config: Config, store: Store, share: float) -> Changed | None:
    days = math.ceil(config.model.grid_patch_days / share)
    if not len(store.valid_patches) or days > config.data.window // 2:  # a window is to hold several tokens
        return None
    return f"model.grid_patch_days={days}", _changed(config, "model", grid_patch_days=days), None


def _larger_patches(config: Config, store: Store, share: float) -> Changed | None:
    whole, size = math.gcd(*store.shape) if len(store.valid_patches) else 0, store.patch_size
    sizes = (larger for larger in range(size + 1, whole + 1) if whole % larger == 0)
    larger = next((larger for larger in sizes if (size / larger) ** 2 <= share), None)
    if larger is None:
        return None
    patches = math.ceil(len(store.valid_patches) * (size / larger) ** 2)
    said = f"model.patch_size={larger} with the store prepared anew"
    return said, _changed(config, "model", patch_size=larger), patches


def _shorter_window(config: Config, store: Store, share: float) -> Changed | None:
    days = math.floor(config.data.window * share)
    if config.data.window_mix or days < 2:
        return None
    return f"data.window={days}", _changed(config, "data", window=days), None


def _narrower(config: Config, store: Store, share: float) -> Changed | None:
    step = math.lcm(config.model.nhead, 4)
    if (width := math.floor(config.model.d_model * share / step) * step) < step:
        return None
    return f"model.d_model={width}", _changed(config, "model", d_model=width), None


_SMALLER = (_fewer_windows, _longer_tokens, _larger_patches, _shorter_window, _narrower)


def _windows(config: Config, store: Store) -> int:
    """Number of windows in an epoch: a step never takes more."""
    runs = usable_runs(store, store.period_slice("train"), config.data.exclude_dates)
    lengths, groups = training_lengths(config.data), station_groups(config.data, store)
    return BatchOrder(runs, lengths, config.data.stride, 1, config.seed, groups=groups).n_windows


def _changed(config: Config, section: str, **keys: int) -> Config:
    return config.model_copy(update={section: getattr(config, section).model_copy(update=keys)})


def _model(config: Config, store: Store, patches: int | None) -> ModelConfig:
    if patches is None:
        return model_config_for(config, store)
    size = config.model.patch_size
    as_stored = _changed(config, "model", patch_size=store.patch_size)
    return model_config_for(as_stored, store).model_copy(update={"patch_size": size})


def _shapes(model: ModelConfig, patches: int) -> dict[str, TokenShape]:
    patches = patches or min(model.valid_patches or model.all_patches, model.all_patches)
    return {name: token_shape(model, name, patches) for name in model.modalities}


def _most_visible(
    config: Config, store: Store, shapes: Mapping[str, TokenShape], days: int
) -> dict[str, tuple[int, int]]:
    """Visible tokens and targets of each modality under the mask with most visible tokens, in a window without gaps."""
    units = {name: store.units(name) for name in shapes}
    forecast = forecast_modalities(units, shapes, config.masking.forecast)
    planner = MaskPlanner(config.masking, shapes, forecast, config.seed)
    available = {name: [[shape.places] * shape.slots(days)] for name, shape in shapes.items()}
    plans = [planner.of_batch(available, days, number, 0) for number in range(_DRAWS)]
    most = max(plans, key=lambda plan: sum(hidings[0].visible for hidings in plan.values()))
    predicted = config.masking.prediction_ratio
    return {name: (hidings[0].visible, math.ceil(predicted * hidings[0].targets)) for name, hidings in most.items()}


def _at_most(config: Config, store: Store) -> float:
    """An upper bound of the bytes that a step needs, by a rule of thumb."""
    model, days = model_config_for(config, store), max(training_lengths(config.data))
    shapes = _shapes(model, len(store.valid_patches))
    tokens = sum(shape.tokens(days) for shape in shapes.values())
    cells = sum(shape.tokens(days) * shape.cells for shape in shapes.values())
    width, depth = max(model.d_model, model.decoder_dim), model.shared_depth + model.decoder_layers
    depth += max(model.grid_encoder_layers, model.series_encoder_layers)
    numbers = _KEPT * (tokens * width * (depth + 1) + cells * (1 + len(model.quantiles)))
    numbers += _KEPT * days * model.stations_per_window * model.recurrent_dim * (1 + model.recurrent_backward)
    if model.attention_dropout:
        numbers += 4 * model.nhead * depth * tokens**2
    weights = 16 * len(shapes) * (depth + 1) * width**2
    return used_memory() + 4.0 * config.training.batch_size * numbers + (ADAMW_BYTES + 4) * weights


def _rate(device: torch.device) -> float:
    """Operations a second of a product of matrices on a device, timed for a moment."""
    a, b = (torch.ones(512, 512, device=device) for _ in range(2))
    a @ b  # not timed, since the first product has to be prepared
    began, done = time.monotonic(), 0
    while (spent := time.monotonic() - began) < 0.05 or not done:
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        done += 1
    return done * 2 * 512**3 / max(spent, 1e-6)
