"""The registry as a process of its own: it starts, is killed, and knows everything again."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from algolink.client import Client, Progress
from algolink.errors import Unavailable
from algolink.registry.v1 import registry_pb2 as pb
from algolink.registry.v1 import registry_pb2_grpc
from chassis.channel import open_channel
from tests.object_store import KEYS, object_server
from tests.registry_svc import onnx_files, uploads

TOKEN = "open-sesame"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(folder: Path, port: int) -> dict[str, str]:
    tokens = folder / "tokens"
    tokens.write_text(f"tester admin {hashlib.sha256(TOKEN.encode()).hexdigest()}\n")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("ALGOLINK_")},
        "ALGOLINK_LISTEN": f"127.0.0.1:{port}",
        "ALGOLINK_TOKENS_FILE": str(tokens),
        "ALGOLINK_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/registry.db",
        "ALGOLINK_ARTIFACT_DIR": str(folder / "artifacts"),
        "ALGOLINK_DRAIN_NOTICE_S": "0",
        "ALGOLINK_PARENT_PID": str(os.getpid()),
    }


@contextmanager
def started(folder: Path, port: int, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "registry_svc"],
            env={**environment(folder, port), **more},
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def serving(channel: grpc.aio.Channel) -> None:
    health: Any = health_pb2_grpc.HealthStub(channel)
    watch = health.Watch(health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=30)
    async for answer in watch:
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            watch.cancel()
            return


async def test_a_registry_that_was_killed_knows_everything_again(
    tmp_path: Path, onnx_model: bytes
) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        async with open_channel(f"127.0.0.1:{port}", TOKEN) as channel:
            await serving(channel)
            stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)
            version = await stub.PushVersion(uploads.messages(onnx_model))
            watch = stub.WatchModels(pb.WatchModelsRequest())
            state, mark = await watch.read(), await watch.read()
            process.send_signal(signal.SIGKILL)
            process.wait()
    left_behind = tmp_path / "artifacts" / "incoming" / "half"
    left_behind.write_bytes(b"of an upload")

    with started(tmp_path, port):
        async with open_channel(f"127.0.0.1:{port}", TOKEN) as channel:
            await serving(channel)
            stub = registry_pb2_grpc.RegistryServiceStub(channel)
            again = await stub.PushVersion(uploads.messages(onnx_model))
            download = stub.DownloadArtifact(pb.DownloadArtifactRequest(digest=version.digest))
            artifact = b"".join([message.chunk async for message in download])
            resumed = stub.WatchModels(pb.WatchModelsRequest(resume_token=mark.resume_token))
            first = await resumed.read()
            resumed.cancel()

    assert again == version
    assert artifact == onnx_model
    assert state.model.model.name == "models/iris"
    assert first.WhichOneof("event") == "synced"
    assert not first.restarted
    assert not left_behind.exists()


def test_a_push_that_is_repeated_after_a_kill_goes_on_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    files = onnx_files.with_weights_beside(columns=4, padding_bytes=40_000_000)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    port = free_port()
    half_way, killed = threading.Event(), threading.Event()

    def stop_half_way(sent: int, _total: int) -> None:
        if sent > 20_000_000 and not half_way.is_set():
            half_way.set()
            assert killed.wait(60)

    def push(progress: Progress) -> pb.Version:
        with Client(f"127.0.0.1:{port}", data_endpoint="127.0.0.1:1", token=TOKEN) as client:
            return client.push(folder, name="big", wait=False, progress=progress)

    with ThreadPoolExecutor() as threads, started(tmp_path, port) as process:
        wait_until_listening(port)
        pushing = threads.submit(push, stop_half_way)
        assert half_way.wait(60)
        process.kill()
        process.wait()
        killed.set()
        with pytest.raises(Unavailable):
            pushing.result(timeout=60)

    reports: list[int] = []
    with started(tmp_path, port):
        wait_until_listening(port)
        version = push(lambda sent, _total: reports.append(sent))
        with Client(f"127.0.0.1:{port}", data_endpoint="127.0.0.1:1", token=TOKEN) as client:
            client.artifacts.pull("big", 1, tmp_path / "pulled")

    sent_again = [sent for sent in reports if len(files["model.onnx"]) < sent < 5_000_000]
    assert sent_again == []
    assert version.total_bytes == version.size_bytes + sum(map(len, files.values()))
    pulled = {path.name: path.read_bytes() for path in (tmp_path / "pulled").iterdir()}
    assert pulled == files
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []


def test_with_a_bucket_that_goes_away_pushes_are_unavailable_and_the_rest_goes_on(
    tmp_path: Path, onnx_model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    with ExitStack() as stack:
        server = stack.enter_context(object_server(tmp_path / "objects"))
        bucket = {
            "ALGOLINK_ARTIFACT_URL": server.bucket(),
            "ALGOLINK_ARTIFACT_ENDPOINT": server.endpoint,
            "ALGOLINK_ARTIFACT_TIMEOUT_S": "1",
        }
        registry = stack.enter_context(started(tmp_path, port, **bucket))
        wait_until_listening(port)
        client = stack.enter_context(
            Client(f"127.0.0.1:{port}", data_endpoint="127.0.0.1:1", token=TOKEN)
        )
        first = client.push(onnx_model, name="iris", wait=False)
        client.artifacts.pull("iris", 1, tmp_path / "pulled")
        server.stop()
        channel = stack.enter_context(grpc.insecure_channel(f"127.0.0.1:{port}"))
        stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.PushVersion(
                uploads.messages(onnx_model + b"\x72\x00", request_id="push-2"),
                metadata=[("authorization", f"Bearer {TOKEN}")],
                timeout=60,
            )
        versions = client.versions("iris")
        assert registry.poll() is None

    assert (tmp_path / "pulled").read_bytes() == onnx_model
    refusal: Any = caught.value
    assert refusal.code() == grpc.StatusCode.UNAVAILABLE
    assert "the object store does not answer" in refusal.details()
    assert versions == [first]
    assert list((tmp_path / "artifacts" / "incoming").iterdir()) == []


def wait_until_listening(port: int) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(timeout=60)


async def test_sigterm_drains_and_exits_0(tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, port) as process:
        async with open_channel(f"127.0.0.1:{port}", TOKEN) as channel:
            await serving(channel)
            stub: Any = registry_pb2_grpc.RegistryServiceStub(channel)
            watch = stub.WatchModels(pb.WatchModelsRequest())
            await watch.read()

            process.terminate()

            assert process.wait(timeout=8) == 0  # less than the grace: the watch does not hold it


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ALGOLINK_DATABASE_URL": ""}, "ALGOLINK_DATABASE_URL: Field required"),
        ({"ALGOLINK_LISTEN": "nowhere"}, "ADDRESS_INVALID"),
        ({"ALGOLINK_ARTIFACT_DIR": "/proc/artifacts"}, "ARTIFACT_DIR_NOT_WRITABLE"),
        ({"ALGOLINK_TOKENS_FILE": "/nonexistent"}, "TOKENS_FILE_UNREADABLE"),
    ],
)
def test_a_start_that_fails_says_why_in_one_line(
    tmp_path: Path, wrong: dict[str, str], says: str
) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "registry_svc"],
        env={**environment(tmp_path, 0), **wrong, "ALGOLINK_LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert says in result.stderr


def test_a_port_in_use_is_told_with_its_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = subprocess.run(
            [sys.executable, "-m", "registry_svc"],
            env={**environment(tmp_path, port), "ALGOLINK_LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
