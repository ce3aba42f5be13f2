"""A page in the browser that asks trained models: forecasts, and masks made by hand."""
