"""One real stack for all end-to-end tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from algolink.client import AsyncClient
from examples.digits.material import Training
from examples.digits.train import train
from tests.e2e.stack import Stack, Up


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two replicas, Envoy and all services, on free ports and in a folder of their own."""
    folder = tmp_path_factory.mktemp("stack")
    up = Up(folder / "logs", "--port", "0", "--admin-port", "0", "--data-dir", str(folder / "data"))
    try:
        yield up.ready()
    finally:
        up.interrupt()


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncClient]:
    """An administrator's client of the stack."""
    async with stack.client() as connected:
        yield connected


@pytest.fixture(scope="session")
def training() -> Training:
    """Two classifiers of digits, and digits that they have not seen."""
    return train()
