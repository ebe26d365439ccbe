"""What end-to-end tests begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from algolink.client import AsyncClient
from examples.digits.material import Training
from examples.digits.train import train
from tests.e2e.stack import Stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncClient]:
    """An administrator's client of the stack."""
    async with stack.client() as connected:
        yield connected


@pytest.fixture(scope="session")
def training() -> Training:
    """Two classifiers of digits, and digits that they have not seen."""
    return train()
