"""Several routers over one database, each a process, with several real Envoys."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from algolink.router.v1 import fleet_pb2, fleet_pb2_grpc, traffic_pb2, traffic_pb2_grpc
from chassis import channel
from mesh import bootstrap
from mesh.table import Endpoint
from tests.router_svc.neighbours import Announcer, Neighbours, running, until
from tests.router_svc.stack import TOKEN, Load, RouterProcess, envoy
from tests.router_svc.upstream import Upstream, free_port


@dataclass
class Installation:
    """Routers by name, and what surrounds them; Envoys by their data ports."""

    routers: dict[str, RouterProcess]
    neighbours: Neighbours
    announcers: list[Announcer]
    inference: dict[str, service_pb2_grpc.GRPCInferenceServiceStub]
    lines: dict[str, grpc.aio.Channel]

    async def fleet(self, router: str) -> fleet_pb2.Fleet | None:
        """What a router says of all; None if it does not answer."""
        stub = fleet_pb2_grpc.FleetServiceStub(self.lines[router])
        try:
            fleet: fleet_pb2.Fleet = await stub.GetFleet(fleet_pb2.GetFleetRequest(), timeout=2)
        except grpc.aio.AioRpcError:
            return None
        return fleet

    async def composer(self, *, but: str = "") -> str:
        """The router that composes, once all that run say the same and it is not `but`."""
        found = ""

        async def agreed() -> bool:
            nonlocal found
            said = set()
            for name, process in self.routers.items():
                if process.runs:
                    fleet = await self.fleet(name)
                    said |= {r.id for r in fleet.routers if r.composing} if fleet else {"?"}
            found = min(said, default="?")
            return len(said) == 1 and found not in ("?", but)

        await until(agreed)
        return found

    def others(self, *names: str) -> list[str]:
        """Routers that run, but for `names`."""
        return [name for name, p in self.routers.items() if p.runs and name not in names]

    def traffic(self, router: str) -> traffic_pb2_grpc.TrafficServiceStub:
        return traffic_pb2_grpc.TrafficServiceStub(self.lines[router])

    async def live(
        self, router: str, decided: traffic_pb2.Traffic | None = None
    ) -> traffic_pb2.Traffic:
        """What holds for digits, once a router says that every Envoy does what was decided."""
        revision = decided.revision if decided else 0
        shown = traffic_pb2.Traffic()

        async def done() -> bool:
            nonlocal shown
            try:
                shown = await self.traffic(router).GetTraffic(
                    traffic_pb2.GetTrafficRequest(model="digits"), timeout=2
                )
            except grpc.aio.AioRpcError:
                return False
            return bool(shown.live) and shown.revision >= revision

        await until(done)
        return shown

    async def all_connected(self) -> None:
        """Returns once all routers that run answer, and every Envoy is connected to one."""
        await self.composer()

        async def connected() -> bool:
            fleet = await self.fleet(self.others()[0])
            at = {e.router for e in fleet.envoys} if fleet else {""}
            return len(fleet.envoys if fleet else ()) == len(self.inference) and at <= set(
                self.others()
            )

        await until(connected)

    async def predict(self, envoy_id: str, unit: str) -> str:
        """Version that answers, as a string."""
        response = await self.inference[envoy_id].ModelInfer(
            service_pb2.ModelInferRequest(model_name="digits"),
            metadata=[("x-algolink-unit", unit)],
            timeout=10,
        )
        return str(response.model_version)

    @contextlib.asynccontextmanager
    async def load(self) -> AsyncIterator[Load]:
        """Requests of ever new units at every Envoy while the block runs."""
        load = Load()

        async def work(envoy_id: str) -> None:
            number = 0
            while True:
                number += 1
                try:
                    load.versions.append(await self.predict(envoy_id, f"unit-{number}"))
                except grpc.aio.AioRpcError as error:
                    load.failures.append(f"{error.code().name}: {error.details()}")

        async with contextlib.AsyncExitStack() as working:
            for envoy_id in self.inference:
                await working.enter_async_context(running(work(envoy_id)))
            yield load


@contextlib.asynccontextmanager
async def installation(
    folder: Path, database_url: str, *, routers: int = 3, envoys: int = 2, **settings: object
) -> AsyncIterator[Installation]:
    """Routers, two replicas and Envoys that each know every router; no model yet."""
    async with contextlib.AsyncExitStack() as opened:
        neighbours = Neighbours()
        port = await opened.enter_async_context(neighbours.serve())
        processes: dict[str, RouterProcess] = {}
        lines = {}
        for number in range(1, routers + 1):
            name = f"router-{number}"
            (folder / name).mkdir()
            processes[name] = RouterProcess(
                folder / name, port, database_url=database_url, router_id=name, **settings
            )
            await processes[name].start()
            opened.push_async_callback(processes[name].stop)
            lines[name] = await opened.enter_async_context(
                channel.open_channel(processes[name].address, TOKEN)
            )
        addresses = [process.address for process in processes.values()]
        announcers = []
        for number in (1, 2):
            upstream = await opened.enter_async_context(Upstream.serving())
            announcer = Announcer(f"replica-{number}", upstream.grpc, upstream.http)
            await opened.enter_async_context(running(announcer.run(",".join(addresses), TOKEN)))
            announcers.append(announcer)
            addresses = addresses[1:] + addresses[:1]
        endpoints = [Endpoint("127.0.0.1", process.port) for process in processes.values()]
        inference = {}
        for number in range(1, envoys + 1):
            envoy_id, data = f"envoy-{number}", Endpoint("127.0.0.1", free_port())
            (folder / envoy_id).mkdir()
            params = bootstrap.BootstrapParams(
                node_id=envoy_id,
                router=endpoints[0],
                more_routers=tuple(endpoints[1:]),
                registry=Endpoint("127.0.0.1", port),
                experiment=Endpoint("127.0.0.1", port),
                data=data,
                admin=Endpoint("127.0.0.1", free_port()),
                token=TOKEN,
                exposure_log_path="exposure.log",
                admin_socket_path="admin.sock",
            )
            await opened.enter_async_context(envoy(folder / envoy_id, bootstrap.bootstrap(params)))
            to_envoy = await opened.enter_async_context(
                grpc.aio.insecure_channel(str(data), options=[("grpc.enable_retries", 0)])
            )
            inference[envoy_id] = service_pb2_grpc.GRPCInferenceServiceStub(to_envoy)
        yield Installation(processes, neighbours, announcers, inference, lines)
