"""Who is assigned to what, by a real Envoy."""

from __future__ import annotations

import asyncio

import pytest
import xxhash
from tritonclient.grpc import service_pb2

from algolink import split
from mesh import table
from tests.mesh import builders
from tests.mesh.envoys import Mesh

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def test_every_unit_gets_the_arm_that_its_hash_says(shared_mesh: Mesh) -> None:
    grown = split.resize(
        split.allocate({"champion": 6_000, "challenger": 2_000, "third": 2_000}),
        {"champion": 4_000, "challenger": 2_000, "third": 4_000},
    )
    versions = {"champion": 1, "challenger": 2, "third": 3}
    await shared_mesh.route(
        builders.a_route(
            versions=(1, 2, 3),
            split=builders.a_split(bucket_table=grown, versions=versions, salt="layer-7"),
        )
    )
    units = [f"user-{i}@example.org/a+b=c:{i}" for i in range(2_000)]

    served = dict(zip(units, await _versions(shared_mesh, units), strict=True))

    assert len(grown.segments) > 3
    for unit in units:
        bucket = xxhash.xxh64(f"layer-7:{unit}".encode()).intdigest() % 10_000
        [arm] = [s.arm for s in grown.segments if s.start <= bucket < s.end]
        assert served[unit] == versions[arm]


async def test_sixty_four_arms_in_a_thousand_segments_are_routed_exactly(shared_mesh: Mesh) -> None:
    arms = ["champion", *(f"arm-{number}" for number in range(2, table.MAX_ARMS + 1))]
    versions = {arm: number for number, arm in enumerate(arms, start=1)}
    largest = split.Table(
        tuple(
            split.Segment(10 * n, 10 * n + 10, arms[n % len(arms)])
            for n in range(split.MAX_SEGMENTS)
        )
    )
    routed = builders.a_split(bucket_table=largest, versions=versions, salt="layer-7")
    await shared_mesh.route(builders.a_route(versions=tuple(versions.values()), split=routed))
    units = [f"user-{number}" for number in range(1_000)]

    served = await _versions(shared_mesh, units)

    expected = [versions[largest.arm_of(split.bucket("layer-7", unit))] for unit in units]
    assert served == expected
    assert len(set(served)) == table.MAX_ARMS


async def test_the_client_is_told_what_it_was_assigned_to(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )

    headers, response = await shared_mesh.infer("user-1")

    assert response.model_version == "2"
    assert headers["x-algolink-arm"] == "challenger"
    assert headers["x-algolink-experiment"] == "digits-1"
    assert headers["x-algolink-version"] == "2"
    assert headers["x-algolink-request-id"] == shared_mesh.replicas[0].requests[0]["x-request-id"]
    assert not [name for name in headers if name.startswith("x-al-")]


async def test_rest_is_assigned_as_grpc_is(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 5_000, "challenger": 5_000}))
    )

    for i in range(40):
        unit = f"user-{i}"
        headers, response = await shared_mesh.infer(unit)
        async with shared_mesh.http.post(
            shared_mesh.url("/v2/models/digits/infer"), json={}, headers={"x-algolink-unit": unit}
        ) as answer:
            assert answer.status == 200
            assert (await answer.json())["model_version"] == response.model_version
            assert answer.headers["x-algolink-arm"] == headers["x-algolink-arm"]
            assert answer.headers["x-algolink-experiment"] == "digits-1"
            assert answer.headers["x-algolink-version"] == response.model_version
            assert answer.headers["x-algolink-request-id"]


@pytest.mark.parametrize(
    "units",
    [
        [],
        [""],
        ["two words"],
        ["u" * 129],
        ["u" * 10_000],
        ["user-1", "user-1"],
        ["user-1", "user-2"],
        ["user-1,user-2"],
    ],
    ids=["none", "empty", "blank", "129", "10kB", "twice", "two", "list"],
)
async def test_whoever_sends_no_single_proper_unit_gets_the_champion(
    shared_mesh: Mesh, units: list[str]
) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )

    headers, response = await shared_mesh.infer(None, *[("x-algolink-unit", u) for u in units])

    assert response.model_version == "1"
    assert "x-algolink-experiment" not in headers
    assert "x-algolink-arm" not in headers


