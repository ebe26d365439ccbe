"""Messages to values and back."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from google.protobuf import timestamp_pb2

from algolink.errors import AlgoLinkError, InvalidArgument
from algolink.experiment.v1 import experiment_pb2
from algolink.names import ExperimentName, ModelName, VersionName, shown
from algolink.registry.v1 import registry_pb2
from algolink.router.v1 import router_pb2
from algolink.split import Segment, Table
from chassis.addresses import split_address
from mesh import proxyless
from mesh.table import Endpoint, ModelRoute, Split
from router_svc import convert_rules
from router_svc.ads.fleet import Node
from router_svc.domain.explain import Explanation
from router_svc.domain.records import RouteRevision
from router_svc.domain.world import (
    Artifact,
    Experiment,
    ExperimentState,
    Loaded,
    LoadState,
    Model,
    Replica,
)

_REPLICA_ID = re.compile("[a-z0-9-]{1,63}")

_EXPERIMENT_STATES = {
    experiment_pb2.STATE_DRAFT: ExperimentState.DRAFT,
    experiment_pb2.STATE_RUNNING: ExperimentState.RUNNING,
    experiment_pb2.STATE_CONCLUDING: ExperimentState.CONCLUDING,
    experiment_pb2.STATE_CONCLUDED: ExperimentState.CONCLUDED,
    experiment_pb2.STATE_STOPPED: ExperimentState.STOPPED,
}

_ARCHIVED = {registry_pb2.VERSION_STATE_ARCHIVED, registry_pb2.VERSION_STATE_DELETED}

_LOAD_STATES = {
    router_pb2.LOAD_STATE_LOADING: LoadState.LOADING,
    router_pb2.LOAD_STATE_READY: LoadState.READY,
    router_pb2.LOAD_STATE_FAILED: LoadState.FAILED,
    router_pb2.LOAD_STATE_UNLOADING: LoadState.UNLOADING,
}
_LOAD_STATES_TO_PROTO = {state: number for number, state in _LOAD_STATES.items()}


def model_from_proto(message: registry_pb2.ModelState) -> Model:
    """A model as the registry's watch shows it."""
    return Model(
        id=ModelName.parse(message.model.name).model,
        revision=message.model.revision,
        aliases={alias: to.version for alias, to in message.model.aliases.items()},
        versions={v.number: Artifact(v.digest, v.size_bytes) for v in message.versions},
        archived=frozenset(v.number for v in message.versions if v.state in _ARCHIVED),
    )


def experiment_from_proto(message: experiment_pb2.Experiment) -> Experiment:
    """An experiment as its service's watch shows it.

    Raises:
        ValueError: if its segments are no table, or its state is unknown.
    """
    state = _EXPERIMENT_STATES.get(message.state)
    if state is None:
        raise ValueError(f"unknown state {message.state}")
    segments = tuple(Segment(s.start, s.end, s.arm) for s in message.segments)
    return Experiment(
        id=ExperimentName.parse(message.name).experiment,
        model=ModelName.parse(message.model).model,
        revision=message.revision,
        state=state,
        arms={arm.id: arm.version for arm in message.arms},
        salt=message.salt,
        per_request=message.unit == experiment_pb2.UNIT_KIND_REQUEST,
        table=Table(segments) if segments else None,
        phase=message.phases[-1].number if message.phases else 0,
        winner=message.verdict.winner if message.HasField("verdict") else None,
        promoted_model_revision=message.promoted_model_revision,
    )


def replica_from_proto(message: router_pb2.AnnounceRequest, *, at: datetime) -> Replica:
    """A replica as it announces itself at `at`.

    Raises:
        InvalidArgument: REPLICA_INVALID.
    """
    for field in ("replica_id", "pool"):
        value = getattr(message, field)
        if _REPLICA_ID.fullmatch(value) is None:
            raise _replica_invalid(field, value, f"it must match {_REPLICA_ID.pattern}")
    return Replica(
        id=message.replica_id,
        pool=message.pool,
        grpc=_endpoint("grpc_address", message.grpc_address),
        http=_endpoint("http_address", message.http_address),
        versions=dict(_loaded(loaded) for loaded in message.versions),
        renewed=at,
        draining=message.draining,
        foreign=message.foreign,
    )


def replica_to_proto(replica: Replica, *, alive: bool) -> router_pb2.Replica:
    return router_pb2.Replica(
        id=replica.id,
        pool=replica.pool,
        grpc_address=str(replica.grpc),
        http_address=str(replica.http),
        alive=alive,
        versions=[
            router_pb2.LoadedVersion(
                model=version.model,
                version=version.number,
                state=_LOAD_STATES_TO_PROTO[loaded.state],
                message=loaded.message,
            )
            for version, loaded in sorted(replica.versions.items())
        ],
        renew_time=timestamp(replica.renewed),
        foreign=replica.foreign,
    )


def envoy_to_proto(node: Node, *, up_to_date: bool) -> router_pb2.EnvoyNode:
    return router_pb2.EnvoyNode(
        id=node.id, connected=node.connected, up_to_date=up_to_date, rejected=node.rejection
    )


