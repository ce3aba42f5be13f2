"""Errors in the unit of the flow, and how much smaller they are than those of persistence."""

import xarray as xr

from hydromae.metrics.catalogue import described
from hydromae.metrics.efficiency import quiet
from hydromae.metrics.pairs import MIN_PAIRS, pair, point_forecast, sample_dim


def errors(predicted: xr.DataArray, observed: xr.DataArray, min_pairs: int = MIN_PAIRS) -> xr.Dataset:
    """RMSE, mean absolute error, mean error, and mean error in percent of the mean flow.

    Args:
        predicted: [issue_time, lead_time, station] or [time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        min_pairs: fewest complete pairs of a station.

    Returns:
        `rmse`, `mae`, `bias` in the unit of `observed`, `percent_bias` in percent (NaN where the sum of the observed
        flow is 0), float64 [lead_time, station] or [station].

    Raises:
        DataError: as `pair`.
    """
    from scores.continuous import additive_bias, mae, pbias, rmse

    units = str(observed.attrs.get("units", ""))
    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    over = [sample_dim(predicted)]
    with quiet():
        values = {
            "rmse": rmse(predicted, observed, reduce_dims=over),
            "mae": mae(predicted, observed, reduce_dims=over),
            "bias": additive_bias(predicted, observed, reduce_dims=over),
            "percent_bias": pbias(predicted, observed, reduce_dims=over).where(observed.sum(over) != 0),
        }
    return xr.Dataset({name: described(value, name, units) for name, value in values.items()})


def persistence_skill(
    predicted: xr.DataArray, observed: xr.DataArray, persisted: xr.DataArray, min_pairs: int = MIN_PAIRS
) -> xr.DataArray:
    """Skill of the root mean squared error against persistence: 1 - RMSE(P) / RMSE(persisted).

    With squared errors in place of their roots it is the persistence index of Kitanidis and Bras (1980), which is
    1 - (1 - skill)^2.

    Args:
        predicted: [issue_time, lead_time, station]; of quantiles, the one of 0.5 is used.
        observed: [time, station], or with the dimensions of `predicted`.
        persisted: as `predicted`, without quantiles: the last flow known at each issue time.
        min_pairs: fewest days of a station on which all three have a value.

    Returns:
        float64 [lead_time, station], unit 1; NaN where persistence makes no error.

    Raises:
        DataError: as `pair`.
    """
    from scores.continuous import rmse

    predicted, observed = pair(point_forecast(predicted), observed, min_pairs)
    persisted, observed = pair(persisted, observed, min_pairs)
    over = [sample_dim(predicted)]
    with quiet():
        reference = rmse(persisted, observed, reduce_dims=over)
        value = 1 - rmse(predicted, observed, reduce_dims=over) / reference.where(reference > 0)
    return described(value, "persistence_skill")
