"""How a window is cut into tokens, and the states that a token can have."""
