"""Reads which requests are known, in the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain.facts import Kind
from experiment_svc.domain.feedback import Taken
from experiment_svc.records import from_us
from experiment_svc.schema import exposures

_KEYS_AT_ONCE = 1_000


class RequestsReading:
    """Reads requests by one connection."""

    _connection: AsyncConnection

    async def get_requests(self, ids: Sequence[str]) -> Mapping[str, Taken]:
        """Those of the requests that are known, by id."""
        found: dict[str, Taken] = {}
        for start in range(0, len(ids), _KEYS_AT_ONCE):
            chunk = {"ids": ids[start : start + _KEYS_AT_ONCE]}
            for row in await self._connection.execute(_REQUESTS, chunk):
                found[row.request_id] = Taken(row.unit, from_us(row.time_us))
        return found


_REQUESTS = sa.select(exposures.c.request_id, exposures.c.unit, exposures.c.time_us).where(
    exposures.c.request_id.in_(sa.bindparam("ids", expanding=True)),
    exposures.c.kind == int(Kind.REQUEST),
)
