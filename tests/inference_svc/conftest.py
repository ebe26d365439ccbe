"""Fixtures of the inference service's tests."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import tritonclient.grpc.aio as triton

from tests.inference_svc.replicas import Replica, a_replica


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with a_replica(tmp_path / "artifacts") as replica:
        yield replica


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[triton.InferenceServerClient]:
    async with triton.InferenceServerClient(replica.grpc_address) as client:
        yield client


@pytest.fixture
def free_port() -> int:
    """A port that nobody listens on, for a server whose address must be known before."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
