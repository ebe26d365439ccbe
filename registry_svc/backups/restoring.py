"""Brings a registry back."""

from __future__ import annotations

import asyncio
import json
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path

import sqlalchemy as sa

from algolink.errors import NotFound
from chassis import database
from registry_svc import schema
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.backups import copying, databases
from registry_svc.places import artifacts_of
from registry_svc.settings import Settings


async def restore(
    settings: Settings, folder: Path, snapshot: str | None = None
) -> Mapping[str, object]:
    """Fills an empty registry from a snapshot, and brings its schema up to date.

    Artifacts come first: once there is a database, all that it needs is there.

    Args:
        snapshot: its name; the newest that is complete if it is None.

    Raises:
        NotFound: SNAPSHOT_NOT_FOUND, or ARTIFACT_NOT_FOUND if the backup lacks one.
        FailedPrecondition: DATABASE_NOT_EMPTY and others, as `databases` says.
        DataLoss: ARTIFACT_DAMAGED.
    """
    chosen = await asyncio.to_thread(_chosen, folder, snapshot)
    told = json.loads((chosen / "backup.json").read_text())
    databases.check_empty(settings.database_url)
    target = artifacts_of(settings)
    settings.artifact_dir.mkdir(parents=True, exist_ok=True)
    await target.open()
    with tempfile.TemporaryDirectory(dir=settings.artifact_dir) as room:
        saved = ArtifactFolder(folder / "artifacts")
        await copying.copy(saved, target, told["sizes"], Path(room))
    await asyncio.to_thread(databases.bring_back, settings.database_url, chosen / told["database"])
    async with (
        database.open_engine(settings.database_url, migrations="registry_svc.migrations") as engine,
        database.writing(engine) as connection,
    ):
        # Who follows the registry has seen changes whose numbers will be given again.
        await connection.execute(sa.update(schema.database).values(instance=uuid.uuid4().hex))
    return {"snapshot": chosen.name, "artifacts": len(told["sizes"])}


def _chosen(folder: Path, snapshot: str | None) -> Path:
    complete = {path.parent.name: path.parent for path in folder.glob("snapshots/*/backup.json")}
    name = max(complete, default="") if snapshot is None else snapshot
    if name not in complete:
        known = ", ".join(sorted(complete)[-3:]) or "none"
        raise NotFound(
            "SNAPSHOT_NOT_FOUND",
            f"{folder} holds no complete snapshot {name}".rstrip() + f"; the newest: {known}",
            folder=folder,
            snapshot=name,
        )
    return complete[name]
