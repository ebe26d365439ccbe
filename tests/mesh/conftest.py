from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.mesh import envoys


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[envoys.Mesh]:
    """An Envoy with one replica, of the test's own."""
    async with envoys.mesh(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[envoys.Mesh]:
    """One that the tests of a module share, in the module's event loop."""
    async with envoys.mesh(tmp_path_factory.mktemp("mesh")) as running:
        yield running


@pytest.fixture
def shared_mesh(module_mesh: envoys.Mesh) -> envoys.Mesh:
    """The module's Envoy; its replica has forgotten what other tests asked."""
    for replica in module_mesh.replicas:
        replica.forget()
    return module_mesh
