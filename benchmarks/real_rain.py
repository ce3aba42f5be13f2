"""What rain earns river flow where it is a real grid: HadUK-Grid at 12 km and catchments of CAMELS-GB.

    HYDROMAE_DATA=data python benchmarks/real_rain.py output/real_rain
    HYDROMAE_DATA=data python benchmarks/real_rain.py output/all_catchments --every-nth 1

Four models of `configs/haduk.yaml` are trained alike, but for where their rain comes from: none, the grid, the series
of the catchments' own means, and both. The median NSE of each is printed; what is finished is not done again.
"""

import argparse
from pathlib import Path

import pandas as pd

from hydromae.config import Config
from hydromae.config.read import load_config
from hydromae.metrics.pairs import MIN_PAIRS
from hydromae.runs.directory import RunDirectory
from hydromae.store.prepare import prepare
from hydromae.tasks.evaluate_forecast import evaluate_forecast
from hydromae.tasks.forecast_baselines import BaselineChoice
from hydromae.training.runs import continue_run, is_finished, new_run

CONFIG = Path(__file__).parents[1] / "configs" / "haduk.yaml"
WITHOUT_GRID = ("data.modalities.rain=null", "model.recurrent_grids=0", "model.grids_attended=true")
WITHOUT_SERIES = ("data.modalities.precip=null",)
RAIN = {
    "no rain": (*WITHOUT_GRID, *WITHOUT_SERIES),
    "grid": WITHOUT_SERIES,
    "series": WITHOUT_GRID,
    "grid and series": (),
}
LEADS = (1, 2, 3, 5, 7)


def main() -> None:
    """Train, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder of stores, runs and tables")
    parser.add_argument("--every-nth", type=int, default=6, help="catchments in the order of the attributes' table")
    parser.add_argument("--every", type=int, default=7, help="days between issue times")
    parser.add_argument("--rain", nargs="+", choices=list(RAIN), default=list(RAIN), help="where rain comes from")
    parser.add_argument("--set", nargs="+", default=[], help="keys of the configuration, as training.epochs=3")
    options = parser.parse_args()
    tables = {}
    for rain in options.rain:
        folder = options.output / rain.replace(" ", "_")
        config = load_config(CONFIG, [*options.set, *RAIN[rain], f"data.store={folder / 'store'}"])
        tables[rain] = scores(config, folder, options.every_nth, options.every)
        print(pd.concat(tables, names=["rain"]).round(3).to_string(), flush=True)


def scores(config: Config, folder: Path, every_nth: int, every: int) -> pd.DataFrame:
    """Median NSE [regime, lead time] of a model, which is trained unless it is there."""
    path = folder / "nse.csv"
    if not path.exists():
        ids = pd.read_csv(Path(config.data.root) / str(config.data.attributes.path), dtype={"id": str})["id"]
        others = tuple(station for place, station in enumerate(ids) if place % every_nth)
        data = config.data.model_copy(update={"exclude_stations": others})
        config = config.model_copy(update={"name": folder.name, "data": data, "output": str(folder / "run")})
        store = prepare(config)
        if not (folder / "run").exists():
            run = new_run(config, store)
        elif not is_finished(run := RunDirectory.open(folder / "run")):
            continue_run(run)
        compared = evaluate_forecast(
            run.path,
            folder / "evaluation",
            split="test",
            every=every,
            baselines=BaselineChoice(names=()),
            min_pairs=min(MIN_PAIRS, 300 // every),
        )
        median = {
            regime: of_regime.scores["score"].sel(model="hydromae", metric="nse", percentile=50, lead_time=list(LEADS))
            for regime, of_regime in compared.items()
        }
        table = pd.DataFrame({regime: of_regime.values for regime, of_regime in median.items()}, index=list(LEADS)).T
        table.to_csv(path)
    table = pd.read_csv(path, index_col=0)
    return table.rename_axis("weather").rename_axis("lead", axis=1)


if __name__ == "__main__":
    main()
