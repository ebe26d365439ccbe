"""How each kind of call is forwarded: retries, deadlines, and where to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2 as components
from envoy.extensions.retry.host.previous_hosts.v3 import previous_hosts_pb2
from envoy.type.matcher.v3 import string_pb2
from envoy.type.v3 import percent_pb2
from google.protobuf import duration_pb2, wrappers_pb2

from mesh import clusters, fallback, names, table
from mesh.attempts import PLAIN, Failure, Handling, Retries
from mesh.names import Wire

_STREAM_IDLE_TIMEOUT = duration_pb2.Duration(seconds=3_600)

_STATUSES: Mapping[Failure, int] = {
    Failure.UNAVAILABLE: 503,
    Failure.INTERNAL: 500,
    Failure.EXHAUSTED: 429,
    Failure.LATE: 504,
}
"""What a REST replica answers where a gRPC one has a status of that name."""


@dataclass(frozen=True, slots=True)
class Call:
    """A kind of call that is forwarded in one way.

    Attributes:
        name: for the names of routes.
        wire: what the replicas are spoken to.
        operations: values of the operation header that are of this kind.
    """

    name: str
    wire: Wire
    operations: frozenset[str]

    @property
    def is_grpc(self) -> bool:
        """Whether it is gRPC."""
        return names.is_grpc(self.wire)

    @property
    def is_stream(self) -> bool:
        """Whether it is a stream of messages."""
        return names.OPERATION_STREAM in self.operations

    @property
    def is_foreign(self) -> bool:
        """Whether it is forwarded to servers that read no version from a header."""
        return self.wire in clusters.FOREIGN_WIRES


STREAM = Call("stream", "grpc", frozenset({names.OPERATION_STREAM}))
_UNARY_OPERATIONS = frozenset({names.OPERATION_INFER, names.OPERATION_INFO, names.OPERATION_SERVER})
UNARY = Call("grpc", "grpc", _UNARY_OPERATIONS)
REST = Call("http", "http", _UNARY_OPERATIONS)

CALLS = (STREAM, UNARY, REST)
"""In the order in which their routes are matched."""

_FOREIGN_CALLS = (
    replace(STREAM, wire="foreign-grpc"),
    replace(UNARY, wire="foreign-grpc"),
    replace(REST, wire="foreign-http"),
)


def calls(*, foreign: bool) -> tuple[Call, ...]:
    """All kinds of calls, as they are forwarded to replicas, or to foreign servers."""
    return _FOREIGN_CALLS if foreign else CALLS


def to_cluster(call: Call, cluster: str, handling: Handling = PLAIN) -> components.RouteAction:
    """Forwards to one cluster."""
    action = _action(call, handling)
    action.cluster = cluster
    return action


def to_split(
    call: Call,
    weighted: components.WeightedCluster,
    hashed: components.RouteAction.HashPolicy,
    handling: Handling = PLAIN,
) -> components.RouteAction:
    """Forwards to the cluster that the hash falls on."""
    action = _action(call, handling)
    action.weighted_clusters.CopyFrom(weighted)
    action.hash_policy.append(hashed)
    return action


def is_shadowed(route: table.ModelRoute, call: Call) -> bool:
    """Whether copies of such calls go to a shadow; a stream cannot be copied."""
    shadow = route.shadow
    return shadow is not None and shadow.version not in route.killed and not call.is_stream


def add_shadow(action: components.RouteAction, route: table.ModelRoute, call: Call) -> None:
    """Sends copies to the route's shadow, which must be there."""
    assert route.shadow is not None  # noqa: S101 - is_shadowed says so
    version = str(route.shadow.version)
    policy = action.request_mirror_policies.add(
        cluster=names.shadow_cluster(route.model, call.wire),
        disable_shadow_host_suffix_append=True,
    )
    policy.runtime_fraction.default_value.numerator = route.shadow.share_bp
    policy.runtime_fraction.default_value.denominator = percent_pb2.FractionalPercent.TEN_THOUSAND
    for header in (names.VERSION_HEADER, names.SHADOW_HEADER):
        added = policy.request_headers_mutations.add().append
        added.header.key, added.header.value = header, version
        added.append_action = base_pb2.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD
    # A plan would win over the version.
    policy.request_headers_mutations.add(remove=names.PLAN_HEADER)


def _action(call: Call, handling: Handling) -> components.RouteAction:
    if call.is_stream:
        # What was answered on a stream cannot be taken back, so it is never
        # retried; and it may last.
        return components.RouteAction(
            timeout=duration_pb2.Duration(), idle_timeout=_STREAM_IDLE_TIMEOUT
        )
    action = components.RouteAction(
        timeout=duration(handling.timeout_ms), retry_policy=_retry(call, handling.retries)
    )
    if handling.attempt_timeout_ms is not None:
        action.retry_policy.per_try_timeout.CopyFrom(duration(handling.attempt_timeout_ms))
    return action


def _retry(call: Call, retries: Retries) -> components.RetryPolicy:
    """A prediction is idempotent: another replica of the same version may make it."""
    policy = components.RetryPolicy(
        retry_on=",".join(_conditions(call, retries.on)),
        retriable_status_codes=[]
        if call.is_grpc
        else [_STATUSES[failure] for failure in retries.on if failure in _STATUSES],
        # Only where a request asks for retriable-headers, as assign.lua makes it.
        retriable_headers=[
            components.HeaderMatcher(
                name="grpc-status", string_match=string_pb2.StringMatcher(exact=str(status))
            )
            for status in fallback.RETRIED_GRPC_STATUSES
        ]
        if call.is_grpc
        else [],
        num_retries=wrappers_pb2.UInt32Value(value=retries.number),
        # A dead replica has the fewest requests under way, so the balancer would
        # rather take it again; after this many times it gets its way.
        host_selection_retry_max_attempts=64,
        retry_back_off=components.RetryPolicy.RetryBackOff(
            base_interval=duration(retries.backoff_ms),
            max_interval=duration(retries.max_backoff_ms),
        ),
    )
    predicate = policy.retry_host_predicate.add(name="envoy.retry_host_predicates.previous_hosts")
    predicate.typed_config.Pack(previous_hosts_pb2.PreviousHostsPredicate(), deterministic=True)
    return policy


def _conditions(call: Call, on: Sequence[Failure]) -> list[str]:
    """Envoy's words for failures."""
    if call.is_grpc:
        return [failure.value for failure in on]
    without_status = [failure.value for failure in on if failure not in _STATUSES]
    has_status = len(without_status) < len(on)
    return without_status + (["retriable-status-codes"] if has_status else [])


def duration(span_ms: int) -> duration_pb2.Duration:
    """A span in milliseconds as a message."""
    return duration_pb2.Duration(seconds=span_ms // 1_000, nanos=span_ms % 1_000 * 1_000_000)
