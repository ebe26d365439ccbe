"""Makes a snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.backups import copying, databases, needs
from registry_svc.places import artifacts_of
from registry_svc.settings import Settings


async def save(settings: Settings, folder: Path, *, at: datetime) -> Mapping[str, object]:
    """Saves a registry, which may be in use, into `folder`.

    The database comes first. What it needs then is there still when the artifacts are
    copied: garbage collection leaves alone whatever was needed within its grace period.

    Raises:
        FailedPrecondition, DataLoss, Unavailable: as the database and the artifacts say.
        OSError: if the folder cannot be written.
    """
    snapshot = folder / "snapshots" / f"{at:%Y%m%dT%H%M%S.%fZ}"
    snapshot.mkdir(parents=True)
    file = await asyncio.to_thread(databases.copy, settings.database_url, snapshot)
    url = settings.database_url
    if file == databases.SQLITE:
        url = f"sqlite+aiosqlite:///{(snapshot / file).absolute()}"
    sizes = await needs.of(url, now=at)
    saved = ArtifactFolder(folder / "artifacts")
    await saved.open()
    copied_bytes = await copying.copy(artifacts_of(settings), saved, sizes, snapshot)
    incomplete = snapshot / "backup.json.new"
    incomplete.write_text(json.dumps({"database": file, "sizes": sizes}) + "\n")
    incomplete.replace(snapshot / "backup.json")
    return {
        "snapshot": snapshot.name,
        "artifacts": len(sizes),
        "artifact_bytes": sum(sizes.values()),
        "copied_bytes": copied_bytes,
    }
