"""Scores of an infilling: estimates in hidden spans against the observations there."""

from typing import Final

import numpy as np
import pandas as pd
import xarray as xr

from hydromae.evaluation.hidden_spans import HiddenSpans
from hydromae.metrics import errors, kge, nse

MIN_PAIRS: Final = 30
_KGE: Final = ["kge", "kge_r", "kge_alpha", "kge_beta"]


def score_infill(
    filled: xr.DataArray, observed: xr.DataArray, spans: HiddenSpans, min_pairs: int = MIN_PAIRS
) -> xr.Dataset:
    """Score the hidden days of each station, separately for spans of each length.

    Efficiencies compare with the mean of the observed flow over the hidden days. `log_nse` is the NSE of log(flow + one
    hundredth of the station's mean observed flow), after Pushpalatha et al. (2012, J. Hydrol. 420, 171-182). A hidden
    value without an estimate is not scored; `filled_share` is the share of values with one.

    Args:
        filled: [time, station], with or without `quantile` last; of quantiles the median counts.
        observed: [time, station] in the same unit, with the values that were hidden.
        spans: the hidden spans.
        min_pairs: stations with fewer hidden days with an estimate are NaN.

    Returns:
        `nse`, `log_nse`, `kge` with its components, `rmse`, `mae`, `bias`, `percent_bias` and `filled_share`, float64
        [length, station]; `length` is the number of days in a span, int64.

    Raises:
        DataError: units differ, no day or station is shared, or quantiles lack 0.5.
    """
    days = spans.mask["time"][spans.mask.any("station").values]
    filled, observed, mask = (array.sel(time=days) for array in (filled, observed, spans.mask))
    lengths = sorted(set(spans.table["length"]))
    scores = []
    for length in lengths:
        hidden = spans.of_length(length).sel(time=mask["time"])
        scores.append(_scores(filled.where(hidden), observed.where(hidden), min_pairs))
    result = xr.concat(scores, pd.Index(lengths, name="length", dtype=np.int64), combine_attrs="override")
    result["length"].attrs = {"units": "days", "long_name": "days in a hidden span"}
    return result


def _scores(filled: xr.DataArray, observed: xr.DataArray, min_pairs: int) -> xr.Dataset:
    """Scores on days with both values, [station]."""
    small = observed.mean("time") / 100  # keeps days without flow within reach of a logarithm
    with np.errstate(all="ignore"):
        logs = [np.log(np.maximum(series, 0) + small) for series in (filled, observed)]
    for series in logs:
        series.attrs = {}
    log_nse = nse(logs[0], logs[1], min_pairs)
    log_nse.attrs = {**log_nse.attrs, "long_name": "Nash-Sutcliffe efficiency of log flow"}
    estimated = filled.notnull()
    if "quantile" in filled.dims:
        estimated = estimated.all("quantile")
    count = observed.notnull().sum("time")
    share = ((estimated & observed.notnull()).sum("time") / count).where(count > 0)
    share.attrs = {"units": "1", "long_name": "share of hidden values that have an estimate"}
    efficiencies = kge(filled, observed, min_pairs)[_KGE]
    return xr.Dataset(
        {
            "nse": nse(filled, observed, min_pairs),
            "log_nse": log_nse,
            **efficiencies.data_vars,
            **errors(filled, observed, min_pairs).data_vars,
            "filled_share": share,
        }
    )
