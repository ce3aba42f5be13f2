"""Predictions of a trained model, or of several together."""
