"""Takes facts in, each once, together with what is counted from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from experiment_svc.domain import counting, facts
from experiment_svc.domain.counting import Increment
from experiment_svc.domain.facts import Exposure, Outcome, Receipt
from experiment_svc.records import to_us
from experiment_svc.schema import (
    exposures,
    fact_counts,
    latency_counts,
    outcomes,
    request_counts,
    unit_states,
)
from experiment_svc.store_sql.upsert import upsert

_KEYS_AT_ONCE = 1_000


class FactsWriting:
    """Writes facts by one connection."""

    _connection: AsyncConnection

    async def add_exposures(self, batch: Sequence[Exposure], *, node: str) -> Receipt:
        """Stores what is new, and counts it."""
        before = await self._begin_batch()
        known: dict[object, bytes] = {}
        for ids in _chunks([exposure.request_id for exposure in batch]):
            for row in await self._connection.execute(_KNOWN_EXPOSURES, {"ids": ids}):
                known[row.request_id, row.kind, row.attempt] = row.digest
        new, receipt = facts.sort_out(batch, known)
        if new:
            await self._connection.execute(
                sa.insert(exposures),
                [_exposure_row(exposure, node) | {"batch": before + len(new)} for exposure in new],
            )
            await self._count(counting.increment(new))
        await self._end_batch(receipt)
        return receipt

    async def add_outcomes(self, batches: Sequence[Sequence[Outcome]]) -> Sequence[Receipt]:
        """Stores what is new; a receipt for each batch."""
        before = await self._begin_batch()
        known: dict[object, bytes] = {}
        for ids in _chunks([outcome.event_id for batch in batches for outcome in batch]):
            for row in await self._connection.execute(_KNOWN_OUTCOMES, {"ids": ids}):
                known[row.event_id] = row.digest
        rows: list[dict[str, Any]] = []
        receipts = []
        for batch in batches:
            new, receipt = facts.sort_out(batch, known)
            rows += [_outcome_row(outcome) for outcome in new]
            receipts.append(receipt)
        if rows:
            await self._connection.execute(
                sa.insert(outcomes), [row | {"batch": before + len(rows)} for row in rows]
            )
        await self._end_batch(sum(receipts, Receipt()))
        return receipts

    async def _begin_batch(self) -> int:
        """Waits until no other batch is being written; returns how many facts there are.

        So what is known of a key stays true until this batch is committed.
        """
        accepted = await self._connection.scalar(
            sa.select(fact_counts.c.accepted).with_for_update()
        )
        return int(accepted or 0)

    async def _end_batch(self, receipt: Receipt) -> None:
        await self._connection.execute(
            sa.update(fact_counts).values(
                accepted=fact_counts.c.accepted + receipt.accepted,
                redelivered=fact_counts.c.redelivered + receipt.redelivered,
                conflicts=fact_counts.c.conflicts + receipt.conflicts,
            )
        )

    async def _count(self, increment: Increment) -> None:
        await self._merge_units(increment)
        await self._add(
            request_counts,
            [
                {
                    "experiment": experiment,
                    "arm": arm,
                    "phase": phase,
                    "requests": requests,
                    "failures": increment.failures[experiment, arm, phase],
                }
                for (experiment, arm, phase), requests in increment.requests.items()
            ],
        )
        await self._add(
            latency_counts,
            [
                {"experiment": experiment, "arm": arm, "bucket": bucket, "requests": requests}
                for (experiment, arm, bucket), requests in increment.latency.items()
            ],
        )

    async def _merge_units(self, increment: Increment) -> None:
        """`UnitState.__add__` in SQL."""
        if not increment.units:
            return
        statement = upsert(self._connection, unit_states)
        mine, other = unit_states.c, statement.excluded
        earlier = sa.tuple_(other.first_us, other.phase, other.arm) < sa.tuple_(
            mine.first_us, mine.phase, mine.arm
        )
        merged = {
            name: sa.case((earlier, other[name]), else_=mine[name])
            for name in ("first_us", "phase", "arm")
        }
        apart = sa.or_(mine.crossed == 1, other.crossed == 1, mine.arm != other.arm)
        merged["crossed"] = sa.case((apart, 1), else_=0)
        rows = [
            {
                "experiment": experiment,
                "unit": unit,
                "first_us": to_us(state.first[0]),
                "phase": state.first[1],
                "arm": state.first[2],
                "crossed": int(state.crossed),
            }
            for (experiment, unit), state in increment.units.items()
        ]
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=unit_states.primary_key.columns, set_=merged
            ),
            rows,
        )

    async def _add(self, table: sa.Table, rows: list[dict[str, Any]]) -> None:
        """Adds to counters: every column that is not in the key."""
        if not rows:
            return
        statement = upsert(self._connection, table)
        counters = [column for column in table.columns if not column.primary_key]
        sums = {column.name: column + statement.excluded[column.name] for column in counters}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=table.primary_key.columns, set_=sums),
            rows,
        )


_KNOWN_EXPOSURES = sa.select(
    exposures.c.request_id, exposures.c.kind, exposures.c.attempt, exposures.c.digest
).where(exposures.c.request_id.in_(sa.bindparam("ids", expanding=True)))

_KNOWN_OUTCOMES = sa.select(outcomes.c.event_id, outcomes.c.digest).where(
    outcomes.c.event_id.in_(sa.bindparam("ids", expanding=True))
)


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Parts that a statement can take as parameters."""
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        yield keys[start : start + _KEYS_AT_ONCE]


def _exposure_row(exposure: Exposure, node: str) -> dict[str, Any]:
    return {
        "request_id": exposure.request_id,
        "kind": int(exposure.kind),
        "attempt": exposure.attempt,
        "digest": exposure.digest,
        "time_us": to_us(exposure.time),
        "node": node,
        "model": exposure.model,
        "experiment": exposure.experiment,
        "phase": exposure.phase,
        "table_revision": exposure.table_revision,
        "arm": exposure.arm,
        "assigned_version": exposure.assigned_version,
        "answered_version": exposure.answered_version,
        "unit": exposure.unit,
        "http_status": exposure.http_status,
        "grpc_status": exposure.grpc_status,
        "response_flags": exposure.response_flags,
        "duration_us": exposure.duration_us,
    }


def _outcome_row(outcome: Outcome) -> dict[str, Any]:
    return {
        "event_id": outcome.event_id,
        "digest": outcome.digest,
        "unit": outcome.unit,
        "metric": outcome.metric,
        "value": outcome.value,
        "time_us": to_us(outcome.time),
        "received_us": to_us(outcome.received),
    }
