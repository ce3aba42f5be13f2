"""Pictures of grids and series, drawn with matplotlib."""
