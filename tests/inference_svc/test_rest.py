"""The Open Inference Protocol over HTTP and JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from onnx import TensorProto

from inference_svc import EXTENSIONS
from inference_svc.domain.holding import State
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica


@pytest.fixture
async def http(replica: Replica) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a replica that holds `scaled` in versions 1 (times 10) and 2 (times 20)."""
    await replica.hold(
        replica.source.add("scaled", 1, onnx_models.scaled(10.0)),
        replica.source.add("scaled", 2, onnx_models.scaled(20.0)),
    )
    async with aiohttp.ClientSession(replica.http_url) as session:
        yield session


def a_body(**fields: Any) -> dict[str, Any]:
    """A valid request for `scaled`, but for `fields` of its input; None leaves one out."""
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]} | fields
    return {"inputs": [{key: value for key, value in tensor.items() if value is not None}]}


async def test_a_request_without_a_version_runs_the_newest(http: aiohttp.ClientSession) -> None:
    body = a_body() | {"id": "r-1", "parameters": {"source": "test"}}

    async with http.post("/v2/models/scaled/infer", json=body) as response:
        assert response.status == 200
        assert response.headers["x-al-served"] == "2"
        assert await response.json() == {
            "model_name": "scaled",
            "model_version": "2",
            "id": "r-1",
            "parameters": {"source": "test"},
            "outputs": [
                {"name": "y", "datatype": "FP32", "shape": [1, 4], "data": [20, 40, 60, 80]}
            ],
        }


async def test_a_request_that_has_waited_for_too_long_does_not_run(replica: Replica) -> None:
    await replica.hold(replica.source.add("slow", 1, onnx_models.doubled_in_a_loop(100_000)))
    [holding] = replica.host.holdings
    async with aiohttp.ClientSession(replica.http_url) as http, asyncio.TaskGroup() as tasks:

        async def ask(headers: dict[str, str], **more: Any) -> tuple[int, str]:
            body = a_body() | more
            async with http.post("/v2/models/slow/infer", json=body, headers=headers) as response:
                return response.status, await response.text()

        running = tasks.create_task(ask({}))
        await replica.until_loop(lambda: holding.in_flight == 1)
        late = [
            await ask({"x-envoy-expected-rq-timeout-ms": "1"}),
            await ask({}, parameters={"timeout": 1}),
        ]

        assert [status for status, _ in late] == [504, 504]
        assert "the deadline came while the request waited" in late[0][1]
        assert (await ask({"x-envoy-expected-rq-timeout-ms": "soon"}))[0] == 200
        assert (await ask({}, parameters={"timeout": 0}))[0] == 200
        assert (await ask({}, parameters={"timeout": -1}))[0] == 400
        assert (await running)[0] == 200


async def test_the_path_names_the_version_and_the_header_wins(http: aiohttp.ClientSession) -> None:
    async with http.post("/v2/models/scaled/versions/1/infer", json=a_body()) as response:
        assert (await response.json())["model_version"] == "1"

    async with http.post(
        "/v2/models/scaled/versions/1/infer", json=a_body(), headers={"x-al-version": "2"}
    ) as response:
        assert (await response.json())["model_version"] == "2"


async def test_nested_data_is_read_like_flat_data(http: aiohttp.ClientSession) -> None:
    body = a_body(shape=[2, 4], data=[[1, 2, 3, 4], [5, 6, 7, 8]])

    async with http.post("/v2/models/scaled/infer", json=body) as response:
        assert (await response.json())["outputs"][0]["data"] == [20 * n for n in range(1, 9)]


@pytest.mark.parametrize(
    ("path", "status", "expected"),
    [
        (
            "/v2",
            200,
            {
                "name": "algolink",
                "version": "0.1.0",
                "extensions": list(EXTENSIONS),
            },
        ),
        ("/v2/health/live", 200, {"live": True}),
        ("/v2/health/ready", 200, {"ready": True}),
        ("/v2/models/scaled/ready", 200, {"name": "scaled", "ready": True}),
        ("/v2/models/scaled/versions/1/ready", 200, {"name": "scaled", "ready": True}),
        (
            "/v2/models/scaled/versions/1",
            200,
            {
                "name": "scaled",
                "versions": ["1", "2"],
                "platform": "onnxruntime_onnx",
                "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}],
                "outputs": [{"name": "y", "datatype": "FP32", "shape": [-1, 4]}],
            },
        ),
        ("/v2/models/nosuch", 404, {"error": "there is no model 'nosuch' here"}),
        ("/v2/models/nosuch/ready", 404, {"error": "there is no model 'nosuch' here"}),
        ("/v3", 404, {"error": "Not Found"}),
        ("/v2/models/scaled/infer", 405, {"error": "Method Not Allowed"}),
    ],
)
async def test_what_can_be_asked(
    http: aiohttp.ClientSession, path: str, status: int, expected: dict[str, Any]
) -> None:
    async with http.get(path) as response:
        assert response.status == status
        assert await response.json() == expected


