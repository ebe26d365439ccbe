"""Reading, aliases and the watch over a real channel."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from algolink.errors import AlgoLinkError
from algolink.registry.v1 import registry_pb2 as pb
from chassis import errors
from tests.registry_svc.conftest import Registry
from tests.registry_svc.served import FixedInspector


async def refusal(call: Any) -> AlgoLinkError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return errors.from_rpc_error(caught.value)


@pytest.fixture
def inspector() -> FixedInspector:
    return FixedInspector()


@pytest.fixture
async def iris(registry: Registry, onnx_model: bytes) -> pb.Model:
    """`models/iris` with two versions; the first is champion."""
    await registry.push(onnx_model, request_id="one")
    await registry.push(onnx_model, request_id="two")
    model: pb.Model = await registry.stub.GetModel(pb.GetModelRequest(name="models/iris"))
    return model


async def test_an_alias_is_moved_with_its_evidence(registry: Registry, iris: pb.Model) -> None:
    evidence = pb.Evidence(experiment="experiments/one", verdict_digest="c" * 64)

    moved = await registry.stub.SetAlias(
        pb.SetAliasRequest(
            model=iris.name,
            alias="champion",
            version=2,
            etag=iris.etag,
            reason="better",
            evidence=evidence,
        )
    )

    champion = moved.aliases["champion"]
    assert (champion.version, champion.reason, champion.evidence) == (2, "better", evidence)
    assert moved.revision == iris.revision + 1
    assert moved.etag != iris.etag


async def test_a_move_to_where_an_alias_points_changes_nothing(
    registry: Registry, iris: pb.Model
) -> None:
    request = pb.SetAliasRequest(model=iris.name, alias="champion", version=1, reason="again")

    assert await registry.stub.SetAlias(request) == iris


async def test_a_stale_etag_is_aborted_and_moves_nothing(
    registry: Registry, iris: pb.Model
) -> None:
    request = pb.SetAliasRequest(model=iris.name, alias="champion", version=2, etag="r1")

    error = await refusal(registry.stub.SetAlias(request))

    assert (error.code, error.reason) == ("ABORTED", "ETAG_MISMATCH")
    assert await registry.stub.GetModel(pb.GetModelRequest(name=iris.name)) == iris


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        ({"model": "models/no"}, "NOT_FOUND", "MODEL_NOT_FOUND"),
        ({"version": 3}, "NOT_FOUND", "VERSION_NOT_FOUND"),
        ({"version": 0}, "NOT_FOUND", "VERSION_NOT_FOUND"),
        ({"alias": "No"}, "INVALID_ARGUMENT", "ALIAS_INVALID"),
        ({"model": "no"}, "INVALID_ARGUMENT", "MODEL_ID_INVALID"),
        ({"evidence": pb.Evidence()}, "INVALID_ARGUMENT", "EXPERIMENT_ID_INVALID"),
        (
            {"evidence": pb.Evidence(experiment="experiments/one", verdict_digest="x")},
            "INVALID_ARGUMENT",
            "DIGEST_MALFORMED",
        ),
    ],
)
async def test_a_move_that_is_wrong_is_refused(
    registry: Registry, iris: pb.Model, fields: dict[str, Any], code: str, reason: str
) -> None:
    right = {"model": iris.name, "alias": "champion", "version": 2}

    error = await refusal(registry.stub.SetAlias(pb.SetAliasRequest(**{**right, **fields})))

    assert (error.code, error.reason) == (code, reason)


async def test_an_alias_is_removed_but_never_the_champion(
    registry: Registry, iris: pb.Model
) -> None:
    await registry.stub.SetAlias(pb.SetAliasRequest(model=iris.name, alias="candidate", version=2))

    await registry.stub.DeleteAlias(pb.DeleteAliasRequest(model=iris.name, alias="candidate"))
    again = await refusal(
        registry.stub.DeleteAlias(pb.DeleteAliasRequest(model=iris.name, alias="candidate"))
    )
    champion = await refusal(
        registry.stub.DeleteAlias(pb.DeleteAliasRequest(model=iris.name, alias="champion"))
    )

    assert (again.code, again.reason) == ("NOT_FOUND", "ALIAS_NOT_FOUND")
    assert (champion.code, champion.reason) == ("FAILED_PRECONDITION", "CHAMPION_REQUIRED")


async def test_lists_come_in_pages(registry: Registry, iris: pb.Model) -> None:
    request = pb.ListVersionsRequest(parent=iris.name, page_size=1)
    first = await registry.stub.ListVersions(request)
    request.page_token = first.next_page_token
    last = await registry.stub.ListVersions(request)
    models = await registry.stub.ListModels(pb.ListModelsRequest(page_size=1))

    assert [v.number for v in (*first.versions, *last.versions)] == [2, 1]
    assert last.next_page_token == ""
    assert list(models.models) == [iris]
    assert models.next_page_token == ""


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"page_size": -1}, "PAGE_SIZE_INVALID"),
        ({"page_size": 1_001}, "PAGE_SIZE_INVALID"),
        ({"page_token": "nonsense"}, "PAGE_TOKEN_INVALID"),
        ({"filter": "color = red"}, "FILTER_INVALID"),
        ({"order_by": "color"}, "ORDER_BY_INVALID"),
        ({"order_by": "model down"}, "ORDER_BY_INVALID"),
        ({"order_by": "model, model desc"}, "ORDER_BY_INVALID"),
        ({"order_by": "aliases"}, "ORDER_BY_INVALID"),
        ({"order_by": "model.x"}, "ORDER_BY_INVALID"),
        ({"order_by": ","}, "ORDER_BY_INVALID"),
    ],
)
async def test_a_page_that_cannot_be_is_refused(
    registry: Registry, iris: pb.Model, fields: dict[str, Any], reason: str
) -> None:
    models = await refusal(registry.stub.ListModels(pb.ListModelsRequest(**fields)))
    versions = await refusal(
        registry.stub.ListVersions(pb.ListVersionsRequest(parent=iris.name, **fields))
    )

    assert [models.reason, versions.reason] == [reason, reason]


async def test_versions_of_all_models_are_searched_in_pages(
    registry: Registry, iris: pb.Model, onnx_model: bytes
) -> None:
    await registry.push(onnx_model, model="models/digits", request_id="three")
    request = pb.ListVersionsRequest(
        parent="models/-", page_size=1, filter="aliases:champion OR number = 2", order_by="model"
    )

    found = []
    while True:
        page = await registry.stub.ListVersions(request)
        found += [version.name for version in page.versions]
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break

    assert found == [
        "models/digits/versions/1",
        "models/iris/versions/2",
        "models/iris/versions/1",
    ]


async def test_models_are_searched(registry: Registry, iris: pb.Model, onnx_model: bytes) -> None:
    await registry.push(onnx_model, model="models/digits", request_id="three")

    found = await registry.stub.ListModels(
        pb.ListModelsRequest(filter="latest_version >= 1", order_by="latest_version desc")
    )
    none = await registry.stub.ListModels(pb.ListModelsRequest(filter="aliases:challenger"))

    assert [model.name for model in found.models] == ["models/iris", "models/digits"]
    assert list(none.models) == []


async def test_a_page_token_of_another_filter_is_refused(
    registry: Registry, iris: pb.Model
) -> None:
    page = await registry.stub.ListVersions(pb.ListVersionsRequest(parent=iris.name, page_size=1))

    error = await refusal(
        registry.stub.ListVersions(
            pb.ListVersionsRequest(
                parent=iris.name, filter="number = 1", page_token=page.next_page_token
            )
        )
    )

    assert error.reason == "PAGE_TOKEN_INVALID"


async def test_a_page_token_of_another_model_is_refused(
    registry: Registry, iris: pb.Model, onnx_model: bytes
) -> None:
    await registry.push(onnx_model, model="models/digits", request_id="three")
    page = await registry.stub.ListVersions(pb.ListVersionsRequest(parent=iris.name, page_size=1))

    error = await refusal(
        registry.stub.ListVersions(
            pb.ListVersionsRequest(parent="models/digits", page_token=page.next_page_token)
        )
    )

    assert error.reason == "PAGE_TOKEN_INVALID"


async def test_what_is_not_there_is_not_found(registry: Registry, iris: pb.Model) -> None:
    stub = registry.stub
    found = [
        await refusal(stub.GetModel(pb.GetModelRequest(name="models/no"))),
        await refusal(stub.GetVersion(pb.GetVersionRequest(name="models/no/versions/1"))),
        await refusal(stub.GetVersion(pb.GetVersionRequest(name="models/iris/versions/9"))),
        await refusal(stub.ListVersions(pb.ListVersionsRequest(parent="models/no"))),
        await refusal(stub.DownloadArtifact(pb.DownloadArtifactRequest(digest="a" * 64)).read()),
    ]

    assert [(error.code, error.reason) for error in found] == [
        ("NOT_FOUND", "MODEL_NOT_FOUND"),
        ("NOT_FOUND", "MODEL_NOT_FOUND"),
        ("NOT_FOUND", "VERSION_NOT_FOUND"),
        ("NOT_FOUND", "MODEL_NOT_FOUND"),
        ("NOT_FOUND", "ARTIFACT_NOT_FOUND"),
    ]


@pytest.mark.parametrize("offset", [-1, 1_000_000])
async def test_an_offset_past_the_end_is_out_of_range(
    registry: Registry, onnx_model: bytes, offset: int
) -> None:
    version = await registry.push(onnx_model)
    request = pb.DownloadArtifactRequest(digest=version.digest, offset=offset)

    error = await refusal(registry.stub.DownloadArtifact(request).read())

    assert (error.code, error.reason) == ("OUT_OF_RANGE", "OFFSET_PAST_END")


async def test_a_watch_tells_the_state_the_mark_and_then_each_change(
    registry: Registry, iris: pb.Model
) -> None:
    watch = registry.stub.WatchModels(pb.WatchModelsRequest())
    state, mark = await watch.read(), await watch.read()
    await registry.stub.SetAlias(pb.SetAliasRequest(model=iris.name, alias="champion", version=2))
    change = await watch.read()
    watch.cancel()

    assert state.model.model == iris
    assert [v.number for v in state.model.versions] == [2, 1]
    assert mark.WhichOneof("event") == "synced"
    assert change.model.model.aliases["champion"].version == 2
    assert not any(message.restarted for message in (state, mark, change))


async def test_a_watch_resumes_after_the_last_message_seen(
    registry: Registry, iris: pb.Model, onnx_model: bytes
) -> None:
    watch = registry.stub.WatchModels(pb.WatchModelsRequest())
    seen = await watch.read()
    watch.cancel()
    await registry.push(onnx_model, model="models/digits", request_id="three")

    resumed = registry.stub.WatchModels(pb.WatchModelsRequest(resume_token=seen.resume_token))
    change, mark = await resumed.read(), await resumed.read()
    resumed.cancel()

    assert change.model.model.name == "models/digits"
    assert mark.WhichOneof("event") == "synced"


async def test_a_token_of_another_database_starts_the_watch_over(
    registry: Registry, iris: pb.Model
) -> None:
    watch = registry.stub.WatchModels(pb.WatchModelsRequest(resume_token="bm90LW91cnM6OTk="))
    state, mark = await watch.read(), await watch.read()
    watch.cancel()

    assert state.model.model == iris
    assert (state.restarted, mark.restarted) == (True, False)


async def test_a_watch_ends_when_the_registry_drains(registry: Registry) -> None:
    watch = registry.stub.WatchModels(pb.WatchModelsRequest())
    await watch.read()

    registry.draining.set()

    error = await refusal(watch.read())
    assert (error.code, error.reason) == ("UNAVAILABLE", "DRAINING")
