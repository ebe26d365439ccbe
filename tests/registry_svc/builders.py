"""Values that take only what a test is about."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from algolink.names import ModelName, VersionName
from registry_svc.domain import models
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import Evidence, Model
from registry_svc.domain.pushes import PushHeader
from registry_svc.domain.versions import Signature, State, TensorSpec, Version

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_model(model: str = "iris", *, versions: int = 1) -> Model:
    made = models.new(ModelName(model), at=NOON)
    for _ in range(versions):
        made = models.with_next_version(made, aliases=(), at=NOON)
    return made


def a_version(model: str = "iris", number: int = 1, *, state: State = State.READY) -> Version:
    return Version(
        name=VersionName(model, number),
        digest=hashlib.sha256(f"{model}/{number}".encode()).hexdigest(),
        size_bytes=100,
        signature=Signature(
            inputs=(TensorSpec("x", "FP32", (-1, 4)),), outputs=(TensorSpec("y", "INT64", (-1,)),)
        ),
        description="",
        create_time=NOON,
        pusher="ann",
        state=state,
        state_time=NOON,
    )


def a_header(
    *,
    model: str = "iris",
    request_id: str = "push-1",
    digest: str = "a" * 64,
    size_bytes: int = 100,
    description: str = "",
    aliases: frozenset[str] = frozenset(),
) -> PushHeader:
    return PushHeader(
        model=ModelName(model),
        request_id=request_id,
        digest=digest,
        size_bytes=size_bytes,
        description=description,
        aliases=aliases,
    )


def a_move(
    number: int = 1,
    *,
    model: str = "iris",
    alias: str = "champion",
    version: int | None = 1,
    previous_version: int | None = None,
    commit_time: datetime = NOON,
    mover: str = "",
    reason: str = "",
    evidence: Evidence | None = None,
    restores: int | None = None,
) -> AliasMove:
    return AliasMove(
        model=ModelName(model),
        number=number,
        alias=alias,
        version=version,
        previous_version=previous_version,
        commit_time=commit_time,
        mover=mover,
        reason=reason,
        evidence=evidence,
        restores=restores,
    )
