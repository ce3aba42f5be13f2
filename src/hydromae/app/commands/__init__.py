"""The commands, each a thin call of the Python function of the same job."""

import os

# OpenMP's idle threads spin by default; where other work shares the cores, that makes a step tens of times slower. With
# no spinning at all, small models on cores of their own run at half the speed, since one short operation follows
# another. So they spin for some microseconds. Torch reads this when it is first imported, so it is set before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "3000")
