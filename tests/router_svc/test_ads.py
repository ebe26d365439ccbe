"""Delta xDS over a real channel, with an Envoy that does what the test says."""

from __future__ import annotations

import grpc

from algolink.router.v1 import router_pb2
from mesh.resources import CDS, EDS, RDS, SRDS
from router_svc.domain.world import ExperimentState
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control, Controls
from tests.router_svc.neighbours import until

POOL = ["pool/default/grpc", "pool/default/http"]
SERVED = a_model(aliases={"canary": 2})
FLIPPED = a_model(champion=2, aliases={"canary": 1})
ARM = ["arm/digits-1/challenger/grpc", "arm/digits-1/challenger/http"]
FALLBACK = ["fallback/digits-1/challenger/grpc", "fallback/digits-1/challenger/http"]


async def serve_digits(control: Control) -> None:
    """Table 1 routes the model `digits` to version 1, and serves version 2."""
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(SERVED)
    await control.table(1)


async def status(control: Control) -> router_pb2.EnvoyNode:
    answer = await control.routes.GetStatus(router_pb2.GetStatusRequest())
    envoy: router_pb2.EnvoyNode = answer.envoys[0]
    return envoy


async def test_an_envoy_is_not_answered_before_there_is_a_table(control: Control) -> None:
    envoy = await control.envoy()
    await envoy.ask(CDS)

    assert await envoy.nothing_comes()
    control.show()
    assert (await envoy.update()).names == POOL


async def test_routes_wait_until_clusters_and_endpoints_are_acknowledged(
    control: Control,
) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.ask(CDS)
    await envoy.ask(SRDS)

    clusters = await envoy.update()
    assert (clusters.kind, clusters.names) == ("CDS", POOL)
    await envoy.ack(clusters)
    assert await envoy.nothing_comes()

    await envoy.ask(EDS, POOL)
    endpoints = await envoy.update()
    assert (endpoints.kind, endpoints.names) == ("EDS", POOL)
    assert await envoy.nothing_comes()

    await envoy.ack(endpoints)
    scopes = await envoy.accept("SRDS")
    assert scopes.names == ["_server", "digits"]
    assert not (await status(control)).up_to_date

    await envoy.ask(RDS, scopes.names)
    assert (await envoy.accept("RDS")).names == ["_server", "digits"]
    await until(lambda: control.router.fleet.is_live(1))
    assert (await status(control)).up_to_date


async def test_only_what_changed_is_sent(control: Control) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    control.show(FLIPPED)

    assert (await envoy.accept("RDS")).names == ["digits"]
    assert await envoy.nothing_comes()


async def test_a_split_adds_clusters_first_and_takes_them_away_last(control: Control) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    control.show(experiments=(an_experiment(),))
    assert (await envoy.accept("CDS")).names == ARM + FALLBACK
    assert await envoy.nothing_comes()
    await envoy.ask(EDS, ARM)
    assert (await envoy.accept("EDS")).names == ARM
    assert (await envoy.accept("RDS")).names == ["digits"]
    assert await envoy.nothing_comes()

    control.show(experiments=(an_experiment(state=ExperimentState.STOPPED),))
    routes = await envoy.update()
    assert (routes.kind, routes.names, routes.removed) == ("RDS", ["digits"], ())
    assert await envoy.nothing_comes()
    await envoy.ack(routes)
    clusters = await envoy.update()
    assert (clusters.kind, list(clusters.removed)) == ("CDS", ARM + FALLBACK)
    await envoy.ack(clusters)
    assert list((await envoy.accept("EDS")).removed) == ARM


async def test_a_model_goes_scope_first(control: Control) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    control.router.heard.models.delete("digits")

    scopes = await envoy.update()
    assert (scopes.kind, scopes.removed) == ("SRDS", ("digits",))
    assert await envoy.nothing_comes()
    await envoy.ack(scopes)
    routes = await envoy.accept("RDS")
    assert (routes.names, routes.removed) == ([], ("digits",))


async def test_what_an_envoy_refuses_is_shown_and_not_sent_again_before_it_changes(
    control: Control,
) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    control.show(FLIPPED)
    await envoy.nack(await envoy.update(), "no such thing")
    await until(lambda: bool(control.router.fleet.nodes()[0].rejection))
    assert await envoy.nothing_comes()
    refusing = await status(control)
    assert (refusing.rejected, refusing.up_to_date) == ("no such thing", False)

    control.show(SERVED)
    await until(lambda: not control.router.fleet.nodes()[0].rejection)
    assert (await status(control)).up_to_date
    control.show(a_model(champion=2))
    assert (await envoy.accept("RDS")).names == ["digits"]


