"""What was freed is kept, unless the user has set glibc's limits."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import torch
from hydromae.base.allocator import keep_freed_memory

keep_freed_memory()
torch.ones(8 << 20, dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    blocks = [torch.ones(8 << 20, dtype=torch.uint8) for _ in range(8)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(**settings: str) -> int:
    """How often the system had to give memory while 64 MiB were taken and freed, 20 times over."""
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, **settings}, check=True, capture_output=True, text=True
    )
    return int(found.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="only glibc is told")
def test_memory_that_was_freed_is_not_asked_for_again_unless_the_user_has_set_the_limits() -> None:
    kept = faults()
    assert 5 * kept < faults(MALLOC_TRIM_THRESHOLD_="131072", MALLOC_MMAP_THRESHOLD_="131072")
