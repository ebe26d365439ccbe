"""Envoy's aggregated discovery service: delta xDS over one stream per Envoy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import grpc
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from algolink.errors import InvalidArgument
from chassis import errors, streams
from chassis.watch import Notifier, first_of
from mesh.resources import CDS, EDS
from router_svc.ads import staging
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.ads.staging import Progress, Response

_log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0
"""An Envoy that has not answered for this long is reported, and the next table
is sent to it without waiting for the answer."""

Context = grpc.aio.ServicerContext[
    discovery_pb2.DeltaDiscoveryRequest, discovery_pb2.DeltaDiscoveryResponse
]


class AdsServicer(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc]  # untyped
    """Serves the published table to any Envoy, staged for each by its own answers."""

    def __init__(
        self,
        publication: Publication,
        fleet: Fleet,
        draining: asyncio.Event,
        *,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._publication = publication
        self._fleet = fleet
        self._draining = draining
        self._answer_timeout_s = answer_timeout_s

    async def DeltaAggregatedResources(
        self,
        request_iterator: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest],
        context: Context,
    ) -> None:
        first = await anext(request_iterator, None)
        if first is None:
            return
        if not first.node.id:
            raise InvalidArgument("XDS_NODE_MISSING", "the first request must name its node")
        stream = _Stream(first.node.id, self._publication, self._fleet, self._answer_timeout_s)
        number = self._fleet.connect(first.node.id)
        _log.info("envoy connected", extra={"node": first.node.id})
        try:
            stream.take(first)
            await first_of(
                stream.read(request_iterator),
                stream.write(context, number),
                self._draining.wait(),
            )
        finally:
            self._fleet.disconnect(first.node.id, number)
            _log.info("envoy disconnected", extra={"node": first.node.id})
        if self._draining.is_set():
            raise errors.draining()


class _Stream:
    """One Envoy's stream: what it asks, and what it is sent."""

    def __init__(
        self, node: str, publication: Publication, fleet: Fleet, answer_timeout_s: float
    ) -> None:
        self._node = node
        self._publication = publication
        self._fleet = fleet
        self._answer_timeout_s = answer_timeout_s
        self._held = staging.subscriptions()
        self._requests = Notifier()
        self._nonce = 0

    async def read(self, requests: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest]) -> None:
        async for request in requests:
            self.take(request)

    def take(self, request: discovery_pb2.DeltaDiscoveryRequest) -> None:
        """Takes an answer, new names, or both."""
        subscription = self._held.get(request.type_url)
        if subscription is None:
            _log.warning("type not served", extra={"node": self._node, "type": request.type_url})
            return
        if request.response_nonce and request.HasField("error_detail"):
            rejection = request.error_detail.message
            _log.error(
                "update refused",
                extra={"node": self._node, "type": request.type_url, "rejection": rejection},
            )
            subscription.refuse(request.response_nonce, rejection)
        elif request.response_nonce:
            subscription.acknowledge(request.response_nonce)
        subscription.unsubscribe(request.resource_names_unsubscribe)
        subscription.subscribe(
            request.resource_names_subscribe, dict(request.initial_resource_versions)
        )
        self._requests.notify()

    async def write(self, context: Context, number: int) -> None:
        """Brings the Envoy to every table that is published, one stage after another."""
        reached, is_late = 0, False
        while True:
            requests, tables = self._requests.count, self._publication.changes.count
            published = self._publication.latest
            progress = Progress.WAITING
            if published is not None:
                if is_late and published.sequence > reached:
                    is_late = False
                    for subscription in self._held.values():
                        subscription.abandon()
                reached = published.sequence
                progress = await self._send_all(context, published)
                self._fleet.report(
                    self._node,
                    number,
                    acknowledged=reached if progress is Progress.COMPLETE else None,
                    rejection=staging.rejections(self._held, published.resources),
                )
            waits = published is not None and progress is Progress.WAITING and not is_late
            await first_of(
                self._requests.wait_beyond(requests),
                self._publication.changes.wait_beyond(tables),
                timeout_s=self._answer_timeout_s if waits else None,
            )
            if self._requests.count != requests:
                is_late = False
            elif waits and self._publication.changes.count == tables:
                is_late = True
                _log.warning("envoy does not answer", extra={"node": self._node, "table": reached})

    async def _send_all(self, context: Context, published: Published) -> Progress:
        """Sends everything that may be sent now."""
        while True:
            step = staging.next_step(self._held, published.resources)
            if isinstance(step, Progress):
                return step
            await self._send(context, step, published.sequence)

    async def _send(self, context: Context, response: Response, sequence: int) -> None:
        self._nonce += 1
        nonce = str(self._nonce)
        self._held[response.type_url].send(nonce, response.batch)
        if response.type_url == CDS:
            # A cluster that changes warms up anew and needs its endpoints again.
            self._held[EDS].send_again(resource.name for resource in response.batch.resources)
        await streams.write(context, _message(response, nonce=nonce, sequence=sequence))


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
