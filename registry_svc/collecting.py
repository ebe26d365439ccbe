"""Removes artifacts that no version needs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta

from algolink.errors import NotFound
from registry_svc.artifacts import Artifacts, Kept
from registry_svc.domain import garbage
from registry_svc.domain.audit import Actor
from registry_svc.domain.garbage import Collection, Garbage
from registry_svc.recording import Recorder
from registry_svc.staging import Staging
from registry_svc.store import Store

_AT_ONCE = 500


class Collector:
    """Looks at every artifact that is kept, and asks the store who needs it.

    Args:
        grace: what was written, or deleted for good, more recently stays.
    """

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        staging: Staging,
        *,
        grace: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._staging = staging
        self._grace = grace
        self._now = now

    async def collect(self, *, limit: int, dry_run: bool, by: Actor) -> Collection:
        """Removes at most `limit` artifacts, or tells which it would.

        Args:
            by: who asks for it.
        """
        before = self._now() - self._grace
        found: list[Garbage] = []
        needed = recent = 0
        async for batch in _batches(self._artifacts.kept()):
            async with self._store.reading() as reader:
                in_use = await reader.needed([kept.digest for kept in batch], purged_before=before)
            for kept in batch:
                if kept.digest in in_use:
                    needed += 1
                elif kept.time >= before:
                    recent += 1
                elif len(found) < limit and (dry_run or await self._remove(kept, before, by)):
                    found.append(await self._explained(kept))
        given_up = [] if dry_run else await self._staging.drop_older_than(before)
        return Collection(
            garbage=found,
            more=len(found) == limit,
            needed=needed,
            recent=recent,
            given_up=given_up,
        )

    async def _remove(self, kept: Kept, before: datetime, by: Actor) -> bool:
        """Removes an artifact, unless it has come into use since; whether it did."""
        async with self._store.writing() as writer:
            # Whoever makes a version looks for its artifacts in such a transaction, too,
            # and they follow one another: it finds this one, or finds it gone.
            if await writer.needed([kept.digest], purged_before=before):
                return False
            try:
                if (await self._artifacts.find(kept.digest)).time >= before:
                    return False
            except NotFound:
                return False
            recorder = Recorder(writer, by, "CollectGarbage", self._now())
            await recorder.remove_artifact(kept.digest)
            await self._artifacts.remove(kept.digest)
        return True

    async def _explained(self, kept: Kept) -> Garbage:
        async with self._store.reading() as reader:
            versions = await reader.versions_with(kept.digest, limit=garbage.MAX_VERSIONS)
        return Garbage(
            digest=kept.digest,
            size_bytes=kept.size_bytes,
            time=kept.time,
            versions=tuple(versions),
        )


async def _batches(found: AsyncIterator[Kept]) -> AsyncIterator[list[Kept]]:
    batch: list[Kept] = []
    async for kept in found:
        batch.append(kept)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch
