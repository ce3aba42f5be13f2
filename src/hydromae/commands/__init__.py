"""The commands, each a thin call of the Python function of the same job."""
