from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mesh_agent import agents


@pytest.fixture
async def station(tmp_path: Path) -> AsyncIterator[agents.Station]:
    """What stands around an agent; starts none."""
    async with agents.station(tmp_path) as built:
        yield built
