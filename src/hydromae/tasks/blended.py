"""A model and GR4J together: their errors are of different kinds, so that their mean is better than either."""

from collections.abc import Mapping
from typing import Final

import xarray as xr

BLEND: Final = "hydromae with gr4j"
# Chosen on years held out of the training period (docs/benchmark.md); anything from a quarter to a half does about as
# well.
_SHARE_OF_GR4J: Final = 0.35


def blended(model: xr.DataArray, baselines: Mapping[str, xr.DataArray]) -> dict[str, xr.DataArray]:
    """The weighted mean of a model's forecast and GR4J's, under its name; empty where GR4J is no baseline.

    Args:
        model: [issue_time, lead_time, station], mean of a forecast.
        baselines: name -> forecast of the same issue times, leads and stations. Where GR4J has none, as without flow in
            the training period, the model's stands.
    """
    if "gr4j" not in baselines:
        return {}
    gr4j = baselines["gr4j"].transpose(*model.dims).fillna(model)
    return {BLEND: ((1 - _SHARE_OF_GR4J) * model + _SHARE_OF_GR4J * gr4j).assign_attrs(model.attrs)}
