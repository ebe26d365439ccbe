from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mesh import envoys


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[envoys.Mesh]:
    """An Envoy with one replica."""
    async with envoys.mesh(tmp_path) as running:
        yield running
