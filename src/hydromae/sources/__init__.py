"""Labelled arrays of all modalities brought to one data set: same days, same cells, same stations."""
