"""Groups of stations that keep neighbours together."""
