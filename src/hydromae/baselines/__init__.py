"""What every table is measured against: simple and published methods for each task."""
