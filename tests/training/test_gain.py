import pytest

from hydromae.training.gain import Gain


def validated(*losses: float | None) -> str | None:
    gain = Gain()
    for step, loss in enumerate(losses):
        gain.on_log({"event": "train", "step": step, "loss": 0.0})
        gain.on_log({"event": "validation", "step": step, "loss": loss})
    return gain.sentence()


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ((0.5, 0.4, 0.45), "Tuning lowered the loss on the days held out by 20.0%, from 0.5 to 0.4"),
        ((0.5, 0.5), "Tuning gained nothing on the days held out (loss 0.5 before, 0.5 at best after): the weights are "
                     "kept as they were"),
        ((0.5,), None),
        ((None, 0.4), None),
    ],
)  # fmt: skip
def test_the_lowest_loss_is_compared_with_the_first(losses: tuple[float | None, ...], expected: str | None) -> None:
    assert validated(*losses) == expected
