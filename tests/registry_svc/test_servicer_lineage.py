"""Where versions came from, over a real channel."""

from __future__ import annotations

from typing import Any

import pytest

from algolink.registry.v1 import audit_pb2
from algolink.registry.v1 import lineage_pb2 as pb
from tests.registry_svc.conftest import Registry
from tests.registry_svc.served import FixedInspector
from tests.registry_svc.test_servicer import refusal

LAKE = "s3://lake/customers.parquet"
DIGEST = "ab" * 32


@pytest.fixture
def inspector() -> FixedInspector:
    return FixedInspector()


def version(model: str, number: int) -> str:
    return f"models/{model}/versions/{number}"


@pytest.fixture
async def pushed(registry: Registry) -> Registry:
    """`base` with two versions, `churn` with four, `small` with one."""
    for model, count in (("base", 2), ("churn", 4), ("small", 1)):
        for number in range(count):
            name, request_id = f"models/{model}", f"{model}-{number}"
            await registry.push(b"a model", model=name, request_id=request_id)
    return registry


async def record(
    registry: Registry,
    name: str,
    *,
    parents: tuple[str, ...] = (),
    datasets: tuple[str, ...] = (),
    **fields: Any,
) -> pb.Lineage:
    lineage = pb.Lineage(
        version=name,
        parents=[pb.Parent(version=p, relation=pb.RELATION_FINE_TUNED_FROM) for p in parents],
        datasets=[pb.DatasetUse(uri=uri) for uri in datasets],
        **fields,
    )
    recorded: pb.Lineage = await registry.lineage.RecordLineage(
        pb.RecordLineageRequest(lineage=lineage)
    )
    return recorded


@pytest.fixture
async def family(pushed: Registry) -> Registry:
    """base/1 of the lake -> churn/1 -> churn/2 -> small/1; churn/3 of the lake by itself."""
    await record(pushed, version("base", 1), datasets=(LAKE,))
    await record(pushed, version("churn", 1), parents=(version("base", 1),))
    await record(pushed, version("churn", 2), parents=(version("churn", 1), version("base", 2)))
    await record(pushed, version("small", 1), parents=(version("churn", 2),))
    await record(pushed, version("churn", 3), datasets=(LAKE, "s3://lake/other"))
    return pushed


async def trace(
    registry: Registry, start: str, way: pb.Direction, depth: int = 0
) -> pb.LineageGraph:
    graph: pb.LineageGraph = await registry.lineage.TraceLineage(
        pb.TraceLineageRequest(start=start, direction=way, depth=depth)
    )
    return graph


def whole(name: str) -> pb.Lineage:
    return pb.Lineage(
        version=name,
        datasets=[
            pb.DatasetUse(
                uri=LAKE,
                digest=DIGEST,
                role="validation",
                row_count=1_000,
                columns=[pb.DatasetColumn(name="age", type="int32")],
            )
        ],
        code=pb.Code(repository="https://git.example.com/churn", commit="4f2a9c1", dirty=True),
        run=pb.Run(id="run-17", parameters={"depth": "8"}, metrics={"auc": 0.93}),
        parents=[pb.Parent(version=version("base", 1), relation=pb.RELATION_CONVERTED_FROM)],
        environment_digest=DIGEST,
    )


async def test_what_was_recorded_is_read_with_who_and_when(pushed: Registry) -> None:
    wanted = whole(version("churn", 1))

    recorded = await pushed.lineage.RecordLineage(pb.RecordLineageRequest(lineage=wanted))
    found = await pushed.lineage.GetLineage(pb.GetLineageRequest(version=version("churn", 1)))

    assert found == recorded
    assert (found.recorder, found.record_time.ToDatetime().hour) == ("tester", 12)
    for output_only in ("recorder", "record_time"):
        found.ClearField(output_only)
    assert found == wanted


async def test_recording_again_changes_nothing_and_something_else_is_refused(
    pushed: Registry,
) -> None:
    name = version("churn", 1)
    first = await record(pushed, name, datasets=(LAKE,))
    pushed.clock.advance(hours=1)

    again = await record(pushed, name, datasets=(LAKE,))
    error = await refusal(record(pushed, name, datasets=("s3://lake/other",)))

    assert again == first
    assert (error.code, error.reason) == ("ALREADY_EXISTS", "LINEAGE_RECORDED")


