"""What the registry and the experiment service have shown so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic, TypeVar

from chassis.watch import Notifier
from router_svc.domain.world import Experiment, Model, Replica, World

T = TypeVar("T")


class Collection(Generic[T]):
    """Resources of one watch.

    What comes before the first SYNCED mark, or after a restart of the watch,
    becomes visible with the mark and all at once: half a collection looks like a
    whole one in which much is missing.

    Attributes:
        items: by id; replaced and never changed in place, so that who saw it before
            sees at once whether it is the same.
        deleted: ids that the other service said are gone; likewise.
        synced: whether the whole collection has been heard since the start.
    """

    def __init__(self, changes: Notifier) -> None:
        self.items: Mapping[str, T] = {}
        self.deleted: frozenset[str] = frozenset()
        self.synced = False
        self._changes = changes
        self._incoming: dict[str, T] | None = {}

    def restart(self) -> None:
        """The whole collection comes again; what was known stays until it has."""
        self._incoming = {}

    def put(self, key: str, item: T) -> None:
        self.deleted -= {key}
        if self._incoming is not None:
            self._incoming[key] = item
            return
        self.items = {**self.items, key: item}
        self._changes.notify()

    def delete(self, key: str) -> None:
        self.deleted |= {key}
        if self._incoming is not None:
            self._incoming.pop(key, None)
            return
        self.items = {other: item for other, item in self.items.items() if other != key}
        self._changes.notify()

    def mark_synced(self) -> None:
        """All that was there has been put."""
        if self._incoming is None:
            return
        self.items, self._incoming = self._incoming, None
        self.synced = True
        self._changes.notify()


class Heard:
    """Both watches together.

    Attributes:
        changes: notified whenever something visible changes.
    """

    def __init__(self) -> None:
        self.changes = Notifier()
        self.models: Collection[Model] = Collection(self.changes)
        self.experiments: Collection[Experiment] = Collection(self.changes)

    def world(self, replicas: Iterable[Replica]) -> World:
        """Everything as it is now."""
        return World(
            models=self.models.items,
            experiments=self.experiments.items,
            replicas=tuple(replicas),
            deleted_models=self.models.deleted,
            deleted_experiments=self.experiments.deleted,
            complete=self.models.synced and self.experiments.synced,
            models_complete=self.models.synced,
        )
