"""The Open Inference Protocol over gRPC, as stock clients speak it."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import ml_dtypes
import numpy as np
import pytest
import tritonclient.grpc as triton_sync
import tritonclient.grpc.aio as triton
from onnx import TensorProto
from tritonclient.grpc import service_pb2 as pb
from tritonclient.grpc import service_pb2_grpc
from tritonclient.utils import InferenceServerException

from chassis.errors import from_rpc_error
from inference_svc.domain.holding import State
from tests.inference_svc import onnx_models
from tests.inference_svc.replicas import Replica, a_wanted_version

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)


def an_input(name: str, array: np.ndarray[Any, Any], datatype: str = "FP32") -> triton.InferInput:
    tensor = triton.InferInput(name, list(array.shape), datatype)
    tensor.set_data_from_numpy(array)
    return tensor


def a_request(**fields: Any) -> pb.ModelInferRequest:
    """A valid request for `scaled`, but for `fields`."""
    complete = {
        "model_name": "scaled",
        "inputs": [
            pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=ROW.shape)
        ],
        "raw_input_contents": [ROW.tobytes()],
    }
    return pb.ModelInferRequest(**complete | fields)


async def infer(
    replica: Replica, request: pb.ModelInferRequest, **headers: str
) -> tuple[pb.ModelInferResponse, dict[str, str]]:
    """Calls with a generated stub; returns the answer and its trailing metadata."""
    async with grpc.aio.insecure_channel(replica.grpc_address) as channel:
        metadata = [(key.replace("_", "-"), value) for key, value in headers.items()]
        call = service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(
            request, metadata=metadata
        )
        response = await call
        return response, dict(await call.trailing_metadata())


async def refusal(replica: Replica, request: pb.ModelInferRequest, **headers: str) -> str:
    """Status and reason with which a request is refused."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await infer(replica, request, **headers)
    return f"{caught.value.code().name} {from_rpc_error(caught.value).reason}"


@pytest.fixture
async def scaled(replica: Replica) -> Replica:
    """A replica that holds `scaled` in versions 1 (times 10) and 2 (times 20)."""
    await replica.hold(
        replica.source.add("scaled", 1, onnx_models.scaled(10.0)),
        replica.source.add("scaled", 2, onnx_models.scaled(20.0)),
    )
    return replica


async def test_a_stock_client_finds_the_server_live_and_ready(
    client: triton.InferenceServerClient,
) -> None:
    assert await client.is_server_live()
    assert await client.is_server_ready()
    assert (await client.get_server_metadata()).name == "algolink"


