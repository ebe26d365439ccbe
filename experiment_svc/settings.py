"""What this service reads from its environment."""

from __future__ import annotations

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the experiment service.

    Attributes:
        database_url: `sqlite+aiosqlite:////abs/path.db` or `postgresql+asyncpg://...`.
        registry_address: `host:port` of the registry.
        http_listen: `host:port` where OpenFeature's evaluations are answered and
            outcomes come in batches; port 0 picks one.
        promotion_patience_s: how long a promotion that the registry refuses is asked
            for again before the experiment is stopped, in seconds.
        decision_period_s: how often running experiments are looked at, in seconds.
        webhook_url: where decisions of policies are announced, as CloudEvents; empty
            announces none.
    """

    database_url: str
    registry_address: str
    http_listen: str = "127.0.0.1:0"
    decision_period_s: float = Field(default=1.0, gt=0.0)
    promotion_patience_s: float = Field(default=600.0, gt=0.0, le=604_800.0)
    webhook_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
