import math

import torch

from hydromae.models.positions import Calendar, coordinate_positions, learned_position, time_positions
from support.tiny import plain_dict, predictions, tiny_config, tiny_model


def test_time_positions_are_sines_and_cosines_of_three_days_to_a_year() -> None:
    days, dim = torch.arange(200), 16
    found = time_positions(days, dim).double()
    for i in range(dim // 2):
        angle = 2 * math.pi * days.double() / (3.0 * (365 / 3) ** (i / (dim // 2 - 1)))
        torch.testing.assert_close(found[:, i], torch.sin(angle), atol=1e-4, rtol=0)
        torch.testing.assert_close(found[:, dim // 2 + i], torch.cos(angle), atol=1e-4, rtol=0)


def test_days_far_apart_have_different_positions() -> None:
    positions = time_positions(torch.arange(400), 32)
    distances = torch.cdist(positions, positions) + 10 * torch.eye(400)
    assert distances.min() > 0.1


def test_places_a_few_kilometres_apart_have_different_positions() -> None:
    # 0.02 of a standard deviation of British latitudes is about 4 km.
    here, there = torch.tensor([[0.5, -1.0]]), torch.tensor([[0.52, -1.0]])
    assert (coordinate_positions(here, 32) - coordinate_positions(there, 32)).norm() > 0.5


def test_coordinate_positions_give_half_of_the_features_to_each_coordinate() -> None:
    first = coordinate_positions(torch.tensor([0.3, 1.0]), 16)
    other = coordinate_positions(torch.tensor([0.3, 2.0]), 16)
    assert torch.equal(first[:8], other[:8])
    assert not torch.equal(first[8:], other[8:])


def test_calendar_equals_its_harmonics() -> None:
    calendar = Calendar(8)
    day_of_year, day = torch.tensor([[10, 11, 12], [364, 365, 366]]), torch.tensor([[0, 2], [1, 1]])
    found = calendar(day_of_year, day)
    for b in range(2):
        for n in range(2):
            angle = 2 * math.pi * float(day_of_year[b, day[b, n]]) / 365.25
            features = [math.sin(angle), math.sin(2 * angle), math.cos(angle), math.cos(2 * angle)]
            expected = calendar.mixture.weight @ torch.tensor(features)
            torch.testing.assert_close(found[b, n], expected, rtol=1e-5, atol=1e-5)


def test_the_end_of_december_is_near_the_start_of_january() -> None:
    calendar, day = Calendar(8), torch.tensor([[0, 1, 2]])
    found = calendar(torch.tensor([[366, 1, 183]]), day)[0]
    assert (found[0] - found[1]).norm() < 0.1 * (found[1] - found[2]).norm()


def test_the_season_matters_with_a_calendar_and_not_without() -> None:
    for calendar in (True, False):
        config = tiny_config(calendar=calendar)
        model, plain = tiny_model(config), plain_dict(config)
        summer = predictions(model, plain | {"day_of_year": plain["day_of_year"] * 0 + 180})
        winter = predictions(model, plain | {"day_of_year": plain["day_of_year"] * 0 + 1})
        assert torch.equal(summer["evap"].nan_to_num(), winter["evap"].nan_to_num()) is not calendar


def test_unknown_dates_leave_the_calendar_in_the_graph() -> None:
    config = tiny_config()
    model, plain = tiny_model(config), plain_dict(config)
    del plain["day_of_year"]
    model(plain)[0].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_gradient_of_learned_positions_is_the_same_each_time_on_several_threads() -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        positions = torch.randn(60, 64, requires_grad=True)
        place, weight = torch.randint(60, (32, 180)), torch.randn(32, 180, 64)
        found = [
            torch.autograd.grad((learned_position(positions, place) * weight).sum(), positions)[0] for _ in range(20)
        ]
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(gradient, found[0]) for gradient in found)
    torch.testing.assert_close(found[0], torch.zeros(60, 64).index_add(0, place.flatten(), weight.flatten(0, 1)))
