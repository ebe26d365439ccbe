"""Messages to domain values, and back."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from algolink import names
from algolink.names import ExperimentName, ModelName
from algolink.registry.v1 import registry_pb2 as pb
from chassis.watch import Change, ResumeToken, Synced
from registry_svc.domain.models import Alias, Evidence, Model, ModelState
from registry_svc.domain.pushes import PushHeader
from registry_svc.domain.versions import State, TensorSpec, Version

_STATES = {
    State.READY: pb.VERSION_STATE_READY,
    State.DEPRECATED: pb.VERSION_STATE_DEPRECATED,
    State.ARCHIVED: pb.VERSION_STATE_ARCHIVED,
    State.DELETED: pb.VERSION_STATE_DELETED,
}


def push_header(header: pb.PushHeader) -> PushHeader:
    return PushHeader(
        model=ModelName.parse(header.model),
        request_id=header.request_id,
        digest=header.digest,
        size_bytes=header.size_bytes,
        description=header.description,
        aliases=frozenset(header.aliases),
        tags=dict(header.tags),
        metrics=dict(header.metrics),
    )


def evidence(request: pb.SetAliasRequest) -> Evidence | None:
    if not request.HasField("evidence"):
        return None
    return Evidence(
        experiment=ExperimentName.parse(request.evidence.experiment),
        verdict_digest=names.check_digest(request.evidence.verdict_digest),
    )


def evidence_to_proto(evidence: Evidence | None) -> pb.Evidence | None:
    if evidence is None:
        return None
    return pb.Evidence(experiment=str(evidence.experiment), verdict_digest=evidence.verdict_digest)


def model_to_proto(model: Model) -> pb.Model:
    return pb.Model(
        name=str(model.name),
        aliases={name: _alias_to_proto(alias) for name, alias in model.aliases.items()},
        latest_version=model.latest_version,
        create_time=timestamp(model.create_time),
        update_time=timestamp(model.update_time),
        etag=model.etag,
        revision=model.revision,
    )


def version_to_proto(version: Version) -> pb.Version:
    return pb.Version(
        name=str(version.name),
        number=version.name.number,
        digest=version.digest,
        size_bytes=version.size_bytes,
        signature=pb.Signature(
            inputs=[tensor_to_proto(tensor) for tensor in version.signature.inputs],
            outputs=[tensor_to_proto(tensor) for tensor in version.signature.outputs],
        ),
        description=version.description,
        create_time=timestamp(version.create_time),
        state=_STATES[version.state],
        state_time=timestamp(version.state_time),
        state_reason=version.state_reason,
        purge_time=timestamp(version.purge_time) if version.purge_time else None,
        pusher=version.pusher,
        tags=version.tags,
        metrics=version.metrics,
        etag=version.etag,
        folder_files=version.folder_files,
        total_bytes=version.total_bytes,
    )


def change_to_proto(change: Change[ModelState], *, instance: str) -> pb.WatchModelsResponse:
    response = pb.WatchModelsResponse(resume_token=str(ResumeToken(instance, change.revision)))
    response.model.model.CopyFrom(model_to_proto(change.item.model))
    response.model.versions.extend(version_to_proto(v) for v in change.item.versions)
    return response


def synced_to_proto(mark: Synced, *, instance: str) -> pb.WatchModelsResponse:
    response = pb.WatchModelsResponse(resume_token=str(ResumeToken(instance, mark.revision)))
    response.synced.SetInParent()
    return response


def as_restarted(message: pb.WatchModelsResponse) -> pb.WatchModelsResponse:
    """A copy that tells its reader to forget what it knew."""
    copy = pb.WatchModelsResponse()
    copy.CopyFrom(message)
    copy.restarted = True
    return copy


def _alias_to_proto(alias: Alias) -> pb.Alias:
    return pb.Alias(
        version=alias.version,
        update_time=timestamp(alias.update_time),
        reason=alias.reason,
        evidence=evidence_to_proto(alias.evidence),
    )


def tensor_to_proto(tensor: TensorSpec) -> pb.TensorSpec:
    return pb.TensorSpec(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)


def timestamp(time: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
