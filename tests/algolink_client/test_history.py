"""The clients' memory, at a real registry."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from algolink.client import AsyncClient, Client
from algolink.client.aio_audit import AsyncAudit
from algolink.client.aio_history import AsyncHistory
from algolink.client.aio_lifecycle import AsyncLifecycle
from algolink.client.sync_audit import Audit
from algolink.client.sync_history import History
from algolink.client.sync_lifecycle import Lifecycle
from algolink.errors import FailedPrecondition
from tests.registry_svc import served


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[str]:
    with served.serving(tmp_path) as address:
        yield address


@pytest.mark.parametrize(
    ("blocking", "asynchronous"),
    [(History, AsyncHistory), (Lifecycle, AsyncLifecycle), (Audit, AsyncAudit)],
)
def test_both_clients_have_the_same_methods(blocking: type, asynchronous: type) -> None:
    def surface(kind: type) -> dict[str, str]:
        return {
            name: str(inspect.signature(method))
            for name, method in vars(kind).items()
            if callable(method) and not name.startswith("_")
        }

    assert surface(blocking) == surface(asynchronous)


async def test_a_champion_is_rolled_back(endpoint: str) -> None:
    async with AsyncClient(endpoint, data_endpoint=endpoint, token=served.TOKEN) as client:
        await client.push(b"one", name="iris", wait=False)
        await client.push(b"two", name="iris", aliases=["champion"], wait=False)

        move = await client.history.roll_back("iris", wait=False)

        assert (move.version, move.previous_version) == (1, 2)
        assert len(await client.history.alias_moves("iris")) == 3
        assert (await client.history.alias_at("iris", "champion")).number == 3
        with pytest.raises(FailedPrecondition, match="NO_EARLIER_MOVE"):
            await client.history.roll_back("iris", wait=False)


def test_a_time_needs_a_zone(endpoint: str) -> None:
    with (
        Client(endpoint, data_endpoint=endpoint, token=served.TOKEN) as client,
        pytest.raises(ValueError, match="no time zone"),
    ):
        client.history.alias_at("iris", "champion", datetime(2026, 3, 3))  # noqa: DTZ001
