"""The agent of a real Triton: what it announces is what Triton answers."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio
from onnx import TensorProto
from tritonclient.utils import InferenceServerException

from algolink.router.v1 import router_pb2
from chassis.processes import ProcessFile
from chassis.runtime import Runtime
from inference_svc.triton.app import app
from tests.e2e.stack import until_async
from tests.inference_svc import onnx_models
from tests.inference_svc.triton import agents
from tests.inference_svc.triton.agents import ROW, Neighbourhood, predicted, tensor, tensors

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def around(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Neighbourhood]:
    """One agent and its Triton, for all tests here; each wants what it needs."""
    folder = tmp_path_factory.mktemp("triton")
    async with agents.neighbourhood(folder) as around, asyncio.TaskGroup() as tasks:
        runtime = Runtime("inference", tasks)
        async with app(around.settings(), runtime):
            runtime.health.serving()
            yield around
            runtime.health.drain()
            runtime.draining.set()


def scaled(around: Neighbourhood, number: int) -> router_pb2.WantedVersion:
    """Version `number` of a model that multiplies by ten times that."""
    return around.registry.add("scaled", number, onnx_models.scaled(10.0 * number))


async def test_versions_answer_beside_one_another_over_both_protocols(
    around: Neighbourhood,
) -> None:
    told = await around.hold(scaled(around, 1), scaled(around, 2))

    assert told.foreign
    assert (told.grpc_address, told.http_address) == (around.grpc_address, around.http_address)
    async with around.client() as client, aiohttp.ClientSession() as http:
        for number in (1, 2):
            assert await predicted(client, "scaled", number) == [
                10.0 * number * each for each in (1, 2, 3, 4)
            ]
            url = f"http://{around.http_address}/v2/models/scaled/versions/{number}/infer"
            body = {
                "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]
            }
            async with http.post(url, json=body) as answer:
                assert (await answer.json())["outputs"][0]["data"][0] == 10.0 * number


async def test_loading_and_unloading_one_version_does_not_disturb_the_other(
    around: Neighbourhood,
) -> None:
    await around.hold(scaled(around, 1))
    async with around.client() as client:
        failures: list[str] = []
        answered, stop = 0, asyncio.Event()

        async def keep_asking() -> None:
            nonlocal answered
            while not stop.is_set():
                try:
                    assert (await predicted(client, "scaled", 1))[0] == 10.0
                    answered += 1
                except InferenceServerException as error:
                    failures.append(str(error))

        async with asyncio.TaskGroup() as tasks:
            for _ in range(4):
                tasks.create_task(keep_asking())
            await around.hold(scaled(around, 3))
            await around.drop(scaled(around, 3))
            stop.set()

        assert failures == []
        [statistics] = (await client.get_inference_statistics("scaled", "1")).model_stats
        assert statistics.inference_stats.success.count > answered, "it was loaded again"

        async def is_gone() -> bool:
            try:
                await predicted(client, "scaled", 3)
            except InferenceServerException as error:
                return "version 3" in str(error)
            return False

        await until_async(is_gone, "version 3 answers no more")


async def test_only_its_agent_may_change_what_triton_has_loaded(around: Neighbourhood) -> None:
    await around.hold(scaled(around, 1))

    async with around.client() as client, aiohttp.ClientSession() as http:
        with pytest.raises(InferenceServerException, match="restricted"):
            await client.unload_model("scaled")
        url = f"http://{around.http_address}/v2/repository/models/scaled/unload"
        async with http.post(url) as answer:
            assert answer.status == 403

        assert await predicted(client, "scaled", 1) == [10.0, 20.0, 30.0, 40.0]


async def test_versions_of_a_model_may_take_and_give_different_things(
    around: Neighbourhood,
) -> None:
    two = around.registry.add("changing", 2, onnx_models.sum_and_difference())
    one = around.registry.add("changing", 1, onnx_models.scaled(10.0))

    await around.hold(one, two)

    async with around.client() as client:
        assert await predicted(client, "changing", 1) == [10.0, 20.0, 30.0, 40.0]
        a, b = np.array([[5.0, 7.0]], np.float32), np.array([[1.0, 2.0]], np.float32)
        result = await client.infer("changing", tensors(a=a, b=b), model_version="2")
        np.testing.assert_array_equal(result.as_numpy("sum"), a + b)
        np.testing.assert_array_equal(result.as_numpy("difference"), a - b)


async def test_a_version_that_cannot_be_loaded_is_told_with_the_reason_and_harms_no_other(
    around: Neighbourhood,
) -> None:
    await around.hold(scaled(around, 1))
    broken = around.registry.add("scaled", 4, b"this is no model")
    bfloat = around.registry.add("bfloat", 1, onnx_models.identity(TensorProto.BFLOAT16))
    after = len(around.router.announced)

    await around.router.say([*around.wanted, broken, bfloat])

    told = await around.router.until(
        lambda told: sum(v.state == router_pb2.LOAD_STATE_FAILED for v in told.versions) == 2,
        after=after,
    )
    why = {v.model: v.message for v in told.versions if v.message}
    assert "Protobuf parsing failed" in why["scaled"]
    assert "tensor x is BF16" in why["bfloat"]
    assert agents.ready(told) == {(each.model, each.version) for each in around.wanted}
    async with around.client() as client:
        assert await predicted(client, "scaled", 1) == [10.0, 20.0, 30.0, 40.0]
    await around.drop(broken, bfloat)


TENSORS = [
    (TensorProto.BOOL, "BOOL", np.array([[True, False, True, False]])),
    (TensorProto.INT64, "INT64", np.array([[-(2**63), 0, 1, 2**63 - 1]], np.int64)),
    (TensorProto.FLOAT16, "FP16", np.array([[0.5, -1, 2, 65504]], np.float16)),
    (TensorProto.STRING, "BYTES", np.array([["", "é", "日本", "a" * 1000]], np.object_)),
]


async def test_tensors_come_back_as_they_were_sent(around: Neighbourhood) -> None:
    await around.hold(
        *(
            around.registry.add(f"identity-{datatype.lower()}", 1, onnx_models.identity(element))
            for element, datatype, _ in TENSORS
        )
    )

    async with around.client() as client:
        for _, datatype, sent in TENSORS:
            model = f"identity-{datatype.lower()}"
            back = (await client.infer(model, [tensor("x", sent, datatype)])).as_numpy("y")
            if datatype == "BYTES":
                back = np.array([[each.decode() for each in back[0]]], np.object_)
            np.testing.assert_array_equal(back, sent)


async def test_requests_share_runs_and_a_bad_one_fails_alone(around: Neighbourhood) -> None:
    model = "identity-bytes"
    await around.hold(around.registry.add(model, 1, onnx_models.identity(TensorProto.STRING)))
    async with around.client() as client:

        async def ask(number: int) -> Any:
            value: Any = b"\xff" if number == 7 else str(number).encode()
            array = np.array([[value] * 4] * (1 + number % 3), np.object_)
            return await client.infer(model, [tensor("x", array, "BYTES")])

        answers = await asyncio.gather(*map(ask, range(40)), return_exceptions=True)

        assert isinstance(answers[7], InferenceServerException)
        assert answers[7].status() == "StatusCode.INVALID_ARGUMENT"
        for number, answer in enumerate(answers):
            if number != 7:
                assert not isinstance(answer, BaseException)
                expected = np.full((1 + number % 3, 4), str(number).encode(), np.object_)
                np.testing.assert_array_equal(answer.as_numpy("y"), expected)
        config = (await client.get_model_config(model)).config
        assert config.max_batch_size == 64
        assert config.dynamic_batching.default_queue_policy.max_queue_size == 1024


async def test_a_killed_triton_is_announced_as_loading_and_comes_back_with_what_it_had(
    around: Neighbourhood,
) -> None:
    await around.hold(scaled(around, 1), scaled(around, 2))
    known = ProcessFile.load(around.folder / "cache" / "triton" / "triton.pid")
    assert known is not None
    after = len(around.router.announced)

    os.kill(known.pid, signal.SIGKILL)

    await around.router.until(lambda told: not agents.ready(told), after=after)
    told = await around.hold()
    assert not told.draining
    with pytest.raises(ProcessLookupError):
        os.killpg(known.pid, 0)  # nothing of the killed one's runs any more
    async with around.client() as client:
        assert await predicted(client, "scaled", 2) == [20.0, 40.0, 60.0, 80.0]


async def test_a_killed_agent_leaves_its_triton_which_the_next_one_adopts(
    tmp_path: Any,
) -> None:
    async with agents.neighbourhood(tmp_path) as around, around.client() as client:
        async with around.agent_process() as first:
            await around.hold(scaled(around, 1), scaled(around, 2))
            first.kill()
            await first.wait()
        pid_file = tmp_path / "cache" / "triton" / "triton.pid"
        before = ProcessFile.load(pid_file)
        assert await predicted(client, "scaled", 1) == [10.0, 20.0, 30.0, 40.0]

        async with around.agent_process() as second:
            await around.drop(scaled(around, 1))

            assert ProcessFile.load(pid_file) == before
            assert await predicted(client, "scaled", 2, 2 * ROW) == [40.0, 80.0, 120.0, 160.0]

            async def has_gone() -> bool:
                return not await client.is_model_ready("scaled", "1")

            await until_async(has_gone, "what the killed agent had loaded has gone")
            second.terminate()
            assert await second.wait() == 0
        assert not pid_file.exists()
        assert around.log.count("Started GRPCInferenceService") == 1
