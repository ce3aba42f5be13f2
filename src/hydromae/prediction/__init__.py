"""A trained model that can be asked anything, and several of them together."""
