"""The aggregated discovery service: delta xDS for Envoys, the whole world for gRPC clients."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from envoy.config.core.v3 import base_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from algolink import names
from algolink.errors import InvalidArgument
from chassis import auth, errors
from chassis.watch import first_of
from router_svc.ads.delta import DeltaStream
from router_svc.ads.fleet import PROXYLESS, Fleet
from router_svc.ads.publication import Publication
from router_svc.ads.stream import ANSWER_TIMEOUT_S, Context, Stream
from router_svc.ads.whole_world import WholeWorldStream

_log = logging.getLogger(__name__)

WHOLE_WORLD_METHOD = (
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
)
"""Takes its token from the first message: a gRPC client sends no header of ours."""

_MAX_NODE_LENGTH = 128

Request = TypeVar("Request")


class AdsServicer(ads_pb2_grpc.AggregatedDiscoveryServiceServicer):  # type: ignore[misc]  # untyped
    """Serves the published table to any data plane, at the pace of its own answers."""

    def __init__(
        self,
        publication: Publication,
        fleet: Fleet,
        draining: asyncio.Event,
        *,
        check_token: Callable[[str], auth.Caller] | None,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        """Serves what `publication` has.

        Args:
            check_token: says whose a gRPC client's token is, or raises; None lets
                everybody in.
        """
        self._publication = publication
        self._fleet = fleet
        self._draining = draining
        self._check_token = check_token
        self._answer_timeout_s = answer_timeout_s

    async def DeltaAggregatedResources(
        self,
        request_iterator: AsyncIterator[discovery_pb2.DeltaDiscoveryRequest],
        context: Context,
    ) -> None:
        first = await anext(request_iterator, None)
        if first is not None:
            node = _checked(first.node)
            stream = DeltaStream(node, self._publication, self._fleet, self._answer_timeout_s)
            has_table = bool(first.initial_resource_versions)
            await self._serve(stream, first, request_iterator, context, has_table=has_table)

    async def StreamAggregatedResources(
        self,
        request_iterator: AsyncIterator[discovery_pb2.DiscoveryRequest],
        context: Context,
    ) -> None:
        first = await anext(request_iterator, None)
        if first is not None:
            if self._check_token is not None:
                token = first.node.metadata.fields[names.XDS_TOKEN_KEY].string_value
                auth.remember(self._check_token(token))
            node = self._fleet.entry_of_client(_checked(first.node))
            stream = WholeWorldStream(node, self._publication, self._fleet, self._answer_timeout_s)
            has_table = bool(first.version_info)
            await self._serve(stream, first, request_iterator, context, has_table=has_table)

    async def _serve(
        self,
        stream: Stream[Request],
        first: Request,
        requests: AsyncIterator[Request],
        context: Context,
        *,
        has_table: bool,
    ) -> None:
        number = self._fleet.connect(stream.node)
        _log.info("data plane connected", extra={"node": stream.node})
        try:
            stream.take(first)
            await first_of(
                stream.read(requests),
                stream.write(context, number, has_table=has_table),
                self._draining.wait(),
            )
        finally:
            self._fleet.disconnect(stream.node, number)
            _log.info("data plane disconnected", extra={"node": stream.node})
        if self._draining.is_set():
            raise errors.draining()


def _checked(node: base_pb2.Node) -> str:
    if not node.id:
        raise InvalidArgument("XDS_NODE_MISSING", "the first request must name its node")
    if len(node.id) > _MAX_NODE_LENGTH or node.id.startswith(PROXYLESS) or "#" in node.id:
        raise InvalidArgument(
            "XDS_NODE_INVALID",
            f"{names.shown(node.id)} is no node: at most {_MAX_NODE_LENGTH} characters, without #, "
            f"that do not begin with {PROXYLESS}",
            node=names.shown(node.id),
        )
    return str(node.id)
