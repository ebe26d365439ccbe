"""The store's parts on SQLite and PostgreSQL."""
