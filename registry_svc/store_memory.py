"""A store in memory, for tests and for what need not last."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cmp_to_key
from itertools import chain, islice, zip_longest
from typing import TypeVar

from algolink.errors import Aborted
from algolink.manifest import Manifest
from algolink.names import ModelName, VersionName
from chassis.watch import Change
from registry_svc.domain import models
from registry_svc.domain.audit import Entry, Recorded, Seal
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.lineage import Lineage
from registry_svc.domain.models import Model, ModelState
from registry_svc.domain.pushes import Push
from registry_svc.domain.search import orders, records
from registry_svc.domain.search.matching import Record, matches
from registry_svc.domain.search.orders import Order, Place
from registry_svc.domain.search.predicates import Predicate
from registry_svc.domain.versions import State, Version

T = TypeVar("T")


@dataclass
class _State:
    models: dict[ModelName, Model] = field(default_factory=dict)
    changes: dict[ModelName, int] = field(default_factory=dict)
    versions: dict[ModelName, list[Version]] = field(default_factory=dict)  # oldest first
    moves: dict[ModelName, list[AliasMove]] = field(default_factory=dict)  # oldest first
    pushes: dict[str, Push] = field(default_factory=dict)
    folders: dict[str, Manifest] = field(default_factory=dict)  # by digest
    entries: list[Entry] = field(default_factory=list)  # from number 1 on
    seals: list[Seal] = field(default_factory=list)  # from number 1 on
    lineages: dict[VersionName, Lineage] = field(default_factory=dict)
    head: int = 0

    def copy(self) -> _State:
        return _State(
            dict(self.models),
            dict(self.changes),
            {name: list(versions) for name, versions in self.versions.items()},
            {name: list(moves) for name, moves in self.moves.items()},
            dict(self.pushes),
            dict(self.folders),
            list(self.entries),
            list(self.seals),
            dict(self.lineages),
            self.head,
        )


class MemoryStore:
    """Keeps everything in dictionaries; a writer works on a copy."""

    def __init__(self) -> None:
        self._instance = uuid.uuid4().hex
        self._state = _State()
        self._writing = asyncio.Lock()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[_Transaction]:
        yield _Transaction(self._instance, self._state)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[_Transaction]:
        async with self._writing:
            state = self._state.copy()
            yield _Transaction(self._instance, state)
            self._state = state


class _Transaction:
    def __init__(self, instance: str, state: _State) -> None:
        self._instance = instance
        self._state = state

    async def instance(self) -> str:
        return self._instance

    async def head(self) -> int:
        return self._state.head

    async def find_model(self, name: ModelName) -> Model | None:
        return self._state.models.get(name)

    async def get_model(self, name: ModelName) -> Model:
        model = await self.find_model(name)
        if model is None:
            raise models.model_not_found(name)
        return model

    async def page_key(self) -> bytes:
        return self._instance.encode()

    async def search_models(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Model]:
        by_record = [(records.of_model(model), model) for model in self._state.models.values()]
        return _page(by_record, predicate, order, after)[:limit]

    async def search_versions(
        self, predicate: Predicate, order: Order, *, after: Place | None, limit: int
    ) -> Sequence[Version]:
        by_record = [
            (
                records.of_version(
                    version, self._state.models[name], self._state.lineages.get(version.name)
                ),
                version,
            )
            for name, versions in self._state.versions.items()
            for version in versions
        ]
        return _page(by_record, predicate, order, after)[:limit]

    async def list_models(self, *, after: ModelName | None, limit: int) -> Sequence[Model]:
        ordered = sorted(self._state.models.items())
        return [model for name, model in ordered if after is None or name > after][:limit]

    async def get_version(self, name: VersionName) -> Version:
        model = await self.get_model(ModelName(name.model))
        if not 1 <= name.number <= model.latest_version:
            raise models.version_not_found(model.name, name.number)
        return self._state.versions[model.name][name.number - 1]

    async def list_versions(
        self, model: ModelName, *, below: int | None, limit: int, deleted: bool = True
    ) -> Sequence[Version]:
        newest_first = reversed(self._state.versions.get(model, []))
        return [
            version
            for version in newest_first
            if (below is None or version.name.number < below)
            and (deleted or version.state is not State.DELETED)
        ][:limit]

    async def find_lineages(self, versions: Sequence[VersionName]) -> Mapping[VersionName, Lineage]:
        known = self._state.lineages
        return {name: known[name] for name in versions if name in known}

    async def made_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, Sequence[VersionName]]:
        found: dict[VersionName, list[VersionName]] = {}
        for child, lineage in sorted(self._state.lineages.items()):
            for parent in lineage.parents:
                if parent.version in versions:
                    found.setdefault(parent.version, []).append(child)
        return found

    async def users_of(self, uri: str, digest: str, *, limit: int) -> Sequence[VersionName]:
        return [
            name
            for name, lineage in sorted(self._state.lineages.items())
            if any(use.uri == uri and digest in ("", use.digest) for use in lineage.datasets)
        ][:limit]

    async def aliases_of(
        self, versions: Sequence[VersionName]
    ) -> Mapping[VersionName, tuple[str, ...]]:
        found: dict[VersionName, tuple[str, ...]] = {}
        for model in self._state.models.values():
            for alias, target in sorted(model.aliases.items()):
                name = VersionName(model.name.model, target.version)
                if name in versions:
                    found[name] = (*found.get(name, ()), alias)
        return found

    async def find_push(self, request_id: str) -> Push | None:
        return self._state.pushes.get(request_id)

    async def list_moves(
        self, model: ModelName, *, alias: str | None, below: int | None, limit: int
    ) -> Sequence[AliasMove]:
        newest_first = reversed(self._state.moves.get(model, []))
        return [
            move
            for move in newest_first
            if (alias is None or move.alias == alias) and (below is None or move.number < below)
        ][:limit]

    async def find_move_at(self, model: ModelName, alias: str, time: datetime) -> AliasMove | None:
        newest_first = reversed(self._state.moves.get(model, []))
        found = (m for m in newest_first if m.alias == alias and m.commit_time <= time)
        return next(found, None)

    async def needed(self, digests: Sequence[str], *, purged_before: datetime) -> frozenset[str]:
        needed: set[str] = set()
        for version in self._all_versions():
            if version.purge_time is None or version.purge_time >= purged_before:
                needed |= self._digests(version)
        return frozenset(needed.intersection(digests))

    async def versions_with(self, digest: str, *, limit: int) -> Sequence[VersionName]:
        found = (v.name for v in self._all_versions() if digest in self._digests(v))
        return sorted(found)[:limit]

    def _all_versions(self) -> Iterator[Version]:
        return chain.from_iterable(self._state.versions.values())

    def _digests(self, version: Version) -> set[str]:
        folder = self._state.folders.get(version.digest)
        files = folder.files if folder else ()
        return {version.digest, *(file.digest for file in files)}

    async def newest_entry(self) -> int:
        return len(self._state.entries)

    async def newest_seal(self) -> Seal | None:
        return self._state.seals[-1] if self._state.seals else None

    async def list_entries(self, *, after: int, limit: int) -> Sequence[Recorded]:
        paired = zip_longest(self._state.entries, self._state.seals)
        return [Recorded(entry, seal) for entry, seal in islice(paired, after, after + limit)]

    async def changed_since(
        self, change: int, *, limit: int | None = None
    ) -> Sequence[Change[ModelState]]:
        changed = sorted((n, name) for name, n in self._state.changes.items() if n > change)
        return [
            Change(
                number,
                ModelState(
                    self._state.models[name], tuple(reversed(self._state.versions.get(name, [])))
                ),
            )
            for number, name in changed[:limit]
        ]

    async def put_model(self, model: Model) -> Model:
        present = self._state.models.get(model.name)
        if model.revision != (present.revision if present else 0):
            raise Aborted(
                "ETAG_MISMATCH", f"{model.name} has changed since it was read", model=model.name
            )
        saved = replace(model, revision=model.revision + 1)
        self._state.head += 1
        self._state.models[model.name] = saved
        self._state.changes[model.name] = self._state.head
        return saved

    async def add_version(self, version: Version) -> None:
        self._state.versions.setdefault(ModelName(version.name.model), []).append(version)

    async def add_move(self, move: AliasMove) -> None:
        self._state.moves.setdefault(move.model, []).append(move)

    async def put_version(self, version: Version) -> Version:
        present = await self.get_version(version.name)
        if version.revision != present.revision:
            raise Aborted(
                "ETAG_MISMATCH",
                f"{version.name} has changed since it was read",
                version=version.name,
            )
        saved = replace(version, revision=version.revision + 1)
        self._state.versions[ModelName(version.name.model)][version.name.number - 1] = saved
        return saved

    async def add_lineage(self, lineage: Lineage) -> None:
        self._state.lineages[lineage.version] = lineage

    async def add_entry(self, entry: Entry) -> None:
        self._state.entries.append(entry)

    async def add_seals(self, seals: Sequence[Seal]) -> None:
        self._state.seals.extend(seals)

    async def add_push(self, push: Push) -> None:
        self._state.pushes[push.request_id] = push

    async def add_files(self, artifact: str, manifest: Manifest) -> None:
        self._state.folders[artifact] = manifest


def _page(
    by_record: list[tuple[Record, T]], predicate: Predicate, order: Order, after: Place | None
) -> list[T]:
    def compared(a: tuple[Record, T], b: tuple[Record, T]) -> int:
        return orders.compared(a[0], b[0], order)

    found = [
        (record, item)
        for record, item in by_record
        if matches(predicate, record) and (after is None or orders.is_after(record, after, order))
    ]
    found.sort(key=cmp_to_key(compared))
    return [item for _, item in found]
