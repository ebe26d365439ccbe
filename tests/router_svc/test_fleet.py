from __future__ import annotations

from datetime import datetime, timedelta

from router_svc.ads.fleet import Fleet
from router_svc.domain.records import Envoy
from tests.router_svc.builders import NOON


class Clock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


def test_an_envoy_that_is_away_holds_back_what_it_has_not_seen_for_a_day() -> None:
    clock = Clock()
    fleet = Fleet(clock.now, [Envoy(id="away", acknowledged=3, seen=NOON)])
    stream = fleet.connect("here")
    fleet.report("here", stream, acknowledged=9, rejection="")

    assert fleet.acknowledged() == 3
    clock.time += timedelta(hours=24)
    assert fleet.acknowledged() == 9
    assert fleet.forget_long_gone() == ["away"]
    assert [node.id for node in fleet.nodes()] == ["here"]


def test_without_any_envoy_nothing_is_held_back() -> None:
    assert Fleet(Clock().now).acknowledged() is None


def test_a_client_that_has_no_table_yet_makes_nothing_less_live() -> None:
    fleet = Fleet(Clock().now)
    envoy, client = fleet.connect("envoy-1"), fleet.connect("proxyless/app")
    fleet.report("envoy-1", envoy, acknowledged=4, rejection="")
    assert fleet.is_live(4)

    fleet.report("proxyless/app", client, acknowledged=3, rejection="")
    assert not fleet.is_live(4)
    fleet.report("proxyless/app", client, acknowledged=4, rejection="")
    assert fleet.is_live(4)


def test_an_old_stream_that_ends_late_does_not_disconnect_the_new_one() -> None:
    fleet = Fleet(Clock().now)
    old = fleet.connect("envoy-1")
    new = fleet.connect("envoy-1")

    fleet.report("envoy-1", old, acknowledged=5, rejection="stale")
    fleet.disconnect("envoy-1", old)

    (node,) = fleet.nodes()
    assert (node.connected, node.acknowledged, node.rejection) == (True, 0, "")
    fleet.disconnect("envoy-1", new)
    assert not node.connected


def test_a_table_is_live_only_while_envoys_are_connected_that_all_have_it() -> None:
    fleet = Fleet(Clock().now)
    assert not fleet.is_live(1)

    first, second = fleet.connect("envoy-1"), fleet.connect("envoy-2")
    fleet.report("envoy-1", first, acknowledged=2, rejection="")
    fleet.report("envoy-2", second, acknowledged=1, rejection="")

    assert fleet.is_live(1)
    assert not fleet.is_live(2)
