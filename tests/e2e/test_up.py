"""The command that starts it all: what it refuses, and how it ends."""

from __future__ import annotations

import socket
import sqlite3
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, Up

pytestmark = pytest.mark.e2e

_FREE_PORTS = ("--port", "0", "--admin-port", "0")


def test_it_tells_how_long_it_took_and_where_everything_is(stack: Stack) -> None:
    assert stack.told["ready_s"] > 0
    assert set(stack.told["children"]) == {
        "registry", "experiment", "router", "inference-1", "inference-2", "mesh"
    }  # fmt: skip


def test_a_second_stack_on_the_same_folder_is_refused(stack: Stack, tmp_path: Path) -> None:
    second = Up(tmp_path, *_FREE_PORTS, "--data-dir", str(stack.data_dir))

    assert second.wait() == 1
    assert "DATA_FOLDER_IN_USE" in second.notes
    assert len(second.notes.strip().splitlines()) == 1
    assert stack.up.running


def test_a_port_in_use_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        up = Up(tmp_path / "logs", "--ephemeral", "--port", str(port), "--admin-port", "0")

        assert up.wait() == 1

    assert "PORT_IN_USE" in up.notes
    assert str(port) in up.notes


def test_a_data_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()  # the superuser may write anywhere, but not below a file

    up = Up(tmp_path / "logs", *_FREE_PORTS, "--data-dir", str(tmp_path / "file" / "data"))

    assert up.wait() == 1
    assert "DATA_FOLDER_NOT_WRITABLE" in up.notes


def test_interrupting_ends_in_order_and_the_folder_serves_again(tmp_path: Path) -> None:
    arguments = (*_FREE_PORTS, "--replicas", "1", "--data-dir", str(tmp_path / "data"))
    first = Up(tmp_path / "first", *arguments)
    first.ready()

    assert first.interrupt() == 0, first.notes
    assert "killed" not in first.notes

    second = Up(tmp_path / "second", *arguments)
    second.ready()
    assert second.interrupt() == 0, second.notes

    database = tmp_path / "data" / "registry" / "registry.db"
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'of-the-future'")
    connection.close()
    newer = Up(tmp_path / "newer", *arguments)
    assert newer.wait() == 1
    assert "DATABASE_TOO_NEW" in newer.notes
