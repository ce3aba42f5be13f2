"""All that is to be measured where there is a GPU, in one call of under ten minutes: speed, memory, precision, engines.

    python benchmarks/gpu.py                     # writes gpu.json and gpu.md
    python benchmarks/gpu.py --parts step long   # some of it
    python benchmarks/gpu.py --tiny              # every part at tiny size, in seconds, also on a CPU

The model is the default one (290 x 180 cells, 92 valid patches, 604 stations, d_model 256), 40 % of the tokens hidden,
equal counts in all samples, random values. Every part runs in processes of its own, trains with the package's own
engines and precision, and has a limit of time. A part that fails is named in the table with its error, and the others
go on. In bf16 and fp16 only torch's flash kernel is allowed, so that attention that falls back to another is an error.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from hydromae.base.files import write_text
from hydromae.base.json_text import json_text
from hydromae.base.memory import peak_memory
from hydromae.batch.batch import Batch, ModalityTokens
from hydromae.config import ModelConfig, TrainingConfig
from hydromae.models.cost import step_cost
from hydromae.models.decoder import CrossBlock
from hydromae.models.layers import TransformerLayer
from hydromae.models.multimodal_mae import MultiModalMAE
from hydromae.tokens.selection import Selection
from hydromae.training.deepspeed_engine import DeepSpeedEngine
from hydromae.training.engine import Engine
from hydromae.training.engines import make_engine
from hydromae.training.parallel_engines import FSDPEngine
from hydromae.training.step import scored_values
from hydromae.training.world import World

HIDDEN, LIMIT_GB, SECONDS = 0.4, 80, 150
SMALL = ModelConfig(
    d_model=64, nhead=4, grid_encoder_layers=2, series_encoder_layers=2, decoder_dim=64, decoder_layers=2, dropout=0.0,
    grid_height=80, grid_width=60, stations_per_window=64,
)  # fmt: skip
TINY = ModelConfig(
    d_model=16, nhead=2, grid_encoder_layers=1, series_encoder_layers=1, decoder_dim=16, decoder_layers=1, dropout=0.0,
    grid_height=20, grid_width=20, stations_per_window=16,
)  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        full: the model of speed and memory; `small` that of the comparisons of losses.
        windows: in a batch of it.
        days: in a window; `long` those that are to fit the limit of memory.
        steps: of the comparisons of losses.
        matrix: rows of the matrices whose product gives the rate.
        compiler: of torch.compile; "eager" traces the model and compiles nothing.
        folder: where processes meet.
    """

    full: ModelConfig
    small: ModelConfig
    windows: int
    days: int
    long: int
    steps: int
    matrix: int
    compiler: str
    device: str
    folder: str = ""


ON_THE_CARD = Sizes(ModelConfig(valid_patches=92), SMALL, 16, 30, 90, 50, 8192, "inductor", "cuda")
AT_TINY_SIZE = Sizes(TINY, TINY, 2, 4, 6, 4, 128, "eager", "cpu")


def random_batch(model: MultiModalMAE, windows: int, days: int, device: torch.device, seed: int = 0) -> Batch:
    """Random values of which a random part is hidden, the same number in every sample."""
    chance, tokens, config = torch.Generator().manual_seed(seed), {}, model.config
    for name, shape in model.shapes.items():
        count = shape.tokens(days)
        hidden = round(HIDDEN * count)
        order = torch.rand(windows, count, generator=chance).argsort(1)  # [B, tokens]
        target, visible = (part.sort(1).values.to(device) for part in (order[:, :hidden], order[:, hidden:]))
        values = torch.randn(windows, count, shape.cells, generator=chance).to(device)
        valid = torch.ones_like(values, dtype=torch.bool)
        tokens[name] = ModalityTokens(values, valid, Selection(visible, None), Selection(target, None), shape)
    attributes = torch.randn(windows, config.stations_per_window, config.static_attr_dim, generator=chance).to(device)
    return Batch(tokens, attributes, torch.arange(1, days + 1, device=device).expand(windows, -1), days)


