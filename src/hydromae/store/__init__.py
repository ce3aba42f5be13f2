"""The prepared data set on disk: writing, reading, scaling, provenance, and its xarray view."""
