"""What a training leaves on disk: the run directory, checkpoints, models."""
