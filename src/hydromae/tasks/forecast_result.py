"""What a forecast is at each issue time, members joined, and the data set of all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import xarray as xr
from jaxtyping import Float

from hydromae.base.areas import MM_PER_DAY, is_flow
from hydromae.evaluation.mixture import mixture_quantiles
from hydromae.prediction.predictor import Answer, Predictor
from hydromae.store.cf import QUANTILE, STATION_ID, over_the_day, station_places, variable_attributes
from hydromae.tasks.forecast_events import Events, is_river_flow

_DIMS: Final = ("issue_time", "lead_time", "station")


@dataclass(frozen=True)
class Outlook:
    """The forecast of one series from one issue time, at the chosen stations.

    Attributes:
        mean: [lead, station], the mean of the members.
        quantiles: [lead, station, quantile], of the mixture of the members' distributions; None where there are none.
        members: [lead, member, station], the mean of each.
        probability: [lead, station, event]; None where there are no events or quantiles.
    """

    mean: Float[np.ndarray, "lead station"]
    quantiles: Float[np.ndarray, "lead station quantile"] | None
    members: Float[np.ndarray, "lead member station"]
    probability: Float[np.ndarray, "lead station event"] | None


def outlook(members: Sequence[Answer], chosen: np.ndarray, levels: Sequence[float], events: Events | None) -> Outlook:
    """Join the members of an ensemble, or take the only one as it is.

    Args:
        members: what each says of all stations.
        chosen: places of the stations that are forecast.
        levels: of the quantiles; an ensemble needs two for quantiles of its own.
        events: what a probability is given of; None for nothing.
    """
    means = np.stack([answer.mean.numpy()[:, chosen] for answer in members])  # [member, lead, station]
    known = np.isfinite(means)
    with np.errstate(invalid="ignore"):
        mean = (np.where(known, means, 0.0).sum(0, dtype=np.float64) / known.sum(0)).astype(np.float32)
    each = [answer.quantiles.numpy()[:, chosen] for answer in members if answer.quantiles is not None]
    spread = np.stack(each) if each else None  # [member, lead, station, quantile]
    quantiles = probability = None
    if spread is not None and len(spread) == 1:
        quantiles = spread[0]
    elif spread is not None and len(levels) > 1:
        quantiles = mixture_quantiles(spread, levels)
    if events is not None and spread is not None and len(levels) > 1:
        probability = events.probability(spread, levels)
    return Outlook(mean, quantiles, means.swapaxes(0, 1), probability)


def forecast_result(
    predictor: Predictor,
    names: Sequence[str],
    issues: np.ndarray,
    horizon: int,
    chosen: np.ndarray,
    outlooks: Sequence[Mapping[str, Outlook]],
    events: Mapping[str, Events],
    members: Sequence[str],
) -> xr.Dataset:
    """The data set of a forecast.

    Args:
        predictor: the first of the runs.
        names: modalities that are forecast.
        issues: issue times, datetime64[D].
        horizon: longest lead time.
        chosen: places of the stations that are forecast, among those of the predictor.
        outlooks: by modality, at each issue time.
        events: by modality.
        members: of the weather; empty where it is no ensemble.
    """
    store, stations = predictor.store, np.array(predictor.stations, dtype=object)[chosen]
    issue_times = issues.astype("datetime64[s]")
    leads = np.arange(1, horizon + 1)
    valid = issue_times[:, None] + leads[None].astype("timedelta64[D]")
    coordinates = {
        "issue_time": xr.Variable(
            "issue_time", issue_times, {"standard_name": "forecast_reference_time", "long_name": "last day known"}
        ),
        "lead_time": xr.Variable(
            "lead_time", leads, {"standard_name": "forecast_period", "long_name": "lead time", "units": "days"}
        ),
        "station": xr.Variable("station", stations, STATION_ID),
        "valid_time": xr.Variable(("issue_time", "lead_time"), valid, {"standard_name": "time"}),
    }
    ids = list(store.station_ids)
    places = np.array([ids.index(station) for station in stations], dtype=np.int64)
    coordinates |= station_places(store, places)
    variables: dict[str, xr.Variable] = {}
    for name in names:
        made = [each[name] for each in outlooks]
        attributes = variable_attributes(store, name)
        words = attributes["long_name"]
        variables[name] = xr.Variable(_DIMS, np.stack([one.mean for one in made]), attributes)
        quantiles = [one.quantiles for one in made if one.quantiles is not None]
        if quantiles:
            described = {**attributes, "long_name": f"quantiles of {words}"}
            variables[f"{name}_quantiles"] = xr.Variable((*_DIMS, "quantile"), np.stack(quantiles), described)
        if members:
            described = {**attributes, "long_name": f"{words} of each member of the weather"}
            dims = ("issue_time", "lead_time", "member", "station")
            variables[f"{name}_members"] = xr.Variable(dims, np.stack([one.members for one in made]), described)
        probabilities = [one.probability for one in made if one.probability is not None]
        if probabilities:
            of_events = events[name]
            variables[f"{name}_threshold"] = of_events.thresholds(attributes)
            described = {"units": "1", "long_name": "probability of the event", "comment": of_events.said}
            variables[f"{name}_probability"] = xr.Variable((*_DIMS, "event"), np.stack(probabilities), described)
            coordinates["event"] = of_events.coordinate
        if store.areas is not None:
            variables |= _other_unit(name, variables[name], store.areas[places])
    if predictor.quantiles and any("quantile" in variable.dims for variable in variables.values()):
        coordinates["quantile"] = xr.Variable("quantile", np.array(predictor.quantiles), QUANTILE)
    if members:
        said = {"standard_name": "realization", "long_name": "member of the weather"}
        coordinates["member"] = xr.Variable("member", np.array(members, dtype=object), said)
    return xr.Dataset(variables, coordinates)


def _other_unit(name: str, flow: xr.Variable, areas: np.ndarray) -> dict[str, xr.Variable]:
    """Flow in m3/s as mm/d, or the other way round."""
    factor = (MM_PER_DAY / areas).astype(np.float32)
    words, daily_mean = flow.attrs["long_name"], over_the_day("m3/s")
    if is_flow(flow.attrs["units"]):
        attributes = {**daily_mean, "units": "mm/d", "long_name": f"{words} over the catchment's area"}
        return {f"{name}_specific": xr.Variable(flow.dims, flow.values * factor, attributes)}
    if is_river_flow(flow.attrs["units"], f"{name} {words}"):
        attributes = {**daily_mean, "units": "m3/s", "long_name": words}
        attributes["standard_name"] = "water_volume_transport_in_river_channel"
        return {f"{name}_volume": xr.Variable(flow.dims, flow.values / factor, attributes)}
    return {}
