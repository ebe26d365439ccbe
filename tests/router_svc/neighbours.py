"""The services around the router, in small: what they show is what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf import empty_pb2

from algolink.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from algolink.names import VersionName
from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from algolink.router.v1 import router_pb2, router_pb2_grpc
from chassis import channel
from chassis.watch import Notifier
from mesh.table import Endpoint
from router_svc.domain.world import Experiment, Loaded, LoadState, Model, Replica
from tests.router_svc import builders


async def until(condition: Callable[[], bool | Awaitable[bool]], *, within_s: float = 40.0) -> None:
    """Waits for `condition`; fails the test if it does not come."""
    async with asyncio.timeout(within_s):
        while True:
            held = condition()
            if await held if isinstance(held, Awaitable) else held:
                return
            await asyncio.sleep(0.005)


class Neighbours(
    registry_pb2_grpc.RegistryServiceServicer, experiment_pb2_grpc.ExperimentServiceServicer
):
    """A registry and an experiment service that keep every change, to be watched."""

    def __init__(self) -> None:
        self._models: list[registry_pb2.WatchModelsResponse] = []
        self._experiments: list[experiment_pb2.WatchExperimentsResponse] = []
        self._changes = Notifier()

    def show_model(self, model: Model) -> None:
        self._models.append(registry_pb2.WatchModelsResponse(model=builders.model_state(model)))
        self._changes.notify()

    def delete_model(self, model: str) -> None:
        self._models.append(registry_pb2.WatchModelsResponse(deleted=f"models/{model}"))
        self._changes.notify()

    def show_experiment(self, experiment: Experiment) -> None:
        self._experiments.append(
            experiment_pb2.WatchExperimentsResponse(
                experiment=builders.experiment_message(experiment)
            )
        )
        self._changes.notify()

    def show_malformed_experiment(self, experiment: str) -> None:
        """Shows a running experiment whose buckets have a gap."""
        message = builders.experiment_message(builders.an_experiment(experiment))
        del message.segments[0]
        self._experiments.append(experiment_pb2.WatchExperimentsResponse(experiment=message))
        self._changes.notify()

    async def WatchModels(
        self, request: registry_pb2.WatchModelsRequest, context: Any
    ) -> AsyncIterator[registry_pb2.WatchModelsResponse]:
        synced = registry_pb2.WatchModelsResponse(synced=empty_pb2.Empty())
        async for message in self._follow(self._models, request.resume_token, synced):
            yield message

    async def WatchExperiments(
        self, request: experiment_pb2.WatchExperimentsRequest, context: Any
    ) -> AsyncIterator[experiment_pb2.WatchExperimentsResponse]:
        synced = experiment_pb2.WatchExperimentsResponse(synced=empty_pb2.Empty())
        async for message in self._follow(self._experiments, request.resume_token, synced):
            yield message

    async def _follow(self, events: list[Any], token: str, synced: Any) -> AsyncIterator[Any]:
        position = int(token or 0)
        is_synced = False
        while True:
            seen = self._changes.count
            while position < len(events):
                message = events[position]
                position += 1
                message.resume_token = str(position)
                yield message
            if not is_synced:
                is_synced = True
                synced.resume_token = str(position)
                yield synced
            await self._changes.wait_beyond(seen)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[int]:
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        registry_pb2_grpc.add_RegistryServiceServicer_to_server(self, server)
        experiment_pb2_grpc.add_ExperimentServiceServicer_to_server(self, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            yield port
        finally:
            await server.stop(None)


class Announcer:
    """A replica's line to the router: holds at once whatever it is told to.

    Attributes:
        told: the last answer of the router.
        holds_back: versions that it does not load.
    """

    def __init__(
        self, replica_id: str, grpc_at: Endpoint, http_at: Endpoint, *, foreign: bool = False
    ) -> None:
        self.told: router_pb2.AnnounceResponse | None = None
        self.holds_back: set[VersionName] = set()
        self.draining = False
        self._identity = (replica_id, grpc_at, http_at)
        self._foreign = foreign
        self._versions: dict[VersionName, Loaded] = {}
        self._changes = Notifier()

    @property
    def wanted(self) -> set[VersionName]:
        told = self.told.wanted if self.told else ()
        return {VersionName(w.model, w.version) for w in told}

    def load(self) -> None:
        """Announces everything that is wanted and not held back as ready."""
        if self.told is not None and self.told.settled:
            self._versions = {v: loaded for v, loaded in self._versions.items() if v in self.wanted}
        for version in self.wanted:
            held_back = version in self.holds_back
            self._versions[version] = Loaded(LoadState.LOADING if held_back else LoadState.READY)
        self._changes.notify()

    def drain(self) -> None:
        self.draining = True
        self._changes.notify()

    async def run(self, address: str, token: str) -> None:
        """Announces until cancelled, over every restart of the router."""
        async with channel.open_channel(address, token) as line:
            stub = router_pb2_grpc.PlacementServiceStub(line)
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    async for answer in stub.Announce(self._announcements()):
                        self.told = answer
                        self.load()
                await asyncio.sleep(0.05)

    async def _announcements(self) -> AsyncIterator[router_pb2.AnnounceRequest]:
        replica_id, grpc_at, http_at = self._identity
        while True:
            seen = self._changes.count
            yield builders.announcement(
                Replica(
                    id=replica_id,
                    pool="default",
                    grpc=grpc_at,
                    http=http_at,
                    versions=dict(self._versions),
                    renewed=builders.NOON,
                    draining=self.draining,
                    foreign=self._foreign,
                )
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changes.wait_beyond(seen), 0.3)


@contextlib.asynccontextmanager
async def running(work: Any) -> AsyncIterator[None]:
    """Runs a coroutine beside the block."""
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
