"""What the registry knows and which rules it follows; does no I/O."""
