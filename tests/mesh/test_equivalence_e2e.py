"""Random tables on real processes: every data plane sends a request to the same arm.

Envoy with a static file, with files that it follows, and by ADS from the router's own
servicer; a gRPC client without a proxy, from the same servicer. Where a request has to
go is said by `algolink.split` and the order of precedence alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import grpc
import pytest
import yaml
from envoy.service.discovery.v3 import ads_pb2_grpc
from google.protobuf import empty_pb2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tritonclient.grpc import service_pb2

from algolink import split
from algolink.experiment.v1 import facts_pb2_grpc
from algolink.router.v1 import router_pb2, router_pb2_grpc
from cli.rendering import folder as folders
from mesh import bootstrap, resources, table
from mesh.targets import envoy, text
from router_svc import convert
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication
from router_svc.ads.servicer import AdsServicer
from router_svc.domain.records import RouteRevision
from tests.mesh import builders, replicas
from tests.mesh.targets import serving
from tests.mesh.targets.requests import Goal, Request, goals, requests, routes
from tests.mesh_agent.facts import Facts

pytestmark = pytest.mark.e2e

EACH_KIND = 2
MODELS_IN_FILES = 4
"""Envoy watches each file of endpoints by an inotify instance, of which a user has 128."""

REQUESTS = 20
_DRAWN = 150

_STATUSES = {
    grpc.StatusCode.FAILED_PRECONDITION.name: 412,
    grpc.StatusCode.NOT_FOUND.name: 404,
    "VERSION_KILLED": 412,
    "VERSION_NOT_SERVED": 404,
}

T = TypeVar("T")


@dataclass(frozen=True)
class Answer:
    """Where a request went, and the id by which it was hashed if it was its own unit."""

    goal: Goal
    request_id: str = ""


Ask = Callable[[str, Request], Awaitable[Answer]]


def drawn(strategy: st.SearchStrategy[T]) -> list[T]:
    """Values of a strategy, in an order of no meaning, the same in each run."""
    found: list[T] = []

    @settings(max_examples=_DRAWN, suppress_health_check=list(HealthCheck))
    @given(strategy)
    def collect(value: T) -> None:
        found.append(value)

    collect()
    return random.Random(7).sample(found, len(found))


def _kind(route: table.ModelRoute) -> str:
    """What decides in the end: an experiment, of units or requests, a shift, or nothing."""
    chosen = route.split
    if chosen is None:
        return "none"
    return ("experiment" if chosen.experiment else "shift") + str(chosen.per_request)


def random_routes() -> dict[str, table.ModelRoute]:
    found = drawn(routes())
    by_kind = {kind: [r for r in found if _kind(r) == kind] for kind in map(_kind, found)}
    chosen_routes = [route for of_kind in by_kind.values() for route in of_kind[:EACH_KIND]]
    chosen_routes += by_kind["experimentFalse"][EACH_KIND : 3 * EACH_KIND]
    named: dict[str, table.ModelRoute] = {}
    for number, route in enumerate(chosen_routes):
        chosen = route.split
        if chosen is not None and chosen.experiment:
            chosen = replace(chosen, experiment=f"sizes-{number}")
        model = f"model-{number}"
        named[model] = replace(route, model=model, split=chosen, rules_revision=1)
    return named


def expected(route: table.ModelRoute, request: Request, answer: Answer) -> Goal:
    """Where `request` has to go; one that is its own unit by the id that it was given."""
    possible = goals(route, replace(request, call="http"))
    if len(possible) == 1:
        return next(iter(possible))
    chosen = route.split
    assert chosen is not None
    arm = chosen.table.arm_of(split.bucket(chosen.salt, answer.request_id))
    version = route.unkilled(chosen.versions[arm])
    return Goal(version, arm, chosen.experiment) if chosen.experiment else Goal(version)


def by_gateway(gateway: serving.Gateway) -> Ask:
    async def ask(model: str, request: Request) -> Answer:
        message = service_pb2.ModelInferRequest(
            model_name=model, model_version=str(request.version or "")
        )
        call = gateway.stub.ModelInfer(message, metadata=request.headers, timeout=60)
        try:
            response = await call
        except grpc.aio.AioRpcError as error:
            return Answer(Goal(status=_STATUSES[error.code().name]))
        told = {str(key): str(value) for key, value in await call.initial_metadata()}
        goal = Goal(
            int(response.model_version),
            told.get("x-algolink-arm", ""),
            told.get("x-algolink-experiment", ""),
        )
        return Answer(goal, told["x-algolink-request-id"])

    return ask


@contextlib.asynccontextmanager
async def by_rendering(
    folder: Path, snapshot: table.Snapshot, *, dynamic: bool = False
) -> AsyncIterator[Ask]:
    address = serving.free_address()
    parameters = envoy.EnvoyParameters(listen=address)
    rendered = (envoy.files if dynamic else envoy.static)(snapshot, parameters)
    folders.write(folder, text.texts(rendered), force=False)
    start = envoy.FILES if dynamic else envoy.STATIC
    async with serving.gateway(folder, start, address) as gateway:
        yield by_gateway(gateway)


@contextlib.asynccontextmanager
async def by_ads(folder: Path, router: table.Endpoint) -> AsyncIterator[Ask]:
    address = serving.free_address()
    params = bootstrap.BootstrapParams(
        node_id="envoy-1",
        router=router,
        registry=router,
        experiment=router,
        experiment_http=router,
        data=address,
        admin=serving.free_address(),
        token="sesame",
        exposure_log_path=str(folder / "exposure.log"),
        admin_socket_path="admin.sock",
    )
    (folder / "bootstrap.yaml").write_text(yaml.safe_dump(bootstrap.bootstrap(params)))
    async with serving.gateway(folder, "bootstrap.yaml", address) as gateway:
        yield by_gateway(gateway)


@contextlib.asynccontextmanager
async def without_proxy(folder: Path, router: table.Endpoint) -> AsyncIterator[Ask]:
    """In a process of its own: gRPC's xDS client has one router a process."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.e2e.proxyless_child", "sync", str(router), str(folder)),
        stdin=PIPE,
        stdout=PIPE,
        env={**os.environ, "ALGOLINK_TOKEN": "sesame"},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout, turn = process.stdin, process.stdout, asyncio.Lock()
    assert json.loads(await asyncio.wait_for(stdout.readline(), 60)) == {"ready": True}

    async def ask(model: str, request: Request) -> Answer:
        asked: dict[str, Any] = {
            "model": model,
            "x": {},
            "unit": request.units[0] if request.units else None,
            "attributes": {name: value for name, [value] in request.attributes.items()},
            "version": request.version,
        }
        async with turn:
            stdin.write(json.dumps(asked).encode() + b"\n")
            told = json.loads(await asyncio.wait_for(stdout.readline(), 60))
        if "error" in told:
            return Answer(Goal(status=_STATUSES[told["error"]]))
        return Answer(Goal(told["version"], told["arm"], told["experiment"]), told["request_id"])

    try:
        yield ask
        stdin.close()
        assert await asyncio.wait_for(process.wait(), 60) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


