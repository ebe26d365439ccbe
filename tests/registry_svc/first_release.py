"""A database as the first release left it."""

from __future__ import annotations

from importlib import import_module

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations

_ROWS = (
    """INSERT INTO models VALUES ('iris', 2, '2026-11-20 09:00:00', '2026-11-20 11:00:00', 3, 3)""",
    """INSERT INTO versions VALUES
       ('iris', 1, 'd1', 10, '{"inputs": [["x", "FP32", [-1, 4]]], "outputs": []}', 'first',
        '2026-11-20 09:00:00'),
       ('iris', 2, 'd2', 20, '{"inputs": [["x", "FP32", [-1, 4]]], "outputs": []}', '',
        '2026-11-20 10:00:00')""",
    """INSERT INTO aliases VALUES
       ('iris', 'champion', 2, '2026-11-20 11:00:00', 'better', 'one', 'c1'),
       ('iris', 'nightly', 1, '2026-11-20 10:30:00', '', NULL, NULL)""",
    """INSERT INTO pushes VALUES ('push-1', 'iris', 1, 'd1'), ('push-2', 'iris', 2, 'd2')""",
    """UPDATE registry SET head = 3""",
    """CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)""",
    """INSERT INTO alembic_version VALUES ('0001')""",
)


def make(connection: sa.Connection) -> None:
    """Makes the first release's tables and what a push or two and a promotion put there."""
    first = import_module("registry_svc.migrations.0001_models_and_versions")
    with Operations.context(MigrationContext.configure(connection)):
        first.upgrade()
    for statement in _ROWS:
        connection.exec_driver_sql(statement)
