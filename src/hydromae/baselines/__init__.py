"""The methods that every table compares the model with: simple and published ones for each task."""
