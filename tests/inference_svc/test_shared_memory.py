"""System shared memory, through Triton's own clients and helpers."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.grpc.aio as triton
import tritonclient.http.aio as triton_http
from tritonclient.utils import InferenceServerException
from tritonclient.utils import shared_memory as shm

from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

OBJECTS = Path("/dev/shm")  # noqa: S108  where Linux has them
ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)


@pytest.fixture
async def rest(replica: Replica) -> AsyncIterator[triton_http.InferenceServerClient]:
    url = replica.http_url.removeprefix("http://")
    async with triton_http.InferenceServerClient(url) as client:
        yield client


@pytest.fixture(params=["grpc", "http"])
def either(
    request: pytest.FixtureRequest,
    client: triton.InferenceServerClient,
    rest: triton_http.InferenceServerClient,
) -> tuple[Any, Any]:
    """A client, and the module that makes its tensors."""
    return (client, triton) if request.param == "grpc" else (rest, triton_http)


@pytest.fixture
async def scaled(replica: Replica) -> Replica:
    """A replica that holds `scaled` (times 10)."""
    await replica.hold(replica.source.add("scaled", 1, onnx_models.scaled(10.0)))
    return replica


@pytest.fixture
def key() -> str:
    """A key that nobody else uses."""
    return f"algolink-{uuid.uuid4().hex}"


@pytest.fixture
def region(key: str) -> Iterator[Any]:
    """64 bytes of shared memory: a row at 0, nothing at 32."""
    handle = shm.create_shared_memory_region("rows", key, 64)
    shm.set_shared_memory_region(handle, [ROW])
    yield handle
    shm.destroy_shared_memory_region(handle)


def tensors(
    module: Any, *, size: int = 16, offset: int = 0, output_size: int = 16, output_offset: int = 32
) -> tuple[list[Any], list[Any]]:
    """An input and an output that lie in the region `rows`."""
    tensor = module.InferInput("x", [1, 4], "FP32")
    tensor.set_shared_memory("rows", size, offset)
    output = module.InferRequestedOutput("y")
    output.set_shared_memory("rows", output_size, output_offset)
    return [tensor], [output]


async def test_tensors_are_read_and_written_in_shared_memory(
    scaled: Replica, either: tuple[Any, Any], region: Any, key: str
) -> None:
    client, module = either
    await client.register_system_shared_memory("rows", key, 64)
    inputs, outputs = tensors(module)

    result = await client.infer("scaled", inputs, outputs=outputs)

    np.testing.assert_array_equal(
        shm.get_contents_as_numpy(region, np.float32, [1, 4], 32), 10 * ROW
    )
    output = result.get_output("y")
    assert list(output["shape"] if isinstance(output, dict) else output.shape) == [1, 4]


async def test_a_region_may_begin_inside_its_object(
    scaled: Replica, client: triton.InferenceServerClient, region: Any, key: str
) -> None:
    shm.set_shared_memory_region(region, [2 * ROW], offset=16)
    await client.register_system_shared_memory("rows", key, 48, offset=16)
    inputs, _ = tensors(triton)

    result = await client.infer("scaled", inputs)

    np.testing.assert_array_equal(result.as_numpy("y"), 20 * ROW)


async def test_regions_are_told_and_let_go(
    scaled: Replica,
    client: triton.InferenceServerClient,
    rest: triton_http.InferenceServerClient,
    region: Any,
    key: str,
) -> None:
    await client.register_system_shared_memory("rows", key, 64)
    await rest.register_system_shared_memory("tail", key, 32, offset=32)

    status = (await client.get_system_shared_memory_status()).regions
    assert (status["tail"].offset, status["tail"].byte_size) == (32, 32)
    assert await rest.get_system_shared_memory_status("rows") == [
        {"name": "rows", "key": key, "offset": 0, "byte_size": 64}
    ]

    await rest.unregister_system_shared_memory("tail")
    await client.unregister_system_shared_memory()
    await client.unregister_system_shared_memory("rows")
    assert await rest.get_system_shared_memory_status() == []
    inputs, _ = tensors(triton)
    with pytest.raises(InferenceServerException, match="no region is registered as 'rows'"):
        await client.infer("scaled", inputs)


@pytest.mark.parametrize(
    ("name", "size", "offset", "told"),
    [
        ("rows", 65, 0, "no part of the 64 bytes"),
        ("rows", 64, 1, "no part of the 64 bytes"),
        ("rows", 0, 0, "no part of the 64 bytes"),
        ("rows", 2**63, 2**63, "cannot be registered|whole number"),
    ],
)
async def test_a_region_that_exceeds_its_object_is_refused(
    scaled: Replica,
    either: tuple[Any, Any],
    region: Any,
    key: str,
    name: str,
    size: int,
    offset: int,
    told: str,
) -> None:
    client, _ = either

    with pytest.raises(InferenceServerException, match=told):
        await client.register_system_shared_memory(name, key, size, offset=offset)


@pytest.mark.parametrize(
    "bad", ["nosuch-" + "x" * 20, "../passwd", "..", ".", "", "a/b", "x" * 300]
)
async def test_a_key_that_is_no_shared_memory_is_refused(
    scaled: Replica, client: triton.InferenceServerClient, bad: str
) -> None:
    with pytest.raises(InferenceServerException, match=r"cannot be (opened|registered)"):
        await client.register_system_shared_memory("rows", bad, 16)


async def test_a_name_is_registered_once(
    scaled: Replica, either: tuple[Any, Any], region: Any, key: str
) -> None:
    client, _ = either
    await client.register_system_shared_memory("rows", key, 64)

    with pytest.raises(InferenceServerException, match="registered as 'rows' already"):
        await client.register_system_shared_memory("rows", key, 64)


@pytest.mark.parametrize(
    ("places", "told"),
    [
        ({"size": 128}, "do not fit"),
        ({"offset": 60}, "do not fit"),
        ({"size": 12}, "needs 16 bytes, got 12"),
        ({"size": 20}, "needs 16 bytes, got 20"),
        ({"output_size": 12}, "do not fit"),
        ({"output_offset": 56}, "do not fit"),
    ],
)
async def test_places_that_do_not_fit_are_refused(
    scaled: Replica,
    either: tuple[Any, Any],
    region: Any,
    key: str,
    places: dict[str, int],
    told: str,
) -> None:
    client, module = either
    await client.register_system_shared_memory("rows", key, 64)
    inputs, outputs = tensors(module, **places)

    with pytest.raises(InferenceServerException, match=told):
        await client.infer("scaled", inputs, outputs=outputs)


async def test_a_region_that_was_unlinked_lives_until_it_is_let_go(
    scaled: Replica, client: triton.InferenceServerClient, region: Any, key: str
) -> None:
    await client.register_system_shared_memory("rows", key, 64)
    os.unlink(OBJECTS / key)
    inputs, outputs = tensors(triton)

    try:
        await client.infer("scaled", inputs, outputs=outputs)

        np.testing.assert_array_equal(
            shm.get_contents_as_numpy(region, np.float32, [1, 4], 32), 10 * ROW
        )
    finally:
        # Its fixture unlinks it again.
        os.close(os.open(OBJECTS / key, os.O_CREAT))


async def test_a_region_that_was_shrunk_is_an_error_and_no_crash(
    scaled: Replica, client: triton.InferenceServerClient, region: Any, key: str
) -> None:
    await client.register_system_shared_memory("rows", key, 64)
    inputs, outputs = tensors(triton)
    os.truncate(OBJECTS / key, 32)

    with pytest.raises(InferenceServerException, match="smaller now"):
        await client.infer("scaled", inputs, outputs=outputs)
    os.truncate(OBJECTS / key, 0)
    with pytest.raises(InferenceServerException, match="smaller now"):
        await client.infer("scaled", inputs)

    os.truncate(OBJECTS / key, 64)
    shm.set_shared_memory_region(region, [ROW])
    await client.infer("scaled", inputs, outputs=outputs)


async def test_a_gpus_memory_is_refused(
    scaled: Replica, client: triton.InferenceServerClient, rest: triton_http.InferenceServerClient
) -> None:
    assert not (await client.get_cuda_shared_memory_status()).regions
    assert await rest.get_cuda_shared_memory_status() == []
    await client.unregister_cuda_shared_memory()
    await rest.unregister_cuda_shared_memory()

    for one in (client, rest):
        with pytest.raises(
            InferenceServerException, match="and given in the memory of the machine"
        ):
            await one.register_cuda_shared_memory("gpu", b"aGFuZGxl", 0, 64)
