"""Who works: processes on this machine, or a Dask cluster."""
