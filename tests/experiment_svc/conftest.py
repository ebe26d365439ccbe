"""The experiment service over a real channel, and its stores."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from algolink.experiment.v1 import (
    assignment_pb2_grpc,
    experiment_pb2_grpc,
    facts_pb2_grpc,
    losses_pb2_grpc,
    metrics_pb2_grpc,
    plans_pb2_grpc,
    policies_pb2_grpc,
    series_pb2_grpc,
)
from algolink.registry.v1 import registry_pb2_grpc, versions_pb2_grpc
from chassis.channel import open_channel
from chassis.database import open_engine
from chassis.runtime import Runtime
from chassis.server import serve
from chassis.settings import ServiceSettings
from experiment_svc.app import SERVICE_NAMES
from experiment_svc.assigning import Plans
from experiment_svc.intake import OutcomeIntake
from experiment_svc.registry import GrpcRegistry
from experiment_svc.servicer import ExperimentServicer
from experiment_svc.servicer_assignment import AssignmentServicer
from experiment_svc.servicer_facts import FactServicer
from experiment_svc.servicer_losses import LossServicer
from experiment_svc.servicer_metrics import MetricServicer
from experiment_svc.servicer_plans import PlanServicer
from experiment_svc.servicer_policies import DecisionServicer, PolicyServicer
from experiment_svc.servicer_series import SeriesServicer
from experiment_svc.store import Store
from experiment_svc.store_memory import MemoryStore
from experiment_svc.store_sql import SqlStore
from tests.experiment_svc.builders import FakeClock
from tests.experiment_svc.fake_registry import FakeRegistry


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def memory_store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each implementation of the store in turn."""
    if request.param == "memory":
        yield MemoryStore()
        return
    url = f"sqlite+aiosqlite:///{tmp_path}/experiment.db"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    async with open_engine(url, migrations="experiment_svc.migrations") as engine:
        yield SqlStore(engine)


@pytest.fixture
def registry() -> FakeRegistry:
    """A registry that knows `models/digits` with versions 1 (champion) and 2."""
    fake = FakeRegistry()
    fake.add_version("digits")
    fake.add_version("digits")
    return fake


@pytest.fixture
async def registry_address(registry: FakeRegistry) -> AsyncIterator[str]:
    server = grpc.aio.server()
    registry_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    versions_pb2_grpc.add_VersionServiceServicer_to_server(registry, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def registry_client(registry_address: str) -> AsyncIterator[GrpcRegistry]:
    async with open_channel(registry_address, None) as channel:
        yield GrpcRegistry(channel)


@pytest.fixture
def runtime() -> Runtime:
    return Runtime("experiment_svc", asyncio.TaskGroup())


@pytest.fixture
async def address(
    memory_store: MemoryStore, registry_client: GrpcRegistry, clock: FakeClock, runtime: Runtime
) -> AsyncIterator[str]:
    """`host:port` of all services over the store in memory."""

    def register(server: grpc.aio.Server) -> None:
        experiment_pb2_grpc.add_ExperimentServiceServicer_to_server(
            ExperimentServicer(
                memory_store,
                registry_client,
                now=clock,
                generator=random.Random(7),
                draining=runtime.draining,
            ),
            server,
        )
        facts_pb2_grpc.add_FactServiceServicer_to_server(
            FactServicer(
                memory_store,
                OutcomeIntake(memory_store),
                now=clock,
                draining=runtime.draining,
            ),
            server,
        )
        metrics_pb2_grpc.add_MetricServiceServicer_to_server(
            MetricServicer(memory_store, now=clock), server
        )
        policies_pb2_grpc.add_PolicyServiceServicer_to_server(
            PolicyServicer(memory_store, now=clock), server
        )
        policies_pb2_grpc.add_DecisionServiceServicer_to_server(
            DecisionServicer(memory_store), server
        )
        plans_pb2_grpc.add_PlanServiceServicer_to_server(
            PlanServicer(memory_store, now=clock), server
        )
        assignment_pb2_grpc.add_AssignmentServiceServicer_to_server(
            AssignmentServicer(Plans(memory_store), runtime.draining), server
        )
        series_pb2_grpc.add_SeriesServiceServicer_to_server(SeriesServicer(memory_store), server)
        losses_pb2_grpc.add_LossServiceServicer_to_server(
            LossServicer(memory_store, now=clock), server
        )

    async with serve(
        runtime,
        ServiceSettings(),
        register,
        service_names=SERVICE_NAMES,
        require_token=False,
    ) as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture
async def channel(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """To all services over the store in memory."""
    async with open_channel(address, None) as opened:
        yield opened


@pytest.fixture
def experiment_stub(channel: grpc.aio.Channel) -> experiment_pb2_grpc.ExperimentServiceStub:
    return experiment_pb2_grpc.ExperimentServiceStub(channel)


@pytest.fixture
def assignment_stub(channel: grpc.aio.Channel) -> assignment_pb2_grpc.AssignmentServiceStub:
    return assignment_pb2_grpc.AssignmentServiceStub(channel)


@pytest.fixture
def fact_stub(channel: grpc.aio.Channel) -> facts_pb2_grpc.FactServiceStub:
    return facts_pb2_grpc.FactServiceStub(channel)


@pytest.fixture
def metric_stub(channel: grpc.aio.Channel) -> metrics_pb2_grpc.MetricServiceStub:
    return metrics_pb2_grpc.MetricServiceStub(channel)


@pytest.fixture
def loss_stub(channel: grpc.aio.Channel) -> losses_pb2_grpc.LossServiceStub:
    return losses_pb2_grpc.LossServiceStub(channel)


@pytest.fixture
def policy_stub(channel: grpc.aio.Channel) -> policies_pb2_grpc.PolicyServiceStub:
    return policies_pb2_grpc.PolicyServiceStub(channel)


@pytest.fixture
def decision_stub(channel: grpc.aio.Channel) -> policies_pb2_grpc.DecisionServiceStub:
    return policies_pb2_grpc.DecisionServiceStub(channel)


@pytest.fixture
def plan_stub(channel: grpc.aio.Channel) -> plans_pb2_grpc.PlanServiceStub:
    return plans_pb2_grpc.PlanServiceStub(channel)


@pytest.fixture
def series_stub(channel: grpc.aio.Channel) -> series_pb2_grpc.SeriesServiceStub:
    return series_pb2_grpc.SeriesServiceStub(channel)
