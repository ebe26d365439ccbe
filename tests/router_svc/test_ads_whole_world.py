"""State-of-the-world xDS over a real channel, with a client that does what the test says."""

from __future__ import annotations

import hashlib
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import grpc
import pytest

from algolink.router.v1 import router_pb2
from chassis import auth
from mesh.resources import CDS, EDS, LDS, RDS
from router_svc.ads import fleet
from router_svc.domain.world import ExperimentState
from tests.router_svc.builders import a_model, a_replica, an_experiment
from tests.router_svc.conftest import Control
from tests.router_svc.grpc_client_script import ScriptedClient, clusters_of
from tests.router_svc.neighbours import until

POOL = "pool/default/grpc"
ARM = "arm/digits-1/challenger/grpc"
SERVED = a_model(aliases={"canary": 2})
WITHOUT_2 = a_model()


async def serve_digits(control: Control) -> None:
    """Table 1 routes the model `digits` to version 1, and serves version 2."""
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    control.show(SERVED)
    await control.table(1)


async def a_client(control: Control, node: str = "app") -> ScriptedClient:
    return await control.stack.enter_async_context(ScriptedClient.connected(control.line, node))


def entries(control: Control) -> dict[str, bool]:
    return {node.id: node.connected for node in control.router.fleet.nodes()}


async def test_a_client_is_sent_what_it_asks_for_and_counts_once_it_has_all(
    control: Control,
) -> None:
    await serve_digits(control)
    client = await a_client(control)

    await client.ask(LDS, ["digits"])
    assert (await client.accept("LDS")).names == ["digits"]
    await client.ask(RDS, ["digits"])
    routes = await client.accept("RDS")
    assert clusters_of(routes.resources["digits"]) == [POOL]
    assert not control.router.fleet.is_live(1)
    await client.ask(CDS, [POOL])
    assert (await client.accept("CDS")).names == [POOL]
    await client.ask(EDS, [POOL])
    endpoints = (await client.accept("EDS")).resources[POOL]
    assert len(endpoints.endpoints[0].lb_endpoints) == 1

    await until(lambda: control.router.fleet.is_live(1))
    assert await client.nothing_comes()
    status = await control.routes.GetStatus(router_pb2.GetStatusRequest())
    assert [(e.id, e.up_to_date) for e in status.envoys] == [("proxyless/app", True)]


async def test_a_model_that_nobody_serves_yet_comes_when_it_is_served(control: Control) -> None:
    control.show()
    await control.table(1)
    client = await a_client(control)

    await client.ask(LDS, ["digits"])
    assert (await client.accept("LDS")).names == []
    await until(lambda: control.router.fleet.is_live(1))

    control.show(SERVED)
    await until(lambda: bool(control.router.composer.view.state.wanted))
    control.router.replicas.announce(a_replica(ready=[1, 2]))
    assert (await client.accept("LDS")).names == ["digits"]


async def test_routes_that_change_are_sent_and_nothing_else(control: Control) -> None:
    await serve_digits(control)
    client = await a_client(control)
    await client.take("digits")

    control.show(experiments=(an_experiment(),))

    routes = await client.accept("RDS")
    assert clusters_of(routes.resources["digits"]) == [ARM, POOL]
    assert await client.nothing_comes()
    assert not control.router.fleet.is_live(2)
    await client.ask(CDS, [ARM, POOL])
    assert (await client.accept("CDS")).names == [ARM, POOL]
    await client.ask(EDS, [ARM, POOL])
    assert (await client.accept("EDS")).names == [ARM]
    await until(lambda: control.router.fleet.is_live(2))


async def test_a_cluster_stays_until_the_client_lets_go_of_it(control: Control) -> None:
    await serve_digits(control)
    control.show(experiments=(an_experiment(),))
    await control.table(2)
    client = await a_client(control)
    await client.take("digits")

    control.show(experiments=(an_experiment(state=ExperimentState.STOPPED),))
    await client.accept("RDS")
    assert await client.nothing_comes()
    await client.ask(CDS, [ARM, POOL, "unknown"])
    assert (await client.accept("CDS")).names == [ARM, POOL]
    await client.ask(CDS, [POOL])

    assert await client.nothing_comes()


