"""What the whole chain adds to a request: model from the body, hash, pin, logs."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algolink import split
from algolink.router.v1 import router_pb2
from benchmarks.inference import http2_load
from benchmarks.mesh.changes import line_to
from benchmarks.mesh.surroundings import Surroundings, surroundings
from mesh.table import Endpoint
from tests.router_svc.builders import a_model, an_experiment
from tests.router_svc.neighbours import until
from tests.router_svc.stack import envoy
from tests.router_svc.upstream import free_port

_MODEL = "digits"
_WIDTH = 4


@dataclass(frozen=True, slots=True)
class Chain:
    """Medians of sequential requests, in microseconds, of rounds that took turns."""

    plain_us: list[float]
    chain_us: list[float]
    errors: int

    def lines(self) -> list[tuple[str, str]]:
        """What to print, with what is aimed at."""
        plain, chain = statistics.median(self.plain_us), statistics.median(self.chain_us)
        return [
            (
                "small requests, p50: one plain route / the whole chain",
                f"{plain:.0f} us / {chain:.0f} us, added {(chain - plain) / 1_000:.2f} ms (0.3), "
                f"ratio {chain / plain:.2f}; {self.errors} errors",
            )
        ]


async def measure(folder: Path, *, rounds: int, seconds: float) -> Chain:
    """Sends requests by turns through one Envoy as it is, and one with a plain route."""
    async with contextlib.AsyncExitStack() as opened:
        around = await opened.enter_async_context(surroundings(folder))
        await opened.enter_async_context(around.envoy())
        around.neighbours.show_model(a_model(_MODEL, champion=1, versions=(1, 2)))
        weights = {"control": 5_000, "challenger": split.BUCKETS - 5_000}
        around.neighbours.show_experiment(an_experiment(model=_MODEL, weights=weights))
        await _live(around)
        with_plain = folder / "plain"
        with_plain.mkdir()
        plain = await opened.enter_async_context(_plain(with_plain, around.upstream))
        data = await opened.enter_async_context(line_to(plain))
        await asyncio.wait_for(data.channel_ready(), 60)
        chain_us: list[float] = []
        plain_us: list[float] = []
        errors = 0
        for _ in range(rounds):
            for address, medians in ((plain, plain_us), (around.address, chain_us)):
                host, _, port = address.rpartition(":")
                load = await http2_load.drive(
                    host,
                    int(port),
                    _MODEL,
                    _WIDTH,
                    concurrency=1,
                    seconds=seconds,
                    id_header="x-algolink-unit",
                )
                medians.append(http2_load.percentile_us(load.latencies_s, 50))
                errors += load.errors
        return Chain(plain_us, chain_us, errors)


async def _live(around: Surroundings) -> None:
    async def done() -> bool:
        found = await around.routes.ListRoutes(router_pb2.ListRoutesRequest())
        return any(route.live and route.split.experiment for route in found.routes)

    await until(done)


@contextlib.asynccontextmanager
async def _plain(folder: Path, upstream: Endpoint) -> AsyncIterator[str]:
    """An Envoy with one route to one cluster; yields its address."""
    port = free_port()
    async with envoy(folder, _plain_config(port, upstream)):
        yield f"127.0.0.1:{port}"


def _plain_config(port: int, upstream: Endpoint) -> dict[str, Any]:
    types = "type.googleapis.com/envoy.extensions"
    http2: dict[str, Any] = {"explicit_http_config": {"http2_protocol_options": {}}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "replica"}}
    manager = {
        "@type": f"{types}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "plain",
        "route_config": {
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}],
        },
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{types}.filters.http.router.v3.Router"},
            }
        ],
    }
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "plain",
                    "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
                    "filter_chains": [
                        {
                            "filters": [
                                {
                                    "name": "envoy.filters.network.http_connection_manager",
                                    "typed_config": manager,
                                }
                            ]
                        }
                    ],
                }
            ],
            "clusters": [
                {
                    "name": "replica",
                    "type": "STATIC",
                    "typed_extension_protocol_options": {
                        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                            "@type": f"{types}.upstreams.http.v3.HttpProtocolOptions",
                            **http2,
                        }
                    },
                    "load_assignment": {
                        "cluster_name": "replica",
                        "endpoints": [
                            {
                                "lb_endpoints": [
                                    {
                                        "endpoint": {
                                            "address": {
                                                "socket_address": {
                                                    "address": upstream.host,
                                                    "port_value": upstream.port,
                                                }
                                            }
                                        }
                                    }
                                ]
                            }
                        ],
                    },
                }
            ],
        }
    }
