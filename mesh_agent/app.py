"""Composition root: what the agent opens, and in which order it closes it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import grpc

from algolink.errors import FailedPrecondition
from algolink.experiment.v1 import facts_pb2, facts_pb2_grpc, losses_pb2, losses_pb2_grpc
from algolink.spool.shipper import Record
from chassis import auth, errors, server
from chassis.channel import open_channel
from chassis.runtime import Runtime
from mesh_agent import bootstrap_file
from mesh_agent.losses import Ledger
from mesh_agent.runs import Run, Runs
from mesh_agent.settings import Settings
from mesh_agent.shipping import Report, RunShipping, Shipping
from mesh_agent.supervisor import Supervisor

_log = logging.getLogger(__name__)

_RECORD_TIMEOUT_S = 10.0


@asynccontextmanager
async def app(settings: Settings, runtime: Runtime) -> AsyncIterator[None]:
    """One Envoy and its exposure log, while it is entered.

    Leaving it drains and ends Envoy, then ships what is left of the log. A killed
    agent leaves Envoy running, for the next one to adopt.
    """
    folder = settings.agent_dir.absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    bootstrap = bootstrap_file.render(settings)
    token = auth.read_token(settings.token_file)
    with _only_agent(folder):
        runs = Runs(folder / "runs")
        async with (
            server.serve(runtime, settings, lambda _: None, service_names=(), require_token=False),
            open_channel(settings.experiment_address, token) as experiment,
            _shipping(settings, runtime, runs, folder / "quarantine.log", experiment),
            _envoy(settings, runtime, runs, bootstrap),
        ):
            yield


@asynccontextmanager
async def _envoy(
    settings: Settings, runtime: Runtime, runs: Runs, bootstrap: bytes
) -> AsyncIterator[None]:
    supervisor = Supervisor(
        runs,
        bootstrap=bootstrap,
        listeners=(
            bootstrap_file.listener(settings.data_listen),
            bootstrap_file.listener(settings.admin_listen),
        ),
        concurrency=settings.concurrency,
        drain_grace_s=settings.drain_grace_s,
        ready_timeout_s=settings.ready_timeout_s,
    )
    await supervisor.begin()
    try:
        async with runtime.background(
            supervisor.watch(runtime.health.serving), name="envoy supervisor"
        ):
            yield
    finally:
        await supervisor.stop()


@asynccontextmanager
async def _shipping(
    settings: Settings,
    runtime: Runtime,
    runs: Runs,
    quarantine: Path,
    experiment: grpc.aio.Channel,
) -> AsyncIterator[None]:
    record = record_over(experiment, settings.node_id)

    def make(run: Run) -> RunShipping:
        return RunShipping(
            run,
            quarantine,
            record,
            rotate_bytes=settings.rotate_bytes,
            backlog_bytes=settings.backlog_bytes,
        )

    shipping = Shipping(runs, make, report_over(experiment, settings.node_id))
    try:
        async with runtime.background(shipping.run(), name="exposure shipping"):
            yield
        try:
            async with asyncio.timeout(settings.drain_grace_s):
                await shipping.drain()
        except TimeoutError:
            _log.warning("exposures left for the next start", extra={"bytes": shipping.lag_bytes()})
    finally:
        shipping.close()


def report_over(experiment: grpc.aio.Channel, node_id: str) -> Report:
    """Reports losses to the loss service behind a channel, in the name of an Envoy."""
    stub = losses_pb2_grpc.LossServiceStub(experiment)

    async def report(run: Run, ledger: Ledger) -> None:
        request = losses_pb2.ReportLossesRequest(
            node=node_id, run=run.about.id, revision=ledger.revision, cause=ledger.cause
        )
        request.time.FromMicroseconds(int(ledger.time_s * 1e6))
        for name, lost in ledger.lost.items():
            request.losses.add(
                experiment=f"experiments/{name}",
                exposures=lost.exposures,
                at_least=lost.at_least,
            )
        try:
            await stub.ReportLosses(request, timeout=_RECORD_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc_error(error) from error

    return report


def record_over(experiment: grpc.aio.Channel, node_id: str) -> Record:
    """Sends exposures to the fact service behind a channel, in the name of an Envoy."""
    stub = facts_pb2_grpc.FactServiceStub(experiment)

    async def record(exposures: Sequence[facts_pb2.Exposure]) -> None:
        request = facts_pb2.RecordExposuresRequest(exposures=exposures, node=node_id)
        try:
            await stub.RecordExposures(request, timeout=_RECORD_TIMEOUT_S)
        except grpc.aio.AioRpcError as error:
            raise errors.from_rpc_error(error) from error

    return record


@contextmanager
def _only_agent(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; the kernel frees it when this process ends."""
    descriptor = os.open(folder / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FailedPrecondition(
            "AGENT_RUNNING", f"another agent runs in {folder}", folder=folder
        ) from error
    else:
        yield
    finally:
        os.close(descriptor)
