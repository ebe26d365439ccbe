"""Alembic revisions of the router's database."""
