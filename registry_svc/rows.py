"""Domain values as rows of the schema, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from algolink.manifest import Manifest
from algolink.names import ExperimentName, ModelName, VersionName
from registry_svc.domain.audit import Actor, Entry, Recorded, Seal
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Alias, Evidence, Model
from registry_svc.domain.pushes import Push
from registry_svc.domain.versions import Signature, State, TensorSpec, Version

Row = Any
"""A row of a query: its columns are attributes."""


def model(row: Row, aliases: Mapping[str, Alias]) -> Model:
    return Model(
        name=ModelName(row.model),
        aliases=dict(sorted(aliases.items())),
        latest_version=row.latest_version,
        create_time=row.create_time,
        update_time=row.update_time,
        revision=row.revision,
    )


def of_model(model: Model, change: int) -> dict[str, object]:
    return {
        "model": model.name.model,
        "latest_version": model.latest_version,
        "create_time": model.create_time,
        "update_time": model.update_time,
        "revision": model.revision,
        "change": change,
    }


def alias(row: Row) -> Alias:
    return Alias(
        version=row.version,
        update_time=row.update_time,
        reason=row.reason,
        evidence=_evidence(row),
    )


def of_aliases(model: Model) -> list[dict[str, object]]:
    return [
        {
            "model": model.name.model,
            "alias": name,
            "version": alias.version,
            "update_time": alias.update_time,
            "reason": alias.reason,
            **_of_evidence(alias.evidence),
        }
        for name, alias in model.aliases.items()
    ]


def version(row: Row) -> Version:
    return Version(
        name=VersionName(row.model, row.number),
        digest=row.digest,
        size_bytes=row.size_bytes,
        signature=signature(row.signature),
        description=row.description,
        create_time=row.create_time,
        pusher=row.pusher,
        state=State(row.state),
        state_time=row.state_time,
        state_reason=row.state_reason,
        purge_time=row.purge_time,
        tags=row.tags,
        metrics=row.metrics,
        revision=row.revision,
        folder_files=row.folder_files,
        folder_bytes=row.folder_bytes,
    )


def of_version(version: Version) -> dict[str, object]:
    return {
        "model": version.name.model,
        "number": version.name.number,
        "digest": version.digest,
        "size_bytes": version.size_bytes,
        "signature": of_signature(version.signature),
        "description": version.description,
        "create_time": version.create_time,
        "pusher": version.pusher,
        "state": version.state.value,
        "state_time": version.state_time,
        "state_reason": version.state_reason,
        "purge_time": version.purge_time,
        "tags": dict(version.tags),
        "metrics": dict(version.metrics),
        "revision": version.revision,
        "folder_files": version.folder_files,
        "folder_bytes": version.folder_bytes,
    }


def of_files(artifact: str, manifest: Manifest) -> list[dict[str, object]]:
    return [
        {"artifact": artifact, "path": f.path, "digest": f.digest, "size_bytes": f.size_bytes}
        for f in manifest.files
    ]


def of_tags(version: Version) -> list[dict[str, object]]:
    own = {"model": version.name.model, "number": version.name.number}
    return [{**own, "key": key, "value": value} for key, value in version.tags.items()]


def of_metrics(version: Version) -> list[dict[str, object]]:
    own = {"model": version.name.model, "number": version.name.number}
    return [{**own, "name": name, "value": value} for name, value in version.metrics.items()]


def signature(value: Mapping[str, Any]) -> Signature:
    return Signature(_tensors(value["inputs"]), _tensors(value["outputs"]))


def of_signature(signature: Signature) -> dict[str, object]:
    return {
        "inputs": [[t.name, t.datatype, list(t.shape)] for t in signature.inputs],
        "outputs": [[t.name, t.datatype, list(t.shape)] for t in signature.outputs],
    }


def move(row: Row) -> AliasMove:
    return AliasMove(
        model=ModelName(row.model),
        number=row.number,
        alias=row.alias,
        version=row.version,
        previous_version=row.previous_version,
        commit_time=row.commit_time,
        mover=row.mover,
        reason=row.reason,
        evidence=_evidence(row),
        restores=row.restores,
    )


def of_move(move: AliasMove) -> dict[str, object]:
    return {
        "model": move.model.model,
        "number": move.number,
        "alias": move.alias,
        "version": move.version,
        "previous_version": move.previous_version,
        "commit_time": move.commit_time,
        "mover": move.mover,
        "reason": move.reason,
        **_of_evidence(move.evidence),
        "restores": move.restores,
    }


def recorded(row: Row) -> Recorded:
    entry = Entry(
        number=row.number,
        time=row.time,
        actor=Actor(row.caller, row.request_id),
        action=row.action,
        resource=row.resource,
        before_digest=row.before_digest,
        after_digest=row.after_digest,
    )
    if row.seal_hash is None:
        return Recorded(entry, None)
    return Recorded(entry, Seal(number=row.number, hash=row.seal_hash, time=row.seal_time))


def of_entry(entry: Entry) -> dict[str, object]:
    return {
        "number": entry.number,
        "time": entry.time,
        "caller": entry.actor.name,
        "request_id": entry.actor.request_id,
        "action": entry.action,
        "resource": entry.resource,
        "before_digest": entry.before_digest,
        "after_digest": entry.after_digest,
    }


def seal(row: Row) -> Seal:
    return Seal(number=row.number, hash=row.hash, time=row.time)


def of_seal(seal: Seal) -> dict[str, object]:
    return {"number": seal.number, "hash": seal.hash, "time": seal.time}


def push(row: Row) -> Push:
    return Push(
        request_id=row.request_id, version=VersionName(row.model, row.number), digest=row.digest
    )


def of_push(push: Push) -> dict[str, object]:
    return {
        "request_id": push.request_id,
        "model": push.version.model,
        "number": push.version.number,
        "digest": push.digest,
    }


def _evidence(row: Row) -> Evidence | None:
    if row.experiment is None:
        return None
    return Evidence(experiment=ExperimentName(row.experiment), verdict_digest=row.verdict_digest)


def _of_evidence(evidence: Evidence | None) -> dict[str, object]:
    return {
        "experiment": evidence.experiment.experiment if evidence else None,
        "verdict_digest": evidence.verdict_digest if evidence else None,
    }


def _tensors(values: list[tuple[str, str, list[int]]]) -> tuple[TensorSpec, ...]:
    return tuple(TensorSpec(name, datatype, tuple(shape)) for name, datatype, shape in values)