def make_model(config: ModelConfig, device: torch.device) -> MultiModalMAE:
    torch.manual_seed(0)
    return MultiModalMAE(config).to(device)


def one_process(device: str) -> World:
    return World(0, 1, 0, 1, torch.device(device))


def train(engine: Engine, batch: Batch) -> Tensor:
    """One step, as `Stepper` makes it; the loss of all processes, of which each has this batch."""
    share = engine(batch)[0] / (scored_values(batch) * engine.world.size)
    engine.backward(share.sum())
    engine.update()
    return engine.world.sum(share.detach().sum())


def compile_layers(model: MultiModalMAE, sizes: Sizes) -> None:
    """Compile layer by layer: layers of one kind and shape share what is compiled, and the whole would take minutes."""
    for part in model.modules():
        if isinstance(part, TransformerLayer | CrossBlock):
            part.compile(backend=sizes.compiler, dynamic=False)


@contextmanager
def kernels(precision: str) -> Iterator[None]:
    """Only the flash kernel, where it knows the precision."""
    with nullcontext() if precision == "fp32" else sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        yield


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def best_seconds(work: Callable[[], object], device: torch.device, times: int = 5) -> float:
    best = float("inf")
    for _ in range(times):
        wait(device)
        began = time.perf_counter()
        work()
        wait(device)
        best = min(best, time.perf_counter() - began)
    return best


def matrix_rate(sizes: Sizes) -> float:
    """Operations a second of a product of bf16 matrices."""
    device = torch.device(sizes.device)
    a, b = (torch.randn(sizes.matrix, sizes.matrix, device=device, dtype=torch.bfloat16) for _ in range(2))
    a @ b
    return 2 * sizes.matrix**3 / best_seconds(lambda: a @ b, device)


def step(sizes: Sizes, rank: int, count: int, compiled: bool) -> dict[str, Any]:
    """A bf16 step at full size: seconds, memory, and the share of the measured rate of bf16 products."""
    rate = matrix_rate(sizes)
    world = one_process(sizes.device)
    model = make_model(sizes.full, world.device)
    engine = make_engine(model, world, TrainingConfig(precision="bf16"))
    batch = random_batch(model, sizes.windows, sizes.days, world.device)
    began = time.perf_counter()
    with kernels("bf16"):
        if compiled:
            compile_layers(model, sizes)
        train(engine, batch)
        wait(world.device)
        first = time.perf_counter() - began
        train(engine, batch)
        seconds = best_seconds(lambda: train(engine, batch), world.device)
    counts = {name: (t.visible.index.shape[1], t.target.index.shape[1]) for name, t in batch.tokens.items()}
    cost = step_cost(sizes.full, 0, counts, sizes.days, 1, torch.device("cpu"))
    operations = 3 * sizes.windows * cost.operations  # the backward pass does twice those of the forward pass
    return {
        "seconds a step": seconds,
        "seconds of the first": first,
        "peak memory, GB": peak_memory(world.device) / 1e9,
        "TFLOP a step": operations / 1e12,
        "measured bf16 TFLOP/s": rate / 1e12,
        "share of the rate": operations / seconds / rate,
        "windows a second": sizes.windows / seconds,
    }


def long(sizes: Sizes, rank: int, count: int) -> dict[str, Any]:
    """The largest batch of long windows, a power of 2, whose bf16 step fits 80 GB."""
    world, fits = one_process(sizes.device), {}
    if world.device.type == "cuda":
        total = torch.cuda.get_device_properties(world.device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, LIMIT_GB * 1e9 / total))
    model = make_model(sizes.full, world.device)
    engine = make_engine(model, world, TrainingConfig(precision="bf16"))
    windows = 1
    while windows <= sizes.windows:
        batch = random_batch(model, windows, sizes.long, world.device)
        try:
            with kernels("bf16"):
                train(engine, batch)
                seconds = best_seconds(partial(train, engine, batch), world.device, 2)
        except torch.OutOfMemoryError:
            break
        fits = {"windows": windows, "seconds a step": seconds, "peak memory, GB": peak_memory(world.device) / 1e9}
        windows *= 2
    if not fits:
        raise MemoryError(f"one window of {sizes.long} days does not fit {LIMIT_GB} GB")
    return {"days": sizes.long, **fits}


