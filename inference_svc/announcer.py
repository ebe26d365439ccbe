"""This replica's line to the router: what it holds, and what it shall hold."""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import grpc

from algolink.errors import InvalidArgument
from algolink.names import VersionName, check_digest
from algolink.router.v1 import router_pb2, router_pb2_grpc
from chassis.channel import BACKOFF_MAX_S, BACKOFF_MIN_S
from chassis.watch import first_of
from inference_svc.domain.holding import Holding, State, WantedVersion
from inference_svc.host import ModelHost
from inference_svc.wanted_file import WantedFile

_log = logging.getLogger(__name__)

_RENEW_S: Final = 1.0
"""The lease is renewed at least this often."""

_STATE: Final = {
    State.WANTED: router_pb2.LOAD_STATE_LOADING,
    State.LOADING: router_pb2.LOAD_STATE_LOADING,
    State.READY: router_pb2.LOAD_STATE_READY,
    State.FAILED: router_pb2.LOAD_STATE_FAILED,
    State.UNLOADING: router_pb2.LOAD_STATE_UNLOADING,
}

_Call = grpc.aio.StreamStreamCall[router_pb2.AnnounceRequest, router_pb2.AnnounceResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who this replica is, and where it is reached.

    Attributes:
        replica_id: unique in the pool and kept over restarts.
        grpc_address: `host:port` of its gRPC server, as a proxy reaches it.
        http_address: `host:port` of its REST server, as a proxy reaches it.
        foreign: whether these servers are not ours, and read no `x-al-version`.
    """

    replica_id: str
    pool: str
    grpc_address: str
    http_address: str
    foreign: bool = False


class Announcer:
    """Tells the router this replica's whole state, and passes on what is wanted."""

    def __init__(
        self,
        host: ModelHost,
        identity: Identity,
        channel: grpc.aio.Channel,
        wanted_file: WantedFile,
    ) -> None:
        self._host = host
        self._identity = identity
        self._placement = router_pb2_grpc.PlacementServiceStub(channel)
        self._wanted_file = wanted_file
        self._is_heard = False
        self._complained_of: grpc.StatusCode | None = None
        self._draining = False
        self._farewell = asyncio.Event()

    async def drain(self, timeout_s: float) -> None:
        """Tells the router that this replica is about to stop.

        Returns when that has been sent, or after `timeout_s` seconds; at once if
        no router listens.
        """
        self._draining = True
        self._host.changes.notify()
        if self._is_heard:
            await first_of(self._farewell.wait(), timeout_s=timeout_s)

    async def run(self) -> None:
        """Keeps the line open until cancelled."""
        backoff_s = BACKOFF_MIN_S
        while True:
            if await self._converse():
                backoff_s = BACKOFF_MIN_S
            await asyncio.sleep(backoff_s * random.uniform(0.8, 1.2))  # noqa: S311  spreads, no secret
            backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)

    async def _converse(self) -> bool:
        """Talks until the stream ends; returns whether the router said anything."""
        call: _Call = self._placement.Announce()
        sending = asyncio.ensure_future(self._send(call))
        heard = False
        try:
            async for response in call:
                heard = self._is_heard = True
                await self._take(response)
        except grpc.aio.AioRpcError as error:
            self._complain(error)
        finally:
            self._is_heard = False
            sending.cancel()
            call.cancel()
            await asyncio.wait({sending})
        return heard

    def _complain(self, error: grpc.aio.AioRpcError) -> None:
        """Logs an error once, and not at every attempt of a long outage."""
        if self._is_heard or error.code() is not self._complained_of:
            self._complained_of = error.code()
            _log.warning(
                "announcing interrupted",
                extra={"code": error.code().name, "details": error.details()},
            )

    async def _send(self, call: _Call) -> None:
        """Sends the whole state at once, after each change and every second."""
        # A stream that has ended is told to the reader, which says why.
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            while True:
                seen, is_last = self._host.changes.count, self._draining
                await call.write(self._state())
                if is_last:
                    self._farewell.set()
                await first_of(self._host.changes.wait_beyond(seen), timeout_s=_RENEW_S)

    def _state(self) -> router_pb2.AnnounceRequest:
        return router_pb2.AnnounceRequest(
            replica_id=self._identity.replica_id,
            pool=self._identity.pool,
            grpc_address=self._identity.grpc_address,
            http_address=self._identity.http_address,
            versions=[_loaded_version(holding) for holding in self._host.holdings],
            draining=self._draining,
            foreign=self._identity.foreign,
        )

    async def _take(self, response: router_pb2.AnnounceResponse) -> None:
        try:
            wanted = [_wanted_version(version) for version in response.wanted]
        except InvalidArgument as error:
            # Half a set would withdraw the other half.
            _log.error("wanted set refused", extra={"error": str(error)})
            return
        # Before it is settled the router does not know everything, and withdraws nothing.
        if self._host.want(wanted, whole=response.settled) and response.settled:
            try:
                await asyncio.to_thread(self._wanted_file.write, self._host.wanted)
            except OSError as error:
                _log.warning("wanted set not kept", extra={"error": str(error)})


def _loaded_version(holding: Holding) -> router_pb2.LoadedVersion:
    name = holding.version.name
    return router_pb2.LoadedVersion(
        model=name.model,
        version=name.number,
        state=_STATE[holding.state],
        message=holding.message,
    )


def _wanted_version(version: router_pb2.WantedVersion) -> WantedVersion:
    return WantedVersion(
        VersionName.parse(f"models/{version.model}/versions/{version.version}"),
        check_digest(version.digest),
        version.size_bytes,
        is_champion=version.is_champion,
    )
