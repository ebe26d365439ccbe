"""A whole replica between a router and a registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import tritonclient.grpc.aio as triton
from tritonclient.utils import InferenceServerException

from algolink.router.v1 import router_pb2
from chassis.runtime import Runtime
from inference_svc.app import app
from inference_svc.domain.tensors import Array
from inference_svc.settings import Settings
from tests.inference_svc import onnx_models
from tests.inference_svc.neighbours import FakeRegistry, FakeRouter, serving

ROW = np.array([[1.0, 2.0, 3.0, 4.0]], dtype=np.float32)

NOBODY = "127.0.0.1:1"
"""Where no server listens."""


def settings(folder: Path, *, router: str = NOBODY, registry: str = NOBODY) -> Settings:
    token = folder / "token"
    token.write_text("secret\n")
    return Settings(
        registry_address=registry,
        router_address=router,
        replica_id="replica-1",
        cache_dir=folder / "cache",
        token_file=token,
        drain_notice_s=0.0,
        load_retry_s=0.05,
        listen="127.0.0.1:0",
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Runtime]:
    async with asyncio.TaskGroup() as tasks:
        runtime = Runtime("inference", tasks)
        async with app(settings, runtime):
            runtime.health.serving()
            yield runtime
            runtime.health.drain()
            runtime.draining.set()


async def predict(address: str, version: str = "") -> Array:
    async with triton.InferenceServerClient(address) as client:
        tensor = triton.InferInput("x", list(ROW.shape), "FP32")
        tensor.set_data_from_numpy(ROW)
        result = await client.infer("scaled", [tensor], model_version=version)
        answer: Array = result.as_numpy("y")
        return answer


def anything(_: router_pb2.AnnounceRequest) -> bool:
    return True


def is_ready(*numbers: int) -> Callable[[router_pb2.AnnounceRequest], bool]:
    """Whether exactly these versions are held, all of them ready."""

    def check(request: router_pb2.AnnounceRequest) -> bool:
        return {v.version: v.state for v in request.versions} == dict.fromkeys(
            numbers, router_pb2.LOAD_STATE_READY
        )

    return check


@pytest.fixture
async def registry() -> FakeRegistry:
    return FakeRegistry()


@pytest.fixture
async def router() -> FakeRouter:
    return FakeRouter()


async def test_a_replica_announces_itself_loads_what_is_wanted_and_answers(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        wanted = registry.add("scaled", 1, onnx_models.scaled(10.0))
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            first = await router.until(anything)
            assert (first.replica_id, first.pool) == ("replica-1", "default")
            assert not first.versions

            await router.say([wanted])
            ready = await router.until(is_ready(1))

            np.testing.assert_array_equal(await predict(ready.grpc_address), 10 * ROW)
            assert registry.tokens == ["Bearer secret"]


async def test_an_announcement_goes_out_at_least_every_second(
    tmp_path: Path, router: FakeRouter
) -> None:
    async with (
        serving(router) as router_address,
        running(settings(tmp_path, router=router_address)),
    ):
        started = asyncio.get_running_loop().time()
        for count in range(3):
            await router.until(anything, after=count)

        assert asyncio.get_running_loop().time() - started < 4


async def test_a_version_that_is_no_longer_wanted_goes(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        one = registry.add("scaled", 1, onnx_models.scaled(10.0))
        two = registry.add("scaled", 2, onnx_models.scaled(20.0))
        await router.say([one, two])
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            await router.until(is_ready(1, 2))

            await router.say([two])

            await router.until(is_ready(2), after=len(router.announced))


async def test_a_router_that_is_not_settled_withdraws_nothing(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        one = registry.add("scaled", 1, onnx_models.scaled(10.0))
        two = registry.add("scaled", 2, onnx_models.scaled(20.0))
        await router.say([one])
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            await router.until(is_ready(1))

            await router.say([], settled=False)
            await router.say([two], settled=False)

            await router.until(is_ready(1, 2), after=len(router.announced))


async def test_a_load_failure_is_announced_with_its_reason_and_tried_again(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        wanted = registry.add("scaled", 1, onnx_models.scaled(10.0))
        artifact = registry.artifacts.pop(wanted.digest)
        await router.say([wanted])
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            failed = await router.until(
                lambda request: any(
                    version.state == router_pb2.LOAD_STATE_FAILED for version in request.versions
                )
            )
            assert "no such artifact" in failed.versions[0].message

            registry.artifacts[wanted.digest] = artifact

            await router.until(is_ready(1))


async def test_a_replica_survives_the_death_of_its_router_and_finds_the_next(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address:
        wanted = registry.add("scaled", 1, onnx_models.scaled(10.0))
        await router.say([wanted])
        async with serving(router) as router_address:
            replica = running(settings(tmp_path, router=router_address, registry=registry_address))
            await replica.__aenter__()
            address = (await router.until(is_ready(1))).grpc_address

        assert (await predict(address)).shape == ROW.shape
        successor = FakeRouter()
        await successor.say([], settled=False)
        async with serving(successor, router_address):
            await successor.until(is_ready(1))
            await replica.__aexit__(None, None, None)


async def test_a_replica_restarts_without_router_and_registry(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter, free_port: int
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        await router.say([registry.add("scaled", 1, onnx_models.scaled(10.0))])
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            await router.until(is_ready(1))

    alone = settings(tmp_path).model_copy(update={"listen": f"127.0.0.1:{free_port}"})
    async with running(alone):
        answer = await answer_as_soon_as_loaded(f"127.0.0.1:{free_port}")

    np.testing.assert_array_equal(answer, 10 * ROW)


async def answer_as_soon_as_loaded(address: str) -> Array:
    async with asyncio.timeout(20):
        while True:
            try:
                return await predict(address)
            except InferenceServerException as error:
                if error.status() != "StatusCode.UNAVAILABLE":
                    raise


async def test_a_draining_replica_says_so_before_it_refuses_requests(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    async with serving(registry) as registry_address, serving(router) as router_address:
        await router.say([registry.add("scaled", 1, onnx_models.scaled(10.0))])
        slow = settings(tmp_path, router=router_address, registry=registry_address).model_copy(
            update={"drain_notice_s": 60.0}
        )
        replica = running(slow)
        await replica.__aenter__()
        address = (await router.until(is_ready(1))).grpc_address

        leaving = asyncio.ensure_future(replica.__aexit__(None, None, None))
        draining = await router.until(lambda request: request.draining)

        assert is_ready(1)(draining)
        np.testing.assert_array_equal(await predict(address), 10 * ROW)
        async with triton.InferenceServerClient(address) as client:
            assert not await client.is_server_ready()
        leaving.cancel()
        await asyncio.wait({leaving})


async def test_a_damaged_wanted_file_does_not_keep_a_replica_from_starting(
    tmp_path: Path, registry: FakeRegistry, router: FakeRouter
) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "wanted.json").write_text('[{"name": "models/')
    async with serving(registry) as registry_address, serving(router) as router_address:
        await router.say([registry.add("scaled", 1, onnx_models.scaled(10.0))])
        async with running(settings(tmp_path, router=router_address, registry=registry_address)):
            await router.until(is_ready(1))
