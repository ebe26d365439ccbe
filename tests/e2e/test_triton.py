"""The product on real Triton servers: Envoy in front, their agents beside them."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import grpc
import numpy as np
import pytest
import tritonclient.grpc.aio as triton_grpc
import tritonclient.http.aio as triton_http
from tritonclient.grpc import service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

from algolink.client import AsyncClient
from algolink.router.v1 import router_pb2
from chassis.processes import ProcessFile
from examples.digits.material import Training
from tests import tritons
from tests.e2e.laboratory import running_experiment, under_traffic
from tests.e2e.stack import Stack, Up, until, until_async
from tests.inference_svc import onnx_models

pytestmark = pytest.mark.e2e

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose two replicas are Tritons; what is not wanted goes after a second."""
    folder = tmp_path_factory.mktemp("triton-stack")
    up = Up(
        folder / "logs",
        *("--port", "0", "--admin-port", "0", "--data-dir", str(folder / "data")),
        *("--engine", "triton"),
        environment={
            "ALGOLINK_TRITON_ENVIRONMENT": str(tritons.environment()),
            "ALGOLINK_UNLOAD_DELAY_S": "1",
        },
    )
    try:
        yield up.ready()
    finally:
        up.interrupt()


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[AsyncClient]:
    async with stack.client() as connected:
        yield connected


def triton_of(stack: Stack, replica: str) -> int:
    """Pid of a replica's Triton."""
    known = ProcessFile.load(stack.data_dir / "inference" / replica / "triton" / "triton.pid")
    assert known is not None
    return known.pid


async def held(client: AsyncClient, model: str) -> dict[str, set[int]]:
    """Versions of `model` that each live replica says are ready."""
    return {
        replica.id: {
            v.version
            for v in replica.versions
            if v.model == model and v.state == router_pb2.LOAD_STATE_READY
        }
        for replica in (await client.status()).replicas
        if replica.alive
    }


async def both_hold(client: AsyncClient, model: str, *versions: int) -> None:
    async def do() -> bool:
        return list((await held(client, model)).values()) == [set(versions)] * 2

    await until_async(do, f"both replicas hold {versions} of {model}")


def grpc_input() -> Any:
    tensor = triton_grpc.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(ROW)
    return tensor


def http_input(*, binary: bool) -> Any:
    tensor = triton_http.InferInput("x", [1, 4], "FP32")
    tensor.set_data_from_numpy(ROW, binary_data=binary)
    return tensor


async def test_stock_clients_get_the_version_that_the_route_says(
    stack: Stack, client: AsyncClient
) -> None:
    for factor in (10.0, 20.0):
        await client.push(onnx_models.scaled(factor), name="scaled")
    await client.traffic.shift("scaled", {1: 9_000, 2: 1_000})
    await both_hold(client, "scaled", 1, 2)
    units = [f"reader-{number}" for number in range(40)]
    explained = {unit: str((await client.explain("scaled", unit=unit)).version) for unit in units}
    assert set(explained.values()) == {"1", "2"}

    async with (
        triton_grpc.InferenceServerClient(stack.data_endpoint) as by_grpc,
        triton_http.InferenceServerClient(stack.data_endpoint) as by_rest,
    ):
        for number, unit in enumerate(units):
            headers = {"x-algolink-unit": unit}
            answers = [
                await by_grpc.infer("scaled", [grpc_input()], headers=headers),
                await by_rest.infer(
                    "scaled", [http_input(binary=number % 2 == 0)], headers=headers
                ),
            ]
            for answer in answers:
                told = answer.get_response()
                version = told["model_version"] if isinstance(told, dict) else told.model_version
                assert version == explained[unit]
                np.testing.assert_array_equal(answer.as_numpy("y"), 10 * int(version) * ROW)
        for version in ("1", "2"):
            asked = await by_grpc.infer("scaled", [grpc_input()], model_version=version)
            assert asked.get_response().model_version == version
            assert await by_rest.is_model_ready("scaled", version)
            metadata = await by_rest.get_model_metadata("scaled", version)
            assert metadata["versions"] == [version]
        assert await by_grpc.is_server_ready()
        assert (await by_rest.get_server_metadata())["name"] == "triton"


