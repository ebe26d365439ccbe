"""The audit: what is written down, how it is sealed, on every store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from algolink import audit_chain
from algolink.client import audit as audit_calls
from algolink.errors import FailedPrecondition
from algolink.names import ModelName
from algolink.registry.v1 import audit_pb2, versions_pb2
from algolink.registry.v1 import registry_pb2 as pb
from chassis import watch
from chassis.database import open_engine, writing
from registry_svc import schema
from registry_svc.domain import models
from registry_svc.domain.audit import Actor, Seal
from registry_svc.recording import Recorder
from registry_svc.sealing import Sealer
from registry_svc.store import Store
from registry_svc.store_sql import SqlStore
from tests.registry_svc.builders import NOON, a_model, a_version
from tests.registry_svc.conftest import Registry
from tests.registry_svc.served import FixedInspector

IRIS = ModelName("iris")
ANN = Actor("ann", "call-1")


@pytest.fixture
def inspector() -> FixedInspector:
    return FixedInspector()


async def push(store: Store, model: str = "iris") -> None:
    """A push of a new model: two entries."""
    async with store.writing() as writer:
        recorder = Recorder(writer, ANN, "PushVersion", NOON)
        new = models.new(ModelName(model), at=NOON)
        await recorder.save_model(new, models.with_next_version(new, aliases=(), at=NOON))
        await recorder.add_version(a_version(model))


def a_sealer(store: Store) -> Sealer:
    return Sealer(store, now=lambda: NOON, changes=watch.Notifier())


async def messages(registry: Registry) -> list[audit_pb2.AuditEntry]:
    reply = await registry.audit.ListAuditEntries(audit_pb2.ListAuditEntriesRequest())
    return list(reply.entries)


async def test_entries_and_seals_are_read_back(store: Store) -> None:
    await push(store)
    sealed = await a_sealer(store).seal()
    await push(store, "digits")

    async with store.reading() as reader:
        found = await reader.list_entries(after=0, limit=9)
        rest = await reader.list_entries(after=1, limit=2)
        newest, seal = await reader.newest_entry(), await reader.newest_seal()

    assert sealed == 2
    assert [each.entry.number for each in found] == [1, 2, 3, 4]
    assert [each.entry.resource for each in found] == [
        "models/iris",
        "models/iris/versions/1",
        "models/digits",
        "models/digits/versions/1",
    ]
    assert found[0].entry.actor == ANN
    assert [each.seal is not None for each in found] == [True, True, False, False]
    assert rest == found[1:3]
    assert (newest, seal) == (4, found[1].seal)


async def test_a_store_without_entries_has_no_seal(store: Store) -> None:
    assert await a_sealer(store).seal() == 0

    async with store.reading() as reader:
        assert (await reader.newest_entry(), await reader.newest_seal()) == (0, None)


async def test_a_change_that_fails_leaves_no_entry(store: Store) -> None:
    async def fail() -> None:
        async with store.writing() as writer:
            new = models.new(IRIS, at=NOON)
            await Recorder(writer, ANN, "PushVersion", NOON).save_model(new, a_model())
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await fail()

    async with store.reading() as reader:
        assert await reader.newest_entry() == 0


async def test_sealers_side_by_side_make_one_chain(store: Store) -> None:
    for number in range(4):
        await push(store, f"m{number}")

    counts = await asyncio.gather(*(a_sealer(store).seal() for _ in range(4)))

    async with store.reading() as reader:
        found = await reader.list_entries(after=0, limit=99)
    assert sum(counts) == 8
    assert all(isinstance(each.seal, Seal) for each in found)


async def test_every_change_is_written_down_with_caller_and_call(registry: Registry) -> None:
    name = "models/iris"
    await registry.push(b"one", request_id="one")
    await registry.push(b"two", request_id="two")
    await registry.stub.SetAlias(
        pb.SetAliasRequest(model=name, alias="nightly", version=2),
        metadata=[("x-request-id", "call-7")],
    )
    await registry.stub.DeleteAlias(pb.DeleteAliasRequest(model=name, alias="nightly"))
    await registry.versions.ArchiveVersion(
        versions_pb2.ArchiveVersionRequest(name=f"{name}/versions/2")
    )
    await registry.stub.SetAlias(pb.SetAliasRequest(model=name, alias="champion", version=1))

    entries = await messages(registry)

    assert [(e.action, e.resource.removeprefix(name)) for e in entries] == [
        ("PushVersion", ""),
        ("PushVersion", "/versions/1"),
        ("PushVersion", ""),
        ("PushVersion", "/versions/2"),
        ("SetAlias", ""),
        ("DeleteAlias", ""),
        ("ArchiveVersion", "/versions/2"),
    ]
    assert {e.caller for e in entries} == {"tester"}
    assert entries[4].request_id == "call-7"
    assert entries[0].before_digest == ""
    for resource in (name, f"{name}/versions/2"):
        of_it = [e for e in entries if e.resource == resource]
        assert [e.before_digest for e in of_it[1:]] == [e.after_digest for e in of_it[:-1]]


async def test_the_chain_of_the_rpcs_is_whole_and_the_lag_is_told(registry: Registry) -> None:
    await registry.push(b"one", request_id="one")
    request = audit_pb2.GetAuditStatusRequest()
    before = await registry.audit.GetAuditStatus(request)

    await registry.sealer.seal()
    after = await registry.audit.GetAuditStatus(request)
    verified = audit_calls.verify(await messages(registry))

    assert (before.newest_entry, before.newest_sealed, before.head_hash) == (2, 0, "")
    assert before.oldest_unsealed_time.ToDatetime() == NOON.replace(tzinfo=None)
    assert after.newest_sealed == 2
    assert not after.HasField("oldest_unsealed_time")
    assert (verified.sealed, verified.head_hash) == (2, after.head_hash)


async def test_seals_that_come_while_pages_are_read_are_no_flaw(registry: Registry) -> None:
    await registry.push(b"one", request_id="one")
    early = await messages(registry)
    await registry.sealer.seal()

    mixed = [early[0], (await messages(registry))[1]]

    with pytest.raises(FailedPrecondition):
        audit_calls.verify(mixed)
    assert audit_calls.verify(mixed, newest_sealed=0).unsealed == 2


async def test_an_entry_that_was_changed_in_the_database_shows(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/registry.db"
    async with open_engine(url, migrations="registry_svc.migrations") as engine:
        store = SqlStore(engine)
        await push(store)
        await a_sealer(store).seal()
        async with writing(engine) as connection:
            await connection.execute(
                schema.audit_entries.update()
                .where(schema.audit_entries.c.number == 2)
                .values(caller="bob")
            )
        async with store.reading() as reader:
            found = await reader.list_entries(after=0, limit=9)

    chain = [(each.entry.link, each.seal.hash if each.seal else "") for each in found]
    with pytest.raises(FailedPrecondition, match="at entry 2"):
        audit_chain.verify(chain)


async def test_a_running_sealer_seals_what_is_written(store: Store) -> None:
    changes = watch.Notifier()
    running = asyncio.create_task(Sealer(store, now=lambda: NOON, changes=changes).run())
    try:
        await push(store)
        changes.notify()
        async with asyncio.timeout(60):
            while True:
                async with store.reading() as reader:
                    seal = await reader.newest_seal()
                if seal is not None and seal.number == 2:
                    break
                await asyncio.sleep(0)
    finally:
        running.cancel()
        await asyncio.wait({running})
