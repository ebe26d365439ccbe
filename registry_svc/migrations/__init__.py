"""Alembic revisions, one file each, run at start."""
