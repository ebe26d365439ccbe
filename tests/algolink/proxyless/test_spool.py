"""Exposures on disk, and their way out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2

from algolink.client.connection import Connection
from algolink.client.sync_transport import SyncTransport
from algolink.errors import FailedPrecondition
from algolink.experiment.v1 import facts_pb2_grpc, losses_pb2, losses_pb2_grpc
from algolink.proxyless import exposure
from algolink.proxyless.routing import Decision
from algolink.proxyless.shipping import Shipping
from algolink.proxyless.spool import Folder, Spool
from algolink.spool import lines
from mesh import exposure_log
from tests.mesh.builders import until
from tests.mesh_agent.facts import Facts

ASSIGNED = Decision(version=2, bucket=7, experiment="digits-1", phase=3, arm="b", unit="user-1")


def a_line(request_id: str | None = None) -> bytes:
    return exposure.line(
        ASSIGNED,
        exposure.Outcome(grpc_status=0, answered_version=2, duration_us=1_234),
        model="digits",
        revision="0123456789abcdef",
        request_id=request_id or str(uuid.uuid4()),
        time_us=1_700_000_000_123_456,
    )


class Losses(losses_pb2_grpc.LossServiceServicer):
    """Keeps the last report."""

    def __init__(self) -> None:
        self.last = losses_pb2.ReportLossesRequest()

    async def ReportLosses(
        self, request: losses_pb2.ReportLossesRequest, context: Any
    ) -> empty_pb2.Empty:
        self.last = request
        return empty_pb2.Empty()


@contextlib.asynccontextmanager
async def experiment_service(facts: Facts, losses: Losses) -> AsyncIterator[str]:
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    facts_pb2_grpc.add_FactServiceServicer_to_server(facts, server)
    losses_pb2_grpc.add_LossServiceServicer_to_server(losses, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@contextlib.asynccontextmanager
async def shipping(endpoint: str, root: Path, *, max_bytes: int = 1 << 20) -> AsyncIterator[Spool]:
    """A spool that is shipped until it is left, and then for as long as it takes."""
    folder = Folder.claim(root)
    spool = Spool(folder, max_bytes=max_bytes)
    transport = SyncTransport(Connection(admin_endpoint=endpoint))
    shipper = Shipping(transport, root, folder, spool, node="proxyless/app")
    shipper.start()
    try:
        yield spool
    finally:
        await asyncio.to_thread(shipper.close, 20)
        spool.close()
        folder.close()
        transport.close()


def test_a_line_tells_what_envoys_line_would_tell() -> None:
    told = lines.exposure(a_line("6f1f3a52-6a0e-4c3c-8f0f-3d9c7f6b2a10"))

    assert told.request_id == "6f1f3a52-6a0e-4c3c-8f0f-3d9c7f6b2a10"
    assert (told.experiment, told.phase, told.arm) == ("experiments/digits-1", 3, "b")
    assert (told.unit, told.assigned_version, told.answered_version) == ("user-1", 2, 2)
    assert (told.http_status, told.grpc_status, told.duration_us) == (200, 0, 1_234)
    assert told.time.ToMicroseconds() == 1_700_000_000_123_456


def test_processes_have_folders_of_their_own_and_take_over_what_is_free(tmp_path: Path) -> None:
    first, second = Folder.claim(tmp_path), Folder.claim(tmp_path)
    assert (first.path.name, second.path.name) == ("0000", "0001")
    first.close()

    assert Folder.claim(tmp_path).path == first.path


def test_a_spool_takes_no_more_than_fits_and_counts_what_it_drops(tmp_path: Path) -> None:
    spool = Spool(Folder.claim(tmp_path), max_bytes=2 * len(a_line()))

    assert [spool.append(a_line(), experiment="digits-1") for _ in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert spool.dropped == {"digits-1": 2}


def test_what_is_appended_after_the_end_goes_nowhere(tmp_path: Path) -> None:
    folder = Folder.claim(tmp_path)
    spool = Spool(folder, max_bytes=1 << 20)
    spool.close()
    with (tmp_path / "another file").open("wb"):
        assert not spool.append(a_line(), experiment="digits-1")

    assert spool.dropped == {"digits-1": 1}
    assert not (tmp_path / "another file").stat().st_size


async def test_shipping_goes_on_after_the_disk_failed(tmp_path: Path) -> None:
    facts = Facts()
    folder = tmp_path / "0000"
    async with (
        experiment_service(facts, Losses()) as endpoint,
        shipping(endpoint, tmp_path) as spool,
    ):
        checkpoint = folder / "checkpoint.json.new"
        checkpoint.mkdir()
        spool.append(a_line(), experiment="digits-1")
        await until(lambda: bool(facts.batches))
        checkpoint.rmdir()
        spool.append(a_line(), experiment="digits-1")
        await until(lambda: len(facts.kept) == 2)

    assert not facts.conflicts


def test_a_line_that_was_cut_off_by_a_kill_does_not_spoil_the_next(tmp_path: Path) -> None:
    folder = Folder.claim(tmp_path)
    (folder.path / "exposure.log").write_bytes(a_line() + a_line()[:20])
    folder.close()

    again = Folder.claim(tmp_path)
    Spool(again, max_bytes=1 << 20).append(a_line(), experiment="digits-1")

    written = [path.read_bytes() for path in sorted(again.path.glob("exposure.log*"))]
    whole = [line for content in written for line in content.splitlines() if line.endswith(b"}")]
    assert len([lines.exposure(line) for line in whole]) == 2


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(FailedPrecondition) as caught:
        Folder.claim(tmp_path / "file" / "spool")

    assert caught.value.reason == "SPOOL_NOT_WRITABLE"


async def test_everything_is_shipped_once_over_failures_and_lives(tmp_path: Path) -> None:
    facts = Facts(failure_rate=0.3)
    async with experiment_service(facts, Losses()) as endpoint:
        appended = 0
        for _ in range(3):
            async with shipping(endpoint, tmp_path) as spool:
                for _ in range(100):
                    assert spool.append(a_line(), experiment="digits-1")
                    appended += 1
        assert len(facts.kept) == appended
        assert not facts.conflicts


async def test_what_an_ended_process_left_is_shipped_by_another(tmp_path: Path) -> None:
    facts = Facts()
    left = [Folder.claim(tmp_path) for _ in range(3)]
    for folder in left:
        Spool(folder, max_bytes=1 << 20).append(a_line(), experiment="digits-1")
    for folder in left:
        folder.close()

    async with (
        experiment_service(facts, Losses()) as endpoint,
        shipping(endpoint, tmp_path) as spool,
    ):
        spool.append(a_line(), experiment="digits-1")
        await until(lambda: len(facts.kept) == 4)


async def test_what_found_no_room_is_reported_as_lost(tmp_path: Path) -> None:
    losses = Losses()
    async with (
        experiment_service(Facts(), losses) as endpoint,
        shipping(endpoint, tmp_path, max_bytes=0) as spool,
    ):
        for experiment in ("digits-1", "digits-1", "iris-1", ""):
            spool.append(a_line(), experiment=experiment)

        def told() -> dict[str, int]:
            return {loss.experiment: loss.exposures for loss in losses.last.losses}

        await until(lambda: told() == {"experiments/digits-1": 2, "experiments/iris-1": 1})
        assert losses.last.node == "proxyless/app"


def test_the_line_has_no_field_that_envoys_has_not() -> None:
    assert json.loads(a_line()).keys() <= exposure_log.LINE.keys()
