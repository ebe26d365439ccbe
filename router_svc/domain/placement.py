"""Which replicas of a pool count, and which of them may be sent requests."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from algolink.names import VersionName
from mesh.table import Pool
from router_svc.domain.world import Policy, Replica, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Replicas of one pool that count.

    Attributes:
        alive: heard, their leases hold, not about to stop.
        awaited: known from before the start and not heard yet; none once the
            router has settled.
    """

    pool: str
    alive: tuple[Replica, ...]
    awaited: tuple[Replica, ...]
    min_ready: int

    def why_not_ready(self, version: VersionName) -> str | None:
        """Why `version` must not get traffic, in a sentence; `None` if it may."""
        members = self.alive + self.awaited
        lacking = [member for member in members if not member.is_ready(version)]
        if lacking:
            where = ", ".join(f"{member.id} ({member.standing(version)})" for member in lacking)
            return f"version {version.number} is not ready on {where}"
        if len(members) < self.min_ready:
            return (
                f"version {version.number} is ready on {len(members)} replicas of pool "
                f"{self.pool}, at least {self.min_ready} must have it"
            )
        return None


def members(world: World, pool: str, *, at: datetime, settling: bool, policy: Policy) -> Members:
    """Replicas of `pool` that count at `at`."""
    of_pool = [replica for replica in world.replicas if replica.pool == pool]
    return Members(
        pool=pool,
        alive=tuple(r for r in of_pool if r.alive(at=at, lease=policy.lease)),
        awaited=tuple(r for r in of_pool if settling and not r.heard and not r.draining),
        min_ready=policy.min_ready,
    )


def endpoints(members: Members, previous: Pool, lacking: Collection[str]) -> Pool:
    """Where requests of the pool may be sent.

    A replica is in once it has every version that may be sent to it. One that is
    awaited stays in if it was. The last endpoints stay whatever happens: a
    request that fails there would fail anyway, and the replica may be fine while
    its line to the router is not.

    All are of one kind, because the routes of a pool are made for one: the kind
    that was inside, for as long as one of it can stay.

    Args:
        lacking: ids of replicas that lack such a version.
    """
    ready = [r for r in members.alive if r.id not in lacking]
    staying = [r for r in ready if r.foreign is previous.foreign] + [
        r for r in members.awaited if r.grpc in previous.grpc
    ]
    inside = staying or ready
    if not inside:
        return previous
    return Pool(
        name=members.pool,
        grpc=tuple(sorted({replica.grpc for replica in inside})),
        http=tuple(sorted({replica.http for replica in inside})),
        foreign=previous.foreign if staying else not previous.foreign,
    )
