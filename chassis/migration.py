"""Brings a schema up to date with Alembic, without an `env.py`.

Alembic is imported only where there is something to do: it costs a start more
than all that the check needs.
"""

from __future__ import annotations

import ast
import importlib.resources
from pathlib import Path

import sqlalchemy
from sqlalchemy import Connection

from algolink.errors import FailedPrecondition

_VERSION_TABLE = sqlalchemy.table("alembic_version", sqlalchemy.column("version_num"))


def migrate(connection: Connection, package: str) -> None:
    """Runs the revisions that the database lacks, in the caller's transaction.

    Raises:
        FailedPrecondition: DATABASE_TOO_NEW, if it has a revision that the
            package does not know.
    """
    folder = _folder(package)
    parents = _parents(folder)
    head = _head(parents, package)
    present = _present(connection)
    if present == head:
        return
    if present is not None and present not in parents:
        raise FailedPrecondition(
            "DATABASE_TOO_NEW",
            f"the database is at revision {present}, this version knows up to {head}: upgrade it",
            database_revision=present,
            known_revision=head,
        )
    _upgrade(connection, folder)


def _folder(package: str) -> Path:
    with importlib.resources.as_file(importlib.resources.files(package)) as folder:
        return folder


def _present(connection: Connection) -> str | None:
    if not sqlalchemy.inspect(connection).has_table(_VERSION_TABLE.name):
        return None
    return connection.execute(sqlalchemy.select(_VERSION_TABLE.c.version_num)).scalar_one_or_none()


def _parents(folder: Path) -> dict[str, str | None]:
    """Parent of each revision, read from the files' text."""
    parents: dict[str, str | None] = {}
    for path in sorted(folder.glob("[!_]*.py")):
        constants = _constants(path.read_text(encoding="utf-8"))
        parents[str(constants["revision"])] = constants["down_revision"]
    return parents


def _constants(source: str) -> dict[str, str | None]:
    """Module-level names that are assigned a string or None."""
    constants: dict[str, str | None] = {}
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        else:
            continue
        value = statement.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str | None):
            constants.update((t.id, value.value) for t in targets if isinstance(t, ast.Name))
    return constants


def _head(parents: dict[str, str | None], package: str) -> str:
    heads = parents.keys() - set(parents.values())
    if len(heads) != 1:
        raise ValueError(f"{package} must have one head revision, has {sorted(heads)}")
    return heads.pop()


def _upgrade(connection: Connection, folder: Path) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    script = ScriptDirectory(str(folder), version_locations=[str(folder)])
    environment = EnvironmentContext(
        Config(), script, fn=lambda revision, _context: script._upgrade_revs("head", revision)
    )
    with environment:
        environment.configure(connection=connection, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
