"""Findings that need several series at once, in sentences."""

import warnings

import numpy as np

from hydromae.base.coordinate_columns import coordinate_columns
from hydromae.check.balance import judge_balance
from hydromae.check.network import Network
from hydromae.check.places import judge_places
from hydromae.check.report import CheckReport
from hydromae.check.timing import judge_neighbours, judge_timing
from hydromae.check.twins import judge_twins


def network_of(
    stations: tuple[str, ...], areas: np.ndarray | None, names: tuple[str, ...], values: np.ndarray | None
) -> Network:
    """The stations with the areas and coordinates that are known.

    Args:
        stations: their ids.
        areas: km2 of each, or None.
        names: the attributes.
        values: of each station and attribute, or None.
    """
    unknown = np.full(len(stations), np.nan)
    place = {} if values is None else {name: values[:, at] for name, at in coordinate_columns(names).items()}
    km2 = unknown if areas is None else np.where(np.asarray(areas, float) > 0, areas, np.nan)
    return Network(stations, km2, place.get("latitude", unknown), place.get("longitude", unknown))


def judge_network(report: CheckReport, network: Network) -> None:
    """Add where flow, rain, areas and neighbours contradict each other."""
    flows = network.series("flow")
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # Means of stations without any value are NaN, as they should be.
        warnings.simplefilter("ignore", RuntimeWarning)
        rains = [network.rain_of(flow) for flow in flows]
        for flow, rain in zip(flows, rains, strict=True):
            judge_balance(report, network, flow, rain)
            judge_twins(report, network, flow)
            judge_timing(report, network, flow, rain)
        judge_neighbours(report, network, network.series("rain"))
        judge_places(report, network, *((flows[0], rains[0]) if flows else (None, None)))
