"""What the registry asks of its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from algolink.manifest import Manifest
from algolink.names import ModelName, VersionName
from chassis.watch import Change
from registry_svc.domain.audit import Entry, Recorded, Seal
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.lineage import Lineage
from registry_svc.domain.models import Model, ModelState
from registry_svc.domain.pushes import Push
from registry_svc.domain.search.orders import Order, Place
from registry_svc.domain.search.predicates import Predicate
from registry_svc.domain.versions import Version


class Reader(Protocol):
    """One state of the store, as one transaction sees it."""

    async def instance(self) -> str:
        """Id of this database, which counts its own changes."""

    async def head(self) -> int:
        """Number of the last change; 0 before the first."""

    async def find_model(self, name: ModelName) -> Model | None:
        """A model, or None."""

    async def get_model(self, name: ModelName) -> Model:
        """A model.

        Raises:
            NotFound: MODEL_NOT_FOUND.
        """

    async def page_key(self) -> bytes:
        """What signs the page tokens of this database; nobody outside knows it."""

    async def search_models(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Model]:
        """At most `limit` models that match, in `order`, beyond `after`."""

    async def list_models(self, *, after: ModelName | None, limit: int) -> Sequence[Model]:
        """At most `limit` models whose name is beyond `after`, ordered by name."""

    async def get_version(self, name: VersionName) -> Version:
        """A version.

        Raises:
            NotFound: MODEL_NOT_FOUND or VERSION_NOT_FOUND.
        """

    async def search_versions(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Version]:
        """At most `limit` versions that match, in `order`, beyond `after`."""

    async def list_versions(
        self, model: ModelName, *, below: int | None, limit: int, deleted: bool = True
    ) -> Sequence[Version]:
        """At most `limit` versions whose number is below `below`, newest first.

        Args:
            deleted: whether deleted ones are among them.
        """

    async def find_lineages(self, versions: Sequence[VersionName]) -> Mapping[VersionName, Lineage]:
        """Lineage of each of `versions` that has one."""

    async def made_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, Sequence[VersionName]]:
        """Versions that were made of each of `versions`, by name, where there are any."""

    async def users_of(self, uri: str, digest: str, *, limit: int) -> Sequence[VersionName]:
        """At most `limit` versions that used a dataset by themselves, ordered by name.

        Args:
            digest: empty for whatever was at the uri.
        """

    async def aliases_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, tuple[str, ...]]:
        """Aliases of each of `versions` that has any, ordered."""

    async def find_push(self, request_id: str) -> Push | None:
        """The push of a request id, or None."""

    async def list_moves(
        self, model: ModelName, *, alias: str | None, below: int | None, limit: int
    ) -> Sequence[AliasMove]:
        """At most `limit` moves whose number is below `below`, newest first.

        Args:
            alias: only moves of this one; None for all.
        """

    async def find_move_at(self, model: ModelName, alias: str, time: datetime) -> AliasMove | None:
        """Last move of an alias at or before `time`, or None."""

    async def needed(self, digests: Sequence[str], *, purged_before: datetime) -> frozenset[str]:
        """Those of `digests` that a version needs, as its artifact or a file of it.

        Args:
            purged_before: a deleted version needs nothing whose purge time is earlier.
        """

    async def versions_with(self, digest: str, *, limit: int) -> Sequence[VersionName]:
        """At most `limit` versions, whatever their state, that have an artifact or file."""

    async def newest_entry(self) -> int:
        """Number of the audit's newest entry; 0 if there is none."""

    async def newest_seal(self) -> Seal | None:
        """Seal of the newest entry that is sealed, or None."""

    async def list_entries(self, *, after: int, limit: int) -> Sequence[Recorded]:
        """At most `limit` entries of the audit beyond number `after`, oldest first."""

    async def changed_since(
        self, change: int, *, limit: int | None = None
    ) -> Sequence[Change[ModelState]]:
        """Models changed after `change`, each as it is now, in the order of change.

        Args:
            limit: at most this many, of which nothing between is left out.
        """


class Writer(Reader, Protocol):
    """A transaction that writes; writers follow one another."""

    async def put_model(self, model: Model) -> Model:
        """Saves a model as read in this transaction, with its next revision.

        Raises:
            Aborted: ETAG_MISMATCH, if it has been written since it was read.
        """

    async def add_version(self, version: Version) -> None:
        """Adds a version of a model that is put in the same transaction."""

    async def add_move(self, move: AliasMove) -> None:
        """Appends to the ledger of a model that is put in the same transaction."""

    async def put_version(self, version: Version) -> Version:
        """Saves a version as read in this transaction, with its next revision.

        Its model has to be put in the same transaction.

        Raises:
            Aborted: ETAG_MISMATCH, if it has been written since it was read.
        """

    async def add_lineage(self, lineage: Lineage) -> None:
        """Adds the lineage of a version that has none."""

    async def add_entry(self, entry: Entry) -> None:
        """Appends to the audit; the entry has the number after the newest."""

    async def add_seals(self, seals: Sequence[Seal]) -> None:
        """Seals the entries that come after the newest that is sealed."""

    async def add_files(self, artifact: str, manifest: Manifest) -> None:
        """Remembers what is in a folder; once is enough.

        Args:
            artifact: digest of the manifest.
        """

    async def add_push(self, push: Push) -> None:
        """Remembers the request id of a push."""


class Store(Protocol):
    """Where models, versions and pushes are kept."""

    def reading(self) -> AbstractAsyncContextManager[Reader]:
        """A transaction that reads."""

    def writing(self) -> AbstractAsyncContextManager[Writer]:
        """A transaction that is saved when left, unless by an error."""