async def test_a_draining_replica_is_not_ready(
    replica: Replica, http: aiohttp.ClientSession
) -> None:
    replica.runtime.health.drain()

    async with http.get("/v2/health/ready") as response:
        assert response.status == 503
    async with http.get("/v2/health/live") as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("datatype", "element", "data"),
    [
        ("BOOL", TensorProto.BOOL, [True, False]),
        ("INT8", TensorProto.INT8, [-128, 127]),
        ("INT64", TensorProto.INT64, [-(2**63), 2**63 - 1]),
        ("UINT64", TensorProto.UINT64, [0, 2**64 - 1]),
        ("FP16", TensorProto.FLOAT16, [0.5, 2.0]),
        ("BF16", TensorProto.BFLOAT16, [1.5, "-Infinity"]),
        ("FP32", TensorProto.FLOAT, ["NaN", "-Infinity"]),
        ("FP64", TensorProto.DOUBLE, [0.1, 1]),
        ("BYTES", TensorProto.STRING, ["two words", "ü"]),
    ],
)
async def test_values_pass_unchanged(
    replica: Replica, http: aiohttp.ClientSession, datatype: str, element: int, data: list[Any]
) -> None:
    await replica.hold(replica.source.add("same", 1, onnx_models.identity(element, ("N",))))
    body = a_body(datatype=datatype, shape=[2], data=data)

    async with http.post("/v2/models/same/infer", json=body) as response:
        assert (await response.json())["outputs"][0]["data"] == data


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "BODY_INVALID"),
        (b"{", "BODY_INVALID"),
        (b"\xff", "BODY_INVALID"),
        (b"[" * 100_000, "BODY_INVALID"),
        (b"[]", "BODY_INVALID"),
        ({}, "BODY_INVALID"),
        ({"inputs": {}}, "BODY_INVALID"),
        ({"inputs": [1]}, "BODY_INVALID"),
        ({"inputs": []}, "INPUT_MISSING"),
        (a_body() | {"id": 5}, "BODY_INVALID"),
        (a_body() | {"parameters": {"deep": {}}}, "BODY_INVALID"),
        (a_body() | {"outputs": [{"name": "z"}]}, "OUTPUT_UNKNOWN"),
        (a_body(name="z"), "INPUT_UNKNOWN"),
        (a_body(name=None), "BODY_INVALID"),
        (a_body(data=None), "BODY_INVALID"),
        (a_body(datatype="FP33"), "DATATYPE_UNKNOWN"),
        (a_body(datatype="INT32"), "DATATYPE_MISMATCH"),
        (a_body(shape=["1", 4]), "BODY_INVALID"),
        (a_body(shape=[True, 4]), "BODY_INVALID"),
        (a_body(shape=[-1, 4]), "SHAPE_INVALID"),
        (a_body(shape=[10**30, 4]), "SHAPE_INVALID"),
        (a_body(shape=[4]), "SHAPE_MISMATCH"),
        (a_body(data=[1, 2, 3]), "PAYLOAD_SHORT"),
        (a_body(data=[1, 2, 3, 4, 5]), "PAYLOAD_LONG"),
        (a_body(data=[[1, 2], [3, 4]]), "SHAPE_MISMATCH"),
        (a_body(data=[[1, 2, 3, [4]]]), "SHAPE_MISMATCH"),
        (a_body(data=7), "VALUE_INVALID"),
        (a_body(data=[1, 2, 3, None]), "VALUE_INVALID"),
        (a_body(data=[1, 2, 3, "4"]), "VALUE_INVALID"),
        (a_body(data=[1, 2, 3, True]), "VALUE_INVALID"),
        (a_body(data=[1, 2, 3, 1e300]), "VALUE_INVALID"),
        (a_body(datatype="INT64", data=[1, 2, 3, 4.5]), "VALUE_INVALID"),
        (a_body(datatype="INT64", data=[1, 2, 3, 2**63]), "VALUE_INVALID"),
        (a_body(datatype="UINT8", data=[1, 2, 3, -1]), "VALUE_INVALID"),
        (a_body(datatype="BYTES", data=["a", "b", "c", 1]), "VALUE_INVALID"),
    ],
)
async def test_bad_input_is_refused_with_a_reason(
    http: aiohttp.ClientSession, body: bytes | dict[str, Any], reason: str
) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async with http.post("/v2/models/scaled/infer", data=data) as response:
        assert (response.status, response.headers["x-algolink-reason"]) == (400, reason)
        assert list(await response.json()) == ["error"]

    async with http.post("/v2/models/scaled/infer", json=a_body()) as response:
        assert response.status == 200


async def test_a_version_that_is_being_loaded_is_unavailable(
    replica: Replica, http: aiohttp.ClientSession
) -> None:
    replica.source.open.clear()
    third = replica.source.add("scaled", 3, onnx_models.scaled(30.0))
    replica.host.want([*replica.host.wanted, third], whole=True)

    async with http.post("/v2/models/scaled/versions/3/infer", json=a_body()) as response:
        assert (response.status, response.headers["x-algolink-reason"]) == (503, "LOADING")
    async with http.get("/v2/models/scaled/versions/3/ready") as response:
        assert response.status == 503

    replica.source.open.set()
    await replica.until(lambda: replica.states()[third] is State.READY)
    async with http.post("/v2/models/scaled/versions/3/infer", json=a_body()) as response:
        assert response.status == 200
