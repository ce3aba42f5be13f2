"""The commands, each a thin call of the Python function of the same job."""

import os

# OpenMP's idle threads spin by default; where other work shares the cores, that makes a step tens of times slower. Not
# to spin at all halves the speed of small models on cores of their own, where one short operation follows another: so
# a little, some microseconds. Read when torch is first imported, so it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
