"""A folder of models, served without the suite: clients say what is loaded."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc.aio as triton
import tritonclient.http.aio as triton_http
from tritonclient.utils import InferenceServerException

from chassis.runtime import Runtime
from inference_svc.settings import StandaloneSettings
from inference_svc.standalone.app import app
from tests.e2e.stack import until_async
from tests.inference_svc import onnx_models

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)


def put(folder: Path, model: str, version: int, factor: float) -> Path:
    path = folder / model / str(version) / "model.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(onnx_models.scaled(factor))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Versions 1 (times 10) and 2 (times 20) of `scaled`, `flat` (times 7), a broken one."""
    models = tmp_path / "models"
    put(models, "scaled", 1, 10.0)
    put(models, "scaled", 2, 20.0)
    (models / "flat.onnx").write_bytes(onnx_models.scaled(7.0))
    (models / "broken.onnx").write_bytes(b"this is no model")
    (models / "Not A Model").mkdir()
    (models / "README").touch()
    return models


@pytest.fixture
async def addresses(folder: Path, free_port: int) -> AsyncIterator[str]:
    """Where the folder is served over gRPC."""
    settings = StandaloneSettings(
        models=folder, listen=f"127.0.0.1:{free_port}", load_retry_s=20.0, drain_notice_s=0.0
    )
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime("inference", tasks)
        async with app(settings, runtime):
            runtime.health.serving()
            yield settings.listen
            runtime.health.drain()
            runtime.draining.set()


@pytest.fixture
async def client(addresses: str) -> AsyncIterator[triton.InferenceServerClient]:
    async with triton.InferenceServerClient(addresses) as connected:
        yield connected


async def factor(client: Any, model: str, version: str = "") -> float:
    """What the model multiplies by."""
    tensor = triton.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(ROW)
    result = await client.infer(model, [tensor], model_version=version)
    return float(result.as_numpy("y")[0, 0])


async def index(client: Any) -> dict[tuple[str, str], str]:
    told = await client.get_model_repository_index()
    return {(each.name, each.version): each.state for each in told.models}


async def test_everything_in_the_folder_is_served_and_what_cannot_be_is_told(client: Any) -> None:
    assert await factor(client, "scaled") == 20.0
    assert await factor(client, "scaled", "1") == 10.0
    assert await factor(client, "flat") == 7.0
    told = (await client.get_model_repository_index()).models
    [broken] = [each for each in told if each.name == "broken"]
    assert broken.state == "UNAVAILABLE"
    assert "Protobuf parsing failed" in broken.reason


async def test_unload_and_load_obey(client: Any) -> None:
    await client.unload_model("scaled")

    with pytest.raises(InferenceServerException) as refused:
        await factor(client, "scaled")
    assert refused.value.status() in ("StatusCode.NOT_FOUND", "StatusCode.UNAVAILABLE")
    assert (await index(client))["flat", "1"] == "READY"

    await client.load_model("scaled")
    assert await factor(client, "scaled") == 20.0


async def test_load_takes_what_is_there_now(client: Any, folder: Path) -> None:
    put(folder, "scaled", 3, 30.0)
    put(folder, "scaled", 2, 25.0)
    (folder / "scaled" / "1" / "model.onnx").unlink()

    assert await factor(client, "scaled") == 20.0, "a file that changes changes nothing by itself"
    await client.load_model("scaled")

    assert await factor(client, "scaled") == 30.0
    assert await factor(client, "scaled", "2") == 25.0
    assert ("scaled", "1") not in await index(client)


@pytest.mark.parametrize(
    ("model", "status", "text"),
    [
        ("broken", "StatusCode.FAILED_PRECONDITION", "failed to load version 1 of broken"),
        ("nosuch", "StatusCode.NOT_FOUND", "no model 'nosuch'"),
        ("../scaled", "StatusCode.NOT_FOUND", "no model '../scaled'"),
    ],
)
async def test_what_cannot_be_loaded_says_why_and_harms_no_other(
    client: Any, model: str, status: str, text: str
) -> None:
    with pytest.raises(InferenceServerException, match=text) as refused:
        await client.load_model(model)

    assert refused.value.status() == status
    assert await factor(client, "scaled") == 20.0


async def test_a_model_that_is_not_loaded_cannot_be_unloaded(client: Any) -> None:
    with pytest.raises(InferenceServerException, match="no model 'nosuch'"):
        await client.unload_model("nosuch")


async def test_the_process_serves_over_rest_and_ends_when_told_to(
    folder: Path, free_port: int
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inference_svc", "--standalone", "--models", str(folder)),
        env=os.environ | {"ALGOLINK_HTTP_LISTEN": f"127.0.0.1:{free_port}"},
        stderr=asyncio.subprocess.DEVNULL,
    )
    async with (
        asyncio.timeout(60),
        triton_http.InferenceServerClient(f"127.0.0.1:{free_port}") as http,
    ):
        await until_async(lambda: _answers(http), "the server answers")
        await http.unload_model("flat")
        await http.load_model("flat")
        states = {e["name"]: e["state"] for e in await http.get_model_repository_index()}
        assert states["flat"] == "READY"
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def _answers(http: Any) -> bool:
    try:
        return bool(await http.is_server_ready())
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--standalone", "--models", "nowhere"), 1, "nowhere is no folder of models"),
        (("--standalone",), 2, "--standalone and --models FOLDER go together"),
    ],
)
async def test_a_start_without_a_folder_says_so(
    arguments: tuple[str, ...], status: int, text: str
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "inference_svc", *arguments), stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()

    assert process.returncode == status
    assert text in told.decode().splitlines()[-1]
