from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias, cast

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from algolink.errors import FailedPrecondition, NotFound, Unauthenticated
from chassis import errors
from chassis.channel import open_channel
from chassis.runtime import Runtime
from chassis.server import serve
from chassis.settings import ServiceSettings
from tests.chassis.conftest import TOKEN
from tests.chassis.trial_service import KINDS, NAME, Client, Trial

RawCall: TypeAlias = grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]


@asynccontextmanager
async def running(
    runtime: Runtime, settings: ServiceSettings, *, token: str | None = TOKEN
) -> AsyncIterator[tuple[Trial, grpc.aio.Channel]]:
    trial = Trial()
    async with (
        serve(runtime, settings, trial.register, service_names=[NAME]) as port,
        open_channel(f"127.0.0.1:{port}", token) as channel,
    ):
        yield trial, channel


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_of_handler_answers_and_knows_its_caller(
    runtime: Runtime, settings: ServiceSettings, kind: str
) -> None:
    async with running(runtime, settings) as (_, channel):
        answer = await Client(channel).call(kind, "who")

    assert answer == "cli"


@pytest.mark.parametrize("kind", KINDS)
async def test_an_algolink_error_arrives_whole(
    runtime: Runtime, settings: ServiceSettings, kind: str
) -> None:
    async with running(runtime, settings) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Client(channel).call(kind, "missing")

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    error = errors.from_rpc_error(caught.value)
    assert isinstance(error, NotFound)
    assert (error.reason, error.message) == ("THING_NOT_FOUND", "no thing 'x'")
    assert error.metadata == {"thing": "x"}


@pytest.mark.parametrize("kind", KINDS)
async def test_an_unforeseen_error_is_a_bare_internal_and_a_logged_traceback(
    runtime: Runtime, settings: ServiceSettings, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(runtime, settings) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Client(channel).call(kind, "broken")

    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert caught.value.details() == "internal error"
    assert "RuntimeError: secret" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("token", "reason"), [(None, "TOKEN_MISSING"), ("no", "TOKEN_INVALID")])
async def test_a_call_without_an_accepted_token_is_refused(
    runtime: Runtime, settings: ServiceSettings, kind: str, token: str | None, reason: str
) -> None:
    async with running(runtime, settings, token=token) as (trial, channel):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await Client(channel).call(kind, "who")

    error = errors.from_rpc_error(caught.value)
    assert isinstance(error, Unauthenticated)
    assert error.reason == reason
    assert not trial.started.is_set()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_caller_that_goes_away_cancels_its_handler(
    runtime: Runtime, settings: ServiceSettings, kind: str
) -> None:
    async with running(runtime, settings) as (trial, channel):
        call = asyncio.create_task(Client(channel).call(kind, "hang"))
        await trial.started.wait()

        call.cancel()

        await asyncio.wait_for(trial.cancelled.wait(), 5)


async def test_an_unknown_method_is_unimplemented(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    async with running(runtime, settings) as (_, channel):
        call: RawCall = channel.unary_unary(f"/{NAME}/Nothing")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"")

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_each_rpc_leaves_one_access_line(
    runtime: Runtime, settings: ServiceSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "chassis.access")
    async with running(runtime, settings) as (_, channel):
        client = Client(channel)
        await client.call("unary", "hello")
        with pytest.raises(grpc.aio.AioRpcError):
            await client.call("stream", "missing")

    lines = [vars(record) for record in caplog.records if record.name == "chassis.access"]
    assert [(line["method"], line["code"], line["caller"]) for line in lines] == [
        (f"/{NAME}/Unary", "OK", "cli"),
        (f"/{NAME}/Stream", "NOT_FOUND", "cli"),
    ]
    assert all(line["duration_ms"] > 0 for line in lines)


async def test_health_is_not_serving_first_and_needs_no_token(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    async with running(runtime, settings, token=None) as (_, channel):
        health: Any = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=NAME)

        before = await health.Check(request)
        runtime.health.serving()
        ready = await health.Check(request)
        runtime.health.drain()
        runtime.health.serving()
        draining = await health.Check(request)

    status = health_pb2.HealthCheckResponse
    assert [before.status, ready.status, draining.status] == [
        status.NOT_SERVING,
        status.SERVING,
        status.NOT_SERVING,
    ]


async def test_health_of_an_unknown_service_is_not_found(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    async with running(runtime, settings) as (_, channel):
        health: Any = health_pb2_grpc.HealthStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health.Check(health_pb2.HealthCheckRequest(service="other"))

    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_open_streams_do_not_hold_a_server_that_stops(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    asked: asyncio.Queue[reflection_pb2.ServerReflectionRequest] = asyncio.Queue()
    asked.put_nowait(reflection_pb2.ServerReflectionRequest(list_services=""))

    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        while True:
            yield await asked.get()

    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as clients:
        async with serve(runtime, settings, Trial().register, service_names=[NAME]) as port:
            channel = await clients.enter_async_context(open_channel(f"127.0.0.1:{port}", TOKEN))
            health: Any = health_pb2_grpc.HealthStub(channel)
            watch = health.Watch(health_pb2.HealthCheckRequest())
            await watch.read()
            reflection: Any = reflection_pb2_grpc.ServerReflectionStub(cast("Any", channel))
            stream = reflection.ServerReflectionInfo(requests())
            answer = await stream.read()
            stopping = loop.time()
        stopped = loop.time()

        assert await watch.code() is grpc.StatusCode.UNAVAILABLE
    assert NAME in {service.name for service in answer.list_services_response.service}
    assert stopped - stopping < settings.drain_grace_s / 2


async def test_a_port_in_use_is_a_clear_error(runtime: Runtime, settings: ServiceSettings) -> None:
    async with serve(runtime, settings, Trial().register, service_names=[NAME]) as port:
        taken = settings.model_copy(update={"listen": f"127.0.0.1:{port}"})
        with pytest.raises(FailedPrecondition, match=f"127.0.0.1:{port}") as caught:
            async with serve(runtime, taken, Trial().register, service_names=[NAME]):
                pass

    assert caught.value.reason == "ADDRESS_UNAVAILABLE"


async def test_a_blocking_handler_is_not_let_past_the_interceptors(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    def blocking(request: bytes, context: object) -> bytes:
        return request

    def register(server: grpc.aio.Server) -> None:
        handler: grpc.RpcMethodHandler[Any, Any] = grpc.unary_unary_rpc_method_handler(blocking)
        server.add_generic_rpc_handlers(
            [grpc.method_handlers_generic_handler(NAME, {"Blocking": handler})]
        )

    async with (
        serve(runtime, settings, register, service_names=[NAME]) as port,
        open_channel(f"127.0.0.1:{port}", TOKEN) as channel,
    ):
        call: RawCall = channel.unary_unary(f"/{NAME}/Blocking")
        with pytest.raises(grpc.aio.AioRpcError):
            await call(b"hello")


async def test_a_call_in_flight_is_answered_before_the_server_stops(
    runtime: Runtime, settings: ServiceSettings
) -> None:
    async with AsyncExitStack() as clients:
        async with AsyncExitStack() as servers:
            trial = Trial()
            port = await servers.enter_async_context(
                serve(runtime, settings, trial.register, service_names=[NAME])
            )
            channel = await clients.enter_async_context(open_channel(f"127.0.0.1:{port}", TOKEN))
            call = Client(channel).unary_call(StringValue(value="until drained"))
            await trial.started.wait()
            stopping = asyncio.create_task(servers.pop_all().aclose())
            await runtime.draining.wait()

            trial.released.set()

        assert (await call).value == "until drained"
        await stopping
