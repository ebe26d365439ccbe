"""Serving a folder of models without the rest of the suite."""