def wanted_to_proto(
    version: VersionName, artifact: Artifact, *, is_champion: bool
) -> router_pb2.WantedVersion:
    return router_pb2.WantedVersion(
        model=version.model,
        version=version.number,
        digest=artifact.digest,
        size_bytes=artifact.size_bytes,
        is_champion=is_champion,
    )


def route_to_proto(
    revision: RouteRevision,
    *,
    live: bool,
    pending: Collection[str],
    frozen: bool = False,
    foreign: bool = False,
    rejections: Collection[str] = (),
) -> router_pb2.Route:
    """A route that is there."""
    route = revision.route
    if route is None:
        raise ValueError(f"{revision.model} has no route")
    return router_pb2.Route(
        model=route.model,
        revision=route.revision,
        champion_version=route.champion,
        versions=route.versions,
        split=_split_to_proto(route.split) if route.split else None,
        update_time=timestamp(revision.time),
        live=live,
        pending=pending,
        killed_versions=route.killed,
        frozen=frozen,
        rejections=rejections,
        rules=convert_rules.route_rules_to_proto(route),
        proxyless_limitations=proxyless.limitations(route, foreign=foreign),
    )


def explanation_to_proto(explanation: Explanation, route: ModelRoute) -> router_pb2.Explanation:
    """Where a request goes by `route`, and why."""
    split, bucket = explanation.split, explanation.bucket
    message = router_pb2.Explanation(
        model=route.model,
        route_revision=route.revision,
        version=explanation.version,
        arm=explanation.arm,
        rules=[
            router_pb2.RuleOutcome(
                rule=rule.name,
                decided=rule.decided,
                why=rule.why,
                conditions=[
                    router_pb2.ConditionOutcome(
                        condition=each.condition, holds=each.holds, found=each.found
                    )
                    for each in rule.conditions
                ],
            )
            for rule in explanation.rules
        ],
        holdout_bucket=explanation.holdout_bucket,
        rules_revision=route.rules_revision,
        shadow_version=explanation.shadow.version if explanation.shadow else 0,
        shadow_share_bp=explanation.shadow.share_bp if explanation.shadow else 0,
        fallback_version=explanation.fallback,
    )
    if split is not None:
        message.experiment = _experiment_name(split)
        message.phase = split.phase
        message.experiment_revision = split.experiment_revision
        if bucket is not None:
            message.bucket = bucket
            message.segment.CopyFrom(_segment_to_proto(split, split.table.segment_of(bucket)))
    return message


def _split_to_proto(split: Split) -> router_pb2.Split:
    return router_pb2.Split(
        experiment=_experiment_name(split),
        phase=split.phase,
        salt=split.salt,
        per_request=split.per_request,
        segments=[_segment_to_proto(split, segment) for segment in split.table.segments],
        experiment_revision=split.experiment_revision,
    )


def _experiment_name(split: Split) -> str:
    return str(ExperimentName(split.experiment)) if split.experiment else ""


def _segment_to_proto(split: Split, segment: Segment) -> router_pb2.SplitSegment:
    return router_pb2.SplitSegment(
        start=segment.start,
        end=segment.end,
        arm=segment.arm,
        version=split.versions[segment.arm],
    )


def _loaded(message: router_pb2.LoadedVersion) -> tuple[VersionName, Loaded]:
    name = f"models/{message.model}/versions/{message.version}"
    try:
        version = VersionName.parse(name)
    except AlgoLinkError as error:
        raise _replica_invalid("versions", name, error.message) from error
    state = _LOAD_STATES.get(message.state)
    if state is None:
        raise _replica_invalid("versions", name, "its state is not specified")
    return version, Loaded(state, message.message)


def _endpoint(field: str, address: str) -> Endpoint:
    try:
        host, port = split_address(address)
    except AlgoLinkError as error:
        raise _replica_invalid(field, address, error.message) from error
    if not host or port == 0:
        raise _replica_invalid(field, address, "it must name a host and a port")
    return Endpoint(host, port)


def _replica_invalid(field: str, value: str, why: str) -> InvalidArgument:
    return InvalidArgument(
        "REPLICA_INVALID",
        f"{field} {shown(value)} of the replica is refused: {why}",
        field=field,
        value=shown(value),
    )


def attributes_from_proto(
    attributes: Iterable[router_pb2.Attribute],
) -> dict[str, list[str]]:
    """All values of each attribute; names of headers know no capitals."""
    values: dict[str, list[str]] = {}
    for attribute in attributes:
        values.setdefault(attribute.name.lower(), []).append(attribute.value)
    return values


def moment_from_proto(message: timestamp_pb2.Timestamp) -> datetime:
    """A moment; UTC.

    Raises:
        InvalidArgument: TIME_INVALID, if no calendar has it.
    """
    try:
        return message.ToDatetime(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(
            "TIME_INVALID", f"{message.seconds} s since 1970 is no time: {error}"
        ) from error


def timestamp(moment: datetime) -> timestamp_pb2.Timestamp:
    """A moment; UTC."""
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(moment)
    return message
