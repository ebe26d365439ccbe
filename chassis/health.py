"""grpc.health.v1: NOT_SERVING first, SERVING when ready, NOT_SERVING while draining."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from algolink.errors import NotFound
from chassis import errors
from chassis.watch import Notifier


class Health(health_pb2_grpc.HealthServicer):
    """One answer for the whole process, under the name of each of its services.

    The servicer that comes with gRPC starts with SERVING, and its watches hold
    the server open while it drains; this one does neither.
    """

    def __init__(self) -> None:
        self._names = {""}
        self._status: int = health_pb2.HealthCheckResponse.NOT_SERVING
        self._draining = False
        self._changes = Notifier()

    def add(self, service_names: Iterable[str]) -> None:
        """Answers for these services too."""
        self._names.update(service_names)

    @property
    def is_serving(self) -> bool:
        return self._status == health_pb2.HealthCheckResponse.SERVING

    def serving(self, is_serving: bool = True) -> None:
        """Says whether calls are welcome; has no effect once draining."""
        if not self._draining:
            self._set(
                health_pb2.HealthCheckResponse.SERVING
                if is_serving
                else health_pb2.HealthCheckResponse.NOT_SERVING
            )

    def drain(self) -> None:
        """Says NOT_SERVING for good."""
        self._draining = True
        self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    def close(self) -> None:
        """Ends the watches that are open."""
        self._changes.close()

    async def Check(
        self,
        request: health_pb2.HealthCheckRequest,
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> health_pb2.HealthCheckResponse:
        if request.service not in self._names:
            raise NotFound(
                "SERVICE_UNKNOWN", f"no service {request.service}", service=request.service
            )
        return health_pb2.HealthCheckResponse(status=self._status)

    async def Watch(
        self,
        request: health_pb2.HealthCheckRequest,
        _context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        known = request.service in self._names
        while True:
            seen = self._changes.count
            status = self._status if known else health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
            yield health_pb2.HealthCheckResponse(status=status)
            await self._changes.wait_beyond(seen)
            if self._changes.closed:
                raise errors.draining()

    def _set(self, status: int) -> None:
        if status != self._status:
            self._status = status
            self._changes.notify()
