"""Tasks: a mask, a set of scores, an output."""
