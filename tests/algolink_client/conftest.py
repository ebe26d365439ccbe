from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from algolink.client import Client
from tests.algolink_client import fakes


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests reaches the clients."""
    for name in ("ENDPOINT", "DATA_ENDPOINT", "TOKEN"):
        monkeypatch.delenv(f"ALGOLINK_{name}", raising=False)
    monkeypatch.setenv("ALGOLINK_DATA_DIR", str(tmp_path / "nothing"))


@pytest.fixture
def world() -> fakes.World:
    return fakes.World()


@pytest.fixture
def endpoint(world: fakes.World) -> Iterator[str]:
    with fakes.serving(world) as address:
        yield address


@pytest.fixture
def client(endpoint: str) -> Iterator[Client]:
    with Client(endpoint, data_endpoint=endpoint, token=fakes.TOKEN) as opened:
        yield opened
