"""Scores and the simple methods that a model must beat."""
