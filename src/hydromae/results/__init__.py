"""Files of results: netCDF, Zarr, CSV and parquet."""
