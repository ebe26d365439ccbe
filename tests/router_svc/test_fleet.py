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
    assert fleet.long_gone() == ["away"]
    fleet.forget("away")
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


def test_an_envoy_at_another_router_counts_as_that_router_wrote_it_down() -> None:
    fleet = Fleet(Clock().now, router="router-1")
    there = Envoy(id="envoy-1", acknowledged=3, seen=NOON, router="router-2", taken=4)

    fleet.take([there], {"router-1", "router-2"}, as_of=1)
    assert fleet.is_live(3)
    assert not fleet.is_live(4)
    assert fleet.is_live(4, "digits")

    fleet.take([there], {"router-1"}, as_of=1)
    (node,) = fleet.nodes()
    assert not node.connected
    assert fleet.acknowledged() == 3


def test_a_stream_here_is_no_older_than_what_is_written_until_it_is_written_itself() -> None:
    fleet = Fleet(Clock().now, router="router-1")
    stream = fleet.connect("envoy-1")
    elsewhere = Envoy(id="envoy-1", acknowledged=3, seen=NOON, router="router-2")

    fleet.take([elsewhere], {"router-1", "router-2"}, as_of=1)
    assert fleet.nodes()[0].stream == stream

    fleet.register("envoy-1", stream, acknowledged=3)
    assert fleet.nodes()[0].acknowledged == 3
    fleet.take([elsewhere], {"router-1", "router-2"}, as_of=1)
    assert [(node.stream, node.router) for node in fleet.nodes()] == [(None, "router-2")]


def test_an_envoy_that_was_removed_is_gone_everywhere() -> None:
    fleet = Fleet(Clock().now, [Envoy(id="away", acknowledged=3, seen=NOON)], router="router-1")

    fleet.take([], {"router-1"}, as_of=1)

    assert fleet.nodes() == []
    assert fleet.acknowledged() is None


def test_who_refuses_one_models_route_does_as_told_for_the_others() -> None:
    fleet = Fleet(Clock().now)
    stream = fleet.connect("envoy-1")

    fleet.report("envoy-1", stream, acknowledged=None, taken=5, rejection="bad", refused=["digits"])

    assert fleet.is_live(5, "iris")
    assert not fleet.is_live(5, "digits")
    assert not fleet.is_live(5)
    assert fleet.rejections("digits") == ("envoy-1: bad",)
