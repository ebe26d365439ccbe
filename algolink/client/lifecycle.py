"""Calls on a version's later life."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

from algolink.client.calls import Call
from algolink.client.registry import model_name
from algolink.names import VersionName
from algolink.registry.v1 import registry_pb2
from algolink.registry.v1 import versions_pb2 as pb

_SERVICE = "/algolink.registry.v1.VersionService"

Step = Literal["Deprecate", "Archive", "Delete", "Restore"]

_REQUESTS = {
    "Deprecate": pb.DeprecateVersionRequest,
    "Archive": pb.ArchiveVersionRequest,
    "Delete": pb.DeleteVersionRequest,
    "Restore": pb.RestoreVersionRequest,
}


def move(
    step: Step, model: str, number: int, *, reason: str, etag: str
) -> Call[registry_pb2.Version]:
    return Call(
        path=f"{_SERVICE}/{step}Version",
        request=_REQUESTS[step](name=_name(model, number), reason=reason, etag=etag),
        reply=registry_pb2.Version,
        # With an etag the second try could meet the first one's success as a conflict.
        idempotent=not etag,
    )


def annotate(
    model: str,
    number: int,
    *,
    description: str | None,
    tags: Mapping[str, str],
    remove_tags: Collection[str],
    metrics: Mapping[str, float],
    remove_metrics: Collection[str],
    etag: str,
) -> Call[registry_pb2.Version]:
    return Call(
        path=f"{_SERVICE}/AnnotateVersion",
        request=pb.AnnotateVersionRequest(
            name=_name(model, number),
            etag=etag,
            description=description,
            set_tags=tags,
            remove_tags=remove_tags,
            set_metrics=metrics,
            remove_metrics=remove_metrics,
        ),
        reply=registry_pb2.Version,
        idempotent=not etag,
    )


def compare(
    model: str, base: int, candidate: int, *, candidate_model: str | None
) -> Call[pb.Comparison]:
    return Call(
        path=f"{_SERVICE}/CompareVersions",
        request=pb.CompareVersionsRequest(
            base=_name(model, base), candidate=_name(candidate_model or model, candidate)
        ),
        reply=pb.Comparison,
    )


def _name(model: str, number: int) -> str:
    return str(VersionName(model_name(model).model, number))
