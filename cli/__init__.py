"""The `algolink` command."""
