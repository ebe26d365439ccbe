"""Fixtures that every part of the suite may use."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest

from tests.e2e.stack import Stack, Up
from tests.object_store import KEYS, ObjectServer, object_server
from tests.postgres import PostgresServer, postgres_server

# No run fails for its luck or for a busy machine: the same examples each time, no time limit.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.load_profile("suite")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for the whole run, started by the first test that asks for it."""
    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """URL of an empty database of this test's own (`postgresql+asyncpg://...`)."""
    name = postgres.create_database()
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def _object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with object_server(tmp_path_factory.mktemp("objects") / "log") as server:
        yield server


@pytest.fixture
def objects(_object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> ObjectServer:
    """One S3 for the whole run; its keys are in this test's environment."""
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    return _object_server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A real `algolink up`: all services, two replicas and Envoy, started if a test asks.

    On free ports, and in a folder of its own.
    """
    folder = tmp_path_factory.mktemp("stack")
    up = Up(folder / "logs", "--port", "0", "--admin-port", "0", "--data-dir", str(folder / "data"))
    try:
        yield up.ready()
    finally:
        up.interrupt()
