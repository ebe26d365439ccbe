"""The store on SQLite and PostgreSQL."""

from experiment_svc.store_sql.store import SqlStore

__all__ = ["SqlStore"]
