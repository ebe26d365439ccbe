"""The narrow waist: what the router knows, as one value that a mesh is built from.

A `Snapshot` holds everything that a data plane needs: how each model is routed,
and where the replicas are. It is frozen, checked when it is made, and versioned
by its content, so that equal snapshots are the same configuration.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from algolink import names
from algolink.split import Segment, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An experiment's, or a shift's, split of one model's traffic.

    Attributes:
        experiment: its id, without `experiments/`; empty for a shift, whose
            requests are no exposures.
        phase: allocation phase, from 1; 0 for a shift.
        salt: salt of the bucket function.
        per_request: whether each request is its own unit.
        table: arm of each bucket.
        versions: version number of every arm that the table names.
        control: id of the arm that runs the champion; empty if none does.
        experiment_revision: revision of the experiment, or of the shift, that it
            was made from.
    """

    experiment: str
    phase: int
    salt: str
    per_request: bool
    table: Table
    versions: Mapping[str, int]
    control: str
    experiment_revision: int

    def __post_init__(self) -> None:
        missing = self.table.weights().keys() - self.versions.keys()
        if missing:
            raise ValueError(f"arms without a version: {sorted(missing)}")


@dataclass(frozen=True, kw_only=True)
class ModelRoute:
    """How requests for one model are routed.

    Attributes:
        model: its id.
        pool: name of the replica pool that serves it.
        champion: version for requests that name none and are in no experiment.
        versions: versions that may be asked for by number, ascending; holds the
            champion and every version of the split that is not killed.
        split: the running experiment or shift, if there is one.
        killed: versions that nobody is sent to, ascending: their arms' units go
            to the champion, requests that name them are refused.
    """

    model: str
    pool: str
    champion: int
    versions: tuple[int, ...]
    split: Split | None = None
    killed: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        names.check_model_id(self.model)
        if list(self.versions) != sorted(set(self.versions)):
            raise ValueError(f"versions of {self.model} must ascend: {self.versions}")
        if list(self.killed) != sorted(set(self.killed) - {self.champion} - set(self.versions)):
            raise ValueError(f"{self.model} serves what it killed: {self.killed}")
        arms = set(self.split.versions.values()) if self.split else set()
        routed = {self.champion} | (arms - set(self.killed))
        if not routed <= set(self.versions):
            raise ValueError(
                f"{self.model} routes {sorted(routed)} but serves {list(self.versions)}"
            )

    @cached_property
    def revision(self) -> str:
        """Digest of the content, 16 lower-case hex digits."""
        return _digest(route_to_json(self))

    def unkilled(self, version: int) -> int:
        """`version`, or the champion if it is killed."""
        return self.champion if version in self.killed else version


@dataclass(frozen=True, slots=True, order=True)
class Endpoint:
    """Where a server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Ready replicas that host the same versions.

    Attributes:
        name: `[a-z0-9-]+`.
        grpc: their gRPC servers, sorted.
        http: their REST servers, sorted.
    """

    name: str
    grpc: tuple[Endpoint, ...] = ()
    http: tuple[Endpoint, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Everything that a data plane needs.

    Attributes:
        routes: by model id.
        pools: by name; every pool that a route names is here.
    """

    routes: Mapping[str, ModelRoute] = field(default_factory=dict)
    pools: Mapping[str, Pool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for model, route in self.routes.items():
            if route.model != model:
                raise ValueError(f"route of {route.model} filed under {model}")
            if route.pool not in self.pools:
                raise ValueError(f"{model} is routed to unknown pool {route.pool}")

    @cached_property
    def revision(self) -> str:
        """Digest of the content, 16 lower-case hex digits."""
        return _digest(to_json(self))


def to_json(snapshot: Snapshot) -> dict[str, Any]:
    """`snapshot` as JSON values; `from_json` is its inverse."""
    return {
        "routes": [route_to_json(route) for _, route in sorted(snapshot.routes.items())],
        "pools": [
            {
                "name": pool.name,
                "grpc": [[e.host, e.port] for e in pool.grpc],
                "http": [[e.host, e.port] for e in pool.http],
            }
            for _, pool in sorted(snapshot.pools.items())
        ],
    }


def from_json(value: Mapping[str, Any]) -> Snapshot:
    """The snapshot that `to_json` wrote."""
    routes = [route_from_json(route) for route in value["routes"]]
    pools = [
        Pool(
            name=pool["name"],
            grpc=tuple(Endpoint(host, port) for host, port in pool["grpc"]),
            http=tuple(Endpoint(host, port) for host, port in pool["http"]),
        )
        for pool in value["pools"]
    ]
    return Snapshot(
        routes={route.model: route for route in routes},
        pools={pool.name: pool for pool in pools},
    )


def route_to_json(route: ModelRoute) -> dict[str, Any]:
    """One route as JSON values; `route_from_json` is its inverse."""
    split = route.split
    # Without kills as before there were any, so that digests stay what they were.
    kills = {"killed": list(route.killed)} if route.killed else {}
    return kills | {
        "model": route.model,
        "pool": route.pool,
        "champion": route.champion,
        "versions": list(route.versions),
        "split": None
        if split is None
        else {
            "experiment": split.experiment,
            "phase": split.phase,
            "salt": split.salt,
            "per_request": split.per_request,
            "segments": [[s.start, s.end, s.arm] for s in split.table.segments],
            "versions": dict(sorted(split.versions.items())),
            "control": split.control,
            "experiment_revision": split.experiment_revision,
        },
    }


def route_from_json(value: Mapping[str, Any]) -> ModelRoute:
    """The route that `route_to_json` wrote."""
    split = value["split"]
    return ModelRoute(
        model=value["model"],
        pool=value["pool"],
        champion=value["champion"],
        versions=tuple(value["versions"]),
        killed=tuple(value.get("killed", ())),
        split=None
        if split is None
        else Split(
            experiment=split["experiment"],
            phase=split["phase"],
            salt=split["salt"],
            per_request=split["per_request"],
            table=Table(tuple(Segment(*segment) for segment in split["segments"])),
            versions=split["versions"],
            control=split["control"],
            experiment_revision=split["experiment_revision"],
        ),
    )


def _digest(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
