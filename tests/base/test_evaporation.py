import numpy as np
import pytest

from hydromae.base.evaporation import extraterrestrial_radiation, oudin_evaporation


def test_radiation_matches_the_worked_example_of_fao_56():
    radiation = extraterrestrial_radiation(np.array([-20.0]), np.array([246.0]))  # example 8: 3 September at 20 S
    assert radiation[0, 0] == pytest.approx(32.2, abs=0.05)


def test_evaporation_matches_a_number_worked_by_hand():
    evaporation = oudin_evaporation(np.array([[15.0]]), np.array([-20.0]), np.array([246.0]))
    assert evaporation[0, 0] == pytest.approx(32.2 / 2.45 * 20 / 100, abs=0.01)  # 2.63 mm/d


def test_evaporation_is_zero_in_frost_below_five_degrees_and_rises_with_temperature():
    temperature = np.array([[-20.0], [-5.0], [0.0], [10.0], [25.0]])
    evaporation = oudin_evaporation(temperature, np.array([52.0]), np.full(5, 180.0))[:, 0]
    assert (evaporation[:2] == 0).all()
    assert (np.diff(evaporation[1:]) > 0).all()


def test_polar_night_gives_no_radiation_and_no_error():
    radiation = extraterrestrial_radiation(np.array([80.0]), np.array([355.0]))
    assert radiation[0, 0] == pytest.approx(0, abs=1e-9)
