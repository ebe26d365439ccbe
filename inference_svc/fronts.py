"""What every server of models is made of, wherever its models come from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from tritonclient.grpc import service_pb2_grpc

from chassis import server
from chassis.runtime import Runtime
from inference_svc import rest
from inference_svc.data_plane import DataPlane
from inference_svc.engines.onnx import OnnxEngine
from inference_svc.servicer_grpc import OPTIONS, SERVICE_NAME, InferenceServicer
from inference_svc.settings import EngineSettings


def onnx_engine(settings: EngineSettings) -> OnnxEngine:
    """The engine that `settings` ask for; whoever asked closes it.

    Raises:
        FailedPrecondition: EXECUTION_PROVIDER_MISSING.
    """
    return OnnxEngine(
        concurrency=settings.runs_at_a_time,
        threads_per_run=settings.threads_per_run,
        provider=settings.execution_provider,
        short_run_ns=settings.short_run_us * 1_000,
    )


@asynccontextmanager
async def fronts(
    settings: EngineSettings, runtime: Runtime, plane: DataPlane
) -> AsyncIterator[tuple[int, int]]:
    """Both transports over one data plane; gives the ports of gRPC and HTTP."""
    # Not at the drain's beginning: until every Envoy has let go of this replica,
    # a stream that ends would be opened here again.
    ending = asyncio.Event()

    def register(grpc_server: grpc.aio.Server) -> None:
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(
            InferenceServicer(plane, ending), grpc_server
        )

    async with (
        server.serve(
            runtime,
            settings,
            register,
            service_names=[SERVICE_NAME],
            require_token=False,  # the data plane: who may call is decided before it
            options=OPTIONS,
        ) as grpc_bound,
        rest.serve(plane, settings.http_listen, grace_s=settings.drain_grace_s) as http_bound,
    ):
        try:
            yield grpc_bound, http_bound
        finally:
            ending.set()


def quiet_access_log(settings: EngineSettings) -> None:
    """A line per prediction is the proxy's to write: here it would cost more than the model."""
    if settings.log_level != "DEBUG":
        logging.getLogger("chassis.access").setLevel(logging.WARNING)
