"""Triton's own REST clients, unmodified, against a replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import aiohttp
import ml_dtypes
import numpy as np
import pytest
import tritonclient.http as triton
import tritonclient.http.aio as triton_aio
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)

T = TypeVar("T")


def an_input(
    name: str, array: np.ndarray[Any, Any], datatype: str = "FP32", *, binary: bool = True
) -> triton.InferInput:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    return tensor.set_data_from_numpy(array, binary_data=binary)


@pytest.fixture
async def scaled(replica: Replica) -> Replica:
    """A replica that holds `scaled` (times 10)."""
    await replica.hold(replica.source.add("scaled", 1, onnx_models.scaled(10.0)))
    return replica


@pytest.fixture
async def client(replica: Replica) -> AsyncIterator[triton_aio.InferenceServerClient]:
    async with triton_aio.InferenceServerClient(replica.http_url.removeprefix("http://")) as client:
        yield client


async def blocking(replica: Replica, call: Callable[[triton.InferenceServerClient], T]) -> T:
    """What `call` gets from the blocking client, which has a thread to itself."""

    def run() -> T:
        with triton.InferenceServerClient(replica.http_url.removeprefix("http://")) as client:
            return call(client)

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
async def test_tensors_go_and_come_in_binary_and_in_json(
    scaled: Replica,
    client: triton_aio.InferenceServerClient,
    binary_in: bool,
    binary_out: bool | None,
) -> None:
    inputs = [an_input("x", ROW, binary=binary_in)]
    outputs = (
        None if binary_out is None else [triton.InferRequestedOutput("y", binary_data=binary_out)]
    )

    awaited = await client.infer("scaled", inputs, outputs=outputs, request_id="7")
    blocked = await blocking(scaled, lambda sync: sync.infer("scaled", inputs, outputs=outputs))

    for result in (awaited, blocked):
        np.testing.assert_array_equal(result.as_numpy("y"), 10 * ROW)
    assert awaited.get_response()["id"] == "7"
    assert "parameters" not in awaited.get_response()


@pytest.mark.parametrize(
    ("datatype", "element", "array"),
    [
        ("BOOL", TensorProto.BOOL, np.array([True, False])),
        ("INT8", TensorProto.INT8, np.array([-128, 127], dtype=np.int8)),
        ("UINT64", TensorProto.UINT64, np.array([0, 2**64 - 1], dtype=np.uint64)),
        ("FP16", TensorProto.FLOAT16, np.array([0.5, np.inf], dtype=np.float16)),
        ("BF16", TensorProto.BFLOAT16, np.array([1.5, -3e38], dtype=ml_dtypes.bfloat16)),
        ("FP64", TensorProto.DOUBLE, np.array([0.1, -1e300], dtype=np.float64)),
        ("BYTES", TensorProto.STRING, np.array([b"two words", "ü".encode()], dtype=np.object_)),
    ],
)
async def test_datatypes_pass_unchanged(
    replica: Replica,
    client: triton_aio.InferenceServerClient,
    datatype: str,
    element: int,
    array: np.ndarray[Any, Any],
) -> None:
    await replica.hold(replica.source.add("same", 1, onnx_models.identity(element, ("N",))))

    result = await client.infer("same", [an_input("x", array, datatype)])

    answer = result.as_numpy("y")
    assert answer is not None
    assert answer.dtype == array.dtype
    np.testing.assert_array_equal(answer, array)


async def test_several_inputs_of_which_some_are_binary(
    replica: Replica, client: triton_aio.InferenceServerClient
) -> None:
    await replica.hold(replica.source.add("pair", 1, onnx_models.sum_and_difference()))
    a = np.array([[5.0, 7.0]], dtype=np.float32)
    b = np.array([[1.0, 2.0]], dtype=np.float32)

    result = await client.infer(
        "pair",
        [an_input("b", b, binary=False), an_input("a", a)],
        outputs=[
            triton.InferRequestedOutput("difference", binary_data=False),
            triton.InferRequestedOutput("sum"),
        ],
    )

    np.testing.assert_array_equal(result.as_numpy("difference"), a - b)
    np.testing.assert_array_equal(result.as_numpy("sum"), a + b)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
async def test_bodies_are_compressed_both_ways(
    scaled: Replica, client: triton_aio.InferenceServerClient, algorithm: str
) -> None:
    rows = np.ones((1_000, 4), dtype=np.float32)
    options = {
        "request_compression_algorithm": algorithm,
        "response_compression_algorithm": algorithm,
    }

    awaited = await client.infer("scaled", [an_input("x", rows)], **options)
    blocked = await blocking(
        scaled, lambda sync: sync.infer("scaled", [an_input("x", rows)], **options)
    )

    for result in (awaited, blocked):
        np.testing.assert_array_equal(result.as_numpy("y"), 10 * rows)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("gzip;q=0.1, deflate;q=0.9", "deflate"),
        ("gzip;q=0", None),
        ("br, identity", None),
        ("gzip;q=x", None),
    ],
)
async def test_an_answer_is_compressed_as_the_client_prefers(
    scaled: Replica, accepted: str, coding: str | None
) -> None:
    tensor = {"name": "x", "datatype": "FP32", "shape": [500, 4], "data": [1] * 2_000}
    async with (
        aiohttp.ClientSession(scaled.http_url, auto_decompress=False) as http,
        http.post(
            "/v2/models/scaled/infer",
            json={"inputs": [tensor]},
            headers={"Accept-Encoding": accepted},
        ) as response,
    ):
        assert response.status == 200
        assert response.headers.get("Content-Encoding") == coding


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_a_body_that_is_not_what_its_coding_says_is_refused(
    scaled: Replica, coding: str
) -> None:
    async with aiohttp.ClientSession(scaled.http_url) as http:
        for _ in range(2):
            async with http.post(
                "/v2/models/scaled/infer", data=b"not packed", headers={"Content-Encoding": coding}
            ) as response:
                assert response.status == 400
                assert "error" in await response.json()


@pytest.mark.parametrize(
    ("body", "length", "reason"),
    [
        (b"{}", "3", "HEADER_LENGTH_INVALID"),
        (b"{}", "-1", "HEADER_LENGTH_INVALID"),
        (b"{}", "two", "HEADER_LENGTH_INVALID"),
        (b"{}", str(10**30), "HEADER_LENGTH_INVALID"),
        (b'{"inputs":[]}1234', "13", "PAYLOAD_LONG"),
    ],
)
async def test_a_lying_header_length_is_refused(
    scaled: Replica, body: bytes, length: str, reason: str
) -> None:
    headers = {"Inference-Header-Content-Length": length}
    async with (
        aiohttp.ClientSession(scaled.http_url) as http,
        http.post("/v2/models/scaled/infer", data=body, headers=headers) as response,
    ):
        assert (response.status, response.headers["x-algolink-reason"]) == (400, reason)


@pytest.mark.parametrize(
    ("size", "extra", "reason"),
    [
        (2 * 1024**3, "", "PAYLOAD_SHORT"),
        (12, "", "PAYLOAD_SHORT"),
        (-1, "", "PARAMETER_INVALID"),
        (2**70, "", "PARAMETER_INVALID"),
        ("16", "", "PARAMETER_INVALID"),
        (16, ',"data":[1,2,3,4]', "CONTENTS_AMBIGUOUS"),
    ],
)
async def test_a_lying_binary_size_is_refused(
    scaled: Replica, size: object, extra: str, reason: str
) -> None:
    size_json = f'"{size}"' if isinstance(size, str) else str(size)
    head = (
        '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,4],'
        f'"parameters":{{"binary_data_size":{size_json}}}{extra}}}]}}'
    ).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))}
    async with (
        aiohttp.ClientSession(scaled.http_url) as http,
        http.post(
            "/v2/models/scaled/infer", data=head + ROW.tobytes(), headers=headers
        ) as response,
    ):
        assert (response.status, response.headers["x-algolink-reason"]) == (400, reason)


async def test_errors_are_the_clients_own(
    scaled: Replica, client: triton_aio.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="no model 'nosuch'") as awaited:
        await client.infer("nosuch", [an_input("x", ROW)])
    assert awaited.value.status() == "404"

    with pytest.raises(InferenceServerException, match="takes x, and no input 'z'") as blocked:
        await blocking(scaled, lambda sync: sync.infer("scaled", [an_input("z", ROW)]))
    assert blocked.value.status() == "400"


async def test_what_else_a_client_asks_is_answered(
    scaled: Replica, client: triton_aio.InferenceServerClient
) -> None:
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert await client.is_model_ready("scaled")
    assert not await client.is_model_ready("nosuch")
    assert (await client.get_server_metadata())["name"] == "algolink"
    assert (await client.get_model_metadata("scaled"))["versions"] == ["1"]


async def test_the_largest_elements_of_an_output_come_as_classes(
    scaled: Replica, client: triton_aio.InferenceServerClient
) -> None:
    rows = np.array([[1, 4, 3, 2], [9, 8, 9, 0]], dtype=np.float32)

    result = await client.infer(
        "scaled",
        [an_input("x", rows)],
        outputs=[triton.InferRequestedOutput("y", class_count=2)],
    )

    answer = result.as_numpy("y")
    assert answer is not None
    assert answer.tolist() == [
        [b"40.000000:1", b"30.000000:2"],
        [b"90.000000:0", b"90.000000:2"],
    ]
