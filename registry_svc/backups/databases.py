"""Copies of a database while it is in use, by its own means."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from algolink.errors import FailedPrecondition

SQLITE, POSTGRESQL = "registry.db", "registry.dump"


def copy(url: str, folder: Path) -> str:
    """Copies the database at `url` into `folder`; returns the file's name.

    Raises:
        FailedPrecondition: DATABASE_UNREADABLE, or PROGRAM_MISSING without pg_dump.
    """
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        _copy_sqlite(Path(parsed.database or ""), folder / SQLITE)
        return SQLITE
    _run("pg_dump", parsed, "--format=custom", "--no-owner", f"--file={folder / POSTGRESQL}")
    return POSTGRESQL


def bring_back(url: str, file: Path) -> None:
    """Fills the database at `url`, in which nothing is, from a copy.

    Raises:
        FailedPrecondition: DATABASE_NOT_EMPTY; BACKUP_OF_ANOTHER_KIND; or
            PROGRAM_MISSING without pg_restore.
    """
    check_empty(url)
    parsed = sa.make_url(url)
    kind = SQLITE if parsed.get_backend_name() == "sqlite" else POSTGRESQL
    if file.name != kind:
        raise FailedPrecondition(
            "BACKUP_OF_ANOTHER_KIND",
            f"{file} cannot be brought back into {parsed.get_backend_name()}",
            file=file,
        )
    if kind == POSTGRESQL:
        # It has tables of its own names, and fails as a whole where one is there already.
        _run("pg_restore", parsed, "--no-owner", "--single-transaction", "--exit-on-error", file)
        return
    target = Path(parsed.database or "")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.new")
    shutil.copyfile(file, fresh)
    for leftover in ("-wal", "-shm"):
        target.with_name(f"{target.name}{leftover}").unlink(missing_ok=True)
    fresh.replace(target)


def check_empty(url: str) -> None:
    """Checks early what `bring_back` would stumble on, where that is a file.

    Raises:
        FailedPrecondition: DATABASE_NOT_EMPTY.
    """
    parsed = sa.make_url(url)
    target = Path(parsed.database or "")
    if parsed.get_backend_name() == "sqlite" and target.exists() and _has_tables(target):
        raise FailedPrecondition(
            "DATABASE_NOT_EMPTY", f"{target} holds a registry: move it away first", database=target
        )


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise FailedPrecondition(
            "DATABASE_UNREADABLE", f"there is no database {source}", database=source
        )
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as there,
            closing(sqlite3.connect(target)) as here,
        ):
            there.backup(here)
            # One file, whatever the mode of the original.
            here.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise FailedPrecondition(
            "DATABASE_UNREADABLE", f"{source} cannot be copied: {error}", database=source
        ) from error


def _has_tables(path: Path) -> bool:
    with closing(sqlite3.connect(path)) as database:
        found = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(found[0])


def _run(program: str, url: sa.URL, *arguments: object) -> None:
    where = url.set(drivername="postgresql", password=None).render_as_string()
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    try:
        done = subprocess.run(  # noqa: S603 - the programs of PostgreSQL, by name
            [program, f"--dbname={where}", *map(str, arguments)],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise FailedPrecondition(
            "PROGRAM_MISSING",
            f"{program} is not on the PATH: install PostgreSQL's client programs",
            program=program,
        ) from error
    if done.returncode != 0:
        why = " ".join(done.stderr.split())[:500]
        reason = "DATABASE_NOT_EMPTY" if "already exists" in why else "DATABASE_UNREADABLE"
        raise FailedPrecondition(reason, f"{program}: {why}", program=program, error=why)
