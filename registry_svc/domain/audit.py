"""Who changed what: the entries of the audit and their seals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from algolink import audit_chain
from algolink.audit_chain import GENESIS, Link
from registry_svc.domain.lineage import Lineage
from registry_svc.domain.models import Model
from registry_svc.domain.versions import Version


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks for a change, and in which call.

    Attributes:
        name: of the caller.
        request_id: of the call; may be empty.
    """

    name: str
    request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of one resource.

    Attributes:
        number: from 1, without gaps, in the order of the changes.
        time: UTC.
        action: name of the rpc.
        resource: name of what was changed.
        before_digest: of what it held; empty if it did not exist.
        after_digest: of what it holds.
    """

    number: int
    time: datetime
    actor: Actor
    action: str
    resource: str
    before_digest: str
    after_digest: str

    @property
    def link(self) -> Link:
        """What its hash covers."""
        return Link(
            number=self.number,
            time=f"{self.time:%Y-%m-%dT%H:%M:%S.%f}Z",
            caller=self.actor.name,
            request_id=self.actor.request_id,
            action=self.action,
            resource=self.resource,
            before_digest=self.before_digest,
            after_digest=self.after_digest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What chains an entry to the one before it.

    Attributes:
        number: of the entry.
        time: when it was sealed; UTC.
    """

    number: int
    hash: str
    time: datetime


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry, and its seal once it has one."""

    entry: Entry
    seal: Seal | None


def seals(entries: Sequence[Entry], *, last: Seal | None, at: datetime) -> tuple[Seal, ...]:
    """Seals of entries that follow `last`, in order."""
    previous = last.hash if last else GENESIS
    made = []
    for entry in entries:
        previous = audit_chain.chained(previous, entry.link)
        made.append(Seal(number=entry.number, hash=previous, time=at))
    return tuple(made)


def digest_of_model(model: Model) -> str:
    """SHA-256 of what people decide about a model: its aliases, and how far its versions go."""
    aliases = {name: asdict(alias) for name, alias in model.aliases.items()}
    return _digest(
        {"name": str(model.name), "latest_version": model.latest_version, "aliases": aliases}
    )


def digest_of_version(version: Version) -> str:
    """SHA-256 of all that is known of a version but its count of writes."""
    value = asdict(replace(version, revision=0))
    if not version.folder_files:
        # As it was before there were folders, so that no digest changed with the release.
        del value["folder_files"], value["folder_bytes"]
    return _digest(value)


def digest_of_lineage(lineage: Lineage) -> str:
    """SHA-256 of all that was recorded."""
    return _digest(asdict(lineage))


def _digest(value: Mapping[str, object]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
