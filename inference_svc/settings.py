"""What the service reads from its environment."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of one replica.

    Attributes:
        registry_address: `host:port` of the registry.
        router_address: `host:port` of the router.
        replica_id: unique in the pool and kept over restarts.
        pool: the pool that it belongs to.
        http_listen: `host:port` of the REST server; port 0 picks a free one.
        advertise_host: host by which proxies reach this replica; empty for the
            host that it listens on.
        cache_dir: folder for artifacts and the last wanted set; of this process
            alone.
        trace_sample_ratio: share of new traces that are recorded: low, because
            this is the data plane.
        engine_concurrency: runs of models at a time; 0 for as many as there are
            cores.
        engine_threads: threads that share the work of one run; 0 for half of the
            cores, because two replicas share a machine by default.
        load_retry_s: wait after the first load that failed, in seconds; doubled
            after each further one, to at most 30.
    """

    registry_address: str
    router_address: str
    replica_id: str = Field(pattern=r"^[a-z0-9-]{1,63}$")
    pool: str = Field(default="default", pattern=r"^[a-z0-9-]{1,63}$")
    http_listen: str = "127.0.0.1:0"
    advertise_host: str = ""
    cache_dir: Path
    trace_sample_ratio: float = Field(default=0.01, ge=0.0, le=1.0)
    engine_concurrency: int = Field(default=0, ge=0, le=1024)
    engine_threads: int = Field(default=0, ge=0, le=1024)
    load_retry_s: float = Field(default=1.0, gt=0.0)

    @property
    def runs_at_a_time(self) -> int:
        """`engine_concurrency`, resolved."""
        return self.engine_concurrency or _cores()

    @property
    def threads_per_run(self) -> int:
        """`engine_threads`, resolved."""
        return self.engine_threads or max(1, _cores() // 2)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
