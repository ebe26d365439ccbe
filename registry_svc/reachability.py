"""Tells a database that is away from a statement that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from algolink.errors import Unavailable

_AWAY = ("08", "57P", "53")
"""SQLSTATE of connections that fail, servers that go down or come up, and those that are full."""


@contextmanager
def told(*, writes: bool) -> Iterator[None]:
    """Raises Unavailable, DATABASE_UNAVAILABLE, where the database is away.

    Args:
        writes: whether something may have been written when it went.
    """
    try:
        yield
    except Exception as error:
        if not is_away(error):
            raise
        cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
        doubt = "; whether the change was made is not known" if writes else ""
        raise Unavailable(
            "DATABASE_UNAVAILABLE", f"the registry's database is away: {cause}{doubt}"
        ) from error


def is_away(error: Exception) -> bool:
    """Whether `error` says that the database is not there, or not now.

    >>> is_away(ConnectionRefusedError()), is_away(KeyError())
    (True, False)
    """
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    state = getattr(cause, "sqlstate", None)
    if isinstance(state, str) and state.startswith(_AWAY):
        return True
    text = str(cause)
    return "connection is closed" in text or "database is locked" in text
