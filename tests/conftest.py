"""Settings of the whole suite; they come before torch is imported."""

import os

# Idle OpenMP threads that spin make the suite many times slower where something else uses the cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