def losses_of(sizes: Sizes, precision: str, compiled: bool = False) -> tuple[list[float], Engine]:
    """Losses of a small model, trained in a precision on always the same batches."""
    world = one_process(sizes.device)
    model = make_model(sizes.small, world.device)
    engine = make_engine(model, world, TrainingConfig(precision=precision, lr=1e-3))
    batches = [random_batch(model, sizes.windows, sizes.days, world.device, seed) for seed in range(4)]
    with kernels(precision):
        if compiled:
            compile_layers(model, sizes)
        losses = [train(engine, batches[i % 4]) for i in range(sizes.steps)]
    return torch.stack(losses).tolist(), engine


def apart(losses: list[float], exact: list[float]) -> float:
    return max(abs(a - b) / abs(b) for a, b in zip(losses, exact, strict=True))


def precision(sizes: Sizes, rank: int, count: int) -> dict[str, Any]:
    """Losses in bf16, compiled and not, and in fp16 with the package's loss scale, against fp32."""
    exact, _ = losses_of(sizes, "fp32")
    half, engine = losses_of(sizes, "fp16")

    return {
        "steps": sizes.steps,
        "fp32, first and last loss": [exact[0], exact[-1]],
        "bf16, furthest from fp32": apart(losses_of(sizes, "bf16")[0], exact),
        "bf16 compiled, furthest from fp32": apart(losses_of(sizes, "bf16", compiled=True)[0], exact),
        "fp16, furthest from fp32": apart(half, exact),
        "fp16, loss scale at the end": float(engine.loss_scale.scale),
    }


def engines(sizes: Sizes, rank: int, count: int, kind: str) -> dict[str, Any]:
    """Losses of an engine for several processes, every one with the same batch, against those of one process."""
    exact, _ = losses_of(replace(sizes, steps=5), "fp32")
    device = torch.device(sizes.device, rank) if sizes.device == "cuda" else torch.device("cpu")
    if device.type == "cuda":
        torch.cuda.set_device(device)
    backend = "nccl" if device.type == "cuda" else "gloo"
    meeting = dist.FileStore(str(Path(sizes.folder) / f"meeting_{kind}"), count)
    # DeepSpeed reads these although the processes have met; for others after it they would tell of a launcher.
    with patch.dict(os.environ, {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(count)}):
        dist.init_process_group(backend, store=meeting, rank=rank, world_size=count)
        try:
            world = World(rank, count, rank, count, device)
            model = make_model(sizes.small, device)
            settings = TrainingConfig(precision="fp32", lr=1e-3)
            engine = (FSDPEngine if kind == "fsdp" else DeepSpeedEngine)(model, world, settings)
            batches = [random_batch(model, sizes.windows, sizes.days, device, seed) for seed in range(4)]
            losses = [train(engine, batches[i % 4]) for i in range(5)]
            found = torch.stack(losses).tolist()
            weights = len(engine.weights())
        finally:
            dist.destroy_process_group()
    return {"processes": count, "steps": 5, "furthest from one process": apart(found, exact), "weights whole": weights}


