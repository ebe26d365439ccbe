"""Streams of requests, as Triton's own gRPC clients open them."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton_sync
import tritonclient.grpc.aio as triton
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

from chassis.errors import from_rpc_error
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica

REQUESTS = 200


@pytest.fixture
async def scaled(replica: Replica) -> Replica:
    """A replica that holds `scaled` in versions 1 (times 10) and 2 (times 20)."""
    await replica.hold(
        replica.source.add("scaled", 1, onnx_models.scaled(10.0)),
        replica.source.add("scaled", 2, onnx_models.scaled(20.0)),
    )
    return replica


def a_row(number: int) -> np.ndarray[Any, Any]:
    return np.full((1, 4), number, dtype=np.float32)


def a_message(number: int, **fields: Any) -> pb.ModelInferRequest:
    """A request of the number `number`, but for `fields`."""
    complete = {
        "model_name": "scaled",
        "id": str(number),
        "inputs": [pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[1, 4])],
        "raw_input_contents": [a_row(number).tobytes()],
    }
    return pb.ModelInferRequest(**complete | fields)


async def streamed(
    replica: Replica, requests: Iterable[pb.ModelInferRequest], **headers: str
) -> list[pb.ModelStreamInferResponse]:
    """All answers to `requests` on one stream."""
    async with grpc.aio.insecure_channel(replica.grpc_address) as channel:
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer(
            iter(requests), metadata=[(k.replace("_", "-"), v) for k, v in headers.items()]
        )
        return [response async for response in call]


async def test_the_blocking_client_gets_its_answers_in_order(scaled: Replica) -> None:
    def run() -> list[tuple[triton_sync.InferResult | None, InferenceServerException | None]]:
        heard: queue.Queue[Any] = queue.Queue()
        with triton_sync.InferenceServerClient(scaled.grpc_address) as client:
            client.start_stream(lambda result, error: heard.put((result, error)))
            for number in range(REQUESTS):
                tensor = triton_sync.InferInput("x", [1, 4], "FP32")
                tensor.set_data_from_numpy(a_row(number))
                client.async_stream_infer("scaled", [tensor], request_id=str(number))
            answers = [heard.get(timeout=30) for _ in range(REQUESTS)]
            client.stop_stream()
        return answers

    for number, (result, error) in enumerate(await asyncio.to_thread(run)):
        assert error is None
        assert result is not None
        assert result.get_response().id == str(number)
        assert result.get_response().parameters["triton_final_response"].bool_param
        np.testing.assert_array_equal(result.as_numpy("y"), 20 * a_row(number))


async def test_the_asyncio_client_is_told_errors_in_their_place(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    async def requests() -> AsyncIterator[dict[str, Any]]:
        for number in range(10):
            tensor = triton.InferInput("x", [1, 4], "FP32")
            tensor.set_data_from_numpy(a_row(number))
            model = "nosuch" if number % 3 == 1 else "scaled"
            yield {"model_name": model, "inputs": [tensor], "request_id": str(number)}

    heard = [answer async for answer in client.stream_infer(requests())]

    assert len(heard) == 10
    for number, (result, error) in enumerate(heard):
        if number % 3 == 1:
            assert "no model 'nosuch'" in str(error)
        else:
            np.testing.assert_array_equal(result.as_numpy("y"), 20 * a_row(number))


async def test_an_error_carries_the_id_of_its_request(scaled: Replica) -> None:
    answers = await streamed(
        scaled, [a_message(0), a_message(1, raw_input_contents=[b""]), a_message(2)]
    )

    assert [bool(answer.error_message) for answer in answers] == [False, True, False]
    assert [answer.infer_response.id for answer in answers] == ["0", "1", "2"]


async def test_requests_of_an_unrouted_stream_go_where_each_says(scaled: Replica) -> None:
    answers = await streamed(
        scaled, [a_message(0, model_version="1"), a_message(1), a_message(2, model_version="1")]
    )

    assert [answer.infer_response.model_version for answer in answers] == ["1", "2", "1"]


async def test_a_routed_stream_stays_with_its_version(scaled: Replica) -> None:
    answers = await streamed(
        scaled,
        [
            a_message(0),
            a_message(1, model_version="2"),
            a_message(2, model_version="1"),
            a_message(3, model_name="other"),
        ],
        x_al_version="1",
    )

    assert [answer.infer_response.model_version for answer in answers] == ["1", "", "1", ""]
    assert "this stream runs version 1 of 'scaled'" in answers[1].error_message
    assert "this stream runs version 1 of 'scaled'" in answers[3].error_message


async def test_an_open_stream_ends_on_drain_after_its_last_answer(scaled: Replica) -> None:
    async with grpc.aio.insecure_channel(scaled.grpc_address) as channel:
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer()
        await call.write(a_message(7))
        answer = await call.read()

        scaled.runtime.draining.set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()

    assert answer.infer_response.id == "7"
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert from_rpc_error(caught.value).reason == "DRAINING"


async def test_a_client_that_goes_away_leaves_nothing_running(scaled: Replica) -> None:
    first, second = scaled.host.wanted
    async with grpc.aio.insecure_channel(scaled.grpc_address) as channel:
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelStreamInfer()
        for number in range(50):
            await call.write(a_message(number))
        call.cancel()

    # A request that were still held would keep its version from being unloaded.
    scaled.host.want([first], whole=True)
    await scaled.until(lambda: second not in scaled.states())
