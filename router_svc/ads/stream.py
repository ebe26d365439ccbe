"""One stream of a data plane: it is brought to every table that is published."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable
from typing import Any, Generic, TypeVar

import grpc

from chassis.watch import Notifier, first_of
from router_svc.ads.fleet import Fleet
from router_svc.ads.publication import Publication, Published
from router_svc.ads.staging import Progress
from router_svc.ads.subscription import Subscription

_log = logging.getLogger(__name__)

ANSWER_TIMEOUT_S = 5.0
"""A data plane that has not answered for this long is reported, and the next table
is sent to it without waiting for the answer."""

Request = TypeVar("Request")

Context = grpc.aio.ServicerContext[Any, Any]


class Stream(ABC, Generic[Request]):
    """What a data plane asks, and what it is sent.

    Attributes:
        node: id of its entry in the fleet.
    """

    def __init__(
        self, node: str, publication: Publication, fleet: Fleet, answer_timeout_s: float
    ) -> None:
        self.node = node
        self._publication = publication
        self._fleet = fleet
        self._answer_timeout_s = answer_timeout_s
        self._requests = Notifier()
        self._nonce = 0

    async def read(self, requests: AsyncIterator[Request]) -> None:
        """Takes requests until there are no more."""
        async for request in requests:
            self.take(request)

    def take(self, request: Request) -> None:
        """Takes an answer, new names, or both."""
        self._take(request)
        self._requests.notify()

    async def write(self, context: Context, number: int) -> None:
        """Brings the data plane to every table that is published."""
        reached, is_late = 0, False
        while True:
            requests, tables = self._requests.count, self._publication.changes.count
            published = self._publication.latest
            progress = Progress.WAITING
            if published is not None:
                if is_late and published.sequence > reached:
                    is_late = False
                    for subscription in self._subscriptions():
                        subscription.abandon()
                reached = published.sequence
                progress = await self._send_all(context, published)
                self._fleet.report(
                    self.node,
                    number,
                    acknowledged=reached if progress is Progress.COMPLETE else None,
                    rejection=self._rejections(published),
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
                _log.warning(
                    "data plane does not answer", extra={"node": self.node, "table": reached}
                )

    def _next_nonce(self) -> str:
        self._nonce += 1
        return str(self._nonce)

    def _refused(self, type_url: str, rejection: str) -> None:
        _log.error(
            "update refused", extra={"node": self.node, "type": type_url, "rejection": rejection}
        )

    def _not_served(self, type_url: str) -> None:
        _log.warning("type not served", extra={"node": self.node, "type": type_url})

    @abstractmethod
    def _take(self, request: Request) -> None: ...

    @abstractmethod
    async def _send_all(self, context: Context, published: Published) -> Progress:
        """Sends everything that may be sent now."""

    @abstractmethod
    def _rejections(self, published: Published) -> str:
        """What of the table is refused; empty if nothing."""

    @abstractmethod
    def _subscriptions(self) -> Iterable[Subscription]: ...
