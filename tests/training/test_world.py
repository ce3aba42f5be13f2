import re

import pytest
import torch

from hydromae.base.devices import choose_device
from hydromae.base.errors import ConfigError


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match=re.escape("training.device is cuda, but torch finds no GPU; set")):
        choose_device("cuda")
