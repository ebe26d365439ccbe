"""What an administrator can get wrong, and what they are told, through the real Envoy."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import grpc
import pytest
from onnx import TensorProto, helper

from algolink.client import Arm, AsyncClient, Metric
from algolink.errors import AlgoLinkError
from algolink.registry.v1 import registry_pb2, registry_pb2_grpc
from examples.digits.material import Training
from tests.e2e.laboratory import CANDIDATE, CONTROL, Laboratory, running_experiment
from tests.e2e.stack import Stack

pytestmark = pytest.mark.e2e


@pytest.fixture
async def laboratory(
    stack: Stack, client: AsyncClient, training: Training
) -> AsyncIterator[Laboratory]:
    async with running_experiment(stack, client, training, candidate_bp=2_000) as running:
        yield running


async def reason(call: Awaitable[object]) -> str:
    with pytest.raises(AlgoLinkError) as caught:
        await call
    return caught.value.reason


def a_fresh_id() -> str:
    return f"e2e-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("spoil", [lambda b: b[:500], lambda _: b"not a model"], ids=str)
async def test_a_push_of_what_is_no_model_leaves_nothing(
    client: AsyncClient, training: Training, spoil: Callable[[bytes], bytes]
) -> None:
    name = a_fresh_id()

    assert await reason(client.push(spoil(training.champion.onnx), name=name)) == (
        "ARTIFACT_NOT_LOADABLE"
    )
    assert await reason(client.model(name)) == "MODEL_NOT_FOUND"


async def test_an_empty_push_is_refused(client: AsyncClient) -> None:
    assert await reason(client.push(b"", name=a_fresh_id())) == "ARTIFACT_EMPTY"


async def test_a_push_with_the_wrong_digest_is_refused(stack: Stack, training: Training) -> None:
    onnx = training.champion.onnx
    header = registry_pb2.PushHeader(
        model=f"models/{a_fresh_id()}",
        request_id=str(uuid.uuid4()),
        digest=hashlib.sha256(b"something else").hexdigest(),
        size_bytes=len(onnx),
    )
    messages = [
        registry_pb2.PushVersionRequest(header=header),
        registry_pb2.PushVersionRequest(chunk=onnx),
    ]

    async with grpc.aio.insecure_channel(stack.admin_endpoint) as channel:
        stub = registry_pb2_grpc.RegistryServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.PushVersion(
                iter(messages), metadata=[("authorization", f"Bearer {stack.token}")]
            )

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "digest" in (caught.value.details() or "")


async def test_pushing_again_with_the_same_request_id_makes_one_version(
    client: AsyncClient, training: Training
) -> None:
    name, request_id = a_fresh_id(), str(uuid.uuid4())

    first = await client.push(training.champion.onnx, name=name, request_id=request_id)
    second = await client.push(training.champion.onnx, name=name, request_id=request_id)

    assert first.number == second.number == 1
    assert len(await client.versions(name)) == 1


async def test_experiments_that_cannot_be_are_refused(
    client: AsyncClient, laboratory: Laboratory
) -> None:
    def created(*arms: Arm) -> Awaitable[object]:
        return client.create_experiment(
            a_fresh_id(), model=laboratory.model, arms=arms, metric=Metric("correct")
        )

    short = created(Arm(CONTROL, 1, 5_000), Arm(CANDIDATE, 2, 4_999))
    missing = created(Arm(CONTROL, 1, 5_000), Arm(CANDIDATE, 77, 5_000))
    challenger_first = created(Arm(CONTROL, 2, 5_000), Arm(CANDIDATE, 1, 5_000))

    assert await reason(short) == "WEIGHTS_INVALID"
    assert await reason(missing) == "VERSION_NOT_FOUND"
    assert await reason(challenger_first) == "CONTROL_NOT_CHAMPION"


async def test_versions_that_take_something_else_are_not_compared(
    client: AsyncClient, training: Training
) -> None:
    name = a_fresh_id()
    await client.push(training.champion.onnx, name=name)
    other = await client.push(_identity(), name=name)

    refused = client.create_experiment(
        name,
        model=name,
        arms=[Arm(CONTROL, 1, 5_000), Arm(CANDIDATE, other.number, 5_000)],
        metric=Metric("correct"),
    )

    assert await reason(refused) == "SIGNATURE_MISMATCH"


async def test_a_model_has_one_running_experiment(
    client: AsyncClient, laboratory: Laboratory
) -> None:
    second = a_fresh_id()
    await client.create_experiment(
        second,
        model=laboratory.model,
        arms=[Arm(CONTROL, 1, 5_000), Arm(CANDIDATE, 2, 5_000)],
        metric=Metric("correct"),
    )

    assert await reason(client.start_experiment(second)) == "MODEL_HAS_RUNNING_EXPERIMENT"


async def test_a_stale_etag_changes_nothing(client: AsyncClient, laboratory: Laboratory) -> None:
    stale = laboratory.experiment.etag
    await laboratory.ramp({CONTROL: 5_000, CANDIDATE: 5_000})

    ramp = client.ramp_experiment(
        laboratory.experiment.name, {CONTROL: 1_000, CANDIDATE: 9_000}, etag=stale
    )

    assert await reason(ramp) == "ETAG_MISMATCH"
    present = await client.experiment(laboratory.experiment.name)
    assert [arm.weight_bp for arm in present.arms] == [5_000, 5_000]


async def test_a_concluded_experiment_is_not_ramped(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    name = a_fresh_id()
    await client.push(training.champion.onnx, name=name)
    await client.push(training.challenger.onnx, name=name)
    await client.create_experiment(
        name,
        model=name,
        arms=[Arm(CONTROL, 1, 5_000), Arm(CANDIDATE, 2, 5_000)],
        metric=Metric("correct"),
    )
    await client.start_experiment(name)
    assert await reason(client.conclude_experiment(name)) == "NO_DECISION"
    await client.conclude_experiment(name, winner=CANDIDATE, force=True)

    ramp = client.ramp_experiment(name, {CONTROL: 1_000, CANDIDATE: 9_000})

    assert await reason(ramp) == "EXPERIMENT_NOT_RUNNING"
    assert (await client.predict(name, training.images[:1], unit="user-1")).version == 2


async def test_a_call_without_a_token_is_not_authenticated(stack: Stack) -> None:
    async with AsyncClient(
        stack.admin_endpoint, data_endpoint=stack.data_endpoint, token="wrong"
    ) as stranger:
        with pytest.raises(AlgoLinkError) as caught:
            await stranger.models()

    assert caught.value.code == "UNAUTHENTICATED"


def _identity() -> bytes:
    """A model that takes and gives one number."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 1])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 1])
    node = helper.make_node("Identity", ["x"], ["y"])
    model = helper.make_model(
        helper.make_graph([node], "identity", [value], [result]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())
