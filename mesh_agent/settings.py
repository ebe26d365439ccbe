"""What the mesh agent reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of one Envoy and of the agent beside it.

    Attributes:
        router_address: `host:port` of the router, or of several, separated by commas.
        registry_address: `host:port` of the registry.
        experiment_address: `host:port` of the experiment service.
        experiment_http_address: `host:port` of its HTTP server; empty where flags
            are not evaluated.
        data_listen: `ip:port` where Envoy takes predictions.
        admin_listen: `ip:port` where Envoy takes calls of control services.
        agent_dir: folder for bootstrap, logs, checkpoint and process file; one
            agent at a time.
        node_id: of this Envoy, unique among those of the router.
        concurrency: Envoy's worker threads; 0 means one per CPU.
        ready_timeout_s: how long a starting Envoy may take to be ready.
        rotate_bytes: size at which the exposure log is rotated.
        backlog_bytes: most bytes of a log to keep while the experiment service is
            away; over that the oldest file is given up, and counted as lost.
    """

    router_address: str
    registry_address: str
    experiment_address: str
    experiment_http_address: str = ""
    data_listen: str = "127.0.0.1:9000"
    admin_listen: str = "127.0.0.1:9001"
    agent_dir: Path
    node_id: str = Field(min_length=1)
    concurrency: int = Field(default=0, ge=0)
    ready_timeout_s: float = Field(default=60.0, gt=0)
    rotate_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    backlog_bytes: int = Field(default=8 * 1024 * 1024 * 1024, ge=1)
