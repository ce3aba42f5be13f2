import json

import pytest
import torch

from support.make_golden import GOLDEN, PUBLISHED, outputs

# Sums in another order differ by some 1e-6 in single precision; a change of the model differs by far more.
TOLERANCE = 1e-4


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_configurations_compute_what_they_always_did(name: str) -> None:
    golden = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    found = outputs(name)
    assert found.keys() == golden.keys()
    for key, expected in golden.items():
        torch.testing.assert_close(
            torch.tensor(found[key]),
            torch.tensor(expected),
            rtol=TOLERANCE,
            atol=TOLERANCE,
            msg=lambda m, k=key: f"{k}: {m}",
        )


def test_golden_outputs_say_something() -> None:
    first, second = (json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")) for name in PUBLISHED)
    for golden in (first, second):
        for modality in ("precip", "soil", "temp", "riverflow", "evap"):
            assert len(golden[f"{modality}_values"]) >= 1
        assert golden["precip_mean_and_deviation"][1] > 0.1
    assert first["precip_values"] != second["precip_values"]
