"""What every other room may use: errors, atomic files, units, areas, calendar, distances, hashes."""
