"""Models into a file and out of it, for the blocking client."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from algolink import names
from algolink.client import archive, archive_lineage, lineage, registry, search, uploads
from algolink.client.archive import Aliases, Contents
from algolink.client.artifact import Progress
from algolink.client.channels import PUSH_TIMEOUT_S
from algolink.client.sync_artifacts import Artifacts
from algolink.client.sync_history import History
from algolink.client.sync_lifecycle import Lifecycle
from algolink.client.sync_transport import SyncTransport
from algolink.errors import AlreadyExists, NotFound
from algolink.manifest import Manifest
from algolink.names import VersionName
from algolink.registry.v1 import lineage_pb2
from algolink.registry.v1 import registry_pb2 as pb


@dataclass(slots=True)
class Imported:
    """What an import did.

    Attributes:
        model: the model's id.
        numbers: number here of each version, by its number in the archive.
        aliases: that were set, with the number that they name here.
        missing_parents: that lineages name, and that are not here: `base/1`.
    """

    model: str
    numbers: dict[int, int] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    missing_parents: list[str] = field(default_factory=list)


class Archives:
    """Models as files; `Client.archives`."""

    def __init__(
        self,
        transport: SyncTransport,
        artifacts: Artifacts,
        history: History,
        lifecycle: Lifecycle,
        timeout_s: float,
    ) -> None:
        self._transport = transport
        self._artifacts = artifacts
        self._history = history
        self._lifecycle = lifecycle
        self._timeout_s = timeout_s

    def export(
        self,
        name: str,
        to: str | os.PathLike[str],
        key: Ed25519PrivateKey,
        *,
        versions: Collection[int] = (),
    ) -> Contents:
        """Writes a model with its versions, aliases, ledger and artifacts into a file.

        Args:
            name: the model's id.
            to: the file; replaced when the new one is whole.
            key: signs it.
            versions: only these; all that are not deleted if empty.

        Raises:
            NotFound: VERSION_NOT_FOUND, for one that is not there or deleted.
            OSError: if a file cannot be written.
        """
        target = Path(to)
        found = self._versions(name, versions)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            sizes: dict[str, int] = {}
            for version in found:
                self._collect(version, Path(folder), sizes)
            contents = Contents(
                model=self._transport.unary(registry.get_model(name), self._timeout_s),
                versions=found,
                moves=self._history.alias_moves(name),
                sizes=sizes,
                lineages=[known for each in found if (known := self._lineage_of(each))],
            )
            whole = Path(folder) / "archive"
            archive.write(whole, contents, Path(folder), key)
            whole.replace(target)
        return contents

    def load(
        self,
        path: str | os.PathLike[str],
        trusted: Collection[Ed25519PublicKey],
        *,
        name: str = "",
        aliases: Aliases = "new",
        progress: Progress | None = None,
    ) -> Imported:
        """Makes the versions of an archive here; those that it made before are found again.

        Nothing is sent before all of the archive has been checked.

        Args:
            path: the archive.
            trusted: keys of whom to believe.
            name: the model's id here; as in the archive if empty.
            aliases: which of them to set.
            progress: called with the bytes handed over and in all.

        Raises:
            InvalidArgument: ARCHIVE_INVALID.
            FailedPrecondition: ARCHIVE_NOT_TRUSTED.
        """
        contents, pieces = archive.read(Path(path), trusted)
        imported = Imported(name or contents.model.name.removeprefix("models/"))
        self._artifacts.send(tuple(pieces.values()), progress, PUSH_TIMEOUT_S)
        for version in contents.versions:
            made = self._transport.unary(
                uploads.create_version(_header(version, imported.model)), PUSH_TIMEOUT_S
            )
            imported.numbers[version.number] = made.number
        for exported in contents.lineages:
            self._record(exported, imported)
        self._set_aliases(contents, imported, aliases)
        for version in contents.versions:
            self._retire(version, imported)
        return imported

    def _lineage_of(self, version: pb.Version) -> lineage_pb2.Lineage | None:
        try:
            return self._transport.unary(lineage.get(version.name), self._timeout_s)
        except NotFound:
            return None

    def _record(self, exported: lineage_pb2.Lineage, imported: Imported) -> None:
        """Records a lineage in the names of this installation, once."""
        number = imported.numbers.get(lineage.version_name(exported.version).number)
        if number is None:
            return
        here = VersionName(imported.model, number)
        made, missing = archive_lineage.translated(
            exported, here, imported.numbers, self._imported_before
        )
        # Once recorded it stays, though a parent may have arrived since.
        with suppress(AlreadyExists):
            self._transport.unary(lineage.record(made), self._timeout_s)
            imported.missing_parents += missing

    def _imported_before(self, origin: str) -> VersionName | None:
        wanted = f'tags.{archive_lineage.ORIGIN_TAG} = "{origin}"'
        pages = search.versions(wanted, "create_time desc", 1, deleted=False)
        found = self._transport.items(pages, self._timeout_s, limit=1)
        return VersionName.parse(found[0].name) if found else None

    def _versions(self, name: str, wanted: Collection[int]) -> Sequence[pb.Version]:
        if wanted:
            return [
                self._transport.unary(registry.get_version(name, number), self._timeout_s)
                for number in sorted(set(wanted))
            ]
        listed = registry.list_versions(name, deleted=False)
        return self._transport.items(listed, self._timeout_s)[::-1]

    def _collect(self, version: pb.Version, folder: Path, sizes: dict[str, int]) -> None:
        """Fetches what a version needs that is not there yet."""
        content = self._fetched(version.digest, version.size_bytes, folder, sizes)
        if version.folder_files:
            for file in Manifest.parse(content.read_bytes()).files:
                self._fetched(file.digest, file.size_bytes, folder, sizes)

    def _fetched(self, digest: str, size_bytes: int, folder: Path, sizes: dict[str, int]) -> Path:
        path = folder / digest
        if digest not in sizes:
            quiet = uploads.tell(None, 0, 0)
            self._artifacts.fetch(digest, size_bytes, path, quiet, PUSH_TIMEOUT_S)
            sizes[digest] = size_bytes
        return path

    def _set_aliases(self, contents: Contents, imported: Imported, which: Aliases) -> None:
        if which == "none":
            return
        model = self._transport.unary(registry.get_model(imported.model), self._timeout_s)
        for alias, target in sorted(contents.model.aliases.items()):
            number = imported.numbers.get(target.version)
            if number is None or not _may_set(model, alias, number, imported, which):
                continue
            call = registry.set_alias(
                imported.model, alias, number, etag="", reason=f"imported: {target.reason}"[:1_000]
            )
            self._transport.unary(call, self._timeout_s)
            imported.aliases[alias] = number

    def _retire(self, version: pb.Version, imported: Imported) -> None:
        """Deprecates or archives what was so where it comes from, unless an alias names it."""
        if version.state not in (pb.VERSION_STATE_DEPRECATED, pb.VERSION_STATE_ARCHIVED):
            return
        number = imported.numbers[version.number]
        model = self._transport.unary(registry.get_model(imported.model), self._timeout_s)
        if number in {alias.version for alias in model.aliases.values()}:
            return
        here = self._transport.unary(registry.get_version(imported.model, number), self._timeout_s)
        if here.state != pb.VERSION_STATE_READY:
            return
        deprecated = version.state == pb.VERSION_STATE_DEPRECATED
        move = self._lifecycle.deprecate if deprecated else self._lifecycle.archive
        move(imported.model, number, reason=version.state_reason)


def _may_set(model: pb.Model, alias: str, number: int, imported: Imported, which: Aliases) -> bool:
    if alias not in model.aliases:
        return True
    present = model.aliases[alias]
    if present.version == number:
        return False
    # The champion that the first version became by itself counts as none.
    by_itself = alias == names.CHAMPION and present.version == 1 and not present.reason
    return which == "all" or (by_itself and 1 in imported.numbers.values())


def _header(version: pb.Version, model: str) -> pb.PushHeader:
    origin = archive_lineage.origin(VersionName.parse(version.name))
    return pb.PushHeader(
        model=f"models/{model}",
        request_id=f"import-{_identity(version, model)}",
        digest=version.digest,
        size_bytes=version.size_bytes,
        description=version.description,
        tags={archive_lineage.ORIGIN_TAG: origin, **version.tags},
        metrics=version.metrics,
    )


def _identity(version: pb.Version, model: str) -> str:
    """The same for the same version of the same installation, whenever it is exported."""
    time = version.create_time.ToJsonString()
    value = json.dumps([model, version.name, version.digest, time])
    return hashlib.sha256(value.encode()).hexdigest()