async def test_a_draining_server_is_live_and_not_ready(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    replica.runtime.health.drain()

    assert await client.is_server_live()
    assert not await client.is_server_ready()


async def test_a_stock_client_reads_the_metadata_of_a_model(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    metadata = await client.get_model_metadata("scaled")

    assert list(metadata.versions) == ["1", "2"]
    assert metadata.platform == "onnxruntime_onnx"
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.inputs] == [
        ("x", "FP32", [-1, 4])
    ]
    assert [(t.name, t.datatype, list(t.shape)) for t in metadata.outputs] == [
        ("y", "FP32", [-1, 4])
    ]


async def test_a_request_without_a_version_runs_the_newest(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    result = await client.infer("scaled", [an_input("x", ROW)])

    np.testing.assert_array_equal(result.as_numpy("y"), 20 * ROW)
    assert result.get_response().model_version == "2"


async def test_a_request_runs_the_version_that_it_names(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    result = await client.infer("scaled", [an_input("x", ROW)], model_version="1")

    np.testing.assert_array_equal(result.as_numpy("y"), 10 * ROW)


async def test_the_header_wins_over_the_version_that_the_request_names(scaled: Replica) -> None:
    response, headers = await infer(scaled, a_request(model_version="2"), x_al_version="1")

    assert response.model_version == "1"
    assert headers["x-al-served"] == "1"


async def test_id_and_parameters_are_echoed(scaled: Replica) -> None:
    request = a_request(id="r-1")
    request.parameters["source"].string_param = "test"
    request.parameters["attempt"].int64_param = 3
    request.parameters["share"].double_param = 0.5
    request.parameters["final"].bool_param = True

    response, _ = await infer(scaled, request)

    assert response.id == "r-1"
    assert dict(response.parameters) == dict(request.parameters)


async def test_the_synchronous_client_works_too(scaled: Replica) -> None:
    def call() -> Any:
        with triton_sync.InferenceServerClient(scaled.grpc_address) as client:
            tensor = triton_sync.InferInput("x", list(ROW.shape), "FP32")
            tensor.set_data_from_numpy(ROW)
            return client.infer("scaled", [tensor], request_id="7").as_numpy("y")

    np.testing.assert_array_equal(await asyncio.to_thread(call), 20 * ROW)


async def test_several_inputs_and_a_part_of_the_outputs(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    await replica.hold(replica.source.add("pair", 1, onnx_models.sum_and_difference()))
    a = np.array([[5.0, 7.0]], dtype=np.float32)
    b = np.array([[1.0, 2.0]], dtype=np.float32)

    result = await client.infer(
        "pair",
        [an_input("b", b), an_input("a", a)],
        outputs=[triton.InferRequestedOutput("difference")],
    )

    np.testing.assert_array_equal(result.as_numpy("difference"), a - b)
    assert result.as_numpy("sum") is None


@pytest.mark.parametrize(
    ("datatype", "element", "array"),
    [
        ("BOOL", TensorProto.BOOL, np.array([True, False])),
        ("INT8", TensorProto.INT8, np.array([-128, 127], dtype=np.int8)),
        ("INT16", TensorProto.INT16, np.array([-(2**15), 2**15 - 1], dtype=np.int16)),
        ("INT32", TensorProto.INT32, np.array([-(2**31), 2**31 - 1], dtype=np.int32)),
        ("INT64", TensorProto.INT64, np.array([-(2**63), 2**63 - 1], dtype=np.int64)),
        ("UINT8", TensorProto.UINT8, np.array([0, 255], dtype=np.uint8)),
        ("UINT16", TensorProto.UINT16, np.array([0, 2**16 - 1], dtype=np.uint16)),
        ("UINT32", TensorProto.UINT32, np.array([0, 2**32 - 1], dtype=np.uint32)),
        ("UINT64", TensorProto.UINT64, np.array([0, 2**64 - 1], dtype=np.uint64)),
        ("FP16", TensorProto.FLOAT16, np.array([0.5, np.inf], dtype=np.float16)),
        ("BF16", TensorProto.BFLOAT16, np.array([1.5, -3e38], dtype=ml_dtypes.bfloat16)),
        ("FP32", TensorProto.FLOAT, np.array([0.1, np.nan], dtype=np.float32)),
        ("FP64", TensorProto.DOUBLE, np.array([0.1, -1e300], dtype=np.float64)),
        ("BYTES", TensorProto.STRING, np.array([b"two words", "ü".encode()], dtype=np.object_)),
    ],
)
async def test_every_datatype_passes_unchanged(
    replica: Replica,
    client: triton.InferenceServerClient,
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


@pytest.mark.parametrize(
    ("datatype", "element", "field", "values"),
    [
        ("BOOL", TensorProto.BOOL, "bool_contents", [True, False]),
        ("INT8", TensorProto.INT8, "int_contents", [-128, 127]),
        ("INT64", TensorProto.INT64, "int64_contents", [-(2**63), 2**63 - 1]),
        ("UINT16", TensorProto.UINT16, "uint_contents", [0, 65_535]),
        ("UINT64", TensorProto.UINT64, "uint64_contents", [0, 2**64 - 1]),
        ("FP32", TensorProto.FLOAT, "fp32_contents", [0.5, 1.5]),
        ("FP64", TensorProto.DOUBLE, "fp64_contents", [0.1, 0.2]),
        ("BYTES", TensorProto.STRING, "bytes_contents", [b"one", b"two"]),
    ],
)
async def test_typed_contents_are_read(
    replica: Replica, datatype: str, element: int, field: str, values: list[Any]
) -> None:
    await replica.hold(replica.source.add("same", 1, onnx_models.identity(element, ("N",))))
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="x",
        datatype=datatype,
        shape=[2],
        contents=pb.InferTensorContents(**{field: values}),
    )

    response, _ = await infer(replica, pb.ModelInferRequest(model_name="same", inputs=[tensor]))

    answer = triton_sync.InferResult(response).as_numpy("y")
    assert answer is not None
    assert answer.tolist() == values


async def test_a_large_tensor_passes(
    replica: Replica, client: triton.InferenceServerClient
) -> None:
    await replica.hold(replica.source.add("same", 1, onnx_models.identity()))
    array = np.ones((4 * 1024 * 1024, 4), dtype=np.float32)

    result = await client.infer("same", [an_input("x", array)])

    answer = result.as_numpy("y")
    assert answer is not None
    assert answer.nbytes == 64 * 1024 * 1024
    assert (answer == 1).all()


def changed_input(**fields: Any) -> pb.ModelInferRequest:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 4]} | fields
    return a_request(inputs=[pb.ModelInferRequest.InferInputTensor(**tensor)])


@pytest.mark.parametrize(
    ("request_message", "expected"),
    [
        (a_request(model_name="nosuch"), "NOT_FOUND MODEL_NOT_FOUND"),
        (a_request(model_name="x" * 10_000), "NOT_FOUND MODEL_NOT_FOUND"),
        (a_request(model_version="9"), "NOT_FOUND VERSION_NOT_FOUND"),
        (a_request(model_version="newest"), "INVALID_ARGUMENT VERSION_INVALID"),
        (a_request(model_version="-1"), "INVALID_ARGUMENT VERSION_INVALID"),
        (changed_input(name="z"), "INVALID_ARGUMENT INPUT_UNKNOWN"),
        (a_request(inputs=[], raw_input_contents=[]), "INVALID_ARGUMENT INPUT_MISSING"),
        (
            a_request(inputs=2 * a_request().inputs[:], raw_input_contents=2 * [ROW.tobytes()]),
            "INVALID_ARGUMENT INPUT_REPEATED",
        ),
        (changed_input(datatype="INT32"), "INVALID_ARGUMENT DATATYPE_MISMATCH"),
        (changed_input(datatype="FP33"), "INVALID_ARGUMENT DATATYPE_UNKNOWN"),
        (changed_input(shape=[4]), "INVALID_ARGUMENT SHAPE_MISMATCH"),
        (changed_input(shape=[2, 2]), "INVALID_ARGUMENT SHAPE_MISMATCH"),
        (changed_input(shape=[-1, 4]), "INVALID_ARGUMENT SHAPE_INVALID"),
        (changed_input(shape=[2**62, 4]), "INVALID_ARGUMENT SHAPE_INVALID"),
        (changed_input(shape=[0, 2**62, 4]), "INVALID_ARGUMENT SHAPE_INVALID"),
        (changed_input(shape=[1] * 100), "INVALID_ARGUMENT SHAPE_INVALID"),
        (changed_input(shape=[2**29, 1]), "INVALID_ARGUMENT PAYLOAD_SHORT"),
        (changed_input(shape=[1, 3]), "INVALID_ARGUMENT PAYLOAD_LONG"),
        (a_request(raw_input_contents=[ROW.tobytes()[:10]]), "INVALID_ARGUMENT PAYLOAD_SHORT"),
        (a_request(raw_input_contents=2 * [b""]), "INVALID_ARGUMENT CONTENTS_COUNT_MISMATCH"),
        (a_request(raw_input_contents=[]), "INVALID_ARGUMENT PAYLOAD_SHORT"),
        (
            changed_input(contents=pb.InferTensorContents(fp32_contents=[1.0])),
            "INVALID_ARGUMENT CONTENTS_AMBIGUOUS",
        ),
        (
            a_request(outputs=[pb.ModelInferRequest.InferRequestedOutputTensor(name="z")]),
            "INVALID_ARGUMENT OUTPUT_UNKNOWN",
        ),
        (
            a_request(parameters={"sequence_id": pb.InferParameter(int64_param=5)}),
            "UNIMPLEMENTED PARAMETER_UNSUPPORTED",
        ),
    ],
)
async def test_bad_input_is_refused_with_a_reason(
    scaled: Replica, request_message: pb.ModelInferRequest, expected: str
) -> None:
    assert await refusal(scaled, request_message) == expected
    assert (await infer(scaled, a_request()))[0].model_version == "2"


@pytest.mark.parametrize("version", ["", "x", "1,2"])
async def test_a_malformed_version_header_is_refused(scaled: Replica, version: str) -> None:
    if version == "":
        response, _ = await infer(scaled, a_request(model_version="1"), x_al_version=version)
        assert response.model_version == "2"
    else:
        expected = "INVALID_ARGUMENT VERSION_INVALID"
        assert await refusal(scaled, a_request(), x_al_version=version) == expected


async def test_empty_typed_contents_beside_raw_ones_say_nothing(scaled: Replica) -> None:
    answer, _ = await infer(scaled, changed_input(contents=pb.InferTensorContents()))

    assert len(answer.raw_output_contents) == 1


async def test_typed_contents_in_the_wrong_field_are_refused(scaled: Replica) -> None:
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="x",
        datatype="FP32",
        shape=[1, 4],
        contents=pb.InferTensorContents(fp64_contents=[1, 2, 3, 4]),
    )

    refused = await refusal(scaled, a_request(inputs=[tensor], raw_input_contents=[]))

    assert refused == "INVALID_ARGUMENT CONTENTS_FIELD_MISMATCH"


async def test_a_typed_value_beyond_its_type_is_refused(replica: Replica) -> None:
    await replica.hold(
        replica.source.add("same", 1, onnx_models.identity(TensorProto.INT8, ("N",)))
    )
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="x", datatype="INT8", shape=[1], contents=pb.InferTensorContents(int_contents=[128])
    )

    refused = await refusal(replica, pb.ModelInferRequest(model_name="same", inputs=[tensor]))

    assert refused == "INVALID_ARGUMENT VALUE_INVALID"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"\xff\xff\xff\x7fabc", "PAYLOAD_SHORT"),
        (b"\x01\x00", "PAYLOAD_SHORT"),
        (b"\x01\x00\x00\x00ab", "PAYLOAD_LONG"),
        (b"\x01\x00\x00\x00\xff", "MODEL_REFUSED_INPUT"),
    ],
    ids=["lying length", "no length", "too much", "not UTF-8"],
)
async def test_bad_strings_are_refused(replica: Replica, payload: bytes, expected: str) -> None:
    await replica.hold(
        replica.source.add("text", 1, onnx_models.identity(TensorProto.STRING, ("N",)))
    )
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="BYTES", shape=[1])

    refused = await refusal(
        replica,
        pb.ModelInferRequest(model_name="text", inputs=[tensor], raw_input_contents=[payload]),
    )

    assert refused == f"INVALID_ARGUMENT {expected}"


