"""What the router reads from its environment."""

from __future__ import annotations

import socket
from datetime import timedelta

from pydantic import Field

from chassis.addresses import split_address
from chassis.settings import ServiceSettings
from router_svc.domain.world import Policy


class Settings(ServiceSettings):
    """Settings of the router.

    Attributes:
        database_url: `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`.
        registry_address: `host:port` of the registry.
        experiment_address: `host:port` of the experiment service.
        settle_s: after a start nothing is withdrawn for this long, in seconds.
        lease_s: how long a replica's announcement counts, in seconds.
        min_ready: replicas that must have a version before it gets traffic.
        unload_delay_s: how long after the last Envoy forgot a version it is
            unloaded, in seconds.
        router_id: name of this router among those that share the database, kept
            over restarts; empty for host name and port.
        router_lease_s: how long a router may be silent before another one composes
            in its place, in seconds.
    """

    database_url: str
    registry_address: str
    experiment_address: str
    settle_s: float = Field(default=30.0, ge=0.0)
    lease_s: float = Field(default=5.0, gt=0.0)
    min_ready: int = Field(default=1, ge=1)
    unload_delay_s: float = Field(default=30.0, ge=0.0)
    router_id: str = ""
    router_lease_s: float = Field(default=3.0, gt=0.0)

    def name(self) -> str:
        """The router's name."""
        return self.router_id or f"{socket.gethostname()}:{split_address(self.listen)[1]}"

    def policy(self) -> Policy:
        """The same as the rules take it."""
        return Policy(
            lease=timedelta(seconds=self.lease_s),
            settle=timedelta(seconds=self.settle_s),
            min_ready=self.min_ready,
            unload_delay=timedelta(seconds=self.unload_delay_s),
            router_lease=timedelta(seconds=self.router_lease_s),
        )