async def test_one_bad_resource_does_not_hold_up_the_others(control: Control) -> None:
    control.router.replicas.announce(a_replica(ready=[1], model="digits"))
    control.show(a_model())
    await control.table(1)
    envoy = await control.envoy()
    await envoy.ask(CDS)
    await envoy.ask(SRDS)
    await envoy.ask(RDS, ["_server", "digits"])
    await envoy.accept("CDS")
    await envoy.ask(EDS, POOL)
    await envoy.accept("EDS")

    both = await envoy.update()
    assert (both.kind, both.names) == ("RDS", ["_server", "digits"])
    await envoy.nack(both, "digits is bad")

    alone = await envoy.accept("RDS")
    assert alone.names == ["_server"]
    bad = await envoy.update()
    assert bad.names == ["digits"]
    await envoy.nack(bad, "digits is bad")
    assert (await envoy.accept("SRDS")).names == ["_server", "digits"]
    assert await envoy.nothing_comes()
    assert (await status(control)).rejected == "digits is bad"


async def test_a_silent_envoy_is_sent_the_next_table_all_the_same(controls: Controls) -> None:
    control = await controls.start(answer_timeout_s=0.05)
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    control.show(FLIPPED)
    ignored = await envoy.update()
    assert await envoy.nothing_comes()
    assert not (await status(control)).up_to_date

    control.show(a_model(champion=2))
    await envoy.ack(await envoy.update())
    await until(lambda: control.router.fleet.is_live(control.router.composer.view.state.sequence))
    assert ignored.names == ["digits"]


async def test_an_envoy_that_reconnects_is_sent_only_what_it_lacks(control: Control) -> None:
    await serve_digits(control)
    held = control.router.publication.latest
    assert held is not None
    versions = {
        url: {name: resource.version for name, resource in resources.items()}
        for url, resources in held.resources.by_type.items()
    }
    control.show(FLIPPED)
    await control.table(2)

    envoy = await control.envoy()
    await envoy.ask(CDS, holds={**versions[CDS], "arm/old-1/b/grpc": "0123456789abcdef"})
    await envoy.ask(EDS, POOL, holds=versions[EDS])
    await envoy.ask(SRDS, holds=versions[SRDS])
    await envoy.ask(RDS, ["_server", "digits"], holds=versions[RDS])

    changed = await envoy.accept("RDS")
    assert changed.names == ["digits"]
    removed = await envoy.accept("CDS")
    assert (removed.names, removed.removed) == ([], ("arm/old-1/b/grpc",))
    await until(lambda: control.router.fleet.is_live(2))


async def test_a_name_that_is_asked_for_again_is_sent_again(control: Control) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    await envoy.ask(EDS, POOL[:1])

    assert (await envoy.accept("EDS")).names == POOL[:1]


async def test_a_name_that_does_not_exist_is_said_to_be_gone(control: Control) -> None:
    await serve_digits(control)
    envoy = await control.envoy()
    await envoy.take_all()

    await envoy.ask(RDS, ["iris"])

    update = await envoy.accept("RDS")
    assert (update.names, update.removed) == ([], ("iris",))


async def test_two_envoys_are_staged_each_on_its_own(control: Control) -> None:
    await serve_digits(control)
    first, second = await control.envoy("envoy-1"), await control.envoy("envoy-2")
    await first.take_all()
    await second.take_all()
    await until(lambda: control.router.fleet.is_live(1))

    control.show(FLIPPED)
    await first.accept("RDS")
    slow = await second.update()

    await until(lambda: [node.acknowledged for node in control.router.fleet.nodes()] == [2, 1])
    assert not control.router.fleet.is_live(2)
    await second.ack(slow)
    await until(lambda: control.router.fleet.is_live(2))


async def test_a_stream_ends_when_the_router_drains(control: Control) -> None:
    control.show()
    envoy = await control.envoy()
    await envoy.ask(CDS)
    await envoy.update()

    control.runtime.draining.set()

    assert await envoy.code() is grpc.StatusCode.UNAVAILABLE
    await until(lambda: not control.router.fleet.nodes()[0].connected)


async def test_a_node_without_a_name_is_refused(control: Control) -> None:
    envoy = await control.envoy(node="")
    await envoy.ask(CDS)

    assert await envoy.code() is grpc.StatusCode.INVALID_ARGUMENT
