"""The methods for ungauged stations on 604 gauges of Great Britain, each held out in one of 5 spatial folds.

    python benchmarks/ungauged_baselines.py
    python benchmarks/ungauged_baselines.py --folds 10 --apart 5 --output folds.csv

Gauges of one hydrometric area, and gauges closer than 10 km, are in the same fold. For comparison the same is done with
folds that guess what nests from distance and area, and with folds drawn at random, whose scores leak. Printed is the
daily NSE of 2009-10 to 2012-09 over stations with at least 100 days.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.baselines.ungauged import METHODS
from hydromae.folds.folds import Folds, spatial_folds
from hydromae.folds.river_links import hydrometric_areas
from hydromae.metrics import errors, kge, nse
from hydromae.readers import open_table

FOLDER = Path("../shared/data/gb")
PERIOD = slice("2009-10-01", "2012-09-30")
ATTRIBUTES = [
    *("latitude", "longitude", "minimum-altitude", "maximum-altitude", "50-percentile-altitude"),
    *("10-percentile-altitude", "90-percentile-altitude", "area", "dpsbar", "propwet", "bfihost"),
]


def report(label: str, folds: Folds, flow: xr.DataArray, stations: pd.DataFrame) -> None:
    """Print the scores of each method under some folds."""
    away = folds.table["nearest_training_km"]
    sizes = folds.table["fold"].value_counts()
    print(
        f"{label}: {folds.table['cluster'].nunique()} clusters, folds of {sizes.min()} to {sizes.max()}, "
        f"nearest training station at {away.min():.1f} km at least, {away.median():.1f} in the median"
    )
    for name, method in METHODS.items():
        parts = [method(flow, stations, held_out=folds.held_out(fold)) for fold in range(folds.count)]
        estimate = xr.concat(parts, "station", combine_attrs="override")
        efficiency, bias = nse(estimate, flow), errors(estimate, flow)["percent_bias"]
        low, middle, high = np.nanpercentile(efficiency, [25, 50, 75])
        gupta = kge(estimate, flow)["kge"].median().item()
        print(
            f"  {name:16s} NSE {middle:6.3f} ({low:6.3f} to {high:6.3f})  KGE {gupta:6.3f}"
            f"  |bias| {abs(bias).median():5.1f} %  {int(efficiency.notnull().sum())} stations"
        )


def main() -> None:
    """Make folds, estimate, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=FOLDER, help="folder of the table of flow and of the attributes")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--apart", type=float, default=10.0, help="km between stations of different folds")
    parser.add_argument("--seed", type=int, default=0, help="of the dealing of clusters to folds")
    parser.add_argument("--output", type=Path, help="also write the folds by hydrometric area there, as CSV")
    options = parser.parse_args()
    stations = pd.read_csv(options.data / "Catchment_attributes_nrfa.csv", dtype={"id": str}).set_index("id")
    stations = stations.rename(columns={"catchment-area": "area"})[ATTRIBUTES]
    flow = open_table(options.data / "catchment_daily_604_1970_2012.parquet", "discharge_spec").sel(time=PERIOD).load()
    flow = flow.assign_attrs(units="mm/d")
    basins = hydrometric_areas(list(stations.index))
    settings = {"apart_km": options.apart, "seed": options.seed}
    by_basin = spatial_folds(stations, options.folds, basins=basins, **settings)
    report("hydrometric areas", by_basin, flow, stations)
    guessed = spatial_folds(stations, options.folds, **settings)
    report("guessed from distance and area", guessed, flow, stations)
    fold = guessed.table.set_index("station")["fold"]
    pairs = pd.DataFrame({"fold": fold, "basin": pd.Series(basins, stations.index)})
    whole = pairs.groupby("basin")["fold"].nunique()
    print(f"  {int((whole > 1).sum())} of {len(whole)} hydrometric areas are parted")
    alone = [str(n) for n in range(len(stations))]
    settings["apart_km"] = 0.0
    report("random", spatial_folds(stations, options.folds, basins=alone, **settings), flow, stations)
    if options.output:
        by_basin.write(options.output)


if __name__ == "__main__":
    main()
