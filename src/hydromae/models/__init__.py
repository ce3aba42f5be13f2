"""The masked autoencoder and its parts."""
