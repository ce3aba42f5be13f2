"""What `check` looks for in each kind of data, one idea a file."""