async def test_a_record_is_in_the_audit(pushed: Registry) -> None:
    await record(pushed, version("churn", 1), datasets=(LAKE,))

    entries = (await pushed.audit.ListAuditEntries(audit_pb2.ListAuditEntriesRequest())).entries

    assert (entries[-1].action, entries[-1].resource) == (
        "RecordLineage",
        f"{version('churn', 1)}/lineage",
    )


async def test_no_version_comes_from_itself(family: Registry) -> None:
    direct = await refusal(record(family, version("base", 2), parents=(version("base", 2),)))
    far = await refusal(record(family, version("base", 2), parents=(version("small", 1),)))

    assert (direct.code, direct.reason) == ("INVALID_ARGUMENT", "LINEAGE_INVALID")
    assert (far.code, far.reason) == ("FAILED_PRECONDITION", "LINEAGE_CYCLE")


@pytest.mark.parametrize(
    ("lineage", "code", "reason"),
    [
        (pb.Lineage(version="iris"), "INVALID_ARGUMENT", "VERSION_NAME_INVALID"),
        (pb.Lineage(version=version("churn", 9)), "NOT_FOUND", "VERSION_NOT_FOUND"),
        (pb.Lineage(version=version("nothing", 1)), "NOT_FOUND", "MODEL_NOT_FOUND"),
        (
            pb.Lineage(
                version=version("churn", 1),
                parents=[pb.Parent(version=version("base", 9), relation=pb.RELATION_ENSEMBLE_OF)],
            ),
            "NOT_FOUND",
            "VERSION_NOT_FOUND",
        ),
    ],
)
async def test_what_is_not_there_has_no_lineage(
    pushed: Registry, lineage: pb.Lineage, code: str, reason: str
) -> None:
    error = await refusal(pushed.lineage.RecordLineage(pb.RecordLineageRequest(lineage=lineage)))

    assert (error.code, error.reason) == (code, reason)


USE = pb.DatasetUse(uri=LAKE)
ENSEMBLE = pb.RELATION_ENSEMBLE_OF


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"datasets": [pb.DatasetUse()]}, "datasets[0].uri"),
        ({"datasets": [USE, pb.DatasetUse(uri="a\nb")]}, "datasets[1].uri"),
        ({"datasets": [pb.DatasetUse(uri="x" * 2_049)]}, "datasets[0].uri"),
        ({"datasets": [pb.DatasetUse(uri=LAKE, digest="abc")]}, "datasets[0].digest"),
        ({"datasets": [pb.DatasetUse(uri=LAKE, role="No Role")]}, "datasets[0].role"),
        ({"datasets": [pb.DatasetUse(uri=LAKE, row_count=-1)]}, "datasets[0].row_count"),
        ({"datasets": [USE, USE]}, "datasets"),
        ({"datasets": [pb.DatasetUse(uri=f"s3://{n}") for n in range(101)]}, "datasets"),
        (
            {"datasets": [pb.DatasetUse(uri=LAKE, columns=[pb.DatasetColumn()])]},
            "datasets[0].columns[0].name",
        ),
        ({"code": pb.Code(commit="4f2a9c1")}, "code.repository"),
        ({"code": pb.Code(repository="r", commit="main")}, "code.commit"),
        ({"run": pb.Run(metrics={"auc": float("nan")})}, "run.metrics.'auc'"),
        ({"run": pb.Run(parameters={"depth": "x" * 1_001})}, "run.parameters.'depth'"),
        ({"parents": [pb.Parent(version=version("base", 1))]}, "parents[0].relation"),
        (
            {"parents": [pb.Parent(version=version("base", 1), relation=ENSEMBLE)] * 2},
            "parents",
        ),
        ({"environment_digest": "abc"}, "environment_digest"),
    ],
)
async def test_a_bad_lineage_says_where_it_is_bad(
    pushed: Registry, fields: dict[str, Any], place: str
) -> None:
    lineage = pb.Lineage(version=version("churn", 1), **fields)

    error = await refusal(pushed.lineage.RecordLineage(pb.RecordLineageRequest(lineage=lineage)))

    assert (error.code, error.reason) == ("INVALID_ARGUMENT", "LINEAGE_INVALID")
    assert error.metadata["place"] == place