class Routes(router_pb2_grpc.RouterServiceServicer):
    """Shows the routes of one snapshot."""

    def __init__(self, snapshot: table.Snapshot) -> None:
        self._snapshot = snapshot

    async def WatchRoutes(
        self, request: router_pb2.WatchRoutesRequest, context: Any
    ) -> AsyncIterator[router_pb2.WatchRoutesResponse]:
        for model, route in self._snapshot.routes.items():
            revision = RouteRevision(model=model, sequence=1, route=route, time=datetime.now(UTC))
            message = convert.route_to_proto(revision, live=True, pending=())
            yield router_pb2.WatchRoutesResponse(route=message)
        yield router_pb2.WatchRoutesResponse(synced=empty_pb2.Empty())
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def control(snapshot: table.Snapshot, facts: Facts) -> AsyncIterator[table.Endpoint]:
    """The router's own xDS on one snapshot, and the services that a client calls beside it."""
    publication = Publication()
    publication.publish(1, snapshot, resources.build(snapshot))
    ads = AdsServicer(
        publication, Fleet(lambda: datetime.now(UTC)), asyncio.Event(), check_token=None
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(ads, server)
    router_pb2_grpc.add_RouterServiceServicer_to_server(Routes(snapshot), server)
    facts_pb2_grpc.add_FactServiceServicer_to_server(facts, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield table.Endpoint("127.0.0.1", port)
    finally:
        await server.stop(None)


async def all_answers(
    ask: Ask, named: dict[str, table.ModelRoute], asked: Sequence[Request]
) -> list[tuple[str, Request, Answer]]:
    limit = asyncio.Semaphore(16)

    async def one(model: str, request: Request) -> tuple[str, Request, Answer]:
        async with limit:
            return model, request, await ask(model, request)

    return await asyncio.gather(*(one(model, r) for model in named for r in asked))


async def test_every_data_plane_sends_each_request_where_the_table_says(tmp_path: Path) -> None:
    named = random_routes()
    predictions = [request for request in drawn(requests(odd=False)) if request.predicts]
    asked = [request for request in predictions if request.version is None][:REQUESTS]
    asked += [request for request in predictions if request.version is not None][: REQUESTS // 4]
    facts = Facts()
    async with contextlib.AsyncExitStack() as opened:
        replica = await opened.enter_async_context(replicas.replica())
        snapshot = builders.a_snapshot(
            *named.values(), grpc=(replica.grpc_endpoint,), http=(replica.http_endpoint,)
        )
        few = dict(list(named.items())[:: len(named) // MODELS_IN_FILES])
        in_files = replace(snapshot, routes=few)
        router = await opened.enter_async_context(control(snapshot, facts))
        planes = {
            "static": by_rendering(tmp_path / "static", snapshot),
            "files": by_rendering(tmp_path / "files", in_files, dynamic=True),
            "ads": by_ads(tmp_path, router),
        }
        asks = {name: await opened.enter_async_context(plane) for name, plane in planes.items()}
        async with without_proxy(tmp_path / "spool", router) as proxyless:
            asks["proxyless"] = proxyless
            answers = {
                name: await all_answers(ask, few if name == "files" else named, asked)
                for name, ask in asks.items()
            }

    reached = set()
    for name, told in answers.items():
        for model, request, answer in told:
            goal = expected(named[model], request, answer)
            assert answer.goal == goal, (name, model, named[model], request)
            reached.add(goal)
    assert {200, 404, 412} == {goal.status for goal in reached}
    assert len({goal.experiment for goal in reached}) > 4
    assert len({goal.version for goal in reached}) > 3
    taken = {a.request_id: a.goal for _, _, a in answers["proxyless"] if a.goal.status == 200}
    counted = {
        key: Goal(e.assigned_version, e.arm, e.experiment.removeprefix("experiments/"))
        for key, e in facts.kept.items()
    }
    assert counted == taken
