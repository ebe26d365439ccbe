"""The asyncio client's part that decides about traffic."""

from __future__ import annotations

from collections.abc import Mapping

from algolink.client import traffic
from algolink.client.aio_rules import AsyncRulesClient
from algolink.client.aio_transport import AioTransport
from algolink.client.calls import Call
from algolink.client.channels import WAIT_TIMEOUT_S
from algolink.router.v1 import traffic_pb2 as pb


class AsyncTrafficClient:
    """Decides about the traffic of models: `client.traffic`; `rules` holds their rules.

    Every decision waits until every Envoy follows, unless `wait` is False, and
    then raises DeadlineExceeded with reason ROUTE_NOT_LIVE if `wait_timeout_s`
    was too short: the decision holds all the same. An `etag` as last seen makes
    it Aborted, ETAG_MISMATCH, if somebody else decided something meanwhile.
    """

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s
        self.rules = AsyncRulesClient(transport, timeout_s)

    async def get(self, model: str) -> pb.Traffic:
        """What is decided for a model."""
        return await self._transport.unary(traffic.get(model), self._timeout_s)

    async def shift(
        self,
        model: str,
        weights_bp: Mapping[int, int],
        *,
        unit: str | None = None,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Gives versions shares of the traffic without an experiment.

        Args:
            model: its name.
            weights_bp: basis points by version, summing to 10,000.
            unit: `header` (the value of `x-algolink-unit`) or `request`; None
                leaves it as it is, `header` at first.
            etag: as last seen; empty writes unconditionally.
            reason: for the history, in your words.
            wait: whether to return only once every Envoy follows.
            wait_timeout_s: for that.

        Raises:
            FailedPrecondition: EXPERIMENT_RUNNING, for example.
        """
        call = traffic.shift(model, weights_bp, unit=unit, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def clear(
        self,
        model: str,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Ends a shift: the champion gets its traffic."""
        call = traffic.clear(model, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def kill(
        self,
        model: str,
        version: int,
        *,
        to: int | None = None,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Takes a version out of everything, at once.

        Args:
            model: its name.
            version: its number.
            to: version that takes over as champion; needed to kill the champion.
            etag: as last seen; empty writes unconditionally.
            reason: for the history, in your words.
            wait: whether to return only once every Envoy follows.
            wait_timeout_s: for that.

        Raises:
            FailedPrecondition: REPLACEMENT_NEEDED or REPLACEMENT_NOT_SERVED.
        """
        call = traffic.kill(model, version, replacement=to, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def revive(
        self,
        model: str,
        version: int,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Takes a kill back."""
        call = traffic.revive(model, version, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def freeze(
        self,
        model: str,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Keeps the route as it is, kills excepted."""
        call = traffic.freeze(model, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def unfreeze(
        self,
        model: str,
        *,
        etag: str = "",
        reason: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> pb.Traffic:
        """Lets the route follow again."""
        call = traffic.unfreeze(model, etag=etag, reason=reason)
        return await self._decide(call, wait, wait_timeout_s)

    async def history(self, model: str, *, limit: int = 50) -> list[pb.TrafficEvent]:
        """What was decided and what the route became, newest first."""
        call = traffic.history(model, limit=limit)
        reply = await self._transport.unary(call, self._timeout_s)
        return list(reply.events)

    async def _decide(
        self, call: Call[pb.Traffic], wait: bool, wait_timeout_s: float
    ) -> pb.Traffic:
        decided = await self._transport.unary(call, self._timeout_s)
        if not wait:
            return decided
        return await self._transport.wait(traffic.is_live(decided), wait_timeout_s)
