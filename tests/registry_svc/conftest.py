from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chassis.database import open_engine
from registry_svc.store import Store
from registry_svc.store_memory import MemoryStore
from registry_svc.store_sql import SqlStore
from tests.registry_svc import onnx_files


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        yield MemoryStore()
        return
    url = (
        f"sqlite+aiosqlite:///{tmp_path}/registry.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    async with open_engine(url, migrations="registry_svc.migrations") as engine:
        yield SqlStore(engine)


@pytest.fixture(scope="session")
def onnx_model() -> bytes:
    """A small model: `y = x + 1`, FP32 with four columns."""
    return onnx_files.plus_one(columns=4)
