"""The methods of infilling on spans hidden from 604 gauges of Great Britain, 2009-10 to 2012-09.

    python benchmarks/infill_baselines.py                      # every method and length, some 5 minutes on one thread
    python benchmarks/infill_baselines.py --lengths 5 30 --output scores.csv

Each length of span is an experiment of its own, so that gauges around are hidden about as often as real ones are
missing: 90 days of each station (180 in spans of 90). Everything is learnt from the days to 2009-09-30. Printed is the
median over stations, with quartiles of the NSE; `regression of 5` is the regression with more donors than published.
"""

import argparse
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from hydromae.base.files import atomic_path
from hydromae.baselines.infill import METHODS, regression
from hydromae.evaluation.hidden_spans import SPANS, hide_spans
from hydromae.evaluation.infill_scores import score_infill
from hydromae.readers import open_table

TABLE = Path("../shared/data/gb/catchment_daily_604_1970_2012.parquet")
TRAIN, PERIOD = slice("1970-10-01", "2009-09-30"), slice("2009-10-01", "2012-09-30")


def main() -> None:
    """Hide, fill, score and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", type=Path, default=TABLE, help="parquet with date, ID and discharge_spec in mm/d")
    parser.add_argument("--lengths", type=int, nargs="+", default=list(SPANS), help="days in a span")
    parser.add_argument("--seed", type=int, default=0, help="of the draw of spans")
    parser.add_argument("--output", type=Path, help="also write every score of every station there, as CSV")
    options = parser.parse_args()
    observed = open_table(options.table, "discharge_spec").load().assign_attrs(units="mm/d")
    methods = {**METHODS, "regression of 5": partial(regression.fill, donors=5)}
    tables = []
    print("days method              NSE    p25    p75 logNSE    KGE bias %  RMSE filled stations     s")
    for length in options.lengths:
        spans = hide_spans(observed, period=PERIOD, spans={length: SPANS[length]}, seed=options.seed)
        visible = spans.hide(observed)
        for name, fill in methods.items():
            began = time.perf_counter()
            filled = fill(visible, train=TRAIN)
            seconds = time.perf_counter() - began
            scores = score_infill(filled, observed, spans).isel(length=0)
            low, middle, high = np.nanpercentile(scores["nse"], [25, 50, 75])
            log_nse, kge, bias, rmse = (scores[m].median().item() for m in ("log_nse", "kge", "percent_bias", "rmse"))
            stations = int(scores["nse"].notnull().sum())
            print(f"{length:4d} {name:16s} {middle:6.3f} {low:6.3f} {high:6.3f} {log_nse:6.3f} {kge:6.3f}", end="")
            print(f" {bias:6.2f} {rmse:5.2f} {scores['filled_share'].mean().item():6.4f} {stations:8d} {seconds:5.1f}")
            tables.append(scores.to_dataframe().reset_index().assign(method=name))
    if options.output:
        with atomic_path(options.output) as temporary:
            pd.concat(tables).to_csv(temporary, index=False)


if __name__ == "__main__":
    main()
