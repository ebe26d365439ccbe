"""Pure functions from a route table to what a mesh is configured with."""
