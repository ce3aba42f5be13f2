"""Splits stations into folds that keep neighbours together."""
