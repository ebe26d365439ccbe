"""Delta xDS, as Envoys speak it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from envoy.service.discovery.v3 import discovery_pb2

from chassis import streams
from mesh.resources import CDS, EDS
from router_svc.ads import staging
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.ads.staging import Progress, Response
from router_svc.ads.stream import Context, Stream
from router_svc.ads.subscription import Subscription


class DeltaStream(Stream[discovery_pb2.DeltaDiscoveryRequest]):
    """Sends what changed, one stage after another."""

    def __init__(
        self, node: str, publication: Publication, fleet: Fleet, answer_timeout_s: float
    ) -> None:
        super().__init__(node, publication, fleet, answer_timeout_s)
        self._held = staging.subscriptions()

    def _take(self, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
        subscription = self._held.get(request.type_url)
        if subscription is None:
            self._not_served(request.type_url)
            return
        if request.response_nonce and request.HasField("error_detail"):
            rejection = request.error_detail.message
            self._refused(request.type_url, rejection)
            subscription.refuse(request.response_nonce, rejection)
        elif request.response_nonce:
            subscription.acknowledge(request.response_nonce)
        subscription.unsubscribe(request.resource_names_unsubscribe)
        subscription.subscribe(
            request.resource_names_subscribe, dict(request.initial_resource_versions)
        )

    async def _send_all(self, context: Context, published: Published) -> Progress:
        while True:
            step = staging.next_step(self._held, published.resources)
            if isinstance(step, Progress):
                return step
            await self._send(context, step, published.sequence)

    async def _send(self, context: Context, response: Response, sequence: int) -> None:
        nonce = self._next_nonce()
        self._held[response.type_url].send(nonce, response.batch)
        if response.type_url == CDS:
            # A cluster that changes warms up anew and needs its endpoints again.
            self._held[EDS].send_again(resource.name for resource in response.batch.resources)
        await streams.write(context, _message(response, nonce=nonce, sequence=sequence))

    def _rejections(self, published: Published) -> str:
        return staging.rejections(self._held, published.resources)

    def _refused_models(self, published: Published) -> Collection[str]:
        return staging.refused_models(self._held, published.resources)

    def _subscriptions(self) -> Iterable[Subscription]:
        return self._held.values()


def _message(
    response: Response, *, nonce: str, sequence: int
) -> discovery_pb2.DeltaDiscoveryResponse:
    message = discovery_pb2.DeltaDiscoveryResponse(
        system_version_info=str(sequence),
        type_url=response.type_url,
        nonce=nonce,
        removed_resources=response.batch.removed,
    )
    for resource in response.batch.resources:
        message.resources.add(name=resource.name, version=resource.version, resource=resource.body)
    return message
