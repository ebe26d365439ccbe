"""The same table, written as configuration for meshes that are not ours to run."""
