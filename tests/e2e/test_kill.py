"""Any process may be killed under load: nothing fails, and nothing is lost."""

from __future__ import annotations

import pytest

from algolink.client import AsyncClient
from algolink.router.v1 import router_pb2
from examples.digits.material import Training
from tests.e2e.laboratory import CANDIDATE, CONTROL, running_experiment, under_traffic
from tests.e2e.stack import Stack, until_async

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("service", ["registry", "experiment", "router", "mesh"])
async def test_a_killed_service_is_not_missed(
    stack: Stack, client: AsyncClient, training: Training, service: str
) -> None:
    envoy = stack.envoy_pid()
    async with running_experiment(stack, client, training, candidate_bp=4_000) as laboratory:
        async with under_traffic(stack, laboratory, training):
            await laboratory.answers(150)
            await stack.kill(service)
            await laboratory.answers(150)

        assert [check for check in await laboratory.nothing_is_lost() if not check.kept] == []
    assert stack.envoy_pid() == envoy, "Envoy survives, and is adopted again"


@pytest.mark.parametrize("service", ["experiment", "router", "mesh"])
async def test_a_ramp_works_after_a_kill(
    stack: Stack, client: AsyncClient, training: Training, service: str
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=1_000) as laboratory:
        async with under_traffic(stack, laboratory, training):
            await laboratory.answers(50)
            await stack.kill(service)
            await laboratory.ramp({CONTROL: 5_000, CANDIDATE: 5_000})
            await laboratory.answers(150)

        assert [check for check in await laboratory.nothing_is_lost() if not check.kept] == []


async def test_a_killed_replica_fails_no_request(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=4_000) as laboratory:
        async with under_traffic(stack, laboratory, training):
            for replica in ("inference-1", "inference-2"):
                await laboratory.answers(150)
                await stack.kill(replica)
                await _all_replicas_are_ready(client, laboratory.model)
            await laboratory.answers(150)

        assert [check for check in await laboratory.nothing_is_lost() if not check.kept] == []


async def _all_replicas_are_ready(client: AsyncClient, model: str) -> None:
    """Waits until both replicas hold both versions of `model` and have a lease."""

    async def ready() -> bool:
        replicas = (await client.status()).replicas
        held = [
            sum(v.model == model and v.state == router_pb2.LOAD_STATE_READY for v in r.versions)
            for r in replicas
            if r.alive
        ]
        return held == [2, 2]

    await until_async(ready, f"both replicas are ready for {model}")
