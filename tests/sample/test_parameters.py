import numpy as np
import pytest

from hydromae.baselines.gr4j import gr4j
from hydromae.sample.parameters import gr4j_parameters
from support.gr4j_world import random_forcing


@pytest.fixture
def forcing():
    return random_forcing()


def flow_with(forcing, **changes):
    usual = {"area": 200.0, "slope": 80.0, "propwet": 0.45, "bfihost": 0.5} | changes
    values = {name: np.full(1, value) for name, value in usual.items()}
    rain, evaporation = (series[:, :1] for series in forcing)
    return gr4j(rain, evaporation, gr4j_parameters(**values, noise=np.zeros((4, 1)))).flow[100:, 0]


def test_permeable_ground_damps_the_flow(forcing):
    variability = [np.std(q) / np.mean(q) for q in (flow_with(forcing, bfihost=b) for b in (0.25, 0.5, 0.75, 0.95))]
    assert (np.diff(variability) < 0).all()


def test_wet_and_steep_catchments_are_flashier(forcing):
    def flashiness(**changes):
        flow = flow_with(forcing, **changes)
        return np.abs(np.diff(flow)).sum() / flow.sum()

    assert flashiness(propwet=0.8) > flashiness(propwet=0.25)
    assert flashiness(slope=250.0) > flashiness(slope=20.0)


def test_a_large_catchment_answers_later_than_a_small_one():
    rain = np.zeros((60, 1))
    rain[20] = 60.0
    storm = (rain, np.zeros_like(rain))

    def centroid(area):
        values = {"area": area, "slope": 80.0, "propwet": 0.45, "bfihost": 0.5}
        given_parameters = gr4j_parameters(**{k: np.full(1, v) for k, v in values.items()}, noise=np.zeros((4, 1)))
        response = gr4j(*storm, given_parameters).flow - gr4j(0 * rain, 0 * rain, given_parameters).flow
        return (response[:, 0] * np.arange(60)).sum() / response.sum()

    assert centroid(1500.0) > centroid(30.0) + 0.5
