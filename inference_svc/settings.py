"""What the service reads from its environment."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from chassis.addresses import split_address
from chassis.settings import ServiceSettings
from inference_svc.batching.scheduler import Policy
from inference_svc.engines.providers import Provider


class EngineKind(StrEnum):
    """What runs the models of a replica."""

    ONNX = "onnx"
    TRITON = "triton"


class EngineSettings(ServiceSettings):
    """How models are run and served, wherever they come from.

    Attributes:
        http_listen: `host:port` of the REST server; port 0 picks a free one.
        trace_sample_ratio: share of new traces that are recorded: low, because
            this is the data plane.
        engine_concurrency: runs of models at a time; 0 for as many as there are
            cores.
        engine_threads: threads that share the work of one run; 0 for half of the
            cores, because two replicas share a machine by default.
        execution_provider: what models compute on: `cpu`, `cuda`, `tensorrt` or
            `openvino`; one that is not there keeps the replica from starting.
        short_run_us: runs of models that are expected to be shorter, in
            microseconds, happen on the event loop and not on a thread; 0 for none.
        max_batch_rows: rows that requests of one version share a run by; 1 to
            run each request alone.
        max_queue_delay_us: how long a request waits for company while its
            version is idle, in microseconds.
        max_queued_requests: requests that wait for one version; more are refused.
        instances: batches of one version that run at a time; 0 for as many as
            share `engine_concurrency` at `engine_threads` each.
        load_retry_s: wait after the first load that failed, in seconds; doubled
            after each further one, to at most 30.
    """

    http_listen: str = "127.0.0.1:0"
    trace_sample_ratio: float = Field(default=0.01, ge=0.0, le=1.0)
    engine_concurrency: int = Field(default=0, ge=0, le=1024)
    engine_threads: int = Field(default=0, ge=0, le=1024)
    execution_provider: Provider = Provider.CPU
    short_run_us: int = Field(default=500, ge=0, le=1_000_000)
    max_batch_rows: int = Field(default=64, ge=1, le=1_000_000)
    max_queue_delay_us: int = Field(default=0, ge=0, le=60_000_000)
    max_queued_requests: int = Field(default=1024, ge=1, le=1_000_000)
    instances: int = Field(default=0, ge=0, le=1024)
    load_retry_s: float = Field(default=1.0, gt=0.0)

    @property
    def runs_at_a_time(self) -> int:
        """`engine_concurrency`, resolved."""
        return self.engine_concurrency or _cores()

    @property
    def threads_per_run(self) -> int:
        """`engine_threads`, resolved."""
        return self.engine_threads or max(1, _cores() // 2)

    @property
    def batching(self) -> Policy:
        """How requests of one version are queued and put together."""
        return Policy(
            max_rows=self.max_batch_rows,
            max_delay_ns=self.max_queue_delay_us * 1_000,
            max_queued=self.max_queued_requests,
            instances=self.instances or max(1, self.runs_at_a_time // self.threads_per_run),
        )


class StandaloneSettings(EngineSettings):
    """Settings of a server of a folder.

    Attributes:
        models: the folder.
    """

    models: Path


class Settings(EngineSettings):
    """Settings of one replica.

    Attributes:
        registry_address: `host:port` of the registry.
        router_address: `host:port` of the router, or of several, separated by commas.
        replica_id: unique in the pool and kept over restarts.
        pool: the pool that it belongs to.
        advertise_host: host by which proxies reach this replica; empty for the
            host that it listens on.
        cache_dir: folder for artifacts and the last wanted set; of this process
            alone.
        artifact_cache_bytes: bound of the artifacts on disk; those in use longest
            ago go first, those that are held never.
        engine: `onnx` runs models in this process; `triton` makes it the agent of a
            Triton server, which requests then go to. Of the settings of engines, those of
            threads, rows, delay, queue and `instances` hold for it as well, and
            `instances` is 1 unless it is set.
        triton_environment: where Triton is: an environment with `nvidia-pytriton`, or
            the folder of a server.
        triton_listen: `host:port` of Triton's gRPC server; no port 0, because a
            killed agent's successor must find it there.
        triton_http_listen: the same of its REST server.
        triton_metrics_listen: `host:port` of Triton's own metrics; empty for none.
        triton_ready_timeout_s: a Triton that takes longer to start is refused, in
            seconds.
    """

    registry_address: str
    router_address: str
    replica_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    pool: str = Field(default="default", pattern=r"^[a-z0-9-]{1,63}$")
    advertise_host: str = ""
    cache_dir: Path
    artifact_cache_bytes: int = Field(default=10 * 1024**3, ge=0)
    engine: EngineKind = EngineKind.ONNX
    triton_environment: Path = Path(".venv-triton")
    triton_listen: str = "127.0.0.1:8001"
    triton_http_listen: str = "127.0.0.1:8000"
    triton_metrics_listen: str = ""
    triton_ready_timeout_s: float = Field(default=60.0, gt=0.0)

    @model_validator(mode="after")
    def _triton_has_ports(self) -> Self:
        for address in (self.triton_listen, self.triton_http_listen):
            if split_address(address)[1] == 0:
                raise ValueError(f"Triton needs a port: {address} names none")
        return self

    def advertised(self, listen: str) -> str:
        """`listen` as proxies reach it."""
        host, _, port = listen.rpartition(":")
        return f"{self.advertise_host or host}:{port}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
