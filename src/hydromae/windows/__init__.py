"""Windows: which days and stations a batch holds, in which order, and their values."""
