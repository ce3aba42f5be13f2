from collections.abc import Iterator

import pytest
import torch

from support.processes import Nursery

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def nursery() -> Iterator[Nursery]:
    """Where trainings in processes of their own come from."""
    made = Nursery()
    yield made
    made.close()
