"""Public benchmarks: their definitions, and the job that trains, forecasts and scores for them."""
