"""What a training writes to disk: the run directory, checkpoints, models."""
