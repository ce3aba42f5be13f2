"""From source files to batches."""
