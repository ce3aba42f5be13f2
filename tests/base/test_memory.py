import numpy as np

from hydromae.base.memory import peak_memory


def test_peak_memory_counts_what_was_used_and_keeps_counting_it_when_freed() -> None:
    size = 200 * 2**20
    used = np.ones(size // 8)
    with_it = peak_memory()
    assert with_it > used.nbytes
    del used
    # The kernel counts pages in batches, so its figure may go back by a few.
    assert peak_memory() > 0.99 * with_it
