"""What knows nothing of the rest: errors, atomic files, units, areas, calendar, distances, hashes."""
