"""Rows to values and back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from algolink.names import VersionName
from chassis.addresses import split_address
from mesh import table
from mesh.table import Endpoint
from router_svc import state_json, traffic_json
from router_svc.domain.records import AnnouncedReplica, Envoy, RouteRevision
from router_svc.domain.traffic import Action, Decision
from router_svc.domain.world import Loaded, LoadState, Replica


def last_until(
    of: sa.Table, number: sa.Column[int], model: str, at: datetime
) -> sa.Select[tuple[Any, ...]]:
    """The last row of a model up to `at`."""
    return (
        sa.select(of)
        .where(of.c.model == model, of.c.time_us <= state_json.to_micros(at))
        .order_by(number.desc())
        .limit(1)
    )


def latest(of: sa.Table, number: str) -> sa.Select[tuple[Any, ...]]:
    """The row of each model whose `number` is highest."""
    highest = (
        sa.select(of.c.model, sa.func.max(of.c[number]).label("latest"))
        .group_by(of.c.model)
        .subquery()
    )
    is_latest = sa.and_(of.c.model == highest.c.model, of.c[number] == highest.c.latest)
    return sa.select(of).join(highest, is_latest)


def from_revision(revision: RouteRevision) -> dict[str, Any]:
    route = revision.route
    return {
        "model": revision.model,
        "sequence": revision.sequence,
        "revision": route.revision if route else "",
        "content": json.dumps(table.route_to_json(route)) if route else None,
        "time_us": state_json.to_micros(revision.time),
    }


def to_revision(row: Any) -> RouteRevision:
    return RouteRevision(
        model=row.model,
        sequence=row.sequence,
        route=table.route_from_json(json.loads(row.content)) if row.content else None,
        time=state_json.from_micros(row.time_us),
    )


def from_decision(decision: Decision) -> dict[str, Any]:
    return {
        "model": decision.traffic.model,
        "revision": decision.traffic.revision,
        "action": decision.action.value,
        "version": decision.version,
        "caller": decision.caller,
        "reason": decision.reason,
        "content": traffic_json.dump_traffic(decision.traffic),
        "time_us": state_json.to_micros(decision.time),
        "number": decision.number,
    }


def to_decision(row: Any) -> Decision:
    return Decision(
        traffic=traffic_json.load_traffic(row.model, row.revision, row.content),
        action=Action(row.action),
        version=row.version,
        caller=row.caller,
        reason=row.reason,
        time=state_json.from_micros(row.time_us),
        number=row.number,
    )


def from_announced(announced: AnnouncedReplica) -> dict[str, Any]:
    replica = announced.replica
    content = {
        "versions": [
            [version.model, version.number, loaded.state.value, loaded.message]
            for version, loaded in sorted(replica.versions.items())
        ],
        "foreign": replica.foreign,
    }
    return {
        "pool": replica.pool,
        "id": replica.id,
        "grpc_address": str(replica.grpc),
        "http_address": str(replica.http),
        "renewed_us": state_json.to_micros(replica.renewed),
        "router": announced.router,
        "content": json.dumps(content, separators=(",", ":")),
        "told_us": state_json.to_micros(announced.told),
    }


def to_announced(
    row: Any, content: str | None, before: AnnouncedReplica | None
) -> AnnouncedReplica:
    """A replica; what it holds is as `before` where `content` is not given."""
    if content is None and before is not None:
        versions, foreign = before.replica.versions, before.replica.foreign
    else:
        told: dict[str, Any] = json.loads(content or "{}")
        foreign = told.get("foreign", False)
        versions = {
            VersionName(model, number): Loaded(LoadState(state), message)
            for model, number, state, message in told.get("versions", ())
        }
    return AnnouncedReplica(
        replica=Replica(
            id=row.id,
            pool=row.pool,
            grpc=Endpoint(*split_address(row.grpc_address)),
            http=Endpoint(*split_address(row.http_address)),
            versions=versions,
            renewed=state_json.from_micros(row.renewed_us),
            heard=False,
            foreign=foreign,
        ),
        router=row.router,
        told=state_json.from_micros(row.told_us),
    )


def to_envoy(row: Any) -> Envoy:
    return Envoy(
        id=row.id,
        acknowledged=row.acknowledged,
        seen=state_json.from_micros(row.seen_us),
        router=row.router,
        rejection=row.rejection,
        refused=frozenset(json.loads(row.refused or "[]")),
        taken=row.taken,
    )
