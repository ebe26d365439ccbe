"""State-of-the-world xDS, as gRPC clients speak it."""

from __future__ import annotations

from collections.abc import Iterable

from envoy.service.discovery.v3 import discovery_pb2

from chassis import streams
from router_svc.ads import wants
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.ads.staging import Progress
from router_svc.ads.stream import Context, Stream
from router_svc.ads.subscription import Subscription


class WholeWorldStream(Stream[discovery_pb2.DiscoveryRequest]):
    """Answers each type as soon as it is asked for or changes."""

    def __init__(
        self, node: str, publication: Publication, fleet: Fleet, answer_timeout_s: float
    ) -> None:
        super().__init__(node, publication, fleet, answer_timeout_s)
        self._wants = wants.everything()

    def _take(self, request: discovery_pb2.DiscoveryRequest) -> None:
        wanted = self._wants.get(request.type_url)
        if wanted is None:
            self._not_served(request.type_url)
            return
        if request.response_nonce and request.HasField("error_detail"):
            self._refused(request.type_url, request.error_detail.message)
            wanted.refuse(request.response_nonce, request.error_detail.message)
        elif request.response_nonce:
            wanted.acknowledge(request.response_nonce)
        wanted.ask(request.resource_names)

    async def _send_all(self, context: Context, published: Published) -> Progress:
        for type_url, wanted in self._wants.items():
            reply = wanted.reply(published.proxyless.by_type[type_url])
            if reply is not None:
                nonce = self._next_nonce()
                wanted.send(nonce, reply)
                await streams.write(
                    context,
                    discovery_pb2.DiscoveryResponse(
                        version_info=nonce,
                        type_url=type_url,
                        resources=[resource.body for resource in reply.resources],
                        nonce=nonce,
                    ),
                )
        return wants.progress(self._wants, published.proxyless)

    def _rejections(self, published: Published) -> str:
        return wants.rejections(self._wants, published.proxyless)

    def _subscriptions(self) -> Iterable[Subscription]:
        return (wanted.subscription for wanted in self._wants.values())
