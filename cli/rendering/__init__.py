"""Route tables and rendered configuration as files."""
