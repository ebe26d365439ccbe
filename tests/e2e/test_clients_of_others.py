"""kserve's and MLServer's own clients, unmodified, through Envoy."""

from __future__ import annotations

import pytest
from onnx import TensorProto

from algolink.client import AsyncClient
from tests.clients import environments
from tests.e2e.stack import Stack
from tests.inference_svc import onnx_models

pytestmark = pytest.mark.e2e


async def test_clients_of_others_are_answered_through_envoy(
    stack: Stack, client: AsyncClient
) -> None:
    await client.push(onnx_models.scaled(20.0), name="scaled")
    await client.push(onnx_models.identity(TensorProto.STRING, (None, None)), name="text")
    data = stack.data_endpoint

    by_kserve = await environments.answers("kserve", data, f"http://{data}")
    by_mlserver = await environments.answers("mlserver", data, f"http://{data}")

    assert by_kserve == environments.by_kserve(version="1")
    assert by_mlserver == environments.by_mlserver(version="1")
