"""What pretraining is worth: forecasts of river flow from pretrained weights and from scratch, with ever less flow.

    python benchmarks/pretraining.py --output docs/pretraining.md          # some 15 minutes a run
    python benchmarks/pretraining.py --steps 20 --stations 5 --shares 0.1 --every 30     # to see that it works

One small model of series alone (rain, temperature, evaporation and flow of a catchment in a window), the benchmark with
a narrower recurrence, is trained on real catchments. Flow is taken out of all but some hydrological years of the
training period, spread over it; weather stays.
For each share of the years all runs know the same flow:

- pretrained: random masks over everything
- tuned: the pretrained weights, fine-tuned on forecasts, at 0.3 of the learning rate as `hydromae finetune` does
- tuned, full rate: the same at the rate of new weights
- scratch: new weights, on forecasts, for as many steps as `tuned`
- scratch, long: the same for as many steps as pretraining and fine-tuning together

Every run keeps its best epoch by the validation
period, whose flow is whole. Scored is the median over stations of the NSE of forecasts in a period that nothing was
chosen on, with the weather of the horizon (`perfect`) and without (`none`).
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from rich.progress import track

from hydromae import open_store
from hydromae.base.files import write_text
from hydromae.config import Config
from hydromae.config.read import build_config
from hydromae.metrics.efficiency import nse
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.store.store import Store
from hydromae.tasks.forecast import forecast
from hydromae.training.build import build_trainer
from hydromae.training.dry_run import dry_run
from hydromae.training.finetune import finetune
from hydromae.training.runs import is_finished, new_run

TABLE: Final = "catchment_daily_604_1970_2012.parquet"
ATTRIBUTES: Final = "Catchment_attributes_nrfa.csv"
FIRST_YEAR, YEARS = 1980, 20  # hydrological years of the training period, each from 1 October
VALIDATION, TEST = ("2000-10-01", "2002-09-30"), ("2002-10-01", "2012-09-30")
HORIZON: Final = 7
LR: Final = 1e-3
ROWS: Final = ("tuned", "tuned, full rate", "scratch", "scratch, long")


def years_with_flow(share: float) -> list[int]:
    """Hydrological years of the training period whose flow is known: as many as the share says, spread evenly."""
    kept = max(round(share * YEARS), 1)
    places = (np.arange(kept) + 0.5) * YEARS / kept
    return [FIRST_YEAR + int(place) for place in places]


def configuration(options: argparse.Namespace, folder: Path, share: float) -> Config:
    """The pretraining with the flow of some of the years."""
    known = years_with_flow(share)
    without = [[f"{y}-10-01", f"{y + 1}-09-30"] for y in range(FIRST_YEAR, FIRST_YEAR + YEARS) if y not in known]
    columns = {"precip": "precipitation", "temp": "temperature", "evap": "evaporation", "riverflow": "discharge_vol"}
    modalities: dict[str, Any] = {
        name: {"kind": "series", "paths": TABLE, "variable": column} for name, column in columns.items()
    }
    modalities["riverflow"]["exclude_dates"] = without
    name = f"{round(100 * share)}_percent"
    raw = {
        "name": name,
        "output": str(folder / f"{name}_pretrained"),
        "seed": options.seed,
        "data": {
            "root": str(options.data),
            "store": str(folder / f"{name}_store"),
            "modalities": modalities,
            "attributes": {"path": ATTRIBUTES},
            "exclude_stations": left_out(options),
            "train": [f"{FIRST_YEAR}-10-01", f"{FIRST_YEAR + YEARS}-09-30"],
            "val": list(VALIDATION),
            "test": list(TEST),
            "window": 56,
            "stride": 56,
            "stations_per_window": 1,
        },
        "model": {
            "d_model": 32,
            "nhead": 1,
            "series_encoder_layers": 1,
            "decoder_dim": 32,
            "decoder_layers": 1,
            "recurrent_dim": 64,
            "series_patch_size": 1,
            "series_patch_days": 7,
            "dropout": 0.0,
        },
        "masking": {"horizon": HORIZON},
        "training": {"batch_size": 128, "lr": LR, "warmup_epochs": 0.5, "threads": options.threads},
        "logging": {"tensorboard": False, "images": False, "console": "quiet"},
    }
    return build_config(raw)


def left_out(options: argparse.Namespace) -> list[str]:
    """Stations that take no part: all but some that are spread over the table."""
    ids = pd.read_csv(options.data / ATTRIBUTES, usecols=["id"])["id"].astype(str).to_numpy()
    chosen = np.linspace(0, len(ids) - 1, options.stations).round().astype(int)
    return np.delete(ids, chosen).tolist()


def epochs_for(options: argparse.Namespace, config: Config, store: Store) -> int:
    """Epochs of a run: by its minutes, as measured on a few steps, or by its steps."""
    each = len(build_trainer(config, store).order)
    steps = options.steps or 60 * options.minutes / dry_run(config, store).seconds_per_step
    return max(round(steps / each), 1)


def to_its_end(run: RunDirectory) -> RunDirectory:
    """The run, unless it was asked to stop (Ctrl-C, a signal): then the comparison ends too."""
    if not is_finished(run):
        raise SystemExit(f"{run.path}: was stopped; begin the comparison anew")
    return run


def median_scores(run: RunDirectory, every: int) -> dict[str, np.ndarray]:
    """Regime -> [lead] median over stations of the NSE in the test period."""
    issues = np.arange(np.datetime64(TEST[0]), np.datetime64(TEST[1]) - HORIZON, every)
    observed = open_store(run.store().path)["riverflow"]
    found = {}
    for regime in ("none", "perfect"):
        predicted = forecast(run.path, list(issues), horizon=HORIZON, forcing=regime)["riverflow"]
        found[regime] = nse(predicted, observed).median("station").to_numpy()
    return found


def train_and_score(options: argparse.Namespace, folder: Path, share: float) -> list[dict[str, Any]]:
    """The rows of one share of the years."""
    config = configuration(options, folder, share)
    store = prepare(config)
    epochs = epochs_for(options, config, store)
    training = config.training.model_copy(update={"epochs": epochs})
    pretrained = to_its_end(new_run(config.model_copy(update={"training": training}), store))
    rows = []
    for name in ROWS:
        scratch = name.startswith("scratch")
        overrides = [f"training.epochs={2 * epochs if 'long' in name else epochs}"]
        if name != "tuned":
            overrides.append(f"training.lr={LR}")
        output = folder / f"{config.name}_{name.replace(', ', '_')}"
        run = to_its_end(finetune(pretrained.path, "forecast", overrides, output, from_scratch=scratch))
        summary = run.read_json("summary.json")
        before = 0 if scratch else pretrained.read_json("summary.json")["steps"]
        rows.append(
            {
                "share": share,
                "years": len(years_with_flow(share)),
                "model": name,
                "steps": f"{before:,} + {summary['steps']:,}" if before else f"{summary['steps']:,}",
                **median_scores(run, options.every),
            }
        )
        print(render_row(rows[-1]), flush=True)
    return rows


def render_row(row: dict[str, Any]) -> str:
    """A row of the table, as Markdown."""
    scores = " | ".join(f"{row[regime][lead - 1]:.3f}" for regime in ("none", "perfect") for lead in (1, 3, 5, 7))
    return f"| {row['share']:.0%} ({row['years']}) | {row['model']} | {row['steps']} | {scores} |"


def render(rows: list[dict[str, Any]], options: argparse.Namespace) -> str:
    """All rows with what they mean, as Markdown."""
    shares = " ".join(f"{share:g}" for share in options.shares)
    command = f"--shares {shares} --stations {options.stations} --every {options.every} --seed {options.seed}"
    command += f" --threads {options.threads}" if options.threads else ""
    length = f"--steps {options.steps}" if options.steps else f"--minutes {options.minutes:g}"
    leads = " | ".join(f"{regime} {lead}" for regime in ("none", "perfect") for lead in (1, 3, 5, 7))
    return "\n".join(
        [
            "# What pretraining is worth",
            "",
            f"Forecasts of river flow at {options.stations} catchments of Great Britain, {TEST[0]} to {TEST[1]},",
            f"issued every {options.every} days: median over stations of the NSE at leads of 1, 3, 5 and 7 days,",
            "without the weather of the horizon (none) and with it (perfect). Flow was known in a share of the years",
            "of training, weather in all. `tuned` was pretrained on random masks first (steps of both); `scratch` had",
            "as many steps as its fine-tuning, `scratch, long` as many as both. One seed: small differences mean",
            "nothing.",
            "",
            f"    python benchmarks/pretraining.py {length} {command}",
            "",
            f"| years with flow | model | steps | {leads} |",
            f"|---|---|--:|{'--:|' * 8}",
            *(render_row(row) for row in rows),
            "",
        ]
    )


def main() -> None:
    """Train all, score, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data/gb"), help=f"folder with {TABLE}")
    parser.add_argument("--minutes", type=float, default=15.0, help="length of a run, the long one's twice that")
    parser.add_argument("--steps", type=int, help="length of a run in optimizer steps instead, in whole epochs")
    parser.add_argument("--stations", type=int, default=100, help="catchments")
    parser.add_argument("--shares", type=float, nargs="+", default=[1.0, 0.3, 0.1], help="of the years with flow")
    parser.add_argument("--every", type=int, default=5, help="days between issue times; a score needs 100 of them")
    parser.add_argument("--seed", type=int, default=0, help="of weights and masks")
    parser.add_argument("--threads", type=int, help="threads of the arithmetic; default: all cores")
    parser.add_argument("--folder", type=Path, help="keep stores and runs there, which must be new")
    parser.add_argument("--output", type=Path, help="also write the table there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        rows = [
            row
            for share in track(options.shares, description="Shares of the years")
            for row in train_and_score(options, folder, share)
        ]
    table = render(rows, options)
    print(table)
    if options.output:
        write_text(options.output, table)


if __name__ == "__main__":
    main()