async def test_streams_run_on_the_version_of_their_unit(stack: Stack, client: AsyncClient) -> None:
    units = [f"reader-{number}" for number in range(40)]
    explained = [str((await client.explain("scaled", unit=unit)).version) for unit in units]
    chosen = [units[explained.index(version)] for version in ("1", "2")]

    async with grpc.aio.insecure_channel(stack.data_endpoint) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        for unit, version in zip(chosen, ("1", "2"), strict=True):
            call = stub.ModelStreamInfer(metadata=[("x-algolink-unit", unit)], timeout=20)
            for number in range(5):
                request = service_pb2.ModelInferRequest(model_name="scaled", id=str(number))
                request.inputs.add(name="x", datatype="FP32", shape=[1, 4])
                request.raw_input_contents.append(ROW.tobytes())
                await call.write(request)
                answer = await call.read()
                assert answer.error_message == ""
                assert answer.infer_response.model_version == version
                assert answer.infer_response.id == str(number)
            await call.done_writing()


async def test_a_promotion_is_answered_and_the_old_version_is_unloaded_after_its_drain(
    stack: Stack, client: AsyncClient
) -> None:
    await client.traffic.clear("scaled")
    await client.set_alias("scaled", "champion", 2)

    async def is_promoted() -> bool:
        route = await client.route("scaled")
        return route.live and route.champion_version == 2 and list(route.versions) == [2]

    await until_async(is_promoted, "version 2 is the champion everywhere")
    url = f"http://{stack.data_endpoint}/v2/models/scaled/infer"
    body = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
    async with aiohttp.ClientSession() as http, http.post(url, json=body) as answer:
        assert (await answer.json())["model_version"] == "2"
        assert answer.headers["x-algolink-version"] == "2"
        assert len(answer.headers["x-algolink-request-id"]) == 36
    await both_hold(client, "scaled", 2)
    log = stack.data_dir / "inference" / "inference-1" / "triton" / "triton.log"
    await until(
        lambda: "successfully unloaded 'scaled' version 1" in log.read_text(errors="replace"),
        "Triton has let go of version 1",
    )


async def test_a_killed_triton_and_a_killed_agent_fail_no_request(
    stack: Stack, client: AsyncClient, training: Training
) -> None:
    async with running_experiment(stack, client, training, candidate_bp=1_000) as laboratory:
        await both_hold(client, laboratory.model, 1, 2)
        async with under_traffic(stack, laboratory, training, requests_per_s=80):
            await laboratory.answers(80)
            killed = triton_of(stack, "inference-1")
            os.kill(killed, signal.SIGKILL)

            async def is_told() -> bool:
                return (await held(client, laboratory.model))["inference-1"] == set()

            await until_async(is_told, "the pool knows that its Triton is gone")
            await both_hold(client, laboratory.model, 1, 2)
            assert triton_of(stack, "inference-1") != killed
            await laboratory.answers(80)

            survivor = triton_of(stack, "inference-2")
            await stack.kill("inference-2")
            await both_hold(client, laboratory.model, 1, 2)
            assert triton_of(stack, "inference-2") == survivor
            await laboratory.answers(80)

        assert [check for check in await laboratory.nothing_is_lost() if not check.kept] == []


async def test_a_stack_whose_tritons_are_all_gone_says_unavailable_and_nothing_wrong(
    stack: Stack, client: AsyncClient
) -> None:
    for replica in ("inference-1", "inference-2"):
        os.kill(triton_of(stack, replica), signal.SIGKILL)
    statuses = set()

    async with triton_grpc.InferenceServerClient(stack.data_endpoint) as by_grpc:

        async def answers() -> bool:
            try:
                answer = await by_grpc.infer("scaled", [grpc_input()])
            except InferenceServerException as error:
                statuses.add(error.status())
                return False
            assert answer.get_response().model_version == "2"
            return True

        await until_async(answers, "a Triton answers again")

    assert statuses <= {"StatusCode.UNAVAILABLE"}
    await both_hold(client, "scaled", 2)
