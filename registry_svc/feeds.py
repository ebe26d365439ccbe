"""What changed, as the messages of a watch; read and made once for all who ask together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from algolink.registry.v1 import registry_pb2 as pb
from chassis.watch import Change, Notifier
from registry_svc import convert
from registry_svc.store import Store

PAGE = 1_000
"""Models that are read at a time."""


class Feed:
    """Reads for watches.

    Args:
        changes: notified after each write; whoever asks before and after one never
            shares a read.
    """

    def __init__(self, store: Store, *, changes: Notifier) -> None:
        self._store = store
        self._changes = changes
        self._reads: dict[tuple[int, int], asyncio.Task[list[Change[pb.WatchModelsResponse]]]] = {}

    async def since(self, change: int) -> Sequence[Change[pb.WatchModelsResponse]]:
        """At most `PAGE` models that changed after `change`, each as it is now, in order.

        The messages are shared: do not change them.
        """
        key = self._changes.count, change
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = asyncio.create_task(self._read(change))
            read.add_done_callback(lambda _: self._reads.pop(key, None))
        # Who leaves does not take the read from the others.
        return await asyncio.shield(read)

    async def _read(self, change: int) -> list[Change[pb.WatchModelsResponse]]:
        async with self._store.reading() as reader:
            instance = await reader.instance()
            found = await reader.changed_since(change, limit=PAGE)
        return [
            Change(step.revision, convert.change_to_proto(step, instance=instance))
            for step in found
        ]
