"""What gRPC's own clients are told of a snapshot."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_pb2

from algolink import split
from mesh import attempts, proxyless, table
from mesh.resources import CDS, EDS, LDS, RDS
from tests.mesh import builders


def routes(route: table.ModelRoute) -> list[Any]:
    told = proxyless.Proxyless(builders.a_snapshot(route))
    configuration = route_pb2.RouteConfiguration()
    told.by_type[RDS][route.model].body.Unpack(configuration)
    return list(configuration.virtual_hosts[0].routes)


def test_a_foreign_server_is_sent_nothing_that_names_no_version() -> None:
    snapshot = builders.a_snapshot(builders.a_route())
    pool = dataclasses.replace(snapshot.pools["default"], foreign=True)
    told = proxyless.Proxyless(dataclasses.replace(snapshot, pools={"default": pool}))
    configuration = route_pb2.RouteConfiguration()
    told.by_type[RDS]["digits"].body.Unpack(configuration)

    assert [each.name for each in configuration.virtual_hosts[0].routes] == [
        "version-1",
        "version-2",
    ]
    assert told.clusters("digits") == {"pool/default/foreign-grpc"} <= told.by_type[CDS].keys()
    assert len(proxyless.limitations(builders.a_route(), foreign=True)) == 1


def matched(route: table.ModelRoute, **headers: str) -> str | None:
    """Cluster that a request with these headers goes to, as gRPC matches; None for none."""
    for each in routes(route):
        if all(_matches(matcher, headers) for matcher in each.match.headers):
            return str(each.route.cluster)
    return None


def _matches(matcher: Any, headers: dict[str, str]) -> bool:
    value = headers.get(matcher.name.removeprefix("x-al-"))
    kind = matcher.WhichOneof("header_match_specifier")
    if kind == "present_match":
        found = value is not None
    elif kind == "range_match":
        found = value is not None and (
            matcher.range_match.start <= int(value) < matcher.range_match.end
        )
    else:
        found = value == matcher.string_match.exact
    return bool(found != matcher.invert_match)


def test_every_bucket_leads_to_its_arm_with_its_version_and_to_nothing_else() -> None:
    table_ = split.resize(
        split.allocate({"champion": 9_000, "challenger": 1_000}),
        {"champion": 5_000, "challenger": 5_000},
    )
    route = builders.a_route(split=builders.a_split(bucket_table=table_))

    for bucket in (0, 4_999, 5_000, 9_999):
        version = "1" if bucket < 5_000 else "2"
        other = "2" if bucket < 5_000 else "1"
        cluster = "pool/default/grpc" if bucket < 5_000 else "arm/digits-1/challenger/grpc"
        assert matched(route, bucket=str(bucket), version=version) == cluster
        assert matched(route, bucket=str(bucket), version=other) is None


def test_a_request_that_says_nothing_goes_to_the_pool() -> None:
    route = builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))

    assert matched(route) == "pool/default/grpc"


def test_a_version_that_the_table_does_not_name_is_not_sent() -> None:
    route = builders.a_route(versions=(1, 2))

    assert matched(route, version="2") == "pool/default/grpc"
    assert matched(route, version="3") is None


def test_a_killed_arm_keeps_its_buckets_and_the_champion_answers() -> None:
    route = builders.a_route(
        versions=(1,), killed=(2,), split=builders.a_split({"champion": 0, "challenger": 10_000})
    )

    assert matched(route, bucket="7", version="1") == "pool/default/grpc"
    assert matched(route, bucket="7", version="2") is None
    assert matched(route, version="2") is None


def test_everything_that_routes_lead_to_is_there() -> None:
    route = builders.a_route(split=builders.a_split())
    told = proxyless.Proxyless(builders.a_snapshot(route, builders.a_route("iris")))

    assert sorted(told.by_type[LDS]) == sorted(told.by_type[RDS]) == ["digits", "iris"]
    assert told.clusters("digits") == {"pool/default/grpc", "arm/digits-1/challenger/grpc"}
    assert told.clusters("digits") <= told.by_type[CDS].keys() == told.by_type[EDS].keys()
    with pytest.raises(KeyError):
        told.by_type[CDS]["arm/digits-1/nobody/grpc"]


def test_a_pool_without_replicas_has_no_endpoints() -> None:
    told = proxyless.Proxyless(builders.a_snapshot(builders.a_route(), grpc=()))
    assignment = endpoint_pb2.ClusterLoadAssignment()
    told.by_type[EDS]["pool/default/grpc"].body.Unpack(assignment)

    assert not assignment.endpoints


def test_what_a_client_does_not_do_is_said() -> None:
    plain = builders.a_route()
    shadowed = builders.a_route(shadow=table.Shadow(version=2, share_bp=500))
    helped = builders.a_route(split=builders.a_split())

    assert proxyless.limitations(plain, foreign=False) == ()
    assert proxyless.limitations(shadowed, foreign=False) == (
        "version 2 gets no copies of requests",
    )
    assert proxyless.limitations(helped, foreign=False) == (
        "version 1 does not answer where challenger fails",
    )


def test_a_client_retries_as_the_route_says_in_its_own_words() -> None:
    handling = attempts.Handling(
        attempt_timeout_ms=500,
        retries=attempts.Retries(number=9, on=(attempts.Failure.RESET, attempts.Failure.INTERNAL)),
    )
    route = builders.a_route(handling=handling)
    told = proxyless.Proxyless(builders.a_snapshot(route))
    configuration = route_pb2.RouteConfiguration()
    told.by_type[RDS]["digits"].body.Unpack(configuration)
    policy = configuration.virtual_hosts[0].retry_policy

    assert (policy.retry_on, policy.num_retries.value) == ("unavailable,internal", 4)
    assert proxyless.limitations(route, foreign=False) == (
        "an attempt may take longer than 500 ms",
        "a request is tried again 4 times, not 9",
    )
