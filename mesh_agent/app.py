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

from algolink import files
from algolink.errors import FailedPrecondition
from algolink.experiment.v1 import facts_pb2, facts_pb2_grpc
from algolink.spool.checkpoint import Checkpoint
from algolink.spool.log_files import LogFiles
from algolink.spool.shipper import Record, Shipper
from chassis import auth, errors, server
from chassis.channel import open_channel
from chassis.runtime import Runtime
from mesh_agent import bootstrap_file
from mesh_agent.envoy_admin import EnvoyAdmin, envoy_admin
from mesh_agent.settings import Settings
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
        async with (
            server.serve(runtime, settings, lambda _: None, service_names=(), require_token=False),
            envoy_admin(folder) as admin,
            open_channel(settings.experiment_address, token) as experiment,
            _shipping(settings, runtime, folder, admin, experiment) as log_files,
            _envoy(settings, runtime, folder, admin, bootstrap, log_files),
        ):
            yield


@asynccontextmanager
async def _envoy(
    settings: Settings,
    runtime: Runtime,
    folder: Path,
    admin: EnvoyAdmin,
    bootstrap: bytes,
    log_files: LogFiles,
) -> AsyncIterator[None]:
    path = folder / "bootstrap.yaml"
    files.replace(path, bootstrap, mode=0o600)
    supervisor = Supervisor(
        folder,
        admin,
        bootstrap=path,
        listeners=(
            bootstrap_file.listener(settings.data_listen),
            bootstrap_file.listener(settings.admin_listen),
        ),
        concurrency=settings.concurrency,
        before_start=log_files.close_torn_line,
    )
    await supervisor.begin(drain_grace_s=settings.drain_grace_s)
    try:
        await supervisor.wait_until_live(settings.ready_timeout_s)
        async with runtime.background(
            supervisor.watch(runtime.health.serving), name="envoy supervisor"
        ):
            yield
    finally:
        await supervisor.stop(drain_grace_s=settings.drain_grace_s)


@asynccontextmanager
async def _shipping(
    settings: Settings,
    runtime: Runtime,
    folder: Path,
    admin: EnvoyAdmin,
    experiment: grpc.aio.Channel,
) -> AsyncIterator[LogFiles]:
    log_files = LogFiles(folder / bootstrap_file.EXPOSURE_LOG_NAME)
    shipper = Shipper(
        log_files,
        Checkpoint(folder / "checkpoint.json"),
        folder / "quarantine.log",
        record_over(experiment, settings.node_id),
        reopen=admin.reopen_logs,
        rotate_bytes=settings.rotate_bytes,
    )
    try:
        async with runtime.background(shipper.run(), name="exposure shipper"):
            yield log_files
        try:
            async with asyncio.timeout(settings.drain_grace_s):
                await shipper.drain()
        except TimeoutError:
            _log.warning("exposures left for the next start", extra={"bytes": shipper.lag_bytes()})
    finally:
        shipper.close()


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
