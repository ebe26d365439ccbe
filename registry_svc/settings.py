"""What the registry reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the registry.

    Attributes:
        database_url: `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`.
        artifact_dir: folder of the artifacts, and of uploads on their way; made if
            it does not exist.
        artifact_url: bucket of the artifacts, `s3://bucket/prefix`, `gs://...` or
            `az://container/...`; the folder then holds uploads on their way alone.
        artifact_endpoint: `http(s)://host:port` of an S3 that is not Amazon's.
        artifact_timeout_s: how long a request to the bucket may take.
        max_artifact_bytes: a larger artifact is refused.
        artifact_grace_s: how long an artifact that no version needs stays, at least.
        delete_grace_s: how long a deleted version can be restored.
        inspection_timeout_s: how long an engine may take to load an artifact.
    """

    database_url: str
    artifact_dir: Path
    artifact_url: str = ""
    artifact_endpoint: str = ""
    artifact_timeout_s: float = Field(default=30.0, gt=0.0)
    max_artifact_bytes: int = Field(default=2 * 1024**3, ge=1)
    artifact_grace_s: float = Field(default=24 * 3600.0, ge=60.0)
    delete_grace_s: float = Field(default=30 * 24 * 3600.0, ge=0.0)
    inspection_timeout_s: float = Field(default=60.0, gt=0.0)
