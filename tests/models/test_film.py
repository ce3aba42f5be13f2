import torch

from hydromae.models.film import FiLM
from hydromae.models.initialise import initialise
from hydromae.models.multimodal_mae import MultiModalMAE
from support.tiny import plain_dict, predictions, randomise, tiny_config


def test_film_starts_as_the_identity_exactly() -> None:
    film = FiLM(3, 8)
    initialise(film)
    features = torch.randn(2, 4, 8)
    assert torch.equal(film(features, 100 * torch.randn(2, 4, 3)), features)


def test_film_scales_and_shifts_each_feature() -> None:
    film = FiLM(3, 8)
    randomise(film)
    features, condition = torch.randn(2, 4, 8), torch.randn(2, 4, 3)
    scale, shift = film.scale_and_shift(condition).split(8, dim=-1)
    torch.testing.assert_close(film(features, condition), features + features * scale + shift)


def test_at_the_start_attributes_act_through_the_static_token_alone() -> None:
    config = tiny_config(series_position="none")
    model = MultiModalMAE(config)
    for name in ("evap", "riverflow"):
        torch.nn.init.zeros_(model.get_submodule(f"{name}_encoder.static").weight)
    plain = plain_dict(config)
    other = plain | {"static_attr": torch.randn_like(plain["static_attr"])}
    for name, found in predictions(model, plain).items():
        assert torch.equal(found.nan_to_num(), predictions(model, other)[name].nan_to_num())


def test_decoder_film_changes_nothing_at_the_start_and_something_after() -> None:
    with_film, without = MultiModalMAE(tiny_config()), MultiModalMAE(tiny_config(decoder_film=False))
    shared = {k: v for k, v in with_film.state_dict().items() if k in without.state_dict()}
    without.load_state_dict(shared)
    assert len(shared) < len(with_film.state_dict())
    plain = plain_dict(tiny_config())
    for name, found in predictions(with_film, plain).items():
        assert torch.equal(found.nan_to_num(), predictions(without, plain)[name].nan_to_num())
    randomise(with_film.get_submodule("evap_decoder.decoder.film"))
    assert not torch.equal(
        predictions(with_film, plain)["evap"].nan_to_num(), predictions(without, plain)["evap"].nan_to_num()
    )
