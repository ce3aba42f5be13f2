"""Where a training's records and pictures go, beside the run's own JSON lines."""
