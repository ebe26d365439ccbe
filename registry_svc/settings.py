"""What the registry reads from its environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the registry.

    Attributes:
        database_url: `sqlite+aiosqlite:///...` or `postgresql+asyncpg://...`.
        artifact_dir: folder of the artifacts; made if it does not exist.
        max_artifact_bytes: a larger artifact is refused.
        delete_grace_s: how long a deleted version can be restored.
        inspection_timeout_s: how long an engine may take to load an artifact.
    """

    database_url: str
    artifact_dir: Path
    max_artifact_bytes: int = Field(default=2 * 1024**3, ge=1)
    delete_grace_s: float = Field(default=30 * 24 * 3600.0, ge=0.0)
    inspection_timeout_s: float = Field(default=60.0, gt=0.0)