async def test_a_model_that_is_deleted_goes(control: Control) -> None:
    await serve_digits(control)
    client = await a_client(control)
    await client.take("digits")

    control.router.heard.models.delete("digits")

    assert (await client.accept("LDS")).names == []


async def test_what_a_client_refuses_is_shown_and_not_sent_again_before_it_changes(
    control: Control,
) -> None:
    await serve_digits(control)
    client = await a_client(control)
    await client.take("digits")

    control.show(WITHOUT_2)
    await client.nack(await client.world("RDS"), "no such thing")
    await until(lambda: bool(control.router.fleet.nodes()[0].rejection))
    assert await client.nothing_comes()
    assert control.router.fleet.nodes()[0].rejection == "no such thing"

    control.show(SERVED)
    await until(lambda: not control.router.fleet.nodes()[0].rejection)
    assert await client.nothing_comes()


async def test_of_two_clusters_the_good_one_is_taken_when_the_other_is_refused(
    control: Control,
) -> None:
    await serve_digits(control)
    control.show(experiments=(an_experiment(),))
    await control.table(2)
    client = await a_client(control)

    await client.ask(CDS, [ARM, POOL])
    await client.nack(await client.world("CDS"), "the arm is bad")
    await client.nack(await client.world("CDS"), "the arm is bad")

    assert (await client.accept("CDS")).names == [POOL]
    assert await client.nothing_comes()


async def test_what_a_connected_client_has_not_taken_is_not_unloaded(control: Control) -> None:
    await serve_digits(control)
    client = await a_client(control)
    await client.take("digits")
    await until(lambda: control.router.fleet.acknowledged() == 1)

    control.show(WITHOUT_2)
    slow = await client.world("RDS")
    assert control.router.fleet.acknowledged() == 1

    await client.ack(slow)
    await until(lambda: control.router.fleet.acknowledged() == 2)


async def test_clients_of_one_name_count_each_and_one_that_returns_is_the_same_again(
    control: Control,
) -> None:
    await serve_digits(control)
    async with AsyncExitStack() as first_life:
        first = await first_life.enter_async_context(ScriptedClient.connected(control.line))
        await first.take("digits")
        second = await a_client(control)
        await second.take("digits")
        assert entries(control) == {"proxyless/app": True, "proxyless/app#2": True}
    await until(lambda: not entries(control)["proxyless/app"])

    again = await a_client(control)
    await again.take("digits")

    assert entries(control) == {"proxyless/app": True, "proxyless/app#2": True}


async def test_a_client_that_is_gone_holds_back_an_unload_for_ten_minutes(
    control: Control,
) -> None:
    await serve_digits(control)
    async with ScriptedClient.connected(control.line) as client:
        await client.take("digits")
        await until(lambda: control.router.fleet.acknowledged() == 1)
    await until(lambda: not entries(control)["proxyless/app"])
    control.show(WITHOUT_2)
    await control.table(2)

    assert control.router.fleet.acknowledged() == 1
    control.clock.time += fleet.CLIENT_FORGOTTEN_AFTER + timedelta(seconds=1)
    assert control.router.fleet.acknowledged() is None


@pytest.mark.parametrize("node", ["", "x" * 129, "proxyless/x", "a#2"])
async def test_a_node_that_is_none_is_refused(control: Control, node: str) -> None:
    client = await a_client(control, node)
    await client.ask(LDS, ["digits"])

    assert await client.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_token_is_taken_from_the_node_and_a_wrong_one_is_refused(
    control: Control, tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(f"app service {hashlib.sha256(b'sesame').hexdigest()}\n")
    guarded = await control.beside(auth.Tokens.read(tokens).check_token)

    async with ScriptedClient.connected(guarded, token="sesame") as friend:
        await friend.ask(LDS, ["digits"])
        assert await friend.nothing_comes()
        assert entries(control) == {"proxyless/app": True}
    for token in ("", "guess"):
        async with ScriptedClient.connected(guarded, token=token) as stranger:
            await stranger.ask(LDS, ["digits"])
            assert await stranger.code() is grpc.StatusCode.UNAUTHENTICATED
