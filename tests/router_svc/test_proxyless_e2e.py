"""gRPC's own xDS client against a router process: no proxy in between."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import grpc
import pytest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from algolink.names import XDS_TOKEN_KEY
from algolink.router.v1 import router_pb2
from router_svc.domain.world import ExperimentState
from tests.router_svc.builders import a_model, an_experiment
from tests.router_svc.neighbours import until
from tests.router_svc.stack import TOKEN, Stack, stack

pytestmark = pytest.mark.e2e

NOT_SENT = "UNAVAILABLE: No matching route found in xDS route config"

_MODELS = (f"proxyless-{number}" for number in itertools.count())
"""A channel to a target that gRPC still knows would go on with its router of before."""


@contextlib.asynccontextmanager
async def channel(
    running: Stack, model: str, monkeypatch: pytest.MonkeyPatch, token: str = TOKEN
) -> AsyncIterator[service_pb2_grpc.GRPCInferenceServiceStub]:
    """What an application does that has nothing of ours but a bootstrap.

    All channels of a process share one bootstrap, so the next test has to wait until
    gRPC has let go of this one.
    """
    bootstrap = {
        "xds_servers": [
            {"server_uri": running.router.address, "channel_creds": [{"type": "insecure"}]}
        ],
        "node": {"id": "app", "metadata": {XDS_TOKEN_KEY: token}},
    }
    monkeypatch.setenv("GRPC_XDS_BOOTSTRAP_CONFIG", json.dumps(bootstrap))
    async with grpc.aio.insecure_channel(f"xds:///{model}") as opened:
        yield service_pb2_grpc.GRPCInferenceServiceStub(opened)

    async def is_gone() -> bool:
        status = await running.routes.GetStatus(router_pb2.GetStatusRequest())
        return not any(e.connected for e in status.envoys if e.id.startswith("proxyless/"))

    await until(is_gone)


async def version_of(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, model: str, *headers: tuple[str, str]
) -> str:
    """Version that the replica is told to run; empty if it is told none."""
    request = service_pb2.ModelInferRequest(model_name=model)
    answer = await stub.ModelInfer(request, metadata=headers, timeout=20, wait_for_ready=True)
    return str(answer.model_version)


async def refusal(
    stub: service_pb2_grpc.GRPCInferenceServiceStub, model: str, *headers: tuple[str, str]
) -> str:
    """What is said to a request that fails; the error itself would keep its channel open."""
    request = service_pb2.ModelInferRequest(model_name=model)
    try:
        await stub.ModelInfer(request, metadata=headers, timeout=20)
    except grpc.aio.AioRpcError as error:
        return f"{error.code().name}: {error.details()}"
    raise AssertionError("it was answered")


async def test_headers_lead_where_the_table_says_and_strangers_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next(_MODELS)
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(model, champion=1))
        running.neighbours.show_experiment(an_experiment(model=model))
        await running.until_live(champion=1, model=model)
        async with channel(running, model, monkeypatch) as stub:
            assert await version_of(stub, model) == ""
            assert await version_of(stub, model, ("x-al-version", "2")) == "2"
            for bucket, version in ((0, "1"), (8_999, "1"), (9_000, "2"), (9_999, "2")):
                headers = (("x-al-bucket", str(bucket)), ("x-al-version", version))
                assert await version_of(stub, model, *headers) == version
            refused: list[dict[str, str]] = [
                {"x-al-version": "3"},
                {"x-al-bucket": "0", "x-al-version": "2"},
                {"x-al-bucket": "10000", "x-al-version": "2"},
                {"x-al-bucket": "0"},
            ]
            for each in refused:
                assert await refusal(stub, model, *each.items()) == NOT_SENT

            status = await running.routes.GetStatus(router_pb2.GetStatusRequest())
            assert [e.id for e in status.envoys if e.up_to_date] == ["envoy-1", "proxyless/app"]
        stranger = next(_MODELS)
        async with channel(running, stranger, monkeypatch, token="guess") as stub:
            assert "the token is not accepted here" in await refusal(stub, stranger)


async def test_experiments_that_come_and_go_under_load_lose_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next(_MODELS)
    async with stack(tmp_path, unload_delay_s=0.05) as running:
        running.neighbours.show_model(a_model(model, champion=1))
        await running.until_live(champion=1, model=model)
        async with channel(running, model, monkeypatch) as stub:
            outcomes: Counter[str] = Counter()
            is_over = False

            async def ask(what: str, *headers: tuple[str, str]) -> None:
                """Asks on and on; what is refused was never sent."""
                while not is_over:
                    try:
                        await version_of(stub, model, *headers)
                        outcomes[f"{what} answered"] += 1
                    except grpc.aio.AioRpcError as error:
                        if f"{error.code().name}: {error.details()}" != NOT_SENT:
                            raise
                        outcomes[f"{what} not sent"] += 1

            asking = [
                asyncio.ensure_future(ask("plain")),
                asyncio.ensure_future(ask("champion", ("x-al-version", "1"))),
                asyncio.ensure_future(ask("arm", ("x-al-bucket", "9500"), ("x-al-version", "2"))),
            ]
            for turn in range(1, 9):
                state = ExperimentState.RUNNING if turn % 2 else ExperimentState.STOPPED
                running.neighbours.show_experiment(
                    an_experiment(model=model, state=state, revision=turn + 1)
                )
                awaited = "arm answered" if turn % 2 else "arm not sent"
                goal = outcomes[awaited] + 20
                await until(partial(lambda what, goal: outcomes[what] >= goal, awaited, goal))
            is_over = True
            await asyncio.gather(*asking)

        assert outcomes["plain not sent"] == outcomes["champion not sent"] == 0


async def test_a_channel_serves_on_while_the_router_is_dead_and_follows_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = next(_MODELS)
    async with stack(tmp_path) as running:
        running.neighbours.show_model(a_model(model, champion=1))
        await running.until_live(champion=1, model=model)
        async with channel(running, model, monkeypatch) as stub:
            assert await version_of(stub, model, ("x-al-version", "1")) == "1"
            await running.router.kill()
            for _ in range(100):
                assert await version_of(stub, model, ("x-al-version", "1")) == "1"
            await running.router.start()
            running.neighbours.show_model(a_model(model, champion=3, revision=2))

            async def follows() -> bool:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    return await version_of(stub, model, ("x-al-version", "3")) == "3"
                return False

            await until(follows)
