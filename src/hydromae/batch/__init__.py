"""Windows and masks made into what the model is given."""
