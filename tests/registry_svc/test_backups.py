"""Backups of registries in use, and what comes back of them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from algolink.errors import FailedPrecondition, NotFound
from chassis.database import open_engine
from registry_svc.artifacts_folder import ArtifactFolder
from registry_svc.backups import restoring, saving
from registry_svc.domain.ledger import AliasMove
from registry_svc.domain.models import ModelState
from registry_svc.places import artifacts_of
from registry_svc.settings import Settings
from registry_svc.store_sql import SqlStore
from tests.object_store import ObjectServer
from tests.postgres import PostgresServer
from tests.registry_svc import crashes, first_release
from tests.registry_svc.builders import NOON

LATER = NOON + timedelta(minutes=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """URLs of two empty databases."""
    if request.param == "sqlite":
        yield [f"sqlite+aiosqlite:///{tmp_path}/{name}/registry.db" for name in ("old", "new")]
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    monkeypatch.setenv("PATH", f"{server.binaries}{os.pathsep}{os.environ['PATH']}")
    names = [server.create_database() for _ in range(2)]
    yield [server.url(name) for name in names]
    for name in names:
        server.drop_database(name)


@pytest.fixture
async def old(urls: list[str], tmp_path: Path) -> Settings:
    """A registry with three versions, one of them a folder, and aliases that moved."""
    settings = Settings(database_url=urls[0], artifact_dir=tmp_path / "old" / "artifacts")
    settings.artifact_dir.mkdir(parents=True)
    async with opened(settings) as registry:
        await registry.pusher.push(crashes.stream(crashes.FIRST, "push-1"), by=crashes.ANN)
        await crashes.work(registry)
    return settings


@pytest.fixture
def new(urls: list[str], tmp_path: Path) -> Settings:
    """A place where no registry is yet."""
    return Settings(database_url=urls[1], artifact_dir=tmp_path / "new" / "artifacts")


def opened(settings: Settings) -> crashes.Opening:
    return crashes.opened(settings.artifact_dir.parent, settings.database_url)


async def everything(settings: Settings) -> tuple[list[ModelState], list[AliasMove], set[str]]:
    async with (
        open_engine(settings.database_url, migrations="registry_svc.migrations") as engine,
        SqlStore(engine).reading() as reader,
    ):
        models = [change.item for change in await reader.changed_since(0)]
        moves = await reader.list_moves(crashes.IRIS, alias=None, below=None, limit=99)
    kept = {kept.digest async for kept in artifacts_of(settings).kept()}
    return models, list(moves), kept


async def test_what_was_saved_comes_back_whole(
    old: Settings, new: Settings, tmp_path: Path
) -> None:
    told = await saving.save(old, tmp_path / "backup", at=NOON)

    back = await restoring.restore(new, tmp_path / "backup")

    assert back["snapshot"] == told["snapshot"]
    assert await everything(new) == await everything(old)
    async with opened(new) as registry:
        await crashes.check(registry)
        await crashes.work(registry)  # it goes on
        await crashes.check_done(registry)


async def test_followers_start_over_after_a_restore(
    old: Settings, new: Settings, tmp_path: Path
) -> None:
    await saving.save(old, tmp_path / "backup", at=NOON)
    await restoring.restore(new, tmp_path / "backup")

    instances = []
    for settings in (old, new):
        async with opened(settings) as registry, registry.store.reading() as reader:
            instances.append(await reader.instance())

    assert instances[0] != instances[1]


async def test_a_later_backup_copies_only_what_is_new(old: Settings, tmp_path: Path) -> None:
    first = await saving.save(old, tmp_path / "backup", at=NOON)
    async with opened(old) as registry:
        await registry.pusher.push(crashes.stream(b"a fourth", "push-4"), by=crashes.ANN)

    second = await saving.save(old, tmp_path / "backup", at=LATER)

    assert first["copied_bytes"] == first["artifact_bytes"]
    assert second["copied_bytes"] == len(b"a fourth")


async def test_an_earlier_snapshot_can_be_chosen(
    old: Settings, new: Settings, tmp_path: Path
) -> None:
    first = await saving.save(old, tmp_path / "backup", at=NOON)
    async with opened(old) as registry:
        await registry.pusher.push(crashes.stream(b"a fourth", "push-4"), by=crashes.ANN)
    await saving.save(old, tmp_path / "backup", at=LATER)

    await restoring.restore(new, tmp_path / "backup", str(first["snapshot"]))

    models, _, _ = await everything(new)
    assert models[0].model.latest_version == 3


async def test_a_registry_in_use_is_saved_as_it_was_at_one_moment(
    old: Settings, new: Settings, tmp_path: Path
) -> None:
    async def keep_pushing() -> None:
        async with opened(old) as registry:
            for number in range(100):
                content = f"version {number}".encode()
                await registry.pusher.push(
                    crashes.stream(content, f"more-{number}"), by=crashes.ANN
                )

    pushing = asyncio.create_task(keep_pushing())
    await saving.save(old, tmp_path / "backup", at=NOON)
    pushing.cancel()
    await asyncio.wait({pushing})
    await restoring.restore(new, tmp_path / "backup")

    async with opened(new) as registry:
        await crashes.check(registry)


async def test_a_registry_is_never_overwritten(old: Settings, tmp_path: Path) -> None:
    await saving.save(old, tmp_path / "backup", at=NOON)
    before = await everything(old)

    with pytest.raises(FailedPrecondition) as caught:
        await restoring.restore(old, tmp_path / "backup")

    assert caught.value.reason == "DATABASE_NOT_EMPTY"
    assert await everything(old) == before


async def test_a_backup_that_lacks_an_artifact_brings_nothing_back(
    old: Settings, new: Settings, tmp_path: Path
) -> None:
    await saving.save(old, tmp_path / "backup", at=NOON)
    saved = ArtifactFolder(tmp_path / "backup" / "artifacts")
    digests = (kept.digest async for kept in saved.kept())
    await saved.remove(await anext(digests))

    with pytest.raises(NotFound) as caught:
        await restoring.restore(new, tmp_path / "backup")

    assert caught.value.reason == "ARTIFACT_NOT_FOUND"
    assert (await everything(new))[0] == []


@pytest.mark.parametrize("snapshot", [None, "20260101T000000.000000Z"])
async def test_a_snapshot_that_is_not_there_or_incomplete_is_not_found(
    tmp_path: Path, snapshot: str | None
) -> None:
    settings = Settings(
        database_url=f"sqlite+aiosqlite:///{tmp_path}/registry.db", artifact_dir=tmp_path / "a"
    )
    (tmp_path / "backup" / "snapshots" / "20260101T000000.000000Z").mkdir(parents=True)

    with pytest.raises(NotFound) as caught:
        await restoring.restore(settings, tmp_path / "backup", snapshot)

    assert caught.value.reason == "SNAPSHOT_NOT_FOUND"


async def test_artifacts_in_a_bucket_are_saved_and_brought_back(
    objects: ObjectServer, tmp_path: Path
) -> None:
    def settings(name: str) -> Settings:
        return Settings(
            database_url=f"sqlite+aiosqlite:///{tmp_path}/{name}/registry.db",
            artifact_dir=tmp_path / name / "artifacts",
            artifact_url=objects.bucket(),
            artifact_endpoint=objects.endpoint,
        )

    old, new = settings("old"), settings("new")
    old.artifact_dir.mkdir(parents=True)
    async with crashes.opened(tmp_path / "old", old.database_url, artifacts_of(old)) as registry:
        await registry.pusher.push(crashes.stream(crashes.FIRST, "push-1"), by=crashes.ANN)

    await saving.save(old, tmp_path / "backup", at=NOON)
    await restoring.restore(new, tmp_path / "backup")

    assert await everything(new) == await everything(old)


async def test_a_backup_of_the_first_release_is_brought_up_to_date(tmp_path: Path) -> None:
    snapshot = tmp_path / "backup" / "snapshots" / "20260101T000000.000000Z"
    snapshot.mkdir(parents=True)
    engine = sa.create_engine(f"sqlite:///{snapshot}/registry.db")
    with engine.begin() as connection:
        first_release.make(connection)
    engine.dispose()
    (snapshot / "backup.json").write_text('{"database": "registry.db", "sizes": {}}')
    new = Settings(
        database_url=f"sqlite+aiosqlite:///{tmp_path}/registry.db", artifact_dir=tmp_path / "a"
    )

    await restoring.restore(new, tmp_path / "backup")

    models, moves, _ = await everything(new)
    assert [state.model.latest_version for state in models] == [2]
    assert len(moves) == 2
