"""A version's later life over a real channel."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from algolink.registry.v1 import ledger_pb2, versions_pb2
from algolink.registry.v1 import registry_pb2 as pb
from tests.registry_svc.conftest import DELETE_GRACE, Registry
from tests.registry_svc.served import FixedInspector
from tests.registry_svc.test_servicer import refusal

IRIS = "models/iris"
FIRST, SECOND = f"{IRIS}/versions/1", f"{IRIS}/versions/2"


@pytest.fixture
def inspector() -> FixedInspector:
    return FixedInspector()


@pytest.fixture
async def iris(registry: Registry) -> None:
    """Two versions; the first is champion."""
    for request_id in ("one", "two"):
        await registry.push(b"a model", request_id=request_id)


async def delete(registry: Registry, name: str = SECOND, **more: str) -> pb.Version:
    request = versions_pb2.DeleteVersionRequest(name=name, **more)
    version: pb.Version = await registry.versions.DeleteVersion(request)
    return version


async def test_a_push_brings_its_notes_and_its_pusher(registry: Registry) -> None:
    version = await registry.push(b"a model", tags={"team": "fraud"}, metrics={"auc": 0.93})

    assert version.state == pb.VERSION_STATE_READY
    assert (version.pusher, dict(version.tags)) == ("tester", {"team": "fraud"})
    assert dict(version.metrics) == {"auc": 0.93}


@pytest.mark.parametrize(
    ("notes", "reason"),
    [
        ({"tags": {"blob": "x" * 1_000_000}}, "TAG_INVALID"),
        ({"tags": {f"k{n}": "" for n in range(10_000)}}, "TOO_MANY_TAGS"),
        ({"metrics": {"auc": math.nan}}, "METRIC_NOT_FINITE"),
    ],
    ids=["a tag of 1 MB", "10,000 tags", "NaN"],
)
async def test_a_push_with_notes_that_cannot_be_leaves_nothing(
    registry: Registry, notes: dict[str, Any], reason: str
) -> None:
    error = await refusal(registry.push(b"a model", **notes))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", reason)
    assert registry.files() == []


@pytest.mark.usefixtures("iris")
async def test_notes_are_changed_and_told_to_the_watch(registry: Registry) -> None:
    watch = registry.stub.WatchModels(pb.WatchModelsRequest())
    await watch.read(), await watch.read()

    annotated = await registry.versions.AnnotateVersion(
        versions_pb2.AnnotateVersionRequest(
            name=SECOND, description="more trees", set_tags={"team": "x"}, set_metrics={"auc": 1.0}
        )
    )

    change = await watch.read()
    watch.cancel()
    assert annotated.description == "more trees"
    assert change.model.versions[0] == annotated
    assert await registry.stub.GetVersion(pb.GetVersionRequest(name=SECOND)) == annotated


@pytest.mark.usefixtures("iris")
async def test_a_stale_etag_changes_nothing(registry: Registry) -> None:
    seen = await registry.stub.GetVersion(pb.GetVersionRequest(name=SECOND))
    await registry.versions.DeprecateVersion(
        versions_pb2.DeprecateVersionRequest(name=SECOND, etag=seen.etag)
    )

    error = await refusal(delete(registry, etag=seen.etag))

    assert (error.code, error.reason) == ("ABORTED", "ETAG_MISMATCH")


@pytest.mark.usefixtures("iris")
async def test_what_the_champion_names_does_not_retire(registry: Registry) -> None:
    errors = [
        await refusal(delete(registry, FIRST)),
        await refusal(
            registry.versions.ArchiveVersion(versions_pb2.ArchiveVersionRequest(name=FIRST))
        ),
    ]

    assert [(e.code, e.reason) for e in errors] == [("FAILED_PRECONDITION", "VERSION_IN_USE")] * 2


@pytest.mark.usefixtures("iris")
async def test_no_alias_is_pointed_or_rolled_back_to_what_retired(registry: Registry) -> None:
    await registry.stub.SetAlias(pb.SetAliasRequest(model=IRIS, alias="champion", version=2))
    await registry.versions.ArchiveVersion(versions_pb2.ArchiveVersionRequest(name=FIRST))

    pointed = await refusal(
        registry.stub.SetAlias(pb.SetAliasRequest(model=IRIS, alias="nightly", version=1))
    )
    rolled_back = await refusal(
        registry.ledger.RollBackAlias(ledger_pb2.RollBackAliasRequest(model=IRIS, alias="champion"))
    )

    assert (pointed.code, pointed.reason) == ("FAILED_PRECONDITION", "VERSION_RETIRED")
    assert rolled_back.reason == "VERSION_RETIRED"


@pytest.mark.usefixtures("iris")
async def test_a_deleted_version_is_listed_only_where_asked_and_stays_in_the_watch(
    registry: Registry,
) -> None:
    deleted = await delete(registry, reason="leaks")

    plain = await registry.stub.ListVersions(pb.ListVersionsRequest(parent=IRIS))
    whole = await registry.stub.ListVersions(pb.ListVersionsRequest(parent=IRIS, show_deleted=True))
    watch = registry.stub.WatchModels(pb.WatchModelsRequest())
    state = await watch.read()
    watch.cancel()

    assert (deleted.state, deleted.state_reason) == (pb.VERSION_STATE_DELETED, "leaks")
    assert [v.number for v in plain.versions] == [1]
    assert [v.number for v in whole.versions] == [2, 1]
    assert [v.number for v in state.model.versions] == [2, 1]


@pytest.mark.usefixtures("iris")
async def test_a_deleted_version_is_restored_until_its_time_is_over(registry: Registry) -> None:
    await delete(registry)
    request = versions_pb2.RestoreVersionRequest(name=SECOND)

    restored = await registry.versions.RestoreVersion(request)
    await delete(registry)
    registry.clock.advance(days=DELETE_GRACE / timedelta(days=1))
    error = await refusal(registry.versions.RestoreVersion(request))

    assert restored.state == pb.VERSION_STATE_READY
    assert not restored.HasField("purge_time")
    assert (error.code, error.reason) == ("FAILED_PRECONDITION", "RESTORE_EXPIRED")


async def test_two_versions_are_compared(registry: Registry) -> None:
    await registry.push(b"a model", request_id="one")
    await registry.push(b"a wide model", request_id="two")

    same = await registry.versions.CompareVersions(
        versions_pb2.CompareVersionsRequest(base=FIRST, candidate=FIRST)
    )
    wider = await registry.versions.CompareVersions(
        versions_pb2.CompareVersionsRequest(base=FIRST, candidate=SECOND)
    )

    assert (same.compatible, len(same.differences)) == (True, 0)
    assert not wider.compatible
    assert [(d.kind, d.tensor, list(d.candidate.shape)) for d in wider.differences] == [
        (versions_pb2.DIFFERENCE_KIND_INPUT_SHAPE, "x", [-1, 8]),
    ]


@pytest.mark.parametrize(
    ("base", "candidate", "code", "reason"),
    [
        (FIRST, f"{IRIS}/versions/3", "NOT_FOUND", "VERSION_NOT_FOUND"),
        ("models/no/versions/1", FIRST, "NOT_FOUND", "MODEL_NOT_FOUND"),
        (FIRST, "iris", "INVALID_ARGUMENT", "VERSION_NAME_INVALID"),
    ],
)
@pytest.mark.usefixtures("iris")
async def test_what_is_not_there_is_not_compared(
    registry: Registry, base: str, candidate: str, code: str, reason: str
) -> None:
    request = versions_pb2.CompareVersionsRequest(base=base, candidate=candidate)

    error = await refusal(registry.versions.CompareVersions(request))

    assert (error.code, error.reason) == (code, reason)
