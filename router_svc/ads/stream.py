"""One stream of a data plane: it is brought to every table that is published."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Iterable
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

_REGISTER_TIMEOUT_S = 2.0

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

    async def write(self, context: Context, number: int, *, has_table: bool) -> None:
        """Brings the data plane to every table that is published.

        Args:
            number: of the stream.
            has_table: whether the data plane follows a table of an earlier stream.
        """
        await self._admission(number, has_table=has_table)
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
                    taken=reached if progress is not Progress.WAITING else None,
                    rejection=self._rejections(published),
                    refused=self._refused_models(published),
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

    async def _admission(self, number: int, *, has_table: bool) -> None:
        """Waits until this router may speak to the data plane.

        The stream must be on disk, so that whichever router composes unloads nothing
        that may be routed to; and this router must know a table that is as new as the
        one that another router brought it to. Only who has nothing at all is answered
        after a while even if the database fails.
        """
        loop = asyncio.get_running_loop()
        deadline = None if has_table else loop.time() + _REGISTER_TIMEOUT_S
        while True:
            fleet, tables = self._fleet.changes.count, self._publication.changes.count
            node, latest = self._fleet.get(self.node), self._publication.latest
            if node is None or node.stream != number:
                return
            if latest is not None:
                if node.registered and latest.sequence >= node.acknowledged:
                    return
                if deadline is not None and loop.time() >= deadline:
                    _log.warning("answered unregistered", extra={"node": self.node})
                    return
            await first_of(
                self._fleet.changes.wait_beyond(fleet),
                self._publication.changes.wait_beyond(tables),
                timeout_s=None if deadline is None else max(0.01, deadline - loop.time()),
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

    def _refused_models(self, published: Published) -> Collection[str]:  # noqa: ARG002 - some tell
        """Models whose routes in the table are refused, as far as that can be told."""
        return ()

    @abstractmethod
    def _subscriptions(self) -> Iterable[Subscription]: ...