async def test_a_unit_that_is_not_ascii_or_is_60_kb_gets_the_champion_over_rest(
    shared_mesh: Mesh,
) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )

    for unit in ("jürgen", "u" * 60_000):
        async with shared_mesh.http.post(
            shared_mesh.url("/v2/models/digits/infer"), json={}, headers={"x-algolink-unit": unit}
        ) as answer:
            assert answer.status == 200
            assert (await answer.json())["model_version"] == "1"


async def test_units_of_128_characters_are_assigned(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )

    _, response = await shared_mesh.infer("u" * 128)

    assert response.model_version == "2"


async def test_no_header_of_a_client_changes_its_assignment(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 10_000, "challenger": 0})),
        builders.a_route("other", versions=(1, 2), champion=2),
    )

    headers, response = await shared_mesh.infer(
        "user-1",
        ("x-al-version", "2"),
        ("x-al-model", "other"),
        ("x-al-unit", "user-2"),
        ("x-al-requested-version", "2"),
        ("x-al-operation", "info"),
        ("x-al-served", "9"),
        ("x-request-id", "chosen-by-client"),
        ("x-envoy-max-retries", "9"),
        ("x-envoy-upstream-rq-timeout-ms", "1"),
    )

    assert response.model_version == "1"
    assert headers["x-algolink-arm"] == "champion"
    assert headers["x-algolink-request-id"] != "chosen-by-client"
    assert headers["x-algolink-version"] == "1"
    received = shared_mesh.replicas[0].requests[0]
    assert received["x-al-version"] == "1"
    assert received["x-request-id"] == headers["x-algolink-request-id"]
    assert "x-envoy-max-retries" not in received


async def test_a_split_per_request_hashes_the_request_id(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(
            split=builders.a_split(
                {"champion": 5_000, "challenger": 5_000}, per_request=True, salt="per-request"
            )
        )
    )

    answers = [await shared_mesh.infer("user-1") for _ in range(200)]

    for headers, response in answers:
        request_id = headers["x-algolink-request-id"]
        bucket = xxhash.xxh64(f"per-request:{request_id}".encode()).intdigest() % 10_000
        assert response.model_version == ("1" if bucket < 5_000 else "2")
    assert {response.model_version for _, response in answers} == {"1", "2"}


async def test_a_named_version_is_served_whatever_the_split(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 10_000, "challenger": 0}))
    )

    headers, response = await shared_mesh.infer("user-1", version="2")
    async with shared_mesh.http.post(
        shared_mesh.url("/v2/models/digits/versions/2/infer"), json={}
    ) as answer:
        body = await answer.json()

    assert response.model_version == "2"
    assert "x-algolink-experiment" not in headers
    assert body["model_version"] == "2"


async def test_asking_for_metadata_assigns_nobody(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )

    metadata = await shared_mesh.stub.ModelMetadata(
        _metadata_request(), metadata=[("x-algolink-unit", "user-1")]
    )

    assert list(metadata.versions) == ["1"]


async def test_a_whole_stream_goes_to_the_arm_of_its_unit(shared_mesh: Mesh) -> None:
    await shared_mesh.route(
        builders.a_route(split=builders.a_split({"champion": 0, "challenger": 10_000}))
    )
    call = shared_mesh.stub.ModelStreamInfer(metadata=[("x-algolink-unit", "user-1")])

    versions = []
    for _ in range(3):
        await call.write(_infer_request())
        versions.append((await call.read()).infer_response.model_version)
    await call.done_writing()

    assert versions == ["2", "2", "2"]


async def _versions(mesh: Mesh, units: list[str]) -> list[int]:
    limit = asyncio.Semaphore(32)

    async def version(unit: str) -> int:
        async with limit:
            _, response = await mesh.infer(unit)
            return int(response.model_version)

    return await asyncio.gather(*map(version, units))


def _infer_request() -> service_pb2.ModelInferRequest:
    return service_pb2.ModelInferRequest(model_name="digits")


def _metadata_request() -> service_pb2.ModelMetadataRequest:
    return service_pb2.ModelMetadataRequest(name="digits")
