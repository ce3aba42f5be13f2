"""Figures of single files: forecasts, filled gaps, simulations, reconstructions and scores."""