async def test_what_nobody_recorded_is_not_found(pushed: Registry) -> None:
    name = version("churn", 1)

    error = await refusal(pushed.lineage.GetLineage(pb.GetLineageRequest(version=name)))
    graph = await trace(pushed, name, pb.DIRECTION_BOTH)

    assert (error.code, error.reason) == ("NOT_FOUND", "LINEAGE_NOT_RECORDED")
    assert [node.id for node in graph.nodes] == [name]


async def test_upstream_leads_to_all_that_it_was_made_of(family: Registry) -> None:
    graph = await trace(family, version("churn", 2), pb.DIRECTION_UPSTREAM)

    assert graph.nodes[0].id == version("churn", 2)
    assert {(edge.made, edge.source, edge.relation) for edge in graph.edges} == {
        (version("churn", 2), version("churn", 1), "fine-tuned from"),
        (version("churn", 2), version("base", 2), "fine-tuned from"),
        (version("churn", 1), version("base", 1), "fine-tuned from"),
        (version("base", 1), f"dataset:{LAKE}", "training"),
    }
    assert not graph.cut


async def test_downstream_leads_to_all_that_was_made_of_it(family: Registry) -> None:
    graph = await trace(family, version("churn", 1), pb.DIRECTION_DOWNSTREAM)

    versions = [node.id for node in graph.nodes if node.kind == pb.NODE_KIND_VERSION]
    assert versions == [version("churn", 1), version("churn", 2), version("small", 1)]


async def test_both_ways_leave_out_what_is_beside(family: Registry) -> None:
    graph = await trace(family, version("churn", 1), pb.DIRECTION_BOTH)

    versions = {node.id for node in graph.nodes if node.kind == pb.NODE_KIND_VERSION}
    assert versions == {
        version("base", 1),
        version("churn", 1),
        version("churn", 2),
        version("small", 1),
    }


async def test_a_depth_ends_it_and_says_so(family: Registry) -> None:
    graph = await trace(family, version("small", 1), pb.DIRECTION_UPSTREAM, depth=1)

    assert [node.id for node in graph.nodes] == [version("small", 1), version("churn", 2)]
    assert graph.cut


async def test_a_dataset_leads_to_those_who_used_it(family: Registry) -> None:
    graph = await trace(family, LAKE, pb.DIRECTION_DOWNSTREAM)

    assert graph.nodes[0].id == f"dataset:{LAKE}"
    versions = {node.id for node in graph.nodes if node.kind == pb.NODE_KIND_VERSION}
    assert versions == {
        version("base", 1),
        version("churn", 1),
        version("churn", 2),
        version("churn", 3),
        version("small", 1),
    }


async def test_who_used_a_dataset_in_production_is_one_call(family: Registry) -> None:
    found = await family.lineage.FindDatasetUsers(
        pb.FindDatasetUsersRequest(uri=LAKE, in_production=True)
    )

    # Each model's first version is its champion.
    assert [(user.version, list(user.aliases)) for user in found.users] == [
        (version("base", 1), ["champion"]),
        (version("churn", 1), ["champion"]),
        (version("small", 1), ["champion"]),
    ]
    assert list(found.users[2].path) == [
        version("small", 1),
        version("churn", 2),
        version("churn", 1),
        version("base", 1),
    ]


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        ({"start": version("churn", 1)}, "INVALID_ARGUMENT", "DIRECTION_INVALID"),
        ({"start": LAKE, "direction": 1, "depth": 101}, "INVALID_ARGUMENT", "DEPTH_INVALID"),
        ({"start": version("churn", 9), "direction": 1}, "NOT_FOUND", "VERSION_NOT_FOUND"),
        ({"start": "s3://nothing", "direction": 2}, "NOT_FOUND", "DATASET_NOT_FOUND"),
        ({"start": "", "direction": 2}, "INVALID_ARGUMENT", "LINEAGE_INVALID"),
    ],
)  # fmt: skip
async def test_a_trace_that_cannot_be_is_refused(
    family: Registry, request_: dict[str, Any], code: str, reason: str
) -> None:
    error = await refusal(family.lineage.TraceLineage(pb.TraceLineageRequest(**request_)))

    assert (error.code, error.reason) == (code, reason)


async def test_versions_are_searched_by_their_lineage(family: Registry) -> None:
    from algolink.registry.v1 import registry_pb2

    request = registry_pb2.ListVersionsRequest(parent="models/-", filter=f'datasets:"{LAKE}"')
    found = await family.stub.ListVersions(request)

    assert [each.name for each in found.versions] == [version("base", 1), version("churn", 3)]
