"""What a client of the data plane can get wrong, and what it is told, through the real Envoy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import grpc
import numpy as np
import pytest
from tritonclient.grpc import InferInput, service_pb2, service_pb2_grpc

from algolink.client import AsyncClient
from algolink.names import EXPERIMENT_HEADER, UNIT_HEADER, VERSION_HEADER
from examples.digits.material import INPUT, Training
from tests.e2e.laboratory import Laboratory, running_experiment
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
async def laboratory(
    stack: Stack, client: AsyncClient, training: Training
) -> AsyncIterator[Laboratory]:
    async with running_experiment(stack, client, training, candidate_bp=9_999) as running:
        yield running


@pytest.fixture
async def stub(stack: Stack) -> AsyncIterator[service_pb2_grpc.GRPCInferenceServiceStub]:
    async with grpc.aio.insecure_channel(stack.data_endpoint) as channel:
        yield service_pb2_grpc.GRPCInferenceServiceStub(channel)


def a_request(
    training: Training,
    model: str,
    *,
    version: str = "",
    name: str = INPUT,
    shape: tuple[int, ...] = (1, 64),
    datatype: str = "FP32",
    cut_bytes: int = 0,
) -> service_pb2.ModelInferRequest:
    tensor = InferInput(name, list(shape), datatype)
    raw = training.images[0].tobytes()
    request = service_pb2.ModelInferRequest(model_name=model, model_version=version)
    request.inputs.append(tensor._get_tensor())
    request.raw_input_contents.append(raw[: len(raw) - cut_bytes])
    return request


@pytest.mark.parametrize(
    "units",
    [["u" * 10_000], ["one", "two"], [""], ["two words"], []],
    ids=["10 kB", "repeated", "empty", "blank inside", "none"],
)
async def test_a_malformed_unit_gets_the_champion(
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
    laboratory: Laboratory,
    training: Training,
    units: list[str],
) -> None:
    call = stub.ModelInfer(
        a_request(training, laboratory.model), metadata=[(UNIT_HEADER, unit) for unit in units]
    )

    answer = await call
    headers = dict(await call.initial_metadata())

    assert answer.model_version == headers[VERSION_HEADER] == "1"
    assert EXPERIMENT_HEADER not in headers


async def test_a_unit_that_is_not_ascii_gets_the_champion(
    stack: Stack, laboratory: Laboratory, training: Training
) -> None:
    tensor = {"name": INPUT, "datatype": "FP32", "shape": [1, 64]}
    body = {"inputs": [{**tensor, "data": training.images[0].tolist()}]}

    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{stack.data_endpoint}/v2/models/{laboratory.model}/infer",
            json=body,
            headers={UNIT_HEADER: "Jürgen"},
        ) as response,
    ):
        assert response.status == 200
        assert response.headers[VERSION_HEADER] == "1"
        assert EXPERIMENT_HEADER not in response.headers


@pytest.mark.parametrize(
    ("wrong", "code", "told"),
    [
        ({"name": "pixels"}, grpc.StatusCode.INVALID_ARGUMENT, "pixels"),
        ({"shape": (1, 63)}, grpc.StatusCode.INVALID_ARGUMENT, "63"),
        ({"shape": (64,)}, grpc.StatusCode.INVALID_ARGUMENT, "X"),
        ({"datatype": "INT64"}, grpc.StatusCode.INVALID_ARGUMENT, "INT64"),
        ({"datatype": "FP33"}, grpc.StatusCode.INVALID_ARGUMENT, "FP33"),
        ({"cut_bytes": 4}, grpc.StatusCode.INVALID_ARGUMENT, "252"),
        ({"version": "99"}, grpc.StatusCode.NOT_FOUND, "99"),
        ({"version": "latest"}, grpc.StatusCode.INVALID_ARGUMENT, "latest"),
    ],
    ids=["name", "shape", "rank", "dtype", "no dtype", "short payload", "no version", "word"],
)
async def test_a_wrong_request_is_told_what_is_wrong(
    stub: service_pb2_grpc.GRPCInferenceServiceStub,
    laboratory: Laboratory,
    training: Training,
    wrong: dict[str, object],
    code: grpc.StatusCode,
    told: str,
) -> None:
    request = a_request(training, laboratory.model, **wrong)  # type: ignore[arg-type] # a table of cases

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ModelInfer(request, metadata=[(UNIT_HEADER, "user-1")])

    assert caught.value.code() is code
    assert told in (caught.value.details() or "")


async def test_an_unknown_model_is_not_found(
    stack: Stack, stub: service_pb2_grpc.GRPCInferenceServiceStub, training: Training
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ModelInfer(a_request(training, "nobody"))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert "nobody" in (caught.value.details() or "")

    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{stack.data_endpoint}/v2/models/nobody/infer", json={"inputs": []}
        ) as response,
    ):
        assert response.status == 404
        assert "nobody" in (await response.json())["error"]


async def test_what_a_client_says_in_our_headers_changes_nothing(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, laboratory: Laboratory, training: Training
) -> None:
    ours = [("x-al-version", "2"), ("x-al-unit", "user-1"), ("x-al-model", "nobody")]

    answer = await stub.ModelInfer(a_request(training, laboratory.model), metadata=ours)

    assert answer.model_version == "1"


async def test_a_request_after_a_bad_one_is_answered(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, laboratory: Laboratory, training: Training
) -> None:
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.ModelInfer(a_request(training, laboratory.model, cut_bytes=100))

    answer = await stub.ModelInfer(a_request(training, laboratory.model))

    assert answer.outputs[0].shape == [1]
    assert np.frombuffer(answer.raw_output_contents[0], np.int64)[0] in range(10)