async def test_an_input_that_the_runtime_refuses_is_the_callers_mistake(replica: Replica) -> None:
    await replica.hold(replica.source.add("picked", 1, onnx_models.picked()))
    tensor = pb.ModelInferRequest.InferInputTensor(name="index", datatype="INT64", shape=[1])
    seven = np.array([7]).tobytes()

    refused = await refusal(
        replica,
        pb.ModelInferRequest(model_name="picked", inputs=[tensor], raw_input_contents=[seven]),
    )

    assert refused == "INVALID_ARGUMENT MODEL_REFUSED_INPUT"


async def test_a_model_that_fails_on_a_good_input_is_told_and_the_server_goes_on(
    replica: Replica,
) -> None:
    await replica.hold(replica.source.add("failing", 1, onnx_models.failing_above_zero()))
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="INT64", shape=[1])

    def request(value: int) -> pb.ModelInferRequest:
        return pb.ModelInferRequest(
            model_name="failing",
            inputs=[tensor],
            raw_input_contents=[np.array([value]).tobytes()],
        )

    assert await refusal(replica, request(2)) == "INTERNAL MODEL_FAILED"
    assert (await infer(replica, request(0)))[0].model_version == "1"


async def test_a_wanted_version_is_unavailable_until_it_is_loaded(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    scaled.source.open.clear()
    third = scaled.source.add("scaled", 3, onnx_models.scaled(30.0))
    scaled.host.want([*scaled.host.wanted, third], whole=True)

    assert await refusal(scaled, a_request(), x_al_version="3") == "UNAVAILABLE LOADING"
    assert not await client.is_model_ready("scaled", "3")
    assert (await infer(scaled, a_request()))[0].model_version == "2"

    scaled.source.open.set()
    await scaled.until(lambda: scaled.states()[third] is State.READY)
    assert (await infer(scaled, a_request()))[0].model_version == "3"


async def test_a_version_that_cannot_be_loaded_is_unavailable_and_says_why(
    replica: Replica,
) -> None:
    broken = replica.source.add("scaled", 1, b"no model")
    replica.host.want([broken], whole=True)
    await replica.until(lambda: replica.states()[broken] is State.FAILED)

    assert await refusal(replica, a_request()) == "UNAVAILABLE LOAD_FAILED"


async def test_before_the_router_has_spoken_no_model_is_said_not_to_exist(
    replica: Replica,
) -> None:
    assert await refusal(replica, a_request()) == "UNAVAILABLE NOT_PLACED"

    replica.host.want([], whole=True)

    assert await refusal(replica, a_request()) == "NOT_FOUND MODEL_NOT_FOUND"


async def test_readiness_of_an_unknown_model_is_not_found(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match="no model 'nosuch'"):
        await client.is_model_ready("nosuch")


async def test_versions_come_and_go_under_load_and_no_request_is_lost(
    scaled: Replica, client: triton.InferenceServerClient
) -> None:
    first, second = scaled.host.wanted
    third = scaled.source.add("scaled", 3, onnx_models.scaled(30.0))
    done = asyncio.Event()
    answered = 0

    async def drive() -> None:
        nonlocal answered
        while not done.is_set():
            row = np.full((1, 4), answered, dtype=np.float32)
            result = await client.infer("scaled", [an_input("x", row)], model_version="2")
            np.testing.assert_array_equal(result.as_numpy("y"), 20 * row)
            answered += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(drive())
        for _ in range(5):
            await scaled.hold(second, third)
            await scaled.hold(first, second)
        before = answered
        async with asyncio.timeout(20):
            while answered < before + 100:
                await client.is_server_live()
        done.set()


async def test_a_version_is_unloaded_only_when_its_last_request_has_ended(
    scaled: Replica,
) -> None:
    first, second = scaled.host.wanted
    with scaled.host.borrow("scaled", 1) as (_, model):
        scaled.host.want([second], whole=True)

        assert scaled.states()[first] is State.UNLOADING
        answer = await model.infer({"x": ROW}, ["y"])
        np.testing.assert_array_equal(answer[0], 10 * ROW)
        assert await refusal(scaled, a_request(model_version="1")) == "UNAVAILABLE UNLOADING"

    await scaled.until(lambda: first not in scaled.states())
    assert await refusal(scaled, a_request(model_version="1")) == "NOT_FOUND VERSION_NOT_FOUND"


async def test_a_version_that_is_wanted_again_before_it_has_gone_answers_at_once(
    scaled: Replica,
) -> None:
    first, second = scaled.host.wanted
    downloads = len(scaled.source.downloads)
    with scaled.host.borrow("scaled", 1):
        scaled.host.want([second], whole=True)
        scaled.host.want([first, second], whole=True)

        assert scaled.states()[first] is State.READY

    assert (await infer(scaled, a_request(model_version="1")))[0].model_version == "1"
    assert len(scaled.source.downloads) == downloads


async def test_another_artifact_under_the_same_number_replaces_the_first(scaled: Replica) -> None:
    _, second = scaled.host.wanted
    other = scaled.source.add("scaled", 1, onnx_models.scaled(11.0))
    assert other == a_wanted_version("scaled", 1, onnx_models.scaled(11.0))

    await scaled.hold(other, second)

    response, _ = await infer(scaled, a_request(model_version="1"))
    answer = triton_sync.InferResult(response).as_numpy("y")
    np.testing.assert_array_equal(answer, 11 * ROW)