def recurrence(sizes: Sizes, rank: int, count: int) -> dict[str, Any]:
    """The recurrence by cuDNN against the CPU: predictions and gradients of one batch, in full fp32."""
    config = sizes.small.model_copy(update={"recurrent_dim": 128 if sizes.device == "cuda" else 8})
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    found = {}
    for device in (torch.device("cpu"), torch.device(sizes.device)):
        model = make_model(config, torch.device("cpu")).to(device)
        batch = random_batch(model, sizes.windows, sizes.days, device)
        predicted = model.predict(batch)["riverflow"]
        model(batch)[0].backward()
        gradient = model.station_states.lstm.weight_hh_l0.grad
        seconds = best_seconds(partial(model.predict, batch), device, 3)
        found[device.type] = predicted.detach().cpu(), gradient.cpu(), seconds
    cpu, other = found["cpu"], found[sizes.device]
    return {
        "predictions, furthest from the CPU": float((cpu[0] - other[0]).abs().max()),
        "gradients, furthest from the CPU": float((cpu[1] - other[1]).abs().max() / cpu[1].abs().max()),
        "times as fast as the CPU": cpu[2] / other[2],
    }


# name -> what runs, in how many processes (0 = one a card)
PARTS: dict[str, tuple[Callable[[Sizes, int, int], dict[str, Any]], int]] = {
    "step": (partial(step, compiled=False), 1),
    "step_compiled": (partial(step, compiled=True), 1),
    "long": (long, 1),
    "precision": (precision, 1),
    "fsdp": (partial(engines, kind="fsdp"), 0),
    "zero1": (partial(engines, kind="deepspeed"), 0),
    "recurrence": (recurrence, 1),
}


def run(name: str, sizes: Sizes) -> dict[str, Any]:
    """The results of a part, or why there are none."""
    work, processes = PARTS[name]
    count = processes or (torch.cuda.device_count() if sizes.device == "cuda" else 1)
    began = time.perf_counter()
    try:
        if sizes is not ON_THE_CARD and sizes.device == "cpu":
            found = work(sizes, 0, 1)
        else:
            with multiprocessing.get_context("spawn").Pool(count) as pool:
                ranks = [pool.apply_async(work, (sizes, rank, count)) for rank in range(count)]
                found, *_ = [rank.get(SECONDS) for rank in ranks]
    except multiprocessing.TimeoutError:
        found = {"failed": f"not done after {SECONDS} s"}
    except Exception as error:  # whatever it is, it goes into the table, and the other parts go on
        found = {"failed": f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"}
    return {**found, "seconds of the part": time.perf_counter() - began}


def machine(sizes: Sizes) -> dict[str, Any]:
    """The card, and the versions."""
    card = torch.cuda.get_device_name() if sizes.device == "cuda" else "no card: a CPU, tiny size"
    cards = torch.cuda.device_count() if sizes.device == "cuda" else 0
    return {"card": card, "cards": cards, "torch": torch.__version__, "cuda": torch.version.cuda}


def table(results: dict[str, dict[str, Any]]) -> str:
    """The results as Markdown."""
    lines = ["| part | what | value |", "|---|---|--:|"]
    for part, found in results.items():
        for what, value in found.items():
            values = value if isinstance(value, list) else [value]
            said = ", ".join(f"{v:.4g}" if isinstance(v, float) else str(v) for v in values)
            lines.append(f"| {part} | {what} | {said.replace('|', '/')} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the parts, and write after each what there is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to run (all)")
    parser.add_argument("--tiny", action="store_true", help="tiny size, on the card if there is one, else on the CPU")
    parser.add_argument("--output", "-o", type=Path, default=Path(), help="folder of gpu.json and gpu.md (this one)")
    options = parser.parse_args()
    there = torch.cuda.is_available()
    if not there and not options.tiny:
        parser.error("torch finds no GPU; --tiny runs every part at tiny size on the CPU")
    sizes = replace(AT_TINY_SIZE, device="cuda" if there else "cpu") if options.tiny else ON_THE_CARD
    options.output.mkdir(parents=True, exist_ok=True)
    results = {"machine": machine(sizes)}
    with tempfile.TemporaryDirectory(prefix="gpu_") as folder:
        for name in options.parts:
            results[name] = run(name, replace(sizes, folder=folder))
            print(f"{name}: {results[name]}", flush=True)
            write_text(options.output / "gpu.json", json_text(results))
            write_text(options.output / "gpu.md", table(results))


if __name__ == "__main__":
    main()
