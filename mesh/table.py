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

from algolink import audience, names
from algolink.split import BUCKETS, MAX_SEGMENTS, Segment, Table

ROUTE_TIMEOUT_MS = 30_000
"""How long a request may take, with all its attempts."""

MAX_ARMS = 64
MAX_AUDIENCES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """That the champion answers for a candidate that fails, or takes too long.

    Attributes:
        attempt_timeout_ms: how long each attempt may take, the champion's too.
    """

    attempt_timeout_ms: int = 10_000

    def __post_init__(self) -> None:
        if not 1 <= self.attempt_timeout_ms <= ROUTE_TIMEOUT_MS:
            raise ValueError(
                f"an attempt may take 1 to {ROUTE_TIMEOUT_MS} ms, not {self.attempt_timeout_ms}"
            )


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
        fallback: None if an arm's failures are to reach the client.
    """

    experiment: str
    phase: int
    salt: str
    per_request: bool
    table: Table
    versions: Mapping[str, int]
    control: str
    experiment_revision: int
    fallback: Fallback | None = Fallback()

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        return f"experiment {self.experiment}" if self.experiment else "the shift"

    def __post_init__(self) -> None:
        if len(self.versions) > MAX_ARMS:
            raise ValueError(f"{self.experiment} has {len(self.versions)} arms, over {MAX_ARMS}")
        if len(self.table.segments) > MAX_SEGMENTS:
            raise ValueError(
                f"{self.experiment} has {len(self.table.segments)} segments, over {MAX_SEGMENTS}"
            )
        missing = self.table.weights().keys() - self.versions.keys()
        if missing:
            raise ValueError(f"arms without a version: {sorted(missing)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shadow:
    """A version that gets copies of a model's predictions; its answers go nowhere.

    Attributes:
        version: its number.
        share_bp: share of the predictions, in basis points, 1 to 10,000; drawn for
            each request, whatever its unit.
    """

    version: int
    share_bp: int

    def __post_init__(self) -> None:
        if not 1 <= self.share_bp <= BUCKETS:
            raise ValueError(f"a shadow gets 1 to {BUCKETS} basis points, not {self.share_bp}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Predictions that are routed by their attributes.

    Attributes:
        conditions: all of which must hold; 1 to 16.
        version: where they go; None to be routed as if no audience followed.
    """

    conditions: tuple[audience.Condition, ...]
    version: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.conditions) <= audience.MAX_CONDITIONS:
            raise ValueError(
                f"an audience has 1 to {audience.MAX_CONDITIONS} conditions, "
                f"not {len(self.conditions)}"
            )


@dataclass(frozen=True, kw_only=True)
class ModelRoute:
    """How requests for one model are routed.

    Attributes:
        model: its id.
        pool: name of the replica pool that serves it.
        champion: version for requests that name none and are in no experiment.
        versions: versions that may be asked for by number, ascending; holds the
            champion and every version of the split, the shadow and the audiences
            that is not killed.
        split: the running experiment or shift, if there is one.
        killed: versions that nobody is sent to, ascending: their arms' units and
            audiences go to the champion, requests that name them are refused.
        shadow: what gets copies of predictions that name no version, if anything.
        audiences: rules that come before the split; the first that matches decides.
    """

    model: str
    pool: str
    champion: int
    versions: tuple[int, ...]
    split: Split | None = None
    killed: tuple[int, ...] = ()
    shadow: Shadow | None = None
    audiences: tuple[Audience, ...] = ()

    def __post_init__(self) -> None:
        names.check_model_id(self.model)
        if list(self.versions) != sorted(set(self.versions)):
            raise ValueError(f"versions of {self.model} must ascend: {self.versions}")
        if list(self.killed) != sorted(set(self.killed) - {self.champion} - set(self.versions)):
            raise ValueError(f"{self.model} serves what it killed: {self.killed}")
        wanted = {each.version for each in self.audiences if each.version is not None}
        if self.split is not None:
            wanted |= set(self.split.versions.values())
        if self.shadow is not None:
            wanted.add(self.shadow.version)
        routed = {self.champion} | (wanted - set(self.killed))
        if len(self.audiences) > MAX_AUDIENCES:
            raise ValueError(
                f"{self.model} has {len(self.audiences)} audiences, over {MAX_AUDIENCES}"
            )
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
    """One route as JSON values; `route_from_json` is its inverse.

    What is not there is left out, so that a route keeps its revision when routes
    learn to hold more.
    """
    split, shadow = route.split, route.shadow
    optional: dict[str, Any] = {}
    if route.killed:
        optional["killed"] = list(route.killed)
    if shadow is not None:
        optional["shadow"] = {"version": shadow.version, "share_bp": shadow.share_bp}
    if route.audiences:
        optional["audiences"] = [
            {
                "conditions": [audience.to_json(condition) for condition in each.conditions],
                "version": each.version,
            }
            for each in route.audiences
        ]
    return {
        **optional,
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
            **(
                {"fallback": {"attempt_timeout_ms": split.fallback.attempt_timeout_ms}}
                if split.fallback is not None
                else {}
            ),
        },
    }


def route_from_json(value: Mapping[str, Any]) -> ModelRoute:
    """The route that `route_to_json` wrote; what older ones lacked was not there."""
    split = value["split"]
    fallback = split and split.get("fallback")
    shadow = value.get("shadow")
    return ModelRoute(
        model=value["model"],
        pool=value["pool"],
        champion=value["champion"],
        versions=tuple(value["versions"]),
        killed=tuple(value.get("killed", ())),
        shadow=shadow and Shadow(**shadow),
        audiences=tuple(
            Audience(
                conditions=tuple(map(audience.from_json, each["conditions"])),
                version=each["version"],
            )
            for each in value.get("audiences", ())
        ),
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
            fallback=fallback and Fallback(**fallback),
        ),
    )


def _digest(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
