"""Tasks: each has a mask, a set of scores and an output."""
