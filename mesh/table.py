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
from algolink.split import MAX_SEGMENTS, Segment, Table
from mesh import attempts, selection
from mesh.attempts import Fallback as Fallback
from mesh.attempts import Handling as Handling
from mesh.selection import Audience as Audience
from mesh.selection import Holdout as Holdout
from mesh.selection import Shadow as Shadow

MAX_ARMS = 64


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
    fallback: Fallback | None = attempts.FALLBACK

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


@dataclass(frozen=True, kw_only=True)
class ModelRoute:
    """How requests for one model are routed.

    What decides comes in this order: a version that the request names, overrides,
    audiences, holdout, split, champion.

    Attributes:
        model: its id.
        pool: name of the replica pool that serves it.
        champion: version for requests that nothing else decides about.
        versions: versions that may be asked for by number, ascending; holds the
            champion and every version that is named here and not killed.
        split: the running experiment or shift, if there is one.
        killed: versions that nobody is sent to, ascending: the champion answers
            wherever they would, requests that name them are refused.
        shadow: what gets copies of predictions that name no version, if anything.
        overrides: version of units that are sent there whatever else is said.
        audiences: rules that come before the split; the first that matches decides.
        holdout: units that the split does not get, if any.
        handling: how requests are tried.
        rules_revision: of the operators' decision that overrides, audiences,
            holdout, shadow and handling come from; 0 without one.
    """

    model: str
    pool: str
    champion: int
    versions: tuple[int, ...]
    split: Split | None = None
    killed: tuple[int, ...] = ()
    shadow: Shadow | None = None
    overrides: Mapping[str, int] = field(default_factory=dict)
    audiences: tuple[Audience, ...] = ()
    holdout: Holdout | None = None
    handling: Handling = attempts.PLAIN
    rules_revision: int = 0

    def __post_init__(self) -> None:
        names.check_model_id(self.model)
        if list(self.versions) != sorted(set(self.versions)):
            raise ValueError(f"versions of {self.model} must ascend: {self.versions}")
        if list(self.killed) != sorted(set(self.killed) - {self.champion} - set(self.versions)):
            raise ValueError(f"{self.model} serves what it killed: {self.killed}")
        selection.check_overrides(self.overrides)
        selection.check_audiences(self.audiences)
        routed = {self.champion} | (self.named() - set(self.killed))
        if not routed <= set(self.versions):
            raise ValueError(
                f"{self.model} routes {sorted(routed)} but serves {list(self.versions)}"
            )

        fallback = self.split.fallback if self.split is not None else None
        if fallback is not None and fallback.attempt_timeout_ms > self.handling.timeout_ms:
            raise ValueError(
                f"an attempt may take 1 to {self.handling.timeout_ms} ms, which is what a request "
                f"for {self.model} may take, not {fallback.attempt_timeout_ms}"
            )

    def named(self) -> set[int]:
        """Versions that anything here names beside the champion, killed ones too."""
        named = self.selected()
        if self.shadow is not None:
            named.add(self.shadow.version)
        if self.split is not None:
            named |= set(self.split.versions.values())
            fallback = self.split.fallback
            if fallback is not None and fallback.version is not None:
                named.add(fallback.version)
        return named

    def selected(self) -> set[int]:
        """Versions that overrides and audiences send to, killed ones too."""
        chosen = {each.version for each in self.audiences if each.version is not None}
        return chosen | set(self.overrides.values())

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
        foreign: whether they are servers that are not ours (Triton) and read the
            version from the message or the path alone, where the mesh writes it.
    """

    name: str
    grpc: tuple[Endpoint, ...] = ()
    http: tuple[Endpoint, ...] = ()
    foreign: bool = False


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
        "pools": [pool_to_json(pool) for _, pool in sorted(snapshot.pools.items())],
    }


def from_json(value: Mapping[str, Any]) -> Snapshot:
    """The snapshot that `to_json` wrote."""
    routes = [route_from_json(route) for route in value["routes"]]
    pools = [pool_from_json(pool) for pool in value["pools"]]
    return Snapshot(
        routes={route.model: route for route in routes},
        pools={pool.name: pool for pool in pools},
    )


def pool_to_json(pool: Pool) -> dict[str, Any]:
    """One pool as JSON values; `pool_from_json` is its inverse."""
    return {
        "name": pool.name,
        "grpc": [[e.host, e.port] for e in pool.grpc],
        "http": [[e.host, e.port] for e in pool.http],
        **({"foreign": True} if pool.foreign else {}),
    }


def pool_from_json(value: Mapping[str, Any]) -> Pool:
    """The pool that `pool_to_json` wrote."""
    return Pool(
        name=value["name"],
        grpc=tuple(Endpoint(host, port) for host, port in value["grpc"]),
        http=tuple(Endpoint(host, port) for host, port in value["http"]),
        foreign=value.get("foreign", False),
    )


def route_to_json(route: ModelRoute) -> dict[str, Any]:
    """One route as JSON values; `route_from_json` is its inverse.

    What is not there is left out, so that a route keeps its revision when routes
    learn to hold more.
    """
    split = route.split
    return {
        **_rules_to_json(route),
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
                {"fallback": attempts.fallback_to_json(split.fallback)}
                if split.fallback is not None
                else {}
            ),
        },
    }


def route_from_json(value: Mapping[str, Any]) -> ModelRoute:
    """The route that `route_to_json` wrote; what older ones lacked was not there."""
    split = value["split"]
    fallback = split and split.get("fallback")
    shadow, holdout = value.get("shadow"), value.get("holdout")
    return ModelRoute(
        model=value["model"],
        pool=value["pool"],
        champion=value["champion"],
        versions=tuple(value["versions"]),
        killed=tuple(value.get("killed", ())),
        shadow=shadow and Shadow(**shadow),
        overrides=value.get("overrides", {}),
        audiences=tuple(map(selection.audience_from_json, value.get("audiences", ()))),
        holdout=holdout and Holdout(**holdout),
        handling=attempts.handling_from_json(value.get("handling", {})),
        rules_revision=value.get("rules_revision", 0),
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
            fallback=fallback and attempts.fallback_from_json(fallback),
        ),
    )


def _rules_to_json(route: ModelRoute) -> dict[str, Any]:
    value: dict[str, Any] = {}
    if route.killed:
        value["killed"] = list(route.killed)
    if route.shadow is not None:
        value["shadow"] = {"version": route.shadow.version, "share_bp": route.shadow.share_bp}
    if route.overrides:
        value["overrides"] = dict(sorted(route.overrides.items()))
    if route.audiences:
        value["audiences"] = [selection.audience_to_json(each) for each in route.audiences]
    if route.holdout is not None:
        value["holdout"] = {"layer": route.holdout.layer, "share_bp": route.holdout.share_bp}
    if route.handling != attempts.PLAIN:
        value["handling"] = attempts.handling_to_json(route.handling)
    if route.rules_revision:
        value["rules_revision"] = route.rules_revision
    return value


def _digest(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
