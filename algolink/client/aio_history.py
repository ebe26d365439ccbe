"""What the registry remembers, for the asyncio client."""

from __future__ import annotations

from datetime import datetime

from algolink import names
from algolink.client import ledger, registry, router
from algolink.client.aio_transport import AioTransport
from algolink.client.channels import WAIT_TIMEOUT_S
from algolink.registry.v1 import ledger_pb2


class AsyncHistory:
    """Where aliases pointed, and how to go back; `AsyncClient.history`."""

    def __init__(self, transport: AioTransport, timeout_s: float) -> None:
        self._transport = transport
        self._timeout_s = timeout_s

    async def alias_at(
        self, name: str, alias: str, time: datetime | None = None
    ) -> ledger_pb2.AliasMove:
        """The move that had put an alias where it pointed at a time."""
        call = ledger.get_alias_at(name, alias, time)
        return await self._transport.unary(call, self._timeout_s)

    async def alias_moves(self, name: str, alias: str | None = None) -> list[ledger_pb2.AliasMove]:
        """All moves of a model's aliases, or of one, newest first."""
        return await self._transport.items(ledger.list_alias_moves(name, alias), self._timeout_s)

    async def roll_back(
        self,
        name: str,
        alias: str = names.CHAMPION,
        *,
        reason: str = "",
        etag: str = "",
        wait: bool = True,
        wait_timeout_s: float = WAIT_TIMEOUT_S,
    ) -> ledger_pb2.AliasMove:
        """Moves an alias to where it pointed before; again, and it goes further back.

        Waits, for the champion, until it answers.
        """
        call = ledger.roll_back_alias(name, alias, reason=reason, etag=etag)
        move = await self._transport.unary(call, self._timeout_s)
        if wait and alias == names.CHAMPION:
            model = await self._transport.unary(registry.get_model(name), self._timeout_s)
            await self._transport.wait(router.champion_is_live(model, move.version), wait_timeout_s)
        return move
