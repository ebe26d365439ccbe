"""What a real Envoy refuses: told in its words, and in nobody else's way."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from envoy.config.route.v3 import route_pb2
from google.protobuf import any_pb2
from tritonclient.grpc import service_pb2, service_pb2_grpc

from algolink.names import VersionName
from algolink.router.v1 import fleet_pb2, fleet_pb2_grpc, router_pb2
from mesh import bootstrap
from mesh.resources import RDS, Resources
from mesh.table import Endpoint
from router_svc.domain.world import Loaded, LoadState, Replica
from tests.router_svc.builders import NOON, a_model
from tests.router_svc.conftest import Control
from tests.router_svc.neighbours import until
from tests.router_svc.stack import envoy
from tests.router_svc.upstream import Upstream, free_port

pytestmark = pytest.mark.e2e


def refusing(built: Resources, model: str) -> Resources:
    """The resources, with routes of `model` that Envoy takes for invalid."""
    routes = dict(built.by_type[RDS])
    configuration = route_pb2.RouteConfiguration()
    routes[model].body.Unpack(configuration)
    configuration.virtual_hosts[0].routes[0].match.headers.add(
        name="x"
    ).string_match.safe_regex.regex = "("
    packed = any_pb2.Any()
    packed.Pack(configuration, deterministic=True)
    routes[model] = replace(routes[model], version="invalid", body=packed)
    return Resources({**built.by_type, RDS: routes})


async def test_a_refused_route_is_shown_with_envoys_words_and_the_one_before_stays(
    control: Control, tmp_path: Path
) -> None:
    async with Upstream.serving() as upstream:
        versions = {
            VersionName(model, number): Loaded(LoadState.READY)
            for model in ("digits", "iris")
            for number in (1, 2)
        }
        control.router.replicas.announce(
            Replica(
                id="r1",
                pool="default",
                grpc=upstream.grpc,
                http=upstream.http,
                versions=versions,
                renewed=NOON,
            )
        )
        both = {"one": 1, "two": 2}
        control.show(*(a_model(m, aliases=both) for m in ("digits", "iris")))
        await until(lambda: control.router.composer.view.routes.keys() == {"digits", "iris"})
        data = Endpoint("127.0.0.1", free_port())
        here = Endpoint("127.0.0.1", control.port)
        params = bootstrap.BootstrapParams(
            node_id="envoy-1",
            router=here,
            registry=here,
            experiment=here,
            data=data,
            admin=Endpoint("127.0.0.1", free_port()),
            token="",
            exposure_log_path="exposure.log",
            admin_socket_path="admin.sock",
        )
        async with (
            envoy(tmp_path, bootstrap.bootstrap(params)),
            grpc.aio.insecure_channel(str(data)) as to_envoy,
        ):
            inference = service_pb2_grpc.GRPCInferenceServiceStub(to_envoy)

            async def answers(model: str) -> str:
                request = service_pb2.ModelInferRequest(model_name=model)
                response = await inference.ModelInfer(request, timeout=10, wait_for_ready=True)
                return str(response.model_version)

            await until(lambda: control.router.fleet.is_live(1))
            assert [await answers(model) for model in ("digits", "iris")] == ["1", "1"]

            publication = control.router.publication
            assert publication.latest is not None
            sequence = publication.latest.sequence
            publication.publish(
                sequence,
                publication.latest.snapshot,
                refusing(publication.latest.resources, "digits"),
            )
            await until(lambda: bool(control.router.fleet.rejections("digits")))
            control.show(a_model("iris", champion=2, aliases=both, revision=2))
            await until(lambda: control.router.composer.view.state.sequence > sequence)
            latest = publication.latest
            publication.publish(
                latest.sequence, latest.snapshot, refusing(latest.resources, "digits")
            )
            await until(lambda: control.router.fleet.is_live(latest.sequence, "iris"))

            route = await control.routes.GetRoute(router_pb2.GetRouteRequest(model="digits"))
            fleet = await fleet_pb2_grpc.FleetServiceStub(control.line).GetFleet(
                fleet_pb2.GetFleetRequest()
            )
            assert len(route.rejections) == 1
            assert "missing )" in route.rejections[0]
            assert list(fleet.envoys[0].refused_models) == ["digits"]
            assert await answers("iris") == "2"
            assert await answers("digits") == "1"
